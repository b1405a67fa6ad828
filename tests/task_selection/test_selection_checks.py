import pytest
from datasets import Dataset

from task_selection.checks import check_features, check_parameters
from tests.task_selection.selection_fakes import PAPER, references, selector

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("columns", "keys", "message"),
    [
        ({}, ["weak", "gone"], "'gone' is not in the dataset, only: weak, strong"),
        ({}, [], "feature_keys: found 0, want two"),
        ({}, ["weak", "strong", "weak"], "feature_keys: found 3, want two"),
        ({}, ["weak", "weak"], "'weak' and 'weak' are equal everywhere"),
        ({"strong": [0.5, None, 0.5, None]}, None, "2 of 4 values are missing (first rows: 1, 3)"),
        ({"strong": [0.5, NAN, 0.5, 0.1]}, None, "'strong': 1 of 4 values are not finite"),
        ({"strong": [0.5, 0.1, 0.5, INF]}, None, "1 of 4 values are not finite (first rows: 3)"),
        ({"strong": ["1", "0", "1", "1"]}, None, "4 of 4 values are not numbers (first rows: 0"),
        ({"strong": [50, 0, 1, 75]}, None, "2 of 4 values are outside [0, 1] (first rows: 0, 3)"),
        ({"weak": [-0.1, 0, 0.5, 1]}, None, "'weak': 1 of 4 values are outside [0, 1]"),
    ],
)
def test_bad_features_stop_the_run(columns, keys, message):
    sound = {"weak": [0.0, 0.25, 0.5, 0.25], "strong": [0.5, 0.25, 0.5, 1.0]}
    with pytest.raises(ValueError) as refusal:
        selector({**sound, **columns}, keys=["weak", "strong"] if keys is None else keys)
    assert message in str(refusal.value)


def test_every_reason_is_named_at_once():
    columns = {"weak": [None, NAN, 0.5], "strong": [2.0, 0.5, -1.0]}
    errors, warnings = check_features(Dataset.from_dict(columns), ["weak", "strong"])
    assert len(errors) == 3 and not warnings


def test_doubtful_features_are_a_warning(capsys):
    columns = {"weak": [0.5, 0.75, 1.0], "strong": [0.5, 0.5, 0.5]}
    selector(columns)
    printed = capsys.readouterr().out
    assert "'strong' is 0.5 for every task" in printed
    assert "'weak' is 0.750, that of 'strong' 0.500: are they swapped?" in printed
    assert check_features(Dataset.from_dict(references()[0]), ["weak", "strong"]) == ([], [])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"target": 0.5}, "kwargs: 'target' is unknown; known: m, lamb, rho,"),
        ({"m": 0}, "kwargs.m: found 0, want a whole number"),
        ({"m": 8.0}, "kwargs.m: found 8.0"),
        ({"lamb": 1.5}, "kwargs.lamb: found 1.5"),
        ({"rho": -0.1}, "kwargs.rho: found -0.1"),
        ({"target_reward": True}, "kwargs.target_reward: found True"),
        ({"tau": "1e-3"}, "kwargs.tau: found '1e-3'"),  # so YAML reads a number without a point
        ({"tau": INF}, "kwargs.tau: found inf"),
        ({"do_sample": "yes"}, "kwargs.do_sample: found 'yes', want true or false"),
        ({"prior_strength": -1}, "kwargs.prior_strength: found -1"),
        ({"state_keep": 0}, "kwargs.state_keep: found 0"),
        ({"state_dir": 7}, "kwargs.state_dir: found 7"),
    ],
)
def test_bad_parameters_stop_the_run(kwargs, message):
    assert check_parameters(PAPER) == []
    with pytest.raises(ValueError) as refusal:
        selector(**kwargs)
    assert message in str(refusal.value)
