r"""The rollouts of a run on disk: `<run>/rollouts/<step>.jsonl.gz`, a line for each rollout.

    step, task, run   its batch, its row in the taskset, its number in the group
    question, answer  of that row; null where the taskset could not be read
    reward            of the judge
    box               what the judge read: the content of the last \boxed{}, null without one
    model_version     step of the weights that wrote it
    turns             one for each call of the model, in order:
        given         text of the prompt; from the second call on only what is new in it
        wrote         all that the model wrote, thoughts included
        tokens        length of that
        cut_off       true where it came to the limit of tokens and not to its end

A step has one file, written whole or not at all. A step that is rolled out again after a resume
replaces its file, so that nothing is there twice and nothing is torn.

    zcat rollouts/12.jsonl.gz | head -1
"""

import gzip
import json
import sys
from pathlib import Path

from safe_files import read_json_lines, write_whole

FOLDER = "rollouts"
ROLLOUT_STORE = "data_augment.rollouts.store.RolloutStore"  # what writes them, see store.py


def step_files(run: Path) -> dict[int, Path]:
    """The files of a run by their step, in order."""
    files = {}
    for path in Path(run, FOLDER).glob("*.jsonl.gz"):
        step = path.name.removesuffix(".jsonl.gz")
        if step.isdecimal():
            files[int(step)] = path
    return dict(sorted(files.items()))


def write_step(folder: Path, step: int, rollouts: list[dict]) -> None:
    """Write the rollouts of a step, in the place of any that are there."""
    lines = "".join(json.dumps(rollout) + "\n" for rollout in rollouts)
    write_whole(folder / f"{step}.jsonl.gz", gzip.compress(lines.encode()))


def read_step(path: Path) -> list[dict]:
    """The rollouts in a file; none, with a warning, where it is damaged."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except (OSError, EOFError, ValueError) as error:
        print(f"warning: {path}: cannot be read, left out ({error})", file=sys.stderr)
        return []


def forget_rollouts(run: Path, step: int) -> None:
    """Drop the files of later steps: those steps are rolled out again."""
    for later, path in step_files(run).items():
        if later > step:
            path.unlink()


def thin_out(folder: Path, limit: int) -> None:
    """Keep a folder below `limit` bytes: while it is larger, every second step is dropped.

    The first and the last step stay.
    """
    files = list(step_files(folder.parent).values())
    while len(files) > 2 and sum(path.stat().st_size for path in files) > limit:
        for path in files[1:-1:2]:
            path.unlink()
        files = list(step_files(folder.parent).values())


def predicted_pass_rates(run: Path) -> dict[tuple[int, int], float]:
    """What the selector believed of the tasks that it drew, by step and task.

    Empty for a selector that believes nothing, like `random`. See task_selection/draws.py.
    """
    predicted = {}
    for draw in read_json_lines(run / "selector/draws.jsonl"):
        for task, rate in zip(draw["tasks"], draw["predicted"], strict=True):
            predicted[draw["step"], task] = rate
    return predicted
