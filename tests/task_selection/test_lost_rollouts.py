"""Rollouts that raise or time out, through Trinity's own scheduler, retries and operators."""

import pytest
from trinity.buffer.task_scheduler import get_taskset_scheduler
from trinity.common.config import DynamicTimeoutConfig
from trinity.common.constants import SELECTOR_METRIC

import task_selection
from safe_files import read_json_lines
from tests.task_selection.selection_fakes import experience, selector
from tests.task_selection.trinity_in_process import (
    REPEAT_TIMES,
    STRONG,
    WEAK,
    InProcess,
    checked_config,
)

pytestmark = pytest.mark.slow  # Trinity's scheduler, runners and operators in this process

LOST = "experience_pipeline/selection/lost_rollouts"
BOTS = {
    "m": REPEAT_TIMES,
    "lamb": 0.0,
    "rho": 0.0,
    "target_reward": 0.5,
    "tau": 0,
    "do_sample": True,
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Opens a difficulty-based run in this process; (selector, steps)."""

    def open_(operators=("task_selection.PassRateCalculator",), **explorer):
        node = {
            "selector_type": "task_selection.DifficultyBasedSelector",
            "feature_keys": [WEAK, STRONG],
            "kwargs": BOTS,
        }
        config = checked_config(tmp_path, node, operators)
        for key, value in explorer.items():
            setattr(config.explorer, key, value)
        taskset = get_taskset_scheduler({}, config)
        return taskset.tasksets[0].reader.selector, InProcess(config, taskset, monkeypatch).steps

    return open_


def evidence(of, index):
    """(successes, failures) that the posterior of a task counts, beside its Beta(1, 1)."""
    return of.diff_estimator.alphas[index] - 1, of.diff_estimator.betas[index] - 1


def test_all_rollouts_back_none_is_lost(run):
    live, steps = run()
    [(batch, metrics)] = steps(1, lambda batch: {batch[0]: 0.0, batch[1]: "half"})
    assert metrics[LOST] == 0
    assert evidence(live, batch[0]) == (0, 4)
    assert evidence(live, batch[1]) == (2, 2)
    assert evidence(live, batch[2]) == (4, 0)


def test_a_group_that_an_error_cut_short_counts_the_lost_rollouts_as_failures(run):
    live, steps = run(concurrent_mode="sequential")
    [(batch, metrics)] = steps(1, lambda batch: {batch[0]: "third raises"})
    # Two rollouts solved it, the third raised in every attempt, the fourth never began.
    assert metrics[LOST] == 2
    assert evidence(live, batch[0]) == (2, 2)


def test_side_by_side_only_the_rollout_that_raised_may_be_lost(run):
    live, steps = run(concurrent_mode="asynchronous")
    [(batch, metrics)] = steps(1, lambda batch: {batch[0]: "third raises"})
    assert metrics[LOST] == 1
    assert evidence(live, batch[0]) == (3, 1)


def test_a_task_that_never_comes_back_counts_as_failed(run):
    live, steps = run()
    [(batch, metrics)] = steps(1, lambda batch: {batch[0]: "raises", batch[5]: "raises"})
    assert metrics[LOST] == 2 * REPEAT_TIMES
    assert evidence(live, batch[0]) == evidence(live, batch[5]) == (0, 4)
    assert evidence(live, batch[1]) == (4, 0)


def test_a_task_that_hangs_counts_as_failed(run):
    # Without dynamic_timeout Trinity 0.6.0 gives a group as long as the whole batch, and the
    # explorer ends with "Timeout waiting for batch" before the group is given up.
    short = DynamicTimeoutConfig(enable=True, warmup_min_steps=1, ratio=5.0)
    live, steps = run(dynamic_timeout=short)
    hanging = iter([False, True])
    done = steps(2, lambda batch: {batch[0]: "hangs"} if next(hanging) else {})
    assert [metrics[LOST] for _, metrics in done] == [0, REPEAT_TIMES]
    (first, _), (batch, _) = done
    assert evidence(live, batch[0]) == (4 if batch[0] in first else 0, 4)


def test_a_batch_that_is_lost_whole_counts_with_the_next_that_is_not(run):
    live, steps = run()
    raising = iter([False, True, True, False])

    def fate(batch):
        return {index: "raises" for index in batch} if next(raising) else {}

    done = steps(4, fate)
    assert [LOST in metrics for _, metrics in done] == [True, False, False, True]
    (_, _), (lost, _), (lost_too, _), (solved, _) = done
    never_solved = (set(lost) | set(lost_too)) - set(solved)
    assert {evidence(live, index)[1] for index in never_solved} == {4}
    assert live.updates == 2 and not live.in_flight.batches
    assert evidence(live, (set(solved) - set(lost) - set(lost_too)).pop())[1] == 0


def test_batches_answered_out_of_step_are_matched_to_their_draw():
    """An explorer with a sync interval of 3 draws three batches before the first answer."""
    live = selector(rho=0.0, lamb=0.0)
    first, second, third = (set(live.get_indices(8).tolist()) for _ in range(3))
    live.feedback(sorted(first)[:6], [1.0] * 6)
    for index in sorted(first)[6:]:
        assert evidence(live, index) == (0, 8)
    assert len(live.in_flight.batches) == 2
    live.feedback(sorted(third), [1.0] * 8)  # the second never came
    assert not live.in_flight.batches
    for index in second - first - third:
        assert evidence(live, index) == (0, 8)


def test_a_resumed_selector_waits_for_no_batch_of_its_former_life():
    live = selector(rho=0.0, lamb=0.0)
    live.get_indices(8)
    state = live.state_dict()
    resumed = selector(rho=0.0, lamb=0.0)
    resumed.get_indices(8)
    resumed.load_state_dict(state)
    batch = resumed.get_indices(8).tolist()
    resumed.feedback(batch, [1.0] * 8)
    assert resumed.diff_estimator.betas.tolist() == [1.0] * 300


def test_without_its_arguments_the_calculator_takes_the_largest_group():
    exps = [experience(7, run=run, reward=1.0) for run in range(8)]
    exps += [experience(8, run=run, reward=1.0, task=1) for run in range(6)]
    metrics = task_selection.PassRateCalculator().process(exps)[1]
    assert metrics["selection/lost_rollouts"] == 2
    assert metrics[SELECTOR_METRIC][0]["values"] == [1.0, 0.75]
    # What GRPO learns from are the rollouts that came back: all equal, so neither group is valid.
    assert metrics["selection/valid_ratio"] == 0


@pytest.mark.parametrize("name", ["dapo_dynamic_sampling", "reward_std_filter"])
def test_a_filter_after_the_calculator_leaves_the_selector_its_results(run, name, tmp_path):
    live, steps = run(operators=("task_selection.PassRateCalculator", name))
    [(batch, metrics)] = steps(1, lambda batch: {batch[0]: 0.0, batch[1]: "half"})
    trained = read_json_lines(tmp_path / "trained.jsonl")
    assert len(trained) == metrics["experience_pipeline/experience_count"] == REPEAT_TIMES
    assert metrics[LOST] == 0
    assert evidence(live, batch[0]) == (0, 4)
    assert evidence(live, batch[2]) == (4, 0)


@pytest.mark.parametrize("name", ["dapo_dynamic_sampling", "reward_std_filter"])
def test_a_filter_before_the_calculator_makes_solved_tasks_look_failed(run, name):
    """Why `--check` asks for the calculator first."""
    live, steps = run(operators=(name, "task_selection.PassRateCalculator"))
    [(batch, metrics)] = steps(1, lambda batch: {batch[1]: "half"})
    assert metrics[LOST] == 5 * REPEAT_TIMES
    assert evidence(live, batch[0]) == (0, 4)
    assert evidence(live, batch[1]) == (2, 2)
