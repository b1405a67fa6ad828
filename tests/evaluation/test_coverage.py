"""The printed 95 % intervals cover the truth as often as they say, at the sizes that people use.

The populations of problems are made up: some problems are hopeless, some are always solved, the
others lie between. The truth is the mean over all of them.
"""

import numpy as np
import pytest
from scipy.special import expit, logit

from data_augment.evaluation.scores import pass_at
from data_augment.figure.intervals import difference_interval, mean_interval, share_interval

pytestmark = pytest.mark.slow  # thousands of simulated comparisons

EVALUATIONS = 1000  # standard error of a coverage: 0.7 %
SIZES = [(30, 32), (480, 8), (200, 1)]  # problems, samples each


def between(a, b):
    return lambda rng, size: rng.beta(a, b, size)


def some_solved(share):
    """Problems of which only a share can be solved at all."""
    return lambda rng, size: np.where(rng.random(size) < share, rng.beta(0.5, 1, size), 0.0)


POPULATIONS = {
    "half solved": between(0.3, 0.3),
    "all alike": between(20, 20),
    "a strong model on AIME": between(0.8, 0.2),
    "a weak model on AIME": between(0.2, 1.0),
    "most problems hopeless": some_solved(0.4),
    "an easy benchmark": between(5, 1),
}
LARGE = 200_000


def coverage(truth, limits):
    return np.mean([low <= truth <= high for low, high in limits])


@pytest.mark.parametrize(("problems", "samples"), SIZES)
@pytest.mark.parametrize("name", POPULATIONS)
def test_mean_at_k(name, problems, samples):
    rng = np.random.default_rng(problems)
    truth = POPULATIONS[name](rng, LARGE).mean()
    rates = POPULATIONS[name](rng, (EVALUATIONS, problems))
    scores = rng.binomial(samples, rates) / samples
    assert 0.93 <= coverage(truth, (share_interval(s, samples) for s in scores)) <= 0.975


@pytest.mark.parametrize(("problems", "samples", "tries"), [(30, 32, 8), (480, 8, 4)])
@pytest.mark.parametrize("name", ["half solved", "a weak model on AIME", "most problems hopeless"])
def test_pass_at_k(name, problems, samples, tries):
    rng = np.random.default_rng(problems)
    truth = (1 - (1 - POPULATIONS[name](rng, LARGE)) ** tries).mean()
    table = np.array([pass_at(tries, right, samples) for right in range(samples + 1)])
    rates = POPULATIONS[name](rng, (EVALUATIONS, problems))
    scores = table[rng.binomial(samples, rates)]
    limits = [share_interval(s, samples / tries) for s in scores]
    assert 0.93 <= coverage(truth, limits) <= 0.975


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_thirty_problems_of_which_few_decide(share):
    """Near 0 and 1 it may cover more than it says, where Student's t covers 85 %."""
    rng = np.random.default_rng(0)
    rates = some_solved(0.1)(rng, (EVALUATIONS, 30))
    truth = some_solved(0.1)(rng, LARGE).mean()
    if share > 0.5:
        rates, truth = 1 - rates, 1 - truth
    scores = rng.binomial(32, rates) / 32
    assert coverage(truth, (share_interval(s, 32) for s in scores)) >= 0.93
    assert coverage(truth, (mean_interval(s) for s in scores)) < 0.9


@pytest.mark.parametrize(("problems", "samples"), SIZES)
@pytest.mark.parametrize("gain", [0.0, 0.7])
@pytest.mark.parametrize("name", ["half solved", "a weak model on AIME", "an easy benchmark"])
def test_difference_of_two_models(name, gain, problems, samples):
    """The better model is better at each problem, a little more or less."""
    rng = np.random.default_rng(problems)

    def both(size):
        base = POPULATIONS[name](rng, size)
        own = expit(logit(np.clip(base, 1e-9, 1 - 1e-9)) + gain + rng.normal(0, 0.5, size))
        return base, own

    base, own = both(LARGE)
    truth = own.mean() - base.mean()
    base, own = both((EVALUATIONS, problems))
    differences = (rng.binomial(samples, own) - rng.binomial(samples, base)) / samples
    limits = [difference_interval(d, samples) for d in differences]
    assert 0.93 <= coverage(truth, limits) <= 0.975


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_score_at_the_edge_is_no_certainty(score):
    low, high = share_interval([score] * 30, 32)
    assert (low == 0.0) == (score == 0.0)
    assert (high == 1.0) == (score == 1.0)
    assert 0.05 < high - low < 0.2  # nothing seen in 30: up to about 1 in 8


def test_models_that_agree_everywhere_may_still_differ():
    low, high = difference_interval([0.0] * 30, 32)
    assert -0.05 < low < 0 < high < 0.05


@pytest.mark.parametrize("interval", [share_interval, difference_interval])
def test_one_problem_has_no_interval(interval):
    assert np.isnan(interval([0.4], 8)).all()


def test_rewards_beyond_0_and_1_have_an_interval_all_the_same():
    low, high = share_interval([-0.1, 1.0, 1.0, -0.1, 2.0], 4)
    assert low < 0.76 < high
