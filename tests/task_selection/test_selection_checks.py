import subprocess
import sys

import numpy as np
import pytest
from datasets import Dataset

from safe_files import REPO
from task_selection.checks import (
    bad_pass_rates,
    check_features,
    check_parameters,
    is_difficulty_based,
)
from tests.task_selection.selection_fakes import PAPER, references, selector

NAN, INF = float("nan"), float("inf")


def test_the_checks_answer_without_torch():
    code = (
        "import sys, task_selection.checks; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'trinity', 'ray')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO).returncode == 0


@pytest.mark.parametrize(
    ("selector_type", "expected"),
    [
        ("difficulty_based", True),
        ("task_selection.DifficultyBasedSelector", True),
        ("trinity.buffer.selector.selector.DifficultyBasedSelector", True),
        ("random", False),
        ("examples.my_selector.VarianceSelector", False),
        ("my.NotADifficultyBasedSelector", False),
    ],
)
def test_a_difficulty_based_selector_is_known_by_either_name(selector_type, expected):
    assert is_difficulty_based(selector_type) is expected


@pytest.mark.parametrize(
    ("columns", "keys", "named"),
    [
        ({}, ["weak", "gone"], ["'gone'", "weak, strong"]),
        ({}, [], ["feature_keys", "0"]),
        ({}, ["weak", "strong", "weak"], ["feature_keys", "3"]),
        ({}, ["weak", "weak"], ["'weak'", "equal everywhere"]),
        ({"strong": [0.5, None, 0.5, None]}, None, ["'strong'", "2 of 4", "missing", "1, 3"]),
        ({"strong": [0.5, NAN, 0.5, 0.1]}, None, ["'strong'", "1 of 4", "not finite"]),
        ({"strong": [0.5, 0.1, 0.5, INF]}, None, ["1 of 4", "not finite", "rows: 3"]),
        ({"strong": ["1", "0", "1", "1"]}, None, ["4 of 4", "not numbers", "0, 1, 2, 3"]),
        ({"strong": [50, 0, 1, 75]}, None, ["2 of 4", "outside [0, 1]", "0, 3"]),
        ({"weak": [-0.1, 0, 0.5, 1]}, None, ["'weak'", "1 of 4", "outside [0, 1]"]),
    ],
)
def test_bad_features_stop_the_run(columns, keys, named):
    sound = {"weak": [0.0, 0.25, 0.5, 0.25], "strong": [0.5, 0.25, 0.5, 1.0]}
    with pytest.raises(ValueError) as refusal:
        selector({**sound, **columns}, keys=["weak", "strong"] if keys is None else keys)
    for part in named:
        assert part in str(refusal.value)


def test_every_reason_is_named_at_once():
    columns = {"weak": [None, NAN, 0.5], "strong": [2.0, 0.5, -1.0]}
    errors, warnings = check_features(Dataset.from_dict(columns), ["weak", "strong"])
    assert len(errors) == 3 and not warnings


def test_doubtful_features_are_a_warning(capsys):
    columns = {"weak": [0.5, 0.75, 1.0], "strong": [0.5, 0.5, 0.5]}
    selector(columns)
    printed = capsys.readouterr().out
    assert "'strong' is 0.5 for every task" in printed
    assert "0.750" in printed and "swapped" in printed
    assert check_features(Dataset.from_dict(references()[0]), ["weak", "strong"]) == ([], [])


@pytest.mark.parametrize("values", [[0.0, 1, 0.5, True], np.array([0, 1]), np.array([0.25]), []])
def test_sound_pass_rates_pass(values):
    assert bad_pass_rates(values) == {}


def test_a_column_of_lists_is_no_column_of_pass_rates():
    assert list(bad_pass_rates([[0.5], [0.5, 1.0]])) == ["not numbers"]


def test_an_array_and_a_list_are_judged_alike():
    values = [0.0, NAN, 1.5, -INF, 0.5, -0.001]
    by_array = bad_pass_rates(np.array(values))
    by_list = bad_pass_rates(values)
    assert {k: v.tolist() for k, v in by_array.items()} == {
        k: v.tolist() for k, v in by_list.items()
    }
    assert by_array["outside [0, 1]"].tolist() == [2, 5] and by_array["not finite"].tolist() == [
        1,
        3,
    ]


@pytest.mark.parametrize(
    ("kwargs", "found"),
    [
        ({"m": 0}, "0"),
        ({"m": 8.0}, "8.0"),
        ({"m": True}, "True"),
        ({"lamb": 1.5}, "1.5"),
        ({"rho": -0.1}, "-0.1"),
        ({"target_reward": True}, "True"),
        ({"tau": "1e-3"}, "'1e-3'"),  # so YAML reads a number without a point
        ({"tau": INF}, "inf"),
        ({"lamb": NAN}, "nan"),
        ({"do_sample": "yes"}, "'yes'"),
        ({"adaptive_rho": 1}, "1"),
        ({"prior_strength": -1}, "-1"),
        ({"state_keep": 0}, "0"),
        ({"state_dir": 7}, "7"),
    ],
)
def test_a_bad_parameter_stops_the_run_with_key_and_value(kwargs, found):
    assert check_parameters(PAPER) == []
    with pytest.raises(ValueError) as refusal:
        selector(**kwargs)
    assert f"kwargs.{next(iter(kwargs))}: found {found}, expected " in str(refusal.value)


def test_an_unknown_parameter_is_named_with_the_closest_known_one():
    [message] = check_parameters({"target_rewrad": 0.5})
    assert "target_rewrad" in message and "Did you mean target_reward?" in message
    assert len(check_parameters({1: 2, "m": 0, "lamb": 2})) == 3


@pytest.mark.parametrize("kwargs", [None, 5, "m: 8", ["m"]])
def test_parameters_that_are_no_mapping_are_a_message(kwargs):
    [message] = check_parameters(kwargs)
    assert f"found {kwargs!r}" in message
