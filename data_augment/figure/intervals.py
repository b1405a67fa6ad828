"""Intervals that cover the truth 95 times in 100, also for five runs; the one home of them.

All rest on Student's t, because the runs are few: a percentile bootstrap of five values covers 84 %
where 95 % is said. The interval of a ratio holds every ratio that a t-test of the same runs does
not reject (Fieller, 1954). The intervals of shares are for the scores of problems, which lie
between 0 and 1, often at one of the two. tests/figure/test_coverage.py and
tests/evaluation/test_coverage.py simulate what all of them cover.
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


def share_interval(values, samples: float) -> tuple[float, float]:
    """The 95 % interval of the mean score of problems such as these: Wilson's, for clusters.

    The samples of one problem are no independent evidence about other problems. The spread between
    the problems says how many independent answers the samples are worth (Kish's effective number:
    from the number of problems, where each is solved always or never, to that of all samples).
    Wilson's interval (1927) of so many answers stays inside [0, 1] and is no point where all
    problems have the same score. With a score near 0 or 1 a few problems decide about the spread;
    the fewer they are, the nearer the effective number is taken to the number of problems.

    Student's t covers 85 % where 95 is said for 30 problems of which a fifth can be solved at all.

    Args:
        values: [n] the scores of the problems, in [0, 1]; the samples alone where there is a
            single problem. Rewards of a judge that go beyond get Student's interval.
        samples: independent samples behind each score.

    Returns:
        The limits; NaN where there are fewer than two values.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 2:
        return np.nan, np.nan
    if values.min() < 0 or values.max() > 1:
        return mean_interval(values)
    mean = values.mean()
    scatter = mean * (1 - mean)
    variance = values.var(ddof=1) / n
    effective = n * max(samples, 1.0)
    if variance > 0:
        effective = min(effective, scatter / variance)
    at_stake = n * min(mean, 1 - mean)  # problems that make the difference to 0 or to 1
    effective = n + (effective - n) * at_stake / (at_stake + 1)

    k = t_quantile(n - 1) ** 2
    centre = (mean + k / (2 * effective)) / (1 + k / effective)
    half = np.sqrt(k * scatter / effective + (k / (2 * effective)) ** 2) / (1 + k / effective)
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))


def difference_interval(differences, samples: float) -> tuple[float, float]:
    """The 95 % interval of the mean difference of two models on problems such as these.

    Student's t over the problems, with half a sample added to each of the four outcomes of two
    models (Agresti and Min, 2005, for one sample a problem): no point where the models agree.

    Args:
        differences: [n] the score of one model less that of the other on the same problem.
        samples: independent samples behind each score.

    Returns:
        The limits; NaN where there are fewer than two values.
    """
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    if n < 2:
        return np.nan, np.nan
    added = 1 / max(samples, 1.0)  # the weight of a sample, where a problem weighs 1
    weight = n + 2 * added
    mean = differences.sum() / weight
    variance = ((differences**2).sum() + added) / weight - mean**2
    half = t_quantile(n - 1) * np.sqrt(variance / weight)
    return float(max(mean - half, -1.0)), float(min(mean + half, 1.0))


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
