"""The comparison in one process: what it trains on, and that it goes on where it stopped."""

import csv
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset

from laptop import in_process, middle, trial
from laptop.make_base import TINY, make

pytestmark = pytest.mark.slow  # it imports tinker and transformers, and models are trained


def test_only_groups_whose_rewards_differ_are_trained_on():
    pairs = [([1, 2], [5, 9]), ([1, 3], [6, 9])]
    replies = [[[5, 9], [7, 9]], [[6, 9], [6, 9]]]
    rewards = in_process.grade(pairs, replies)
    assert rewards.tolist() == [[1, 0], [1, 1]]
    right, wrong = in_process.with_advantages(pairs, replies, rewards)
    assert right[0] == [1, 2, 5] and right[1] == [2, 5, 9]
    assert right[2][0] == 0  # the question
    # An advantage of 0.5 over the deviation 0.707, a mean of 2 tokens, then of 4 replies.
    assert right[2][1:] == pytest.approx([0.0884, 0.0884], abs=1e-4)
    assert wrong[2][1:] == pytest.approx([-0.0884, -0.0884], abs=1e-4)


def test_a_run_that_is_in_the_table_is_not_run_again(tmp_path, monkeypatch):
    trained = []

    def train(config, *laptop):
        trained.append(config.name)
        return [(1, "effective_task_ratio", 0.5), (2, trial.ACCURACY, 0.4)]

    monkeypatch.setattr(trial, "prepared_server", nullcontext)
    monkeypatch.setattr(trial, "measure_middle", lambda url: None)
    monkeypatch.setattr(in_process, "train", train)
    monkeypatch.setattr(in_process, "load_laptop", lambda: (None, None, None))
    table = tmp_path / "trial.csv"
    common = ["--csv", str(table), "--steps", "2", "--arms", "random", "above-difficulty"]
    trial.main([*common, "--seeds", "0"])
    trial.main([*common, "--seeds", "0", "1"])
    assert sorted(trained) == [
        *["above-difficulty-seed0", "above-difficulty-seed1", "random-seed0", "random-seed1"]
    ]
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {row["selector"] for row in rows} == {
        "random",
        "difficulty_based, target 0.8, on middle + strong",
    }


def test_the_oracle_of_a_run_asks_its_own_policy(monkeypatch):
    rows = Dataset.from_dict(
        {"question": ["1+1"] * 40, "answer": ["#### 2"] * 40, "kind": ["k"] * 40}
    )
    pool = in_process.Problems(rows, [([1], [2])] * 40)
    rates = np.array([0.5] * 8 + [0.0] * 32)
    monkeypatch.setattr(in_process, "likelihoods_of", lambda policy, pairs: rates)
    config = trial.compose_arm("oracle", 0, 100)
    oracle = in_process.make_selector(config, pool, SimpleNamespace())
    assert set(oracle.get_indices(8)) == set(range(8))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A laptop folder with models that have hardly learned, and a middle reference."""
    folder = tmp_path_factory.mktemp("made") / "laptop"
    quick = replace(TINY, hidden_size=32, layers=1, clean_steps=4, weak_step=2, flawed_steps=2)
    make(folder, replace(quick, tasks=24))
    middle.main(folder)
    return folder


def test_arms_train_from_the_first_step_to_the_last(made, monkeypatch):
    monkeypatch.setattr(in_process, "DATA", made)
    laptop = in_process.load_laptop()
    for name in ("features-kind", "oracle", "random"):
        points = in_process.train(trial.compose_arm(name, 0, 3), *laptop)
        evaluated = [step for step, metric, _ in points if metric == trial.ACCURACY]
        assert evaluated == [0, 3]
        assert all(0 <= value <= 1 for _, _, value in points)


def test_a_middle_reference_that_is_there_is_left_alone(made, capsys):
    weights = made / "models/middle/model.safetensors"
    before = weights.stat().st_mtime_ns
    assert middle.main(made) == 0
    assert weights.stat().st_mtime_ns == before
    assert "made before" in capsys.readouterr().out
