"""Columns for the selector: pass rates of every name and scale; what is none is carried, or said."""

import polars as pl
import pytest

from tests.data.conftest import losses, tasks

NO_RATE = pl.DataFrame({"question": list("abc"), "answer": ["1"] * 3})


def with_column(name, values):
    return NO_RATE.with_columns(pl.Series(name, values))


@pytest.mark.parametrize(
    ("name", "values", "rates"),
    [
        ("a_pass_rate", [0.0, 0.5, 1.0], [0.0, 0.5, 1.0]),
        ("pass_rate", [0, 1, 1], [0.0, 1.0, 1.0]),
        ("llama8b_solve_rate", [0.25, 0.5, 0.75], [0.25, 0.5, 0.75]),
        ("Model-Pass-Rate", ["0.25", "50%", "3/4"], [0.25, 0.5, 0.75]),
        ("solved_percentage", [62.5, 0.0, 100.0], [0.625, 0.0, 1.0]),
        ("difficulty", ["7/8", "0/8", "8 / 8"], [0.875, 0.0, 1.0]),
        ("a_pass_rate", [True, False, True], [1.0, 0.0, 1.0]),
    ],
)
def test_pass_rates_are_found_by_their_names(prepare, name, values, rates):
    rows, _ = prepare(with_column(name, values))
    assert rows[name].to_list() == rates


@pytest.mark.parametrize(
    ("values", "feature", "rates"),
    [
        ([0, 8, 16], "a=n/16", [0.0, 0.5, 1.0]),
        ([16, 8, 0], "a=1-n/16", [0.0, 0.5, 1.0]),
        ([0.75, 0.5, 0.0], "a=1-n", [0.25, 0.5, 1.0]),
        (["8", "4", "0"], "a=n/8", [1.0, 0.5, 0.0]),
        ([[True, False], [True], [False]], "a=n", [0.5, 1.0, 0.0]),
        ([[1.0, 0.0], [1.0, None], [0.25]], "a=n", [0.5, 1.0, 0.25]),
        (
            [{"x": {"y.5B": 4}}, {"x": {"y.5B": 8}}, {"x": {"y.5B": 0}}],
            "a=n.x.y.5B/8",
            [0.5, 1.0, 0.0],
        ),
    ],
)
def test_counts_lists_and_structs_are_named(prepare, values, feature, rates):
    rows, _ = prepare(with_column("n", values), "--feature-columns", feature)
    assert rows["a"].to_list() == rates


def test_a_path_into_a_struct_gives_its_last_name(prepare):
    table = with_column("info", [{"Model-1.5B": 8}] * 3)
    rows, _ = prepare(table, "--feature-columns", "info.Model-1.5B/16")
    assert rows["Model-1.5B"].to_list() == [0.5] * 3


def test_a_column_may_be_called_like_a_formula(prepare):
    rows, _ = prepare(with_column("a=b/16", [0.5] * 3), "--feature-columns", "x=a=b/16", "a=b/16")
    assert rows["a=b/16"].to_list() == rows["x"].to_list() == [0.5] * 3


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("difficulty", [2.5, 8.0, -1.0]),
        ("difficulty", [0.5, 0.25, 0.75]),  # nobody says that this grade is a pass rate
        ("level", ["Level 1", "Level ?", None]),
        ("level", [1, 5, 3]),
        ("grade", [None, None, 3]),
    ],
)
def test_a_grade_is_carried_and_drops_no_row(prepare, name, values):
    rows, report = prepare(with_column(name, values))
    assert rows[name].to_list() == values
    assert report["pass_rates"].keys() == {"advice"}
    if values != [0.5, 0.25, 0.75]:
        rows, report = prepare(with_column(name, values), "--feature-columns", name)
        assert rows[name].to_list() == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([3, 16, 0], "a_pass_rate=a_pass_rate/N"),
        ([0, 1, 3], "a_pass_rate=a_pass_rate/N"),
        ([12.5, 50.0, 87.5], "from 12.5 to 87.5"),
        (["high", "low", "high"], "values that are no numbers, such as 'high'"),
        ([{"x": 1}] * 3, "COLUMN.FIELD"),
    ],
)
def test_a_pass_rate_that_is_none_is_one_message_that_says_what_to_type(
    prepare, capsys, values, message
):
    assert prepare(with_column("a_pass_rate", values), "--feature-columns", "a_pass_rate") == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "features", [["absent"], ["question=a_pass_rate"], ["source"], ["a_pass_rate", "a_pass_rate"]]
)
def test_a_wrong_feature_column_is_refused(prepare, capsys, features):
    table = tasks("abc").with_columns(source=pl.lit("x"))
    assert prepare(table, "--feature-columns", *features) == 2
    assert features[0].partition("=")[0] in capsys.readouterr().err


def test_an_empty_rate_column_does_not_drop_every_row(prepare):
    table = tasks("abc").with_columns(pl.lit(None, pl.Float64).alias("b_pass_rate"))
    rows, report = prepare(table)
    assert len(rows) == 3 and "b_pass_rate" not in rows.columns
    assert "b_pass_rate" in report["notes"][0]


def test_a_few_impossible_values_are_dropped_and_counted(prepare):
    values = [0.5, 0.25, 1.5, -0.1, 0.75, None, 0.125]
    rows, report = prepare(tasks("abcdefg", a_pass_rate=values))
    assert rows["a_pass_rate"].to_list() == [0.5, 0.25, 0.75, 0.125]
    assert losses(report) == {
        "a_pass_rate missing or no number": 1,
        "a_pass_rate outside [0, 1]": 2,
    }


def test_rows_that_are_0_everywhere_are_told_and_dropped_on_demand(prepare):
    table = tasks("abcd", a_pass_rate=[0.0, 0, 0.5, 1], b_pass_rate=[0.0, 0.5, 0, 1])
    rows, report = prepare(table)
    assert len(rows) == 4 and report["pass_rates"]["zero_in_all"] == 1
    rows, report = prepare(table, "--zero-rate-is-missing")
    assert rows["question"].to_list() == ["b", "c", "d"]
    assert report["pass_rates"]["zero_in_all"] == 0


def test_keep_is_a_band_of_the_mean_and_control_is_drawn_without_it(prepare, tmp_path):
    rates = [i / 100 for i in range(100)]
    table = tasks(map(str, range(100)), a_pass_rate=rates, b_pass_rate=rates[::-1])
    table = table.with_columns(pl.col("a_pass_rate").alias("b_pass_rate"))
    rows, report = prepare(table, "--keep", "0.1-0.2", "--control")
    assert rows["a_pass_rate"].to_list() == rates[10:21]
    assert losses(report) == {"mean pass rate outside --keep 0.1-0.2": 89}
    control = pl.read_parquet(tmp_path / "out_control/train.parquet")
    assert len(control) == 11 and control["a_pass_rate"].max() > 0.2
    assert control.columns == rows.columns


@pytest.mark.parametrize("keep", ["0.9-0.1", "0.1", "1-10", "a-b"])
def test_a_band_that_is_none_is_refused(prepare, keep):
    with pytest.raises(SystemExit) as exit:
        prepare(tasks("abc"), "--keep", keep)
    assert exit.value.code == 2


def test_a_band_without_pass_rates_is_refused(prepare, capsys):
    assert prepare(NO_RATE, "--keep", "0.1-0.9") == 2
    assert "--keep" in capsys.readouterr().err
