"""What a selector is worth against a baseline, from the curves of their runs (curves.py).

Each figure is read off the mean curve over a selector's runs, straight between evaluations. The
terms are those of the BOTS paper (arXiv 2510.26374):

  final      accuracy at the last evaluation that all runs of selector and baseline share
  TTB(x %)   steps to gain x % of what the baseline gains by then, over the baseline's own steps
  BSF(25 %)  best accuracy within a quarter of the steps, over the baseline's
  ETR        effective task ratio: share of tasks with a pass rate strictly between 0 and 1

The 95 % intervals, from three runs on, are those of intervals.py. Selector and baseline are paired
by seed where both have one run of each seed; else they are two samples (Welch). The p values of the
differences are corrected for the number of selectors compared (Holm). A run that ended before the
others of its label is left out and named.
"""

from dataclasses import dataclass

import numpy as np

from data_augment.figure.curves import short_runs
from data_augment.figure.intervals import (
    holm,
    mean_interval,
    ratio_interval,
    standard_error,
    t_quantile,
)

STEP_SECONDS = ["wait_seconds", "train_seconds"]
HEADER = ["selector", "n", "final", "TTB(50 %)", "TTB(100 %)", "BSF(25 %)", "ETR"]
HEADER += ["tokens a step", "final, less the baseline's"]
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


def compare(curves, metric: str, baseline: str = "random") -> list[str]:
    """Lines of a Markdown table, a row for each selector, and below it what is to be said of it.

    `curves`: DataFrame with curves.COLUMNS; `metric`: eval_accuracy/NAME. One sentence where there
    is no comparison: no run of the baseline, or none of another selector with the same settings.
    """
    short = short_runs(curves)
    notes = short_notes(curves, short)
    cost = selection_cost(curves)
    curves = curves[~curves.run.isin(short)]
    own_baseline = baselines(sorted(curves.selector.unique()), baseline)
    pairs = {}
    for label, base in own_baseline.items():
        if base is not None and base != label:
            pairs[label] = pair(curves, metric, label, base)
    notes += other_notes(own_baseline, pairs)
    if not pairs:
        found = ", ".join(repr(label) for label in own_baseline)
        return [
            f"No comparison: runs of {baseline!r} (--baseline) are needed, and runs of another "
            f"selector with the same settings. Found: {found}.",
            *notes,
        ]
    tests = {label: difference(two) for label, two in pairs.items()}
    corrected = holm([test["p"] for test in tests.values()])
    for test, p in zip(tests.values(), corrected, strict=True):
        test["p"] = p

    rows = [HEADER, ["---"] * len(HEADER)]
    for label, base in own_baseline.items():
        cells = [label, *alone(curves, metric, label, pairs.get(label))]
        if label in pairs:
            cells[3:3] = relative(pairs[label])
            cells.append(difference_cell(tests[label]))
        else:
            cells[3:3] = ["1" if base == label else "-"] * 3
            cells.append("")
        rows.append(cells)
    return [
        about(metric, tests),
        "",
        *(f"| {' | '.join(cells)} |" for cells in rows),
        "",
        *notes,
        cost,
    ]


def about(metric: str, tests: dict[str, dict]) -> str:
    tested = sum(1 for test in tests.values() if not np.isnan(test["p"]))
    line = f"Accuracy on {metric.partition('/')[2]}; in brackets 95 % intervals over the runs"
    if tested:
        line += f"; p values corrected for {tested} selector(s) compared (Holm)"
    return line + "."


def baselines(labels: list[str], baseline: str) -> dict[str, str | None]:
    """For each label the baseline with the same settings, or None; in the order of the rows.

    What follows the semicolon of a label are its settings: `random; 60 steps` is the baseline of
    `shuffle; 60 steps`.
    """
    found = {}
    for label in labels:
        _, semicolon, settings = label.partition("; ")
        base = f"{baseline}{semicolon}{settings}"
        found[label] = base if base in labels else None

    def place(label: str) -> tuple:
        settings = label.partition("; ")[2]
        return settings, label != found[label], label

    return {label: found[label] for label in sorted(found, key=place)}


def evaluated(curves, metric: str, label: str):
    """A label's curves [steps, runs], at the steps at which all its runs were evaluated.

    The columns are the seeds where every seed has one run, else the runs.
    """
    some = curves[(curves.metric == metric) & (curves.selector == label)]
    columns = "seed" if some.groupby("seed").run.nunique().max() == 1 else "run"
    return some.pivot_table(index="step", columns=columns, values="value").dropna()


def pair(curves, metric: str, label: str, baseline: str) -> Pair:
    own, base = evaluated(curves, metric, label), evaluated(curves, metric, baseline)
    steps = own.index.intersection(base.index)
    return Pair(
        steps=steps.to_numpy(dtype=float),
        own=own.loc[steps].to_numpy().T,
        base=base.loc[steps].to_numpy().T,
        paired=own.columns.name == base.columns.name == "seed" and own.columns.equals(base.columns),
        longest=max([*own.index, *base.index], default=0.0),
    )


def alone(curves, metric: str, label: str, compared: Pair | None) -> list[str]:
    """Cells of a label that need no baseline: n, final, ETR, tokens a step."""
    if compared is None:
        final = evaluated(curves, metric, label).to_numpy()
        n = final.shape[1]
        final = final[-1] if len(final) else np.array([])
    else:
        n = len(compared.own)
        final = compared.own[:, -1] if len(compared.steps) else np.array([])
    some = curves[curves.selector == label]
    return [
        str(n),
        mean_cell(final, 3),
        mean_cell(per_run(some, ["effective_task_ratio"], "mean"), 2),
        mean_cell(per_run(some, ["tokens"], "median"), 0),
    ]


def relative(two: Pair) -> list[str]:
    """Cells against the baseline: TTB(50 %), TTB(100 %), BSF(25 %)."""
    if len(two.steps) < 2:  # too short to compare
        return ["-"] * 3
    cells = []
    for share in (0.5, 1.0):
        limits = time_interval(two, share) if two.enough else None
        cells.append(cell(time_to_baseline(two, share), limits, 2))
    return [*cells, best_so_far(two)]


def best_so_far(two: Pair) -> str:
    """BSF: the best mean accuracy within the first steps, over the baseline's."""
    early = two.steps <= EARLY * two.steps[-1]
    if not early.any():  # first evaluated later
        return "-"
    own_mean, base_mean = two.own.mean(axis=0)[early], two.base.mean(axis=0)[early]
    own, base = two.own[:, own_mean.argmax()], two.base[:, base_mean.argmax()]
    limits = ratio_interval(own, base, two.paired) if two.enough else None
    return cell(ratio(own.mean(), base.mean()), limits, 2)


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


def ratio(own: float, base: float) -> float:
    if base:
        return own / base
    return 1.0 if own == base else np.inf


def time_interval(two: Pair, share: float) -> tuple[float, float] | None:
    """The 95 % interval of TTB: all ratios that a t-test does not reject; None without a gain.

    At a step v the selector's accuracy less the target is a mean over the runs, so a t-test says
    whether it may be 0, that is whether v may be the step at which the target is reached. For a
    share of 100 % this is the test of the selector at v against the baseline at its end. The
    target of a smaller share is reached by the baseline at a step u that is uncertain, too; to
    first order, an error of the baseline at u moves the selector's step by `weight` times as much.
    For 100 % the baseline gets there at its end, or by chance a little earlier: between u and end.
    """
    own_mean, base_mean = two.own.mean(axis=0), two.base.mean(axis=0)
    target = goal(own_mean, base_mean, share)
    u = reached(base_mean, two.steps, target)
    if not 0 < u < np.inf:
        return None
    grid = np.linspace(two.steps[0], two.steps[-1], GRID)
    at_grid = np.array([np.interp(grid, two.steps, run) for run in two.own])  # [n, GRID]
    at_u = np.array([np.interp(u, two.steps, run) for run in two.base])[:, None]  # [m, 1]
    mean = np.interp(grid, two.steps, own_mean)

    weight = grid / u * np.gradient(mean, grid[1] - grid[0]) / slope_to(base_mean, two.steps, u)
    half_start = (1 - weight) * (1 - share) / 2
    own_part = at_grid - half_start * two.own[:, :1]
    base_part = -weight * at_u - half_start * two.base[:, :1]
    base_part = base_part - (1 - weight) * share * two.base[:, -1:]
    error, freedom = standard_error(own_part, base_part, two.paired)
    half = t_quantile(freedom) * error

    may_be_reached = mean - target + half >= 0
    may_be_missed = mean - target - half <= 0
    if not may_be_reached.any():
        return np.inf, np.inf
    latest = two.steps[-1] if share == 1 else u
    low = grid[may_be_reached.argmax()] / latest
    if may_be_missed[-1]:
        return low, np.inf
    if not may_be_missed.any():
        return low, low
    return low, grid[np.flatnonzero(may_be_missed)[-1] + 1] / u


def slope_to(curve: np.ndarray, steps: np.ndarray, step: float) -> float:
    """The slope of a curve on the stretch that ends at `step` or holds it."""
    i = max(int(np.searchsorted(steps, step)), 1)
    return (curve[i] - curve[i - 1]) / (steps[i] - steps[i - 1])


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


def difference_cell(test: dict) -> str:
    if np.isnan(test["value"]):
        return "-"
    if test["limits"] is None:
        return f"{test['value']:+.3f}"
    low, high = test["limits"]
    how = "" if test["paired"] else ", not paired"
    return f"{test['value']:+.3f} [{low:+.3f}, {high:+.3f}], p = {test['p']:.2g}{how}"


def per_run(curves, metrics: list[str], how: str) -> np.ndarray:
    """What a step takes, the sum of some metrics: its mean or median in each run.

    The median leaves out the few steps that wait for an evaluation.
    """
    some = curves[curves.metric.isin(metrics)].groupby(["run", "step"]).value.sum()
    return some.groupby("run").agg(how).to_numpy()


def mean_cell(values: np.ndarray, digits: int) -> str:
    """`0.52 [0.48, 0.55]`: the mean of the runs and its interval."""
    if not len(values):
        return "-"
    limits = mean_interval(values) if len(values) > 2 else None
    return cell(values.mean(), limits, digits)


def cell(value: float, limits: tuple[float, float] | None, digits: int) -> str:
    """A value and its limits, of which an infinite one is "not reached"."""
    numbers = [value] if limits is None else [value, *limits]
    texts = []
    for number in numbers:
        texts.append("not reached" if number == np.inf else f"{number:.{digits}f}")
    if np.isnan(value):
        return "-"
    return texts[0] if limits is None else f"{texts[0]} [{texts[1]}, {texts[2]}]"


def short_notes(curves, short: dict[str, float]) -> list[str]:
    """A line for each short run."""
    labels = curves.groupby("run").selector.first()
    lines = []
    for run, end in short.items():
        label = labels[run]
        longest = curves[curves.selector == label].step.max()
        lines.append(
            f"Not in the table: {run} ends at step {end:g}, others of {label} at step {longest:g}."
        )
    return lines


def other_notes(own_baseline: dict, pairs: dict[str, Pair]) -> list[str]:
    """Lines that name the selectors without a baseline, and those compared before the end."""
    lines = []
    without = [label for label, base in own_baseline.items() if base is None]
    if without and pairs:
        lines.append(f"Without a baseline of the same settings: {'; '.join(without)}.")
    for label, two in pairs.items():
        if len(two.steps) < 2:
            lines.append(f"Not compared, less than two evaluations in common: {label}.")
        elif two.end < two.longest:
            lines.append(f"Compared at step {two.end:g}, the last that both have: {label}.")
    return lines


def selection_cost(curves) -> str:
    """Share of the step time that selection and feedback take, where a selector measured it."""
    spent = curves[curves.metric == "selection_seconds"]
    steps = curves[curves.run.isin(spent.run) & curves.metric.isin(STEP_SECONDS)]
    if spent.empty or steps.empty:
        return "What selection costs was not measured in these runs."
    share = spent.value.sum() / steps.value.sum()
    return f"difficulty_based: draw, feedback and state take {share:.2%} of the time of its steps."
