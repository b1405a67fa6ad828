from types import SimpleNamespace

import numpy as np
import pytest
import trinity.buffer.operators.mappers.pass_rate_calculator as trinity_calculator
import trinity.buffer.selector.selector as trinity_selector
from datasets import Dataset
from trinity.common.config import DataSelectorConfig
from trinity.common.constants import SELECTOR_METRIC

import task_selection
from tests.task_selection.selection_fakes import experience, posterior, references, selector, step

NAN, INF = float("nan"), float("inf")


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0, 0.05, 1.0])
@pytest.mark.parametrize("do_sample", [False, True])
@pytest.mark.parametrize("other", [{}, {"lamb": 0.3, "rho": 0.5, "m": 4, "adaptive_rho": True}])
def test_clean_data_is_selected_as_by_trinity(tau, do_sample, other):
    parameters = {"tau": tau, "do_sample": do_sample, **other}
    ours = selector(**parameters)
    theirs = selector(module=trinity_selector, **parameters)
    ability = references()[1]
    ours_rng, theirs_rng = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(20):
        assert step(ours, ability, ours_rng) == step(theirs, ability, theirs_rng)
    assert posterior(ours) == posterior(theirs)


def test_defaults_are_trinitys():
    source = SimpleNamespace(dataset=Dataset.from_dict(references()[0]), dataset_size=300)
    config = DataSelectorConfig(feature_keys=["weak", "strong"])
    ours = task_selection.DifficultyBasedSelector(source, config)
    theirs = trinity_selector.DifficultyBasedSelector(source, config)
    for name in ("do_sample", "target_reward", "tau", "seed"):
        assert getattr(ours, name) == getattr(theirs, name)
    for name in ("m", "lamb", "rho", "adaptive_rho", "cap_coef_update_discount"):
        assert getattr(ours.diff_estimator, name) == getattr(theirs.diff_estimator, name)


def test_bad_feedback_cannot_poison(capsys):
    one, other = selector(), selector()
    one.feedback([3, 4, 5, 6, 7], [0.5, NAN, None, -0.1, 1.2])
    other.feedback([3, 6, 7], [0.5, 0.0, 1.0])
    assert posterior(one) == posterior(other)
    printed = capsys.readouterr().out
    assert printed.count("WARNING") == 1
    assert "of 5 pass rates 2 were not finite" in printed and "2 were outside [0, 1]" in printed


def test_feedback_without_a_usable_value_changes_nothing():
    one, untouched = selector(), selector()
    one.feedback([3, 4], [NAN, INF])
    one.feedback([], [])
    assert posterior(one) == posterior(untouched) and one.updates == 0


def test_negative_rewards_for_ever_do_not_end_the_run():
    live = selector()
    for _ in range(40):  # Trinity 0.6.0 ends in "a <= 0" after 15
        batch = live.get_indices(16).tolist()
        live.feedback(batch, [-0.1] * 16)
    assert live.diff_estimator.alphas.min() > 0


def test_a_task_twice_in_a_batch_counts_with_its_mean():
    one, other = selector(), selector()
    one.feedback([9, 3, 9], [1.0, 0.25, 0.0])
    other.feedback([3, 9], [0.25, 0.5])
    assert posterior(one) == posterior(other)


def test_a_batch_with_equal_reference_means_leaves_the_coefficient():
    columns, ability = references()
    columns = {key: [*values, 0.5, 0.25] for key, values in columns.items()}  # rows 300, 301
    live, rng = selector(columns), np.random.default_rng(1)
    live.feedback([300, 301], [0.0, 1.0])  # before any usable batch: midway
    assert live.diff_estimator.cap_coef is None
    middle = np.mean([columns["weak"][0], columns["strong"][0]])
    assert live.diff_estimator.alphas[0] == pytest.approx(1 + 0.1 * 8 * middle)
    assert live.diff_estimator.betas[0] == pytest.approx(1 + 0.1 * 8 * (1 - middle))
    assert live.diff_estimator.alphas[301] == pytest.approx(1 + 8)
    assert live.diff_estimator.betas[300] == pytest.approx(1 + 8)
    for _ in range(5):
        step(live, np.append(ability, [0.5, 0.5]), rng)
    kept, before = live.diff_estimator.cap_coef, live.diff_estimator.alphas.copy()
    live.feedback([300, 301], [1.0, 1.0])
    assert live.diff_estimator.cap_coef == kept
    low, high = columns["weak"][0], columns["strong"][0]
    evidence = 0.1 * 8 * np.clip((high - low) * kept + low, 0, 1)
    assert live.diff_estimator.alphas[0] == pytest.approx(0.9 * before[0] + 0.1 + evidence)


@pytest.mark.parametrize("gap", [0.001, -0.001, -1e-6, 0.01, 0.049])
def test_a_batch_with_close_reference_means_hardly_moves_the_coefficient(gap):
    columns, ability = references()
    close = {"weak": [0.5] * 2, "strong": [0.5 + gap] * 2}  # rows 300, 301
    live = selector({key: [*columns[key], *close[key]] for key in columns})
    rng = np.random.default_rng(1)
    for _ in range(10):
        step(live, np.append(ability, [0.5, 0.5]), rng)
    before = live.diff_estimator.cap_coef
    live.feedback([300, 301], [0.6, 0.6])  # Trinity 0.6.0 goes to 10 here, and takes 34 steps back
    assert abs(live.diff_estimator.cap_coef - before) < 0.25


def test_close_references_still_teach_the_coefficient_in_the_end():
    columns = {"weak": [0.5, 0.5, 0.1, 0.1], "strong": [0.53, 0.53, 0.7, 0.7]}
    live = selector(columns)
    live.feedback([2, 3], [0.7, 0.7])
    for _ in range(500):
        live.feedback([0, 1], [0.5, 0.5])
    assert live.diff_estimator.cap_coef == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("policy", "place"), [(0.9, "above the stronger"), (0.05, "below the weaker")]
)
def test_a_policy_outside_its_references_is_said_once(policy, place, capsys):
    columns = {"weak": [0.2] * 20, "strong": [*[0.6] * 19, 0.5]}
    live = selector(columns)
    for update in range(60):
        live.feedback([0, 1], [policy, policy])
        assert (place in capsys.readouterr().out) == (update == 19)


def test_one_reference_below_the_policy_is_no_reason_for_a_warning(capsys):
    live = selector({"p": [0.2, 0.4]}, keys=["p"])
    for _ in range(30):
        live.feedback([0, 1], [0.4, 0.8])
    assert "bracket" not in capsys.readouterr().out


def test_the_posterior_decays_to_its_prior():
    columns = {"weak": [0.0, 0.25, 1.0], "strong": [0.5, 0.75, 1.0]}
    live = selector(columns, prior_strength=4, rho=0.0)
    live.feedback([0], [1.0])
    assert live.diff_estimator.alphas.tolist() == [10, 3, 5]
    for _ in range(200):
        live.feedback([1], [0.5])
    assert live.diff_estimator.alphas[[0, 2]] == pytest.approx([2, 5])
    assert live.diff_estimator.betas[[0, 2]] == pytest.approx([4, 1])


def test_prior_strength_starts_from_the_references():
    columns = {"weak": [0.0, 0.25, 1.0], "strong": [0.5, 0.75, 1.0]}
    live = selector(columns, prior_strength=4)
    assert live.diff_estimator.alphas.tolist() == [2, 3, 5]
    assert live.diff_estimator.betas.tolist() == [4, 3, 1]
    assert selector(columns).diff_estimator.alphas.tolist() == [1, 1, 1]


def test_one_reference_is_scaled_to_the_policy():
    columns = {"p": [0.8, 0.6, 0.4, 0.2]}
    live = selector(columns, keys=["p"], prior_strength=10, lamb=1.0, rho=1.0)
    assert live.diff_estimator.alphas.tolist() == [9, 7, 5, 3]
    live.feedback([0, 1], [0.4, 0.3])  # half the reference's rates, so half of them elsewhere
    predicted = live.diff_estimator.predict_pr()
    assert predicted[2:] == pytest.approx(
        (np.array([5, 3]) + 8 * np.array([0.2, 0.1])) / 20, abs=1e-4
    )


def test_a_run_of_five_steps_counts_once():
    exps = [experience(7, run=0, reward=1.0, step=s) for s in range(5)]
    exps += [experience(7, run=1, reward=0.0)]
    exps += [experience(8, run=run, reward=1.0, task=1) for run in range(2)]
    returned, metrics = task_selection.PassRateCalculator().process(exps)
    assert returned is exps
    assert metrics[SELECTOR_METRIC] == {0: {"indices": [7, 8], "values": [0.5, 1.0]}}
    assert metrics["selection/valid_ratio"] == 0.5


def test_a_runs_reward_is_its_last_and_tasks_drawn_twice_stay_apart():
    exps = [experience(7, run=0, reward=0.0, step=0), experience(7, run=0, reward=1.0, step=1)]
    exps += [experience(7, run=0, reward=0.0, task=1)]
    metrics = task_selection.PassRateCalculator().process(exps)[1]
    assert metrics[SELECTOR_METRIC][0]["values"] == [0.5]


def test_tasks_without_an_index_are_told_apart_by_their_number():
    exps = [experience(None, run, reward=run % 2, task=task) for task in (0, 1) for run in range(4)]
    for exp in exps:
        del exp.info["task_index"]
    assert task_selection.PassRateCalculator().process(exps)[1]["selection/valid_ratio"] == 1.0
    exps = [experience(None, run, reward=task, task=task) for task in (0, 1) for run in range(4)]
    for exp in exps:
        exp.info["task_index"] = {"index": exp.eid.task}  # as trinity-rft 0.6.0 does
    metrics = task_selection.PassRateCalculator().process(exps)[1]
    assert (metrics["selection/valid_ratio"], metrics["selection/>0_ratio"]) == (0.0, 0.5)
    assert all(isinstance(value, float) for value in metrics.values()), "for the monitor"


def test_single_step_metrics_are_trinitys():
    rng = np.random.default_rng(0)
    exps = [
        experience(i, run=r, reward=float(rng.random() < i / 9), task=i)
        for i in range(10)
        for r in range(8)
    ]
    ours = task_selection.PassRateCalculator().process(exps)[1]
    theirs = trinity_calculator.PassRateCalculator().process(exps)[1]
    assert ours.pop("selection/lost_rollouts") == 0
    assert ours == theirs and len(ours) == 7


def test_a_batch_without_experiences_says_nothing():
    assert task_selection.PassRateCalculator().process([]) == ([], {})
