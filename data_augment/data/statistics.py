"""Pass rates of a taskset in figures: a histogram, and what the columns say to a selector."""

# A pass rate of n samples is one of k/n. Up to this n the samples are looked for.
MOST_SAMPLES = 128
MOST_BARS = 32  # between the two for exactly 0 and exactly 1
HEIGHTS = " ▁▂▃▄▅▆▇█"


def histogram(rates) -> dict[str, int]:
    """Rows for each bar of a histogram of pass rates, by the bar's label, from 0 to 1.

    Exactly 0 and exactly 1 have a bar each. Pass rates of n samples have n + 1 possible values,
    and so many bars, or each bar has the same number of values; ten bars of width 0.1 would hold
    one value or two, and show stripes that are not there. Other numbers get bars of width 0.1.

    Args:
        rates: an array of numbers in [0, 1] (NaN and None are left out).
    """
    labels, counts, _ = _bars(rates)
    return dict(zip(labels, counts, strict=True))


def histogram_line(rates) -> str:
    """The histogram as one line of text, and the shares of exactly 0 and exactly 1.

    The height of a bar is its rows for each possible value in it, so that a last, narrower bar
    does not look poor.
    """
    _, counts, widths = _bars(rates)
    rows = sum(counts)
    if rows == 0:
        return "no values"
    densities = [count / width for count, width in zip(counts, widths, strict=True)]
    highest = max(densities)
    steps = len(HEIGHTS) - 1
    # rounded up: a bar with a single row is seen
    bars = "".join(HEIGHTS[-int(-steps * density // highest)] for density in densities)
    return f"0 {bars} 1, {counts[0] / rows:.0%} at 0, {counts[-1] / rows:.0%} at 1"


def samples_behind(rates) -> int | None:
    """The smallest number of samples n, so that every rate is some k/n; None above MOST_SAMPLES."""
    import numpy as np

    distinct = np.unique(rates)
    if len(distinct) > MOST_SAMPLES + 1:
        return None
    for n in range(1, MOST_SAMPLES + 1):
        counts = distinct * n
        if np.allclose(counts, np.round(counts), rtol=0, atol=1e-6):
            return n
    return None


def _bars(rates) -> tuple[list[str], list[int], list[float]]:
    """(labels, rows, widths) of the bars; a width is a number of possible values, or a share."""
    import numpy as np

    rates = np.asarray(rates, dtype=float)
    rates = rates[~np.isnan(rates)]
    at_0 = int(np.count_nonzero(rates == 0))
    at_1 = int(np.count_nonzero(rates == 1))
    between = rates[(rates > 0) & (rates < 1)]

    n = samples_behind(rates)
    if n is None:
        counts, edges = np.histogram(between, bins=10, range=(0, 1))
        labels = [f"{low:.1f}-{low + 0.1:.1f}" for low in edges[:-1]]
        return ["0", *labels, "1"], [at_0, *counts.tolist(), at_1], [1.0] * 12

    numerators = np.round(between * n).astype(int)  # 1 to n - 1
    width = -(-(n - 1) // MOST_BARS) or 1
    labels, counts, widths = [], [], []
    for first in range(1, n, width):
        last = min(first + width, n) - 1
        label = f"{first / n:.4g}" if first == last else f"{first / n:.4g}-{last / n:.4g}"
        labels.append(label)
        counts.append(int(np.count_nonzero((numerators >= first) & (numerators <= last))))
        widths.append(float(last - first + 1))
    return ["0", *labels, "1"], [at_0, *counts, at_1], [1.0, *widths, 1.0]


def pass_rate_figures(rows, names: list[str]) -> dict:
    """Figures of the pass-rate columns `names`, and advice where they will not serve a selector.

    Args:
        rows: a polars DataFrame whose columns `names` are numbers in [0, 1].

    `feature_keys` has the names from the weakest model to the strongest, by mean. `both_0` and the
    other shares are of the rows, and compare the weakest with the strongest; `zero_in_all` is a
    number of rows.
    """
    if not names:
        return {"advice": ["no pass rates, which difficulty_based needs: measure_pass_rates.py"]}
    columns = {}
    advice = []
    for name in names:
        rates = rows[name]
        columns[name] = {
            "mean": rates.mean(),
            "histogram": histogram(rates.to_numpy()),
            "bars": histogram_line(rates.to_numpy()),
        }
        if rates.n_unique() == 1:
            advice.append(f"{name} is constant: it tells no task from another")
        if (rates == 0).mean() >= 0.9:
            advice.append(f"{name} is 0 almost everywhere: never solved, or never measured?")
    by_mean = sorted(names, key=lambda name: columns[name]["mean"])
    weak = rows[by_mean[0]]
    strong = rows[by_mean[-1]]
    are_equal = len(names) > 1 and (weak == strong).all()
    if are_equal:
        advice.append("the pass-rate columns are equal: difficulty_based needs two that differ")
    zero_in_all = rows.select(all_zero(names).sum()).item()
    if zero_in_all:
        advice.append(
            f"{zero_in_all:,} rows are 0 in every pass-rate column: never solved, or never "
            "measured? (guru-RL-92k fills with 0.) --zero-rate-is-missing drops them"
        )
    mean = (weak + strong) / 2
    return {
        "columns": columns,
        "feature_keys": by_mean,
        "are_equal": are_equal,
        "weaker_beats_stronger": (weak > strong).mean(),
        "both_0": ((weak == 0) & (strong == 0)).mean(),
        "both_1": ((weak == 1) & (strong == 1)).mean(),
        "productively_challenging": mean.is_between(0, 1, closed="none").mean(),
        "zero_in_all": zero_in_all,
        "advice": advice,
    }


def all_zero(names: list[str]):
    """Polars expression: the pass rate is 0 in every one of the columns `names`."""
    import polars as pl

    return pl.all_horizontal(pl.col(names) == 0)
