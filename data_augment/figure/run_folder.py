"""Reading one run's folder: its metrics, and the merged YAML that trained it.

Runs of main.py have metrics.jsonl, and selector/metrics.jsonl where the selector measures itself.
Older runs, and runs of other Trinity projects, have TensorBoard files instead.
"""

import math
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.figure.labels import training_tasksets
from safe_files import read_json_lines


def find_runs(sources: list[str]) -> dict[str, Path]:
    """All run folders in or below the sources, each once, by a name of its own.

    The name is the path relative to the source; the whole path where two would have one name.
    Links are followed. Raises BadInput for a source that is not a folder.
    """
    found = {}
    known = set()
    for source in map(Path, sources):
        if not source.is_dir():
            raise BadInput(f"{source}: no such folder, and not a table (.csv)")
        for folder in run_folders(source):
            if folder.resolve() in known:
                continue
            known.add(folder.resolve())
            name = str(folder.relative_to(source)) if folder != source else folder.resolve().name
            if name in found:
                name = str(folder)
            found[name] = folder
    return found


def run_folders(source: Path) -> Iterator[Path]:
    """The run folders in or below `source`, in order; a run's own folders are not searched."""
    visited = set()  # links may lead in a circle
    for path, folders, files in os.walk(source, followlinks=True):
        folder = Path(path)
        if folder.resolve() in visited:
            folders.clear()
            continue
        visited.add(folder.resolve())
        folders.sort()
        if "metrics.jsonl" in files or (folder / "monitor" / "tensorboard").is_dir():
            folders.clear()
            yield folder


def read_values(run: Path, names: dict[str, str]) -> dict[tuple[int, str], float]:
    """A run's values by step and metric; of a step trained twice the later value.

    Args:
        names: patterns of the names in the files -> the metric's name here.
    """
    values = {}
    for step, name, value in read_metrics(run):
        if not math.isfinite(value):  # such a step was not measured
            continue
        for pattern, metric in names.items():
            match = re.fullmatch(pattern, name)
            if match:
                values[step, match.expand(metric)] = value
    return values


def read_metrics(run: Path) -> Iterator[tuple[int, str, float]]:
    """(step, name, value) of all that a run measured, in the order in which it was measured."""
    if (run / "metrics.jsonl").exists():
        yield from read_lines(run / "metrics.jsonl")
    else:
        yield from read_events(sorted(run.glob("monitor/tensorboard/*/events*")))
    if (run / "selector" / "metrics.jsonl").exists():
        yield from read_lines(run / "selector" / "metrics.jsonl")
    else:
        yield from read_events(sorted(run.glob("selector/events*")))


def read_lines(path: Path) -> Iterator[tuple[int, str, float]]:
    for record in read_json_lines(path):
        step, metrics = record.get("step"), record.get("metrics")
        if not isinstance(step, int) or not isinstance(metrics, dict):
            continue
        for name, value in metrics.items():
            if isinstance(value, int | float):
                yield step, name, float(value)


def read_events(files: list[Path]) -> Iterator[tuple[int, str, float]]:
    """The scalars of TensorBoard files, by the clock inside them.

    The files' own times say nothing: a copy of the folder has new ones, in any order.
    """
    scalars = []
    for file in files:
        scalars += read_event_file(file)
    scalars.sort(key=lambda scalar: scalar[0])
    for _, step, name, value in scalars:
        yield step, name, value


def read_event_file(file: Path) -> list[tuple[float, int, str, float]]:
    """(time, step, name, value) of each scalar; a warning where the file is damaged."""
    from google.protobuf.message import DecodeError
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    scalars = []
    read = 0
    try:
        size = file.stat().st_size
        for record in RawEventFileLoader(str(file)).Load():
            read += len(record) + 16  # a record has its length (8) and two checksums (4 each)
            event = Event.FromString(record)
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    scalars.append((event.wall_time, event.step, value.tag, value.simple_value))
    except (OSError, DecodeError) as error:
        warn(f"{file}: {error}; the rest was not read")
        return scalars
    # RawEventFileLoader (tensorboard 2.21) ends at a damaged record as at the end of the file.
    if read < size:
        warn(f"{file}: damaged or cut off after byte {read:,}; the rest was not read")
    return scalars


def read_config(run: Path) -> dict | None:
    """The run's merged YAML; None, with a warning, where it is damaged or not there."""
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    path = run / "config.yaml"
    if not path.exists():
        warn(f"{run}: no config.yaml, so the run is called by its folder")
        return None
    try:
        config = OmegaConf.load(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, OmegaConfBaseException) as error:
        problem = " ".join(str(error).split())
        warn(f"{path}: cannot be read, so the run is called by its folder: {problem}")
        return None
    content = OmegaConf.to_container(config, resolve=False)
    if not isinstance(content, dict) or not training_tasksets(content):
        warn(f"{path}: names no training taskset, so the run is called by its folder")
        return None
    return content


def warn(message: str) -> None:
    print(f"warning: {message}", file=sys.stderr)
