"""Which rollouts of a run to show.

A rollout is a dict, as files.py describes it, with two more keys:
    rewards     of its group, all rollouts of the task in that step
    predicted   the pass rate that the selector believed when it drew the task; null without one
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.rollouts.files import FOLDER, predicted_pass_rates, read_step, step_files


def rollouts_of(run: Path, steps: list[int]) -> Iterator[dict]:
    """The rollouts of some steps of a run, those of a task one after another."""
    files = step_files(run)
    predicted = predicted_pass_rates(run)
    for step in steps:
        rollouts = sorted(read_step(files[step]), key=task_and_run)
        for group in groups(rollouts):
            rewards = [rollout["reward"] for rollout in group]
            belief = predicted.get((step, group[0]["task"]))
            for rollout in group:
                yield {**rollout, "rewards": rewards, "predicted": belief}


def task_and_run(rollout: dict) -> tuple[int, int]:
    return rollout["task"], rollout["run"]


def groups(rollouts) -> Iterator[list[dict]]:
    """The rollouts that stand one after another and are of one task and step, as a list each."""
    for _, group in groupby(rollouts, key=lambda rollout: (rollout["step"], rollout["task"])):
        yield list(group)


def stored_steps(run: Path) -> list[int]:
    """The steps of which rollouts are kept. Raises BadInput where there is none."""
    steps = list(step_files(run))
    if not steps:
        raise BadInput(
            f"{run}: no rollouts are kept there. main.py keeps those of each step, in "
            f"{run / FOLDER}; this run did not come to the end of its first step, or an older "
            "version trained it"
        )
    return steps


def chosen(
    rollouts,
    task: int | None = None,
    reward: float | None = None,
    cut_off: bool = False,
) -> Iterator[dict]:
    """Those that are of a task, have a reward, were cut off; None and False leave all."""
    for rollout in rollouts:
        if task is not None and rollout["task"] != task:
            continue
        if reward is not None and rollout["reward"] != reward:
            continue
        if cut_off and not was_cut_off(rollout):
            continue
        yield rollout


def was_cut_off(rollout: dict) -> bool:
    return any(turn["cut_off"] for turn in rollout["turns"])


def length(rollout: dict) -> int:
    """Tokens that the model wrote."""
    return sum(turn["tokens"] for turn in rollout["turns"])


def pass_rate(rollout: dict) -> float:
    """The mean reward of a rollout's group."""
    return sum(rollout["rewards"]) / len(rollout["rewards"])


def learned(rollouts) -> tuple[dict, dict] | None:
    """Of the task whose pass rate rose most: a rollout of its first step, the best of its last.

    None where no task was rolled out at two steps with a higher pass rate at the later one. Of
    tasks that rose alike the one whose steps are the furthest apart.
    """
    first_wrong = {}  # task -> a rollout of the first step that it was drawn in
    last_right = {}
    for group in groups(rollouts):
        task = group[0]["task"]
        if task not in first_wrong:
            first_wrong[task] = min(group, key=lambda rollout: rollout["reward"])
        last_right[task] = max(group, key=lambda rollout: rollout["reward"])
    pairs = [(wrong, last_right[task]) for task, wrong in first_wrong.items()]
    risen = [(wrong, right) for wrong, right in pairs if pass_rate(right) > pass_rate(wrong)]
    return max(risen, key=rise_and_distance, default=None)


def rise_and_distance(pair: tuple[dict, dict]) -> tuple[float, int]:
    wrong, right = pair
    return pass_rate(right) - pass_rate(wrong), right["step"] - wrong["step"]
