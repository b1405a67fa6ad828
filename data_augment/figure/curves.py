"""The curves of all runs as one tidy table, from run folders or from a table written before.

A row for each run, step and metric:

    run       the run's folder, relative to the folder that was asked for
    selector  what the run is called in figure and table: see labels.py
    seed      of the selector
    step      of the training, 0 before it
    metric    see METRICS
    value     rounded, so that figure and comparison are the same from folders and from a table
"""

from pathlib import Path

from data_augment.errors import BadInput

COLUMNS = ["run", "selector", "seed", "step", "metric", "value"]
VALUE = "%.5g"
# TensorBoard's names (trinity-rft 0.6.0, task_selection) -> ours; a user names the evaluation.
METRICS = {
    r"rollout/accuracy/mean": "rollout_accuracy",
    r"eval/(.+)/accuracy/mean@\d+": r"eval_accuracy/\1",
    r"experience_pipeline/selection/valid_ratio": "effective_task_ratio",
    r"perf/total_num_tokens": "tokens",  # of a step's prompts and responses
    r"time/read_experience": "wait_seconds",  # the trainer's, for rollouts
    r"time/train_step": "train_seconds",
    r"selection/seconds": "selection_seconds",
    r"selection/predicted_pass_rate_error": "predicted_pass_rate_error",
}


def read(sources: list[str]):
    """The curves of all runs in the sources: a DataFrame with COLUMNS, sorted.

    A source is a run folder, a folder that holds some at any depth, or a table (.csv).

    Raises:
        BadInput: a source does not exist or holds no run, a table is damaged, or a name stands for
            two runs.
    """
    import pandas as pd

    files = [source for source in sources if source.lower().endswith(".csv")]
    folders = [source for source in sources if source not in files]
    tables = [read_table(Path(file)) for file in files]
    if folders:
        tables.append(read_folders(folders))
    twice = pd.concat([table.run.drop_duplicates() for table in tables])
    twice = twice[twice.duplicated()]
    if len(twice):
        raise BadInput(
            f"run {twice.iloc[0]!r} stands in two of the sources ({', '.join(sources)}). "
            "Name each run once, or rename one of them"
        )
    curves = pd.concat(tables).sort_values(COLUMNS[:5], ignore_index=True)
    return curves.assign(value=[float(VALUE % value) for value in curves.value])


def read_folders(folders: list[str]):
    """The curves of all runs below the folders, each run called by its label."""
    import pandas as pd

    from data_augment.figure.labels import labels
    from data_augment.figure.run_folder import find_runs, read_config, read_values, warn

    runs = find_runs(folders)
    values = {name: read_values(folder, METRICS) for name, folder in runs.items()}
    if not any(values.values()):
        raise BadInput(nothing_to_draw(folders, list(runs)))
    configs = {}
    for name, folder in runs.items():
        if values[name]:
            configs[name] = read_config(folder)
        else:
            warn(f"{folder}: none of the metrics of the figure yet, so the run is left out")
    rows = []
    for name, (selector, seed) in labels(configs).items():
        for (step, metric), value in values[name].items():
            rows.append((name, selector, seed, step, metric, value))
    return pd.DataFrame(rows, columns=COLUMNS)


def nothing_to_draw(folders: list[str], runs: list[str]) -> str:
    """Why there is no curve in the folders, whose runs these are."""
    if runs:
        return (
            f"{', '.join(folders)}: {len(runs)} run(s) with metrics are there ({runs[0]}), but "
            f"none of these: {', '.join(METRICS)}. They come from Trinity's explorer and trainer"
        )
    return (
        f"{', '.join(folders)}: no run there yet, that is no folder with metrics.jsonl or "
        "monitor/tensorboard. A run lies in checkpoints/<project>/<group>/<name>; train one "
        "with main.py"
    )


def read_table(path: Path):
    """A table that --csv wrote. Raises BadInput for another file, naming what is wrong in it."""
    import numpy as np
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype={"run": str, "selector": str, "metric": str})
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise BadInput(f"{path}: cannot be read as a table: {error}") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes them for an index
        raise BadInput(f"{path}: its rows have more values than the first line has columns")
    missing = set(COLUMNS) - set(table.columns)
    if missing:
        raise BadInput(f"{path}: columns missing: {', '.join(sorted(missing))}")
    if table.empty:
        raise BadInput(f"{path}: the table has no rows")
    for column in ("run", "selector", "metric"):
        if table[column].isna().any():
            row = table[column].isna().argmax()
            raise BadInput(f"{path}, line {row + 2}: nothing in the column {column}")
    for column in ("seed", "step", "value"):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = ~np.isfinite(numbers)
        if wrong.any():
            row = wrong.argmax()
            found = table[column].iloc[row]
            raise BadInput(f"{path}, line {row + 2}: {column} is {found!r}, a number is expected")
        table[column] = numbers
    table = table[COLUMNS].drop_duplicates()
    twice = table.duplicated(["run", "step", "metric"])
    if twice.any():
        row = table[twice].iloc[0]
        raise BadInput(
            f"{path}: run {row.run!r} has two values of {row.metric} at step {row.step:g}. "
            "Give each run a name of its own"
        )
    return table


def selectors(curves) -> list[str]:
    """Labels of the selectors, those of the baseline `random` first."""
    return sorted(curves.selector.unique(), key=lambda label: (not is_random(label), label))


def is_random(label: str) -> bool:
    return label.partition("; ")[0] == "random"


def evaluations(curves) -> list[str]:
    """The metrics that are accuracies on held-out problems."""
    return [metric for metric in curves.metric.unique() if metric.startswith("eval_accuracy/")]


def short_runs(curves) -> dict[str, float]:
    """The runs that end before others of their label, and the last step of each.

    A run ends at its last evaluation, or where nothing was evaluated at its last step.
    """
    evaluated = curves[curves.metric.str.startswith("eval_accuracy/")]
    if evaluated.empty:
        evaluated = curves
    last = evaluated.groupby("run").step.max()
    longest = evaluated.groupby("selector").step.max()
    short = {}
    for run, rows in curves.groupby("run"):
        label = rows.selector.iloc[0]
        if label in longest and last.get(run, -1) < longest[label]:
            short[run] = rows.step.max()
    return short


def write(curves, path: Path) -> None:
    """The table file that `read` reads."""
    curves.to_csv(path, index=False, float_format=VALUE)
