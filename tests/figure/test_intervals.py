"""The formulas of the intervals, against SciPy's and against cases that are known."""

import numpy as np
import pytest

from data_augment.figure.intervals import holm, mean_interval, ratio_interval, standard_error

VALUES = np.random.default_rng(0).normal(5, 1, size=(8, 2))


def test_the_interval_of_a_mean_is_students():
    from scipy.stats import ttest_1samp

    low, high = mean_interval(VALUES[:, 0])
    expected = ttest_1samp(VALUES[:, 0], 0).confidence_interval()
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_a_missing_run_counts_as_missing_and_not_as_zero():
    holes = VALUES.copy()
    holes[3:, 1] = np.nan
    low, high = mean_interval(holes)
    assert (low[0], high[0]) == pytest.approx(mean_interval(VALUES[:, 0]))
    assert (low[1], high[1]) == pytest.approx(mean_interval(VALUES[:3, 1]))


@pytest.mark.parametrize("values", [[], [0.4]])
def test_one_run_has_no_interval(values):
    assert np.isnan(mean_interval(values)).all()


@pytest.mark.parametrize("paired", [True, False])
def test_a_t_test_at_the_limit_of_a_ratio_has_just_5_percent(paired):
    from scipy.stats import ttest_1samp, ttest_ind

    own, base = VALUES[:, 0] + 5, VALUES[:, 1]
    for limit in ratio_interval(own, base, paired):
        if paired:
            p = ttest_1samp(own - limit * base, 0).pvalue
            assert p == pytest.approx(0.05)
        else:  # Welch's degrees of freedom change a little with the ratio
            p = ttest_ind(own, limit * base, equal_var=False).pvalue
            assert p == pytest.approx(0.05, abs=0.01)


def test_a_baseline_that_may_be_zero_leaves_the_ratio_open():
    assert ratio_interval([1.0, 1.1, 0.9], [0.1, -0.1, 0.05], paired=True) == (0, np.inf)


def test_unpaired_runs_have_welchs_error():
    from scipy.stats import ttest_ind

    own, base = VALUES[:, :1], VALUES[:5, 1:] * 3
    error, freedom = standard_error(own, -base, paired=False)
    test = ttest_ind(own, base, equal_var=False)
    assert freedom == pytest.approx(test.df)
    assert (own.mean() - base.mean()) / error == pytest.approx(test.statistic)


def test_holm_corrects_for_the_number_of_tests_and_keeps_their_order():
    assert holm([0.01, 0.04, 0.03, np.nan]) == pytest.approx(
        [0.03, 0.06, 0.06, np.nan], nan_ok=True
    )
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
