"""What a selector is worth against a baseline, from the curves of their runs (plot_result.py).

Each figure is read off the mean curve over a selector's runs, straight between evaluations. Its
95 % interval comes from 10,000 bootstrap samples of the runs, the baseline's included. The terms
are those of the BOTS paper (arXiv 2510.26374):

  final      accuracy at the last evaluation that all runs of selector and baseline share
  TTB(x %)   steps to gain x % of what the baseline gains by then, over the baseline's own steps
  BSF(25 %)  best accuracy within a quarter of the steps, over the baseline's
  ETR        effective task ratio: share of tasks with a pass rate strictly between 0 and 1

The difference of the final accuracies is paired by seed where every seed has one run; from three
runs on with its interval and p value by Student's t.
"""

import numpy as np

SAMPLES = 10_000
STEP_SECONDS = ["wait_seconds", "train_seconds"]
HEADER = ["selector", "n", "final", "TTB(50 %)", "TTB(100 %)", "BSF(25 %)", "ETR"]
HEADER += ["tokens a step", "s a step", "final, less the baseline's"]


def compare(curves, metric: str, baseline: str = "random") -> list[str]:
    """Lines of a Markdown table, a row for each selector, and what selection costs.

    `curves`: DataFrame with plot_result.COLUMNS; `metric`: eval_accuracy/NAME. One sentence where
    there is no comparison: no run of the baseline, or none of another selector.
    """
    others = sorted(set(curves.selector) - {baseline})
    if baseline not in set(curves.selector) or not others:
        return [f"No comparison: it wants runs of {baseline!r} (--baseline) and of another."]
    rows = [HEADER, ["---"] * len(HEADER)]
    rows += [row(curves, metric, baseline, selector) for selector in (baseline, *others)]
    about = f"Accuracy on {metric.partition('/')[2]}; in brackets 95 % intervals over the runs."
    return [about, "", *(f"| {' | '.join(cells)} |" for cells in rows), "", selection_cost(curves)]


def selection_cost(curves) -> str:
    """Share of the step time that selection and feedback take, where a selector measured it."""
    spent = curves[curves.metric == "selection_seconds"]
    steps = curves[curves.run.isin(spent.run) & curves.metric.isin(STEP_SECONDS)]
    if spent.empty or steps.empty:
        return "What selection costs was not measured in these runs."
    share = spent.value.sum() / steps.value.sum()
    return f"difficulty_based: draw, feedback and state take {share:.2%} of the time of its steps."


def row(curves, metric: str, baseline: str, selector: str) -> list[str]:
    base, own = (evaluated(curves, metric, name) for name in (baseline, selector))
    steps = base.index.intersection(own.index)  # all runs of both were evaluated there
    n, rng = own.shape[1], np.random.default_rng(0)
    if len(steps) < 2:  # runs too short to compare
        return [selector, str(n), *["-"] * 7, ""]
    a, b = mean_curves(base.loc[steps], rng), mean_curves(own.loc[steps], rng)
    if selector == baseline:
        relative, gain = ["1"] * 3, ""
    else:
        early = np.asarray(steps) <= 0.25 * steps[-1]
        ratios = [time_to_baseline(a, b, steps, share) for share in (0.5, 1.0)]
        ratios.append(b[:, early].max(1) / a[:, early].max(1))
        relative = [shown(values, 2, n) for values in ratios]
        gain = difference(base.loc[steps[-1]], own.loc[steps[-1]])
    some = curves[curves.selector == selector]
    per_run = [
        (per_step(some, ["effective_task_ratio"], "mean"), 2),
        (per_step(some, ["tokens"]), 0),
        (per_step(some, STEP_SECONDS), 1),
    ]
    return [
        selector,
        str(n),
        shown(b[:, -1], 3, n),
        *relative,
        *(shown(mean_curves(table, rng)[:, 0], digits, n) for table, digits in per_run),
        gain,
    ]


def evaluated(curves, metric: str, selector: str):
    """A selector's curves [steps, runs], at the steps at which all its runs were evaluated.

    The columns are the seeds where every seed has one run, else the runs.
    """
    some = curves[(curves.metric == metric) & (curves.selector == selector)]
    columns = "seed" if some.groupby("seed").run.nunique().max() == 1 else "run"
    return some.pivot_table(index="step", columns=columns, values="value").dropna()


def per_step(curves, metrics: list[str], how: str = "median"):
    """What a step takes, the sum of some metrics: its mean or median in each run, [1, runs].

    The median leaves out the few steps that wait for an evaluation.
    """
    some = curves[curves.metric.isin(metrics)].groupby(["run", "step"]).value.sum()
    return some.groupby("run").agg(how).to_frame().T


def mean_curves(table, rng) -> np.ndarray:
    """[1 + SAMPLES, steps]: the mean over the runs, then that of each bootstrap sample of them."""
    runs = table.to_numpy().T
    if not len(runs):
        return np.full((1 + SAMPLES, len(table)), np.nan)
    picked = rng.integers(len(runs), size=(SAMPLES, len(runs)))
    return np.vstack([runs.mean(0), runs[picked].mean(1)])


def time_to_baseline(base, own, steps, share: float) -> np.ndarray:
    """TTB for each pair of curves [k, steps]; infinite where a curve does not get there."""
    start = (base[:, 0] + own[:, 0]) / 2  # one model before training: they differ by sampling
    target = start + share * (base[:, -1] - start)
    pairs = zip(base, own, target, strict=True)
    return np.array([ratio(reached(y, steps, t), reached(x, steps, t)) for x, y, t in pairs])


def reached(curve, steps, target: float) -> float:
    """The step at which a curve first reaches the target; infinity if it never does."""
    above = np.flatnonzero(curve >= target)
    if not len(above):
        return np.inf
    i = max(above[0], 1)
    part = np.clip((target - curve[i - 1]) / (curve[i] - curve[i - 1] or 1), 0, 1)
    return steps[i - 1] + part * (steps[i] - steps[i - 1])


def ratio(own: float, base: float) -> float:
    return own / base if base else (1.0 if own == base else np.inf)


def shown(values: np.ndarray, digits: int, n: int) -> str:
    """`0.52 [0.48, 0.55]`; the first value is the figure, the others its bootstrap samples."""
    numbers = [values[0]]
    if n > 1:
        numbers += list(np.quantile(values[1:], [0.025, 0.975], method="nearest"))
    words = {np.inf: "not reached"}
    texts = [words.get(x) or ("-" if np.isnan(x) else f"{x:.{digits}f}") for x in numbers]
    return texts[0] if n == 1 or texts[0] == "-" else f"{texts[0]} [{texts[1]}, {texts[2]}]"


def difference(base, own) -> str:
    """Final accuracies of a selector less the baseline's: mean, 95 % interval, p, pairs."""
    from scipy.stats import ttest_ind, ttest_rel

    seeds = base.index.intersection(own.index)
    if base.index.name == own.index.name == "seed" and len(seeds) > 2:
        base, own, how = base[seeds], own[seeds], f"{len(seeds)} pairs"
        test = ttest_rel(own, base)
    elif min(len(base), len(own)) > 2:
        test, how = ttest_ind(own, base, equal_var=False), "not paired"
    else:
        return f"{own.mean() - base.mean():+.3f}"
    low, high = test.confidence_interval()
    return (
        f"{own.mean() - base.mean():+.3f} [{low:+.3f}, {high:+.3f}], p = {test.pvalue:.2g}, {how}"
    )
