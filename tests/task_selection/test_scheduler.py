"""Every selector through Trinity's own validators, reader and scheduler, swapped by one line."""

import json

import pytest
from trinity.buffer.task_scheduler import get_taskset_scheduler

from tests.task_selection.trinity_in_process import (
    BATCH_SIZE,
    REPEAT_TIMES,
    STRONG,
    TASKS,
    WEAK,
    InProcess,
    checked_config,
    write_tasks,
)

pytestmark = pytest.mark.slow  # Trinity's scheduler, runners and operators in this process

PARAMETERS = {"m": REPEAT_TIMES, "lamb": 0.1, "rho": 0.1, "target_reward": 0.5, "tau": 0}
SELECTORS = {
    "sequential": {},
    "shuffle": {},
    "random": {},
    "offline_easy2hard": {"feature_keys": [STRONG, WEAK]},
    "task_selection.DifficultyBasedSelector": {
        "feature_keys": [WEAK, STRONG],
        "kwargs": {**PARAMETERS, "do_sample": True, "prior_strength": 4},
    },
    "task_selection.FeatureBasedSelector": {
        "feature_keys": [STRONG, "question"],
        "kwargs": {"m": REPEAT_TIMES},
    },
    "examples.my_selector.VarianceSelector": {"feature_keys": [STRONG]},
}


def node(selector_type):
    return {"selector_type": selector_type, **SELECTORS[selector_type]}


def solve_even_tasks(batch):
    return {index: "half" if index % 2 else 1.0 for index in batch}


def saved(step, taskset):
    """What explorer_meta.json holds, as after a stop and a new start."""
    state = {"latest_iteration": step, "taskset_states": taskset.state_dict()}
    return json.loads(json.dumps(state, indent=2))


@pytest.mark.parametrize("selector_type", SELECTORS)
def test_a_run_goes_on_where_it_stopped_with_every_selector(selector_type, tmp_path, monkeypatch):
    config = checked_config(tmp_path, node(selector_type))
    live = get_taskset_scheduler({}, config)
    done = InProcess(config, live, monkeypatch).steps(3, solve_even_tasks)
    batches = [batch for batch, _ in done]
    assert all(len(set(batch)) == BATCH_SIZE and max(batch) < TASKS for batch in batches)
    assert len({tuple(batch) for batch in batches}) > 1
    assert all(metrics["experience_pipeline/experience_count"] == 24 for _, metrics in done)

    resumed = get_taskset_scheduler(saved(3, live), config)
    following = InProcess(config, live, monkeypatch).steps(2, solve_even_tasks)
    again = InProcess(config, resumed, monkeypatch).steps(2, solve_even_tasks)
    assert [batch for batch, _ in again] == [batch for batch, _ in following]
    assert resumed.state_dict() == live.state_dict()


def test_each_selector_draws_in_its_own_way(tmp_path, monkeypatch):
    drawn = {}
    for selector_type in SELECTORS:
        config = checked_config(tmp_path, node(selector_type))
        in_process = InProcess(config, get_taskset_scheduler({}, config), monkeypatch)
        [(drawn[selector_type], _)] = in_process.steps(1, solve_even_tasks)
    assert drawn["sequential"] == list(range(BATCH_SIZE))
    assert {index % 5 for index in drawn["offline_easy2hard"]} == {4}  # the easiest first
    assert len({tuple(batch) for batch in drawn.values()}) == len(SELECTORS)


def test_a_state_of_another_dataset_stops_the_start(tmp_path, monkeypatch):
    config = checked_config(tmp_path, node("task_selection.DifficultyBasedSelector"))
    taskset = get_taskset_scheduler({}, config)
    InProcess(config, taskset, monkeypatch).steps(1, solve_even_tasks)
    state = saved(1, taskset)
    write_tasks(tmp_path, **{WEAK: [0.5] * TASKS})
    with pytest.raises(ValueError, match="belongs to another dataset"):
        get_taskset_scheduler(state, config)


def test_one_nan_stops_the_start(tmp_path):
    config = checked_config(tmp_path, node("task_selection.DifficultyBasedSelector"))
    write_tasks(tmp_path, **{WEAK: [0.5] * (TASKS - 1) + [float("nan")]})
    with pytest.raises(ValueError, match=rf"'{WEAK}': 1 of {TASKS} values are not finite"):
        get_taskset_scheduler({}, config)
