"""What a selector writes down at each step: its belief of all tasks, and of those that it drew."""

import numpy as np
import pytest

from safe_files import read_json_lines
from task_selection.metrics import pool_metrics
from tests.task_selection import test_feature_based
from tests.task_selection.selection_fakes import selector, step


def lines(folder):
    return read_json_lines(folder / "metrics.jsonl")


@pytest.fixture(params=["difficulty_based", "feature_based"])
def live(request, tmp_path):
    if request.param == "difficulty_based":
        return selector(state_dir=str(tmp_path))
    return test_feature_based.selector(state_dir=str(tmp_path))


def believed(live, indices):
    """The expected pass rates of tasks as the selector sees them now."""
    if hasattr(live, "predict"):
        return live.predict(indices)
    estimator = live.diff_estimator
    return estimator.alphas[indices] / (estimator.alphas + estimator.betas)[indices]


def test_the_prediction_is_that_of_the_draw_and_not_of_a_later_moment(live, tmp_path):
    """An explorer that is ahead draws the second batch before the results of the first."""
    live.feedback(live.get_indices(16), np.linspace(0, 1, 16))
    first, second = live.get_indices(16), live.get_indices(16)
    at_draw = believed(live, second)
    live.feedback(first, [1.0] * 16)
    before_results = believed(live, second)
    live.feedback(second, [0.5] * 16)
    assert np.abs(before_results - at_draw).max() > 0.01
    line = lines(tmp_path)[-1]
    assert sorted(line["predicted"]) == pytest.approx(np.sort(at_draw), abs=1e-4)
    error = line["metrics"]["selection/predicted_pass_rate_error"]
    assert error == pytest.approx(np.abs(at_draw - 0.5).mean())


def test_a_prediction_stands_beside_the_result_of_its_own_task(live, tmp_path):
    live.feedback(live.get_indices(16), np.linspace(0, 1, 16))
    batch = live.get_indices(16)
    expected = dict(zip(np.linspace(0, 1, 16).round(4), believed(live, batch), strict=True))
    order = np.random.default_rng(0).permutation(16)  # in which they come back
    live.feedback(batch[order], np.linspace(0, 1, 16)[order])
    line = lines(tmp_path)[-1]
    assert len(line["observed"]) == 16
    for predicted, observed in zip(line["predicted"], line["observed"], strict=True):
        assert predicted == pytest.approx(expected[observed], abs=1e-4)


def test_a_task_that_never_came_back_is_a_failure_in_the_line(live, tmp_path):
    live.feedback(live.get_indices(16)[:10], [0.75] * 10)
    assert sorted(lines(tmp_path)[0]["observed"]) == [0.0] * 6 + [0.75] * 10


def test_results_of_tasks_that_were_not_drawn_are_no_prediction(live, tmp_path):
    live.feedback([3, 4], [1.0, 0.0])
    (line,) = lines(tmp_path)
    assert line["predicted"] == line["observed"] == []
    assert "selection/predicted_pass_rate_error" not in line["metrics"]
    assert np.isfinite(list(line["metrics"].values())).all()


def test_the_pool_is_all_tasks_and_not_the_batch(live, tmp_path):
    for _ in range(4):
        live.feedback(live.get_indices(16), [1.0] * 16)
    metrics = lines(tmp_path)[-1]["metrics"]
    every_task = believed(live, np.arange(len(live.data_source.dataset)))
    assert metrics["selection/expected_pass_rate"] == pytest.approx(every_task.mean())


def test_solved_and_hopeless_are_those_of_which_a_group_is_all_alike():
    likely = np.array([0.0, 0.05, 0.2, 0.45, 0.8, 0.9, 0.95, 1.0, np.nan, np.nan])
    for m in (1, 2, 8, 16):
        metrics = pool_metrics(likely, likely, m)
        assert metrics["solved_ratio"] == (likely**m > 0.5).mean()
        assert metrics["hopeless_ratio"] == ((1 - likely) ** m > 0.5).mean()


@pytest.mark.parametrize("target", [0.5, 0.8])
def test_the_shares_follow_a_pool_of_solved_and_hopeless_tasks(tmp_path, target):
    """A third always solved, a third never, also where they are no longer drawn."""
    columns = {"weak": [0.0] * 30 + [0.25] * 30 + [0.9] * 30}
    columns["strong"] = [0.0] * 30 + [0.75] * 30 + [1.0] * 30
    kinds = np.repeat([0.0, 0.5, 1.0], 30)
    live = selector(columns, state_dir=str(tmp_path), target_reward=target)
    rng = np.random.default_rng(0)
    for _ in range(30):
        step(live, kinds, rng, batch_size=16)
    metrics = lines(tmp_path)[-1]["metrics"]
    assert metrics["selection/solved_ratio"] == pytest.approx(1 / 3, abs=0.05)
    assert metrics["selection/hopeless_ratio"] == pytest.approx(1 / 3, abs=0.05)
    assert metrics["selection/expected_pass_rate"] == pytest.approx(0.5, abs=0.05)


def test_less_than_one_rollout_is_too_little_to_call_a_task_solved_or_hopeless():
    live = selector()  # after one update the references count as 0.8 rollouts
    batch = live.get_indices(16).tolist()
    live.feedback(batch, [0.5] * 16)
    known = np.isfinite(live.diff_estimator.likely())
    assert np.flatnonzero(known).tolist() == sorted(batch)
