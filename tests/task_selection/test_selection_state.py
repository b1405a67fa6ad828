import itertools
import json
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest

from safe_files import read_json_lines
from task_selection.state import pack_arrays
from tests.task_selection.selection_fakes import (
    PAPER,
    posterior,
    references,
    selector,
    step,
)


def through_json(state):
    return json.loads(json.dumps(state, indent=2))  # as Trinity's StateManager writes it


def test_a_restored_selector_goes_on_as_the_live_one():
    ability = references()[1]
    live, rng = selector(adaptive_rho=True), np.random.default_rng(1)
    for _ in range(40):
        step(live, ability, rng)
    live.feedback(range(100), 1 - ability[:100])  # so far off that rho is halved
    restored = selector(adaptive_rho=True)
    restored.load_state_dict(through_json(live.state_dict()))
    assert posterior(restored) == posterior(live)
    assert live.diff_estimator.rho == PAPER["rho"] / 2
    assert (restored.selected == live.selected).all() and restored.updates == 41
    live_rng, restored_rng = np.random.default_rng(2), np.random.default_rng(2)
    for _ in range(20):
        assert step(restored, ability, restored_rng) == step(live, ability, live_rng)
    assert posterior(restored) == posterior(live)


def test_a_fixed_rho_stays_the_yamls():
    state = selector(rho=0.1).state_dict()
    changed = selector(rho=0.3)
    changed.load_state_dict(state)
    assert changed.diff_estimator.rho == 0.3


def test_state_of_guru_size_is_compact():
    columns, ability = references(54_404)
    live, rng = selector(columns), np.random.default_rng(1)
    for _ in range(10):
        step(live, ability, rng, batch_size=2048)
    assert live.selected.sum() > 10_000
    assert len(json.dumps(live.state_dict())) < 1_000_000


def test_a_new_run_starts_afresh():
    used, fresh = selector(), selector()
    used.diff_estimator.rho = 0.05
    step(used, references()[1], np.random.default_rng(1))
    for state in ({"current_index": 0}, {}):
        used.load_state_dict(state)
        assert posterior(used) == posterior(fresh)
        assert used.current_index == used.updates == used.selected.sum() == 0
    assert used.get_indices(16).tolist() == fresh.get_indices(16).tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: {k: v[:-1] for k, v in c.items()},
            "rows: the saved state has 300, this dataset 299",
        ),
        (lambda c: {**c, "weak": [*c["weak"][:-1], 0.987]}, "digest: the saved state has"),
        (lambda c: {k: v[::-1] for k, v in c.items()}, "digest: the saved state has"),
    ],
)
def test_state_of_another_dataset_is_refused(change, message):
    state = selector().state_dict()
    with pytest.raises(ValueError, match=message) as refusal:
        selector(change(references()[0])).load_state_dict(state)
    assert "start a run with another name" in str(refusal.value)


def test_state_of_other_columns_is_refused():
    columns = references()[0]
    other = selector({**columns, "b": columns["strong"]}, keys=("weak", "b"))
    with pytest.raises(ValueError, match=r"feature_keys: the saved state has \['weak', 'strong'\]"):
        other.load_state_dict(selector().state_dict())


def test_trinitys_own_state_is_refused():
    with pytest.raises(ValueError, match="stands at task 96 but holds no posterior"):
        selector().load_state_dict({"current_index": 96})


def test_a_state_of_an_earlier_version_is_refused():
    state = {"current_index": 96, "posterior": ["eNpjYGBg", "eNpjYGBg"], "selected": "eNpjYGBg"}
    with pytest.raises(ValueError, match="earlier version"):
        selector().load_state_dict(state)


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s.update(arrays=s["arrays"][:-8]),
        lambda s: s.update(arrays=s["arrays"][:400] + s["arrays"][404:]),
        lambda s: s.update(arrays=s["arrays"][:200] + "AAAA" + s["arrays"][204:]),
        lambda s: s.update(arrays="%%%"),
        lambda s: s.update(arrays=""),
        lambda s: s.update(arrays=None),
        lambda s: s.update(arrays=pack_arrays(alphas=np.ones(300), betas=np.ones(300))),
        lambda s: s.update(
            arrays=pack_arrays(alphas=np.ones(299), betas=np.ones(300), selected=np.ones(300))
        ),
        lambda s: s.pop("cap_coef"),
        lambda s: s.update(rho=None),
    ],
)
def test_a_damaged_state_is_refused_whole(damage):
    state = selector().state_dict()
    damage(state)
    target = selector()
    before = posterior(target)
    with pytest.raises(ValueError, match=r"selector state is damaged .*explorer_meta\.json"):
        target.load_state_dict(state)
    assert posterior(target) == before


def test_states_are_also_written_and_the_newest_kept(tmp_path):
    live = selector(state_dir=str(tmp_path / "run" / "selector"), state_keep=3)
    folder, ability, rng = tmp_path / "run" / "selector", references()[1], np.random.default_rng(1)
    states = []
    for _ in range(6):
        states.append(live.state_dict())
        step(live, ability, rng)
    assert {path.name for path in folder.glob("*.json")} == {"48.json", "64.json", "80.json"}
    assert json.loads((folder / "80.json").read_text()) == states[-1]
    # After a rewind the states written last are kept, though their index is lower.
    live.load_state_dict(states[1])
    live.state_dict()
    assert {path.name for path in folder.glob("*.json")} == {"16.json", "64.json", "80.json"}


def test_an_interrupted_write_leaves_the_previous_state(tmp_path, monkeypatch):
    live = selector(state_dir=str(tmp_path))
    first = live.state_dict()
    live.selected[:] = True

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            live.state_dict()
    assert json.loads((tmp_path / "0.json").read_text()) == first


def test_a_fresh_start_beside_later_states_is_not_silent(tmp_path, capsys):
    live = selector(state_dir=str(tmp_path))
    live.load_state_dict({"current_index": 0})
    assert "afresh" not in capsys.readouterr().out
    live.get_indices(16)
    live.state_dict()
    selector(state_dir=str(tmp_path)).load_state_dict({"current_index": 0})
    assert f"starts afresh although {tmp_path} holds states" in capsys.readouterr().out


def test_each_update_writes_one_line_of_metrics(tmp_path):
    ability, rng = references()[1], np.random.default_rng(1)
    live = selector(state_dir=str(tmp_path))
    for _ in range(3):
        step(live, ability, rng)
    state = live.state_dict()
    step(live, ability, rng)
    resumed = selector(state_dir=str(tmp_path))
    resumed.load_state_dict(state)
    batch = resumed.get_indices(16).tolist()
    predicted = resumed.diff_estimator.predict_pr(indices=batch)
    resumed.feedback(batch, [0.25] * 16)
    lines = read_json_lines(tmp_path / "metrics.jsonl")
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 4]
    assert {line["role"] for line in lines} == {"selector"}
    assert abs(lines[-1]["time"] - time.time()) < 60
    last = lines[-1]["metrics"]
    error = np.abs(predicted - 0.25).mean()
    assert last["selection/predicted_pass_rate_error"] == pytest.approx(error)
    assert last["selection/never_selected_ratio"] == pytest.approx(1 - resumed.selected.mean())
    assert set(last) == set(lines[0]["metrics"])


def test_seconds_count_draw_update_and_state(tmp_path, monkeypatch):
    tick = itertools.count().__next__  # each timed call takes one
    clock = SimpleNamespace(perf_counter=tick, time=lambda: 0.0)
    monkeypatch.setattr("task_selection.difficulty_based.time", clock)
    ability, rng = references()[1], np.random.default_rng(1)
    live = selector(state_dir=str(tmp_path))
    step(live, ability, rng)
    live.state_dict()
    step(live, ability, rng)
    lines = read_json_lines(tmp_path / "metrics.jsonl")
    # the draw; then the first update, which ends after its line was written, the state, the draw
    assert [line["metrics"]["selection/seconds"] for line in lines] == [1, 3]
