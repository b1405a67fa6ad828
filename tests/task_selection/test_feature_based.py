import json
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset
from trinity.common.config import DataSelectorConfig

from safe_files import read_json_lines
from task_selection import FeatureBasedSelector
from task_selection.columns import encode
from task_selection.logistic import LogisticModel, sigmoid

KINDS = {"easy": 6.0, "middle": 0.0, "hard": -6.0}


def columns(tasks=900, seed=0):
    """Three kinds of tasks, of which only "middle" has rewards that vary; noise beside them."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(list(KINDS), tasks)
    return {
        "kind": kind.tolist(),
        "length": rng.integers(10, 400, tasks).tolist(),
        "rate": (rng.binomial(16, sigmoid(np.array([KINDS[k] for k in kind]))) / 16).tolist(),
    }


def selector(table=None, keys=("kind",), **kwargs):
    dataset = Dataset.from_dict(table or columns())
    source = SimpleNamespace(dataset=dataset, dataset_size=len(dataset))
    config = DataSelectorConfig(feature_keys=list(keys), kwargs=kwargs)
    return FeatureBasedSelector(source, config)


def train(chosen_by, table, rng, steps, batch_size=16):
    batches = []
    for _ in range(steps):
        batch = chosen_by.get_indices(batch_size).tolist()
        true = sigmoid(np.array([KINDS[table["kind"][index]] for index in batch]))
        chosen_by.feedback(batch, (rng.binomial(8, true) / 8).tolist())
        batches.append(batch)
    return batches


def share_of_middle(batches, table):
    return np.mean([table["kind"][index] == "middle" for batch in batches for index in batch])


@pytest.mark.parametrize(
    "keys", [["kind"], ["rate"], ["rate", "kind"], ["length", "kind", "rate"], ["kind", "length"]]
)
def test_learns_from_any_columns_which_tasks_are_worth_it(keys):
    table = columns()
    batches = train(selector(table, keys, rest=0.0), table, np.random.default_rng(1), 40)
    assert share_of_middle(batches[20:], table) > 0.85


def test_a_column_that_says_nothing_leaves_the_draw_broad():
    table = columns()
    batches = train(selector(table, ["length"]), table, np.random.default_rng(1), 40)
    assert 0.2 < share_of_middle(batches[20:], table) < 0.5


def test_missing_values_rare_texts_and_text_numbers_are_no_obstacle():
    table = columns()
    table["kind"][:50] = [None] * 50
    table["kind"][50:60] = [f"once {i}" for i in range(10)]
    table["rate"][100:140] = [None] * 20 + [float("nan")] * 20
    encoding = encode(Dataset.from_dict(table), ["kind", "rate", "length"])
    assert {"kind missing", "kind others", "rate missing"} <= set(encoding.labels)
    assert not [label for label in encoding.labels if "once" in label]
    w = np.random.default_rng(0).normal(size=len(encoding.labels))
    rows = np.arange(len(table["kind"]))
    assert encoding.scores(w) == pytest.approx(encoding.rows_of(rows) @ w)
    assert np.isfinite(encoding.scores(w)).all()


@pytest.mark.parametrize(
    "samples", [[None] * 900, ["16"] * 900, [0] * 900, [float("nan")] * 450 + [float("inf")] * 450]
)
def test_a_count_of_samples_that_is_none_leaves_the_usual_one(samples):
    table = columns() | {"rate_samples": samples}
    encoding = encode(Dataset.from_dict(table), ["rate"])
    assert encoding.prior_mean == pytest.approx(
        encode(Dataset.from_dict(columns()), ["rate"]).prior_mean
    )


@pytest.mark.parametrize(
    ("table", "keys", "named"),
    [
        ({}, [], "feature_keys"),
        ({"endless": [float("inf")] * 900}, ["endless"], "'endless'"),
        ({}, ["gone"], "'gone'"),
        ({"empty": [None] * 900}, ["empty"], "'empty'"),
    ],
)
def test_columns_that_say_nothing_at_all_stop_the_run(table, keys, named):
    with pytest.raises(ValueError, match=named):
        selector({**columns(), **table}, keys)


def test_a_bad_parameter_stops_the_run():
    with pytest.raises(ValueError, match=r"kwargs\.rest: found 1\.0"):
        selector(rest=1.0)
    with pytest.raises(ValueError, match=r"kwargs\.target_reward"):
        selector(target_reward=0.5)


def test_a_restored_selector_goes_on_as_the_live_one():
    table = columns()
    live = selector(table, ["rate", "kind"])
    train(live, table, np.random.default_rng(1), 20)
    state = json.loads(json.dumps(live.state_dict(), indent=2))
    resumed = selector(table, ["rate", "kind"])
    resumed.load_state_dict(state)
    following = train(live, table, np.random.default_rng(2), 10)
    assert train(resumed, table, np.random.default_rng(2), 10) == following
    assert resumed.state_dict() == live.state_dict()


def test_states_of_others_and_damaged_ones_are_refused():
    table = columns()
    state = selector(table).state_dict()
    with pytest.raises(ValueError, match="another dataset"):
        selector({**table, "kind": table["kind"][::-1]}).load_state_dict(state)
    with pytest.raises(ValueError, match="another selector"):
        selector(table).load_state_dict({"current_index": 96})
    with pytest.raises(ValueError, match="damaged"):
        selector(table).load_state_dict({**state, "arrays": state["arrays"][:-8]})
    with pytest.raises(ValueError, match="damaged"):
        selector(table).load_state_dict({k: v for k, v in state.items() if k != "bias"})


def test_a_task_rests_and_a_small_dataset_still_fills_its_batches():
    table = columns()
    batches = train(selector(table, rest=0.5), table, np.random.default_rng(1), 25)
    drawn = [index for batch in batches for index in batch]
    assert len(set(drawn)) == len(drawn) == 400
    tiny = {key: values[:20] for key, values in table.items()}
    batches = train(selector(tiny, rest=0.9), tiny, np.random.default_rng(1), 10)
    assert all(len(set(batch)) == 16 for batch in batches)


def test_predictions_that_are_wrong_for_long_widen_the_random_share_and_are_said(capsys):
    live = selector(rest=0.0)
    for _ in range(3):
        live.feedback(live.get_indices(16), [0.5] * 16)
    assert live.random_share == 0.05
    for _ in range(6):
        batch = live.get_indices(16)
        live.feedback(batch, [1.0] * 16)
    assert live.random_share > 0.05
    assert capsys.readouterr().out.count("wrong beyond noise") == 1


def test_one_absurd_batch_cannot_run_away_with_the_weights():
    table = columns()
    live = selector(table, ["rate", "kind"])
    train(live, table, np.random.default_rng(1), 20)
    before = live.predict(np.arange(900))
    live.feedback(live.get_indices(16), [0.0] * 8 + [1.0] * 8)
    assert np.isfinite(live.model.mean).all()
    assert np.abs(live.predict(np.arange(900)) - before).mean() < 0.15


def test_lost_tasks_count_as_failed(tmp_path):
    live = selector(state_dir=str(tmp_path))
    batch = live.get_indices(16).tolist()
    live.feedback(batch[:10], [0.5] * 10)
    assert live.visits[batch].tolist() == [1] * 16
    assert live.shift[batch[10:]].max() < live.shift[batch[:10]].min()
    [line] = read_json_lines(tmp_path / "metrics.jsonl")
    assert line["role"] == "selector" and "selection/random_share" in line["metrics"]


def test_tasks_that_are_never_solved_do_not_make_the_others_look_hard():
    rng = np.random.default_rng(0)
    model = LogisticModel(np.array([0.0]), np.array([1.5]), np.array([0.02]), m=8)
    for _ in range(300):
        honest = rng.random(16) > 0.3
        values = np.where(honest, rng.binomial(8, 0.7, 16) / 8, 0.0)
        model.update(np.ones((16, 1)), np.zeros(16), values, np.zeros(16))
    # The overdispersion takes a part of it; without the mixture the honest tasks look like 0.49.
    assert model.never_solved > 0.1
    assert sigmoid(model.mean[0]) > 0.53


def test_it_says_what_it_learned():
    table = columns()
    live = selector(table, rest=0.0)
    train(live, table, np.random.default_rng(1), 30)
    assert "kind hard -" in live.explain()
