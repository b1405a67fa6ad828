"""Intervals that cover the truth 95 times in 100, also for five runs; the one home of them.

All rest on Student's t, because the runs are few: a percentile bootstrap of five values covers 84 %
where 95 % is said. The interval of a ratio holds every ratio that a t-test of the same runs does
not reject (Fieller, 1954); tests/figure/test_coverage.py simulates what all of them cover.
"""

import numpy as np

LEVEL = 0.95


def mean_interval(values) -> tuple:
    """The 95 % interval of the mean of independent values, by Student's t.

    Args:
        values: [n] or [n, ...]; the mean is over the first axis. NaN is a missing value.

    Returns:
        The lower and the upper limit: two floats, or two arrays of the remaining shape. NaN where
        there are fewer than two values.
    """
    values = np.asarray(values, dtype=float)
    n = np.count_nonzero(~np.isnan(values), axis=0)
    enough = n > 1
    total = np.nansum(values, axis=0)
    mean = np.divide(total, n, out=np.full(np.shape(total), np.nan), where=enough)
    squares = np.nansum((values - mean) ** 2, axis=0)
    freedom = np.where(enough, n - 1, 1)
    half = t_quantile(freedom) * np.sqrt(squares / freedom / np.maximum(n, 1))
    low, high = mean - half, mean + half
    if values.ndim == 1:
        return float(low), float(high)
    return low, high


def ratio_interval(own, base, paired: bool) -> tuple[float, float]:
    """The 95 % interval of mean(own) / mean(base), for positive values: Fieller's theorem.

    A ratio r is in the interval when a t-test does not reject that own - r * base has the mean 0.

    Args:
        own, base: [n] and [m], a value of each run.
        paired: whether own[i] and base[i] belong together (the same seed).

    Returns:
        The limits; the upper one is infinite where the base may be 0.
    """
    own, base = np.asarray(own, dtype=float), np.asarray(base, dtype=float)
    centre = own.mean() / base.mean()
    _, freedom = standard_error(own, -centre * base, paired)
    k = t_quantile(freedom) ** 2
    own_variance = own.var(ddof=1) / len(own)
    base_variance = base.var(ddof=1) / len(base)
    covariance = np.cov(own, base)[0, 1] / len(own) if paired else 0.0
    # The limits solve (own - r base)^2 = k (var own - 2 r cov + r^2 var base).
    a = base.mean() ** 2 - k * base_variance
    b = own.mean() * base.mean() - k * covariance
    c = own.mean() ** 2 - k * own_variance
    if a <= 0:
        return 0.0, np.inf
    root = np.sqrt(max(b**2 - a * c, 0.0))
    return float(max(b - root, 0.0) / a), float((b + root) / a)


def standard_error(own: np.ndarray, base: np.ndarray, paired: bool) -> tuple:
    """Standard error of mean(own) + mean(base), and its degrees of freedom.

    Args:
        own, base: [n, ...] and [m, ...], what each run contributes to one sum or to several.
        paired: the parts of a seed are one value (n = m); else Welch's formula for two samples.
    """
    if paired:
        n = len(own)
        return (own + base).std(axis=0, ddof=1) / np.sqrt(n), n - 1
    n, m = len(own), len(base)
    own_part = own.var(axis=0, ddof=1) / n
    base_part = base.var(axis=0, ddof=1) / m
    total = own_part + base_part
    spread = own_part**2 / (n - 1) + base_part**2 / (m - 1)
    fallback = np.full(np.shape(total), min(n, m) - 1.0)  # for runs that are all equal
    freedom = np.divide(total**2, spread, out=fallback, where=spread > 0)
    return np.sqrt(total), freedom


def t_quantile(freedom):
    """The factor by which Student's t widens a standard error to a 95 % interval."""
    from scipy.special import stdtrit

    return stdtrit(freedom, (1 + LEVEL) / 2)


def holm(p_values: list[float]) -> list[float]:
    """p values corrected for their number (Holm, 1979), in the order given; NaN stays NaN."""
    known = [p for p in p_values if not np.isnan(p)]
    corrected = {}
    highest = 0.0
    for rank, p in enumerate(sorted(known)):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        corrected[p] = highest
    return [corrected.get(p, np.nan) for p in p_values]
