"""The tasksets before Ray starts: they load, are whole, and training holds no evaluation."""

import re
from pathlib import Path

from data_augment.data.questions import same_questions
from data_augment.data.statistics import histogram_line
from data_augment.training.experiment_yaml import TASKSET, selector_key, selector_node, tasksets
from data_augment.training.model_files import hub_answers
from data_augment.training.plan import Plan
from task_selection.checks import is_difficulty_based, is_feature_based


def check_tasksets(settings, plan: Plan) -> None:
    """Look at every taskset; fills `plan.steps`, which depends on the number of rows.

    Args:
        settings: the configuration with defaults (experiment_yaml.with_defaults).
    """
    train, *evaluations = tasksets(settings)
    batch = settings.buffer.batch_size
    questions: dict[str, str] = {}
    rows = load(train, TASKSET, plan)
    if rows:
        epochs = settings.buffer.total_epochs
        plan.steps = settings.buffer.total_steps or epochs * len(rows) // batch
        plan.fact("tasks", f"{len(rows):,} rows of {train.path} [{train.split}]")
        if len(rows) < batch:
            plan.error(
                "buffer.batch_size",
                f"{batch} tasks a step, but {train.path} has {len(rows)} rows",
                "Lower it, or prepare more data",
            )
        questions = check_texts(rows, TASKSET, plan)
        check_features(settings, rows, plan)
    names = [taskset.name for taskset in evaluations]
    for i, taskset in enumerate(evaluations):
        key = f"buffer.explorer_input.eval_tasksets[{i}]"
        if names.index(taskset.name) < i:  # Trinity 0.6.0 would start the one and refuse the other
            found = f"{taskset.name!r} is the name of another evaluation taskset"
            plan.error(f"{key}.name", found, "Give each a name of its own")
        held_out = load(taskset, key, plan)
        if not held_out:
            continue
        plan.fact(
            "held-out",
            f"{taskset.name or taskset.path}: {len(held_out):,} problems x "
            f"{taskset.repeat_times}, every {settings.explorer.eval_interval} steps",
        )
        evaluated = check_texts(held_out, key, plan)
        both = sorted(questions[form] for form in questions.keys() & evaluated.keys())
        if both:
            found = f"{len(both)} questions stand in the training taskset, e.g. {both[0][:60]!r}"
            plan.error(key, found, "Prepare the training data with --eval-source")


def load(taskset, key: str, plan: Plan):
    """The taskset as a datasets.Dataset, or None with an error in the plan."""
    import datasets

    path, split = taskset.path or "", taskset.split
    if not path.startswith("/") and not is_hub_id(path):
        return plan.error(f"{key}.path", f"no folder {path!r}", how_to_make(path))
    datasets.disable_progress_bars()
    # Without the Hub, `datasets` looks into its cache at once; else it tries for half a minute.
    datasets.config.HF_HUB_OFFLINE = is_hub_id(path) and not hub_answers()
    try:
        rows = datasets.load_dataset(path, name=taskset.subset_name, split=split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        found = f"{path} [{split}] cannot be loaded: {' '.join(str(error).split())[:300]}"
        return plan.error(key, found, "Fix path, split or subset_name, or prepare it again")
    if not len(rows):
        return plan.error(key, f"{path} [{split}] is empty", "Prepare it again")
    return rows


def check_texts(rows, key: str, plan: Plan) -> dict[str, str]:
    """Questions and answers are there and not blank; returns the questions by their normal form."""
    questions: dict[str, str] = {}
    for column in ("question", "answer"):
        if column not in rows.column_names:
            found = f"no column {column!r} among {', '.join(rows.column_names)}"
            plan.error(key, found, "Prepare it: python prepare_data.py --source ...")
            continue
        texts = rows.data.column(column).to_pylist()
        blank = [i for i, text in enumerate(texts) if is_blank(text)]
        if blank:
            found = f"column {column!r} is empty in {len(blank)} rows, first {blank[:3]}"
            plan.error(key, found, "Drop them: python prepare_data.py --source ...")
        if column == "question":
            written = [str(text) for text in texts if not is_blank(text)]
            questions = dict(zip(same_questions(written), written, strict=True))
    return questions


def is_blank(value) -> bool:
    """Null, NaN or only spaces. The number 0 is an answer."""
    return value is None or value != value or not str(value).strip()


def check_features(settings, rows, plan: Plan) -> None:
    """The pass-rate columns that the selector reads; a histogram of each for the plan."""
    import numpy as np

    from task_selection import checks as selection_checks
    from task_selection.columns import check_columns

    selector = selector_node(settings)
    keys = list(selector.get("feature_keys") or [])
    kind = selector.get("selector_type") or ""
    if is_feature_based(kind):
        errors = check_columns(rows, keys)
        plan.errors += [f"{selector_key(settings)}.{error}" for error in errors]
        return
    errors, warnings = selection_checks.check_features(rows, keys)
    if is_difficulty_based(kind) or kind == "offline_easy2hard":
        plan.errors += [f"{selector_key(settings)}.{error}" for error in errors]
        plan.notes += warnings
    for key in [] if errors else keys:
        values = np.array(rows.data.column(key).to_pylist(), dtype=float)
        plan.fact("pass rates", f"{histogram_line(values)}, mean {values.mean():.2f}: {key}")


def is_hub_id(path: str) -> bool:
    """Whether what is no local folder may be owner/name on the Hub."""
    return not Path(path).exists() and bool(re.fullmatch(r"(?!data/)\w[\w.-]*/[\w.-]+", path))


def how_to_make(path: str) -> str:
    """The command that makes one of the default paths, or advice for any other."""
    if "laptop" in Path(path).parts:
        return "Make it: python -m laptop.make_base"
    if path in ("data/math", "data/aime24"):
        return "Make it: python prepare_data.py"
    return "Name a local folder or a Hub id (owner/name)"
