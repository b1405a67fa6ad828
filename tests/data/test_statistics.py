"""Histograms: what a person reads off them is in the numbers."""

import numpy as np
import pytest

from data_augment.data.statistics import histogram, histogram_line


@pytest.mark.parametrize("samples", [1, 2, 8, 16, 40, 64, 100])
def test_a_uniform_column_shows_no_stripes(samples):
    rates = np.arange(samples + 1) / samples
    _, bars, rest = histogram_line(np.tile(rates, 5)).split(" ", 2)
    assert set(bars) == {"█"} and rest.startswith("1, ")
    assert sum(histogram(rates).values()) == samples + 1


def test_bars_are_the_rows_at_each_possible_value():
    rates = [0, 0, 0.25, 0.75, 0.75, 0.75, 1]
    assert histogram(rates) == {"0": 2, "0.25": 1, "0.5": 0, "0.75": 3, "1": 1}
    assert histogram_line(rates) == "0 ▆▃ █▃ 1, 29% at 0, 14% at 1"


def test_rates_that_are_no_counts_get_bars_of_one_width():
    rates = np.random.default_rng(0).random(1000)
    bars = histogram(rates)
    assert list(bars) == ["0", *(f"{i / 10:.1f}-{(i + 1) / 10:.1f}" for i in range(10)), "1"]
    assert bars["0"] == bars["1"] == 0 and sum(bars.values()) == 1000
    assert all(bars[label] == np.sum((rates >= i / 10) & (rates < (i + 1) / 10))
               for i, label in enumerate(list(bars)[1:-1]))  # fmt: skip


def test_missing_values_and_empty_columns_do_not_break_it():
    assert histogram([0.5, float("nan"), 1]) == {"0": 0, "0.5": 1, "1": 1}
    assert histogram_line([]) == "no values"
