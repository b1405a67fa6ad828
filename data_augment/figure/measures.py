"""What a selector is worth against a baseline: the numbers of the comparison and their intervals.

Each is read off the mean curve over a selector's runs, straight between evaluations. The intervals
hold what a t-test of the runs does not reject; see intervals.py.
"""

from dataclasses import dataclass

import numpy as np

from data_augment.figure.intervals import ratio_interval, standard_error, t_quantile

EARLY = 0.25  # the share of the steps that BSF looks at
GRID = 501  # points of a curve at which an interval may end


@dataclass
class Pair:
    """The curves of a selector and of its baseline, at the steps at which both were evaluated."""

    steps: np.ndarray  # [k]
    own: np.ndarray  # [n, k], accuracies of the selector's runs
    base: np.ndarray  # [m, k], of the baseline's
    paired: bool  # own[i] and base[i] have the same seed
    longest: float  # the last step at which one of the two was evaluated

    @property
    def end(self) -> float:
        """The step of the final accuracies."""
        return self.steps[-1] if len(self.steps) else 0.0

    @property
    def enough(self) -> bool:
        """Whether there are runs enough for an interval: that of two is as wide as the figure."""
        return min(len(self.own), len(self.base)) > 2


def time_to_baseline(two: Pair, share: float) -> float:
    """TTB: steps to a share of the baseline's gain, over the baseline's steps to it."""
    own, base = two.own.mean(axis=0), two.base.mean(axis=0)
    target = goal(own, base, share)
    return ratio(reached(own, two.steps, target), reached(base, two.steps, target))


def goal(own: np.ndarray, base: np.ndarray, share: float) -> float:
    """The accuracy at a share of the baseline's gain; [k] each.

    The start is the mean of both: they are one model before training and differ by sampling alone.
    """
    start = (own[0] + base[0]) / 2
    return (1 - share) * start + share * base[-1]


def reached(curve, steps, target: float) -> float:
    """The step at which a curve first reaches the target; infinity if it never does."""
    above = np.flatnonzero(np.asarray(curve) >= target)
    if not len(above):
        return np.inf
    i = above[0]
    if i == 0:
        return float(steps[0])
    part = (target - curve[i - 1]) / (curve[i] - curve[i - 1])
    return float(steps[i - 1] + part * (steps[i] - steps[i - 1]))


def time_interval(two: Pair, share: float) -> tuple[float, float] | None:
    """The 95 % interval of TTB: all ratios that a t-test does not reject; None without a gain.

    At each step the selector's accuracy less the target is a mean over the runs, so a t-test says
    whether it may be 0, that is whether the target may be reached at this step. The baseline
    reaches the target of 100 % at its end, or by chance a little earlier: the lower limit takes
    its end, the upper limit the step that was seen.
    """
    own, base = two.own.mean(axis=0), two.base.mean(axis=0)
    target = goal(own, base, share)
    base_step = reached(base, two.steps, target)
    if not 0 < base_step < np.inf:
        return None
    grid = np.linspace(two.steps[0], two.steps[-1], GRID)
    above = np.interp(grid, two.steps, own) - target
    half = time_band(two, share, base_step, grid)

    may_be_there = above + half >= 0
    may_be_below = above - half <= 0
    if not may_be_there.any():
        return np.inf, np.inf
    low = grid[may_be_there.argmax()] / (two.steps[-1] if share == 1 else base_step)
    if may_be_below[-1]:
        return low, np.inf
    last = np.flatnonzero(may_be_below)[-1] if may_be_below.any() else 0
    return low, max(low, grid[last + 1] / base_step)


def time_band(two: Pair, share: float, base_step: float, grid: np.ndarray) -> np.ndarray:
    """Half the width of the 95 % band of the selector's mean curve less the target, at each step.

    The band has all that is uncertain: the selector's accuracy at the step, the target, and the
    step at which the baseline reaches the target. To first order an error of the baseline's
    accuracy there moves the selector's accuracy by `weight` times as much. For a share of 100 %
    this is the t-test of the selector's accuracy against the baseline's last one.
    """
    own_mean, base_mean = two.own.mean(axis=0), two.base.mean(axis=0)
    own_slope = np.gradient(np.interp(grid, two.steps, own_mean), grid[1] - grid[0])
    weight = grid / base_step * own_slope / slope_to(base_mean, two.steps, base_step)

    own_at_grid = np.array([np.interp(grid, two.steps, run) for run in two.own])  # [n, GRID]
    base_there = np.array([[np.interp(base_step, two.steps, run)] for run in two.base])  # [m, 1]
    own_target = (1 - share) / 2 * two.own[:, :1]  # the selector's part of the target
    base_target = (1 - share) / 2 * two.base[:, :1] + share * two.base[:, -1:]
    error, freedom = standard_error(
        own_at_grid - (1 - weight) * own_target,
        -weight * base_there - (1 - weight) * base_target,
        two.paired,
    )
    return t_quantile(freedom) * error


def slope_to(curve: np.ndarray, steps: np.ndarray, step: float) -> float:
    """The slope of a curve on the stretch that ends at `step` or holds it."""
    i = max(int(np.searchsorted(steps, step)), 1)
    return (curve[i] - curve[i - 1]) / (steps[i] - steps[i - 1])


def best_so_far(two: Pair) -> tuple[float, tuple[float, float] | None]:
    """BSF and its interval: the best mean accuracy of the early steps, over the baseline's."""
    early = two.steps <= EARLY * two.steps[-1]
    if not early.any():  # first evaluated later
        return np.nan, None
    own_mean, base_mean = two.own.mean(axis=0)[early], two.base.mean(axis=0)[early]
    own, base = two.own[:, own_mean.argmax()], two.base[:, base_mean.argmax()]
    limits = ratio_interval(own, base, two.paired) if two.enough else None
    return ratio(own.mean(), base.mean()), limits


def ratio(own: float, base: float) -> float:
    """own / base; NaN where the baseline has nothing to compare with."""
    return own / base if base else np.nan


def difference(two: Pair) -> dict:
    """Final accuracy less the baseline's: its value, its limits or None, p or NaN, paired."""
    from scipy.special import stdtr

    if not len(two.steps):
        return {"value": np.nan, "limits": None, "p": np.nan, "paired": two.paired}
    own, base = two.own[:, -1], two.base[:, -1]
    value = own.mean() - base.mean()
    if not two.enough:
        return {"value": value, "limits": None, "p": np.nan, "paired": two.paired}
    error, freedom = standard_error(own, -base, two.paired)
    half = t_quantile(freedom) * error
    with np.errstate(divide="ignore", invalid="ignore"):  # equal runs have no error
        statistic = np.float64(value) / error
    p = 2 * stdtr(freedom, -abs(np.nan_to_num(statistic)))
    limits = (value - half, value + half)
    return {"value": value, "limits": limits, "p": p, "paired": two.paired}
