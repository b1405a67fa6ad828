"""The printed 95 % intervals cover the truth in 93 to 97 % of simulated comparisons.

The simulated runs are like those of results/: accuracies at six evaluations of 480 problems each,
and seeds that learn a little more or less. The true curves are known, and with them each figure.
"""

import numpy as np
import pytest

from data_augment.figure.intervals import mean_interval, ratio_interval
from data_augment.figure.measures import Pair, difference, time_interval, time_to_baseline

pytestmark = pytest.mark.slow  # thousands of simulated comparisons

STEPS = np.linspace(0, 100, 6)
PROBLEMS = 480
BASE = np.array([0.31, 0.362, 0.414, 0.462, 0.488, 0.508])
FAST = np.array([0.31, 0.375, 0.465, 0.52, 0.545, 0.56])  # as with target 0.5
FAIR = np.array([0.31, 0.381, 0.44, 0.5, 0.535, 0.553])  # as with target 0.8
LEVEL = np.array([0.31, 0.36, 0.415, 0.465, 0.495, 0.512])  # hardly better than the baseline
COMPARISONS = 1000  # standard error of a coverage: 0.7 %
SEEDS = [5, 8]


def runs(rng, curve, n, spread=0.012):
    """Evaluated accuracies [n, steps] of seeds whose gain differs by `spread` at the end."""
    share = (curve - curve[0]) / (curve[-1] - curve[0])
    truth = curve + rng.normal(0, spread, (n, 1)) * share
    return rng.binomial(PROBLEMS, truth) / PROBLEMS


def pairs(curve, n, paired):
    rng = np.random.default_rng(n)
    m = n if paired else n - 1
    for _ in range(COMPARISONS):
        yield Pair(STEPS, runs(rng, curve, n), runs(rng, BASE, m), paired, longest=100)


def assert_right(covered):
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize("n", SEEDS)
@pytest.mark.parametrize(
    ("curve", "share", "paired"),
    [
        (FAST, 0.5, True),
        (FAST, 1.0, True),
        (FAIR, 0.5, True),
        (FAIR, 1.0, True),
        (FAIR, 1.0, False),
    ],
)
def test_time_to_baseline(curve, share, paired, n):
    truth = time_to_baseline(Pair(STEPS, curve[None], BASE[None], True, 100), share)
    limits = [time_interval(two, share) for two in pairs(curve, n, paired)]
    assert_right([low <= truth <= high for low, high in limits])


def test_time_of_a_selector_that_hardly_gets_there():
    """Nearly every interval is open above then, and may cover a little more than 97 %."""
    truth = time_to_baseline(Pair(STEPS, LEVEL[None], BASE[None], True, 100), 1.0)
    limits = [time_interval(two, 1.0) for two in pairs(LEVEL, 5, True)]
    assert np.mean([low <= truth <= high for low, high in limits]) >= 0.93
    assert np.mean([high == np.inf for _, high in limits]) > 0.8


@pytest.mark.parametrize("n", SEEDS)
@pytest.mark.parametrize("paired", [True, False])
def test_best_so_far(paired, n):
    truth = FAIR[1] / BASE[1]
    limits = [
        ratio_interval(two.own[:, 1], two.base[:, 1], paired) for two in pairs(FAIR, n, paired)
    ]
    assert_right([low <= truth <= high for low, high in limits])


@pytest.mark.parametrize("n", SEEDS)
@pytest.mark.parametrize("paired", [True, False])
def test_difference_of_the_final_accuracies(paired, n):
    tests = [difference(two) for two in pairs(FAIR, n, paired)]
    truth = FAIR[-1] - BASE[-1]
    assert_right([test["limits"][0] <= truth <= test["limits"][1] for test in tests])


@pytest.mark.parametrize("n", SEEDS)
def test_means_over_the_runs(n):
    rng = np.random.default_rng(n)
    size = (n, 10_000)
    drawn = {
        "final accuracy": (0.55, rng.binomial(PROBLEMS, rng.normal(0.55, 0.012, size)) / PROBLEMS),
        "effective task ratio": (0.65, rng.binomial(800, rng.normal(0.65, 0.01, size)) / 800),
        "tokens of a step": (724, 724 + rng.normal(0, 3, size)),
    }
    for name, (truth, values) in drawn.items():
        low, high = mean_interval(values)
        covered = np.mean((low <= truth) & (truth <= high))
        assert 0.93 <= covered <= 0.97, name
