"""What the selector believed of a task when it drew it: kept by step, for show_rollouts.py."""

import numpy as np
import pytest

from safe_files import read_json_lines
from tests.task_selection.selection_fakes import references, selector, step
from tests.task_selection.test_feature_based import columns
from tests.task_selection.test_feature_based import selector as feature_based


def test_a_draw_keeps_the_belief_from_before_its_rollouts(tmp_path):
    ability = references()[1]
    live, rng = selector(state_dir=str(tmp_path)), np.random.default_rng(1)
    step(live, ability, rng)
    means = live.diff_estimator.alphas / (live.diff_estimator.alphas + live.diff_estimator.betas)
    believed = means.copy()
    batch = step(live, ability, rng)
    first, second = read_json_lines(tmp_path / "draws.jsonl")
    assert (first["step"], second["step"]) == (1, 2)
    assert second["tasks"] == batch
    assert second["predicted"] == pytest.approx(believed[batch], abs=1e-4)


def test_a_resumed_selector_goes_on_with_the_number_of_the_step(tmp_path):
    live, rng = selector(state_dir=str(tmp_path)), np.random.default_rng(1)
    for _ in range(3):
        step(live, references()[1], rng)
    restored = selector(state_dir=str(tmp_path))
    restored.load_state_dict(live.state_dict())
    step(restored, references()[1], rng)
    assert [line["step"] for line in read_json_lines(tmp_path / "draws.jsonl")] == [1, 2, 3, 4]


def test_the_feature_based_selector_keeps_its_beliefs_too(tmp_path):
    live = feature_based(columns(), state_dir=str(tmp_path))
    believed = live.predict(np.arange(live.n))
    batch = live.get_indices(16)
    [line] = read_json_lines(tmp_path / "draws.jsonl")
    assert line["tasks"] == batch.tolist()
    assert line["predicted"] == pytest.approx(believed[batch], abs=1e-4)


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    step(selector(), references()[1], np.random.default_rng(1))
    assert list(tmp_path.iterdir()) == []
