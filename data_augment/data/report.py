"""What came out: the taskset and its report, written whole, and shown in the terminal."""

import json
import re
import shlex
from pathlib import Path

from data_augment.errors import BadInput
from safe_files import read_json, write_whole

# How datasets.load_dataset reads the split off a file's name; a name without one is "train".
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
SPLITS |= {"eval": "test", "evaluation": "test", "validation": "validation", "valid": "validation"}
SPLITS |= {"val": "validation", "dev": "validation"}
OTHER_FORMATS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".arrow", ".txt", ".gz")


def output_file(output: Path) -> Path:
    """The parquet file that `--output` names: itself, or train.parquet in a folder.

    Makes its folder. Raises BadInput where it cannot be written.
    """
    if output.suffix in OTHER_FORMATS:
        raise BadInput(
            f"--output {output}: a taskset is a parquet file. Name one, or the folder for it"
        )
    path = output if output.suffix == ".parquet" else output / "train.parquet"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        write_whole(path.with_name(f".{path.stem}.check"), "")
        path.with_name(f".{path.stem}.check").unlink()
    except OSError as error:
        raise BadInput(f"--output {path}: cannot be written ({error}). Choose another") from None
    return path


def control_file(path: Path) -> Path:
    """Where the control sample goes: a folder beside the taskset's own.

    In the same folder load_dataset would take both for one taskset.
    """
    folder = path.parent if path.parent.name else path.parent.resolve()
    return folder.with_name(f"{folder.name}_control") / path.name


def report_file(path: Path) -> Path:
    """prepare_report.json beside the taskset, or with its name, where another taskset has that."""
    report = path.with_name("prepare_report.json")
    owner = (read_json(report) or {}).get("output", path.name)
    if owner != path.name and path.with_name(owner).exists():
        return path.with_name(f"prepare_report.{path.stem}.json")
    return report


def save(path: Path, rows, report: dict) -> None:
    """Write the taskset as parquet, and its report beside it."""
    write_whole(path, rows.write_parquet)
    text = json.dumps({"output": path.name, **report}, indent=1, ensure_ascii=False, default=str)
    write_whole(report_file(path), text)


def split_of(path: Path) -> str:
    """The split that load_dataset gives a file by its name."""
    words = re.split(r"[-._ 0-9]+", path.stem.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), "train")


def training_command(path: Path, figures: dict) -> str:
    """The command that trains on a taskset, ready to paste."""
    node = "buffer.explorer_input.taskset"
    overrides = [f"{node}.path={path.parent}"]
    if split_of(path) != "train":
        overrides.append(f"{node}.split={split_of(path)}")
    keys = figures.get("feature_keys", [])
    config = "config_difficulty.yaml" if keys else "config_random.yaml"
    if keys:
        two = keys if len(keys) == 1 else [keys[0], keys[-1]]
        if figures["are_equal"]:
            two = keys[:1]
        overrides.append(f"{node}.task_selector.feature_keys={json.dumps(two)}")
    return shlex.join(["python", "main.py", "--config", config, *overrides])


def show(path: Path, report: dict) -> None:
    """Print the report, its examples cut short."""
    kept = f"{report['kept']:,} of {report['rows']:,} rows"
    print(f"{path}: {kept} of {report['source']}, revision {report['revision']}")
    for reason, lost in report["dropped"].items():
        print(f"  dropped {lost['rows']:,}: {reason}")
        for row in lost["examples"]:
            print(f"    row {row['source_index']}: {row['question']!r:.70} -> {row['gold']!r:.40}")
    figures = report["pass_rates"]
    for name, column in figures.get("columns", {}).items():
        print(f"  {name}: {column['bars']}, mean {column['mean']:.3f}")
    if len(figures.get("columns", {})) > 1:
        for name in ("weaker_beats_stronger", "both_0", "both_1", "productively_challenging"):
            print(f"  {name}: {figures[name]:.1%}")
    for where, sentences in report["sentences"].items():
        for sentence, share in sentences.items():
            print(f"  common {where}, {share:.1%} of the questions: {sentence!r:.90}")
    for line in (*report["notes"], *figures["advice"]):
        print(f"  note: {line}")
    others = mixed_with(path)
    if others:
        some = ", ".join(others[:3])
        print(f"  note: load_dataset reads {path.name} together with {some}: use a folder for each")


def mixed_with(path: Path) -> list[str]:
    """The other parquet files of the folder that load_dataset takes for the same split."""
    others = sorted(path.parent.glob("[!.]*.parquet"))
    return [other.name for other in others if other != path and split_of(other) == split_of(path)]
