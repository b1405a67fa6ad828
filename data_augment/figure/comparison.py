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

import numpy as np

from data_augment.figure.curves import short_runs
from data_augment.figure.intervals import holm, mean_interval
from data_augment.figure.measures import (
    Pair,
    best_so_far,
    difference,
    time_interval,
    time_to_baseline,
)

STEP_SECONDS = ["wait_seconds", "train_seconds"]
RELATIVE = ["TTB(50 %)", "TTB(100 %)", "BSF(25 %)"]
HEADER = ["selector", "n", "final", *RELATIVE, "ETR", "tokens a step"]
HEADER += ["final, less the baseline's"]


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

    lines = [about(metric, tests), "", markdown(HEADER), markdown(["---"] * len(HEADER))]
    for label, base in own_baseline.items():
        if label in pairs:
            cells = own_cells(curves, label, pairs[label].own)
            cells |= relative_cells(pairs[label])
            cells["final, less the baseline's"] = difference_cell(tests[label])
        else:
            cells = own_cells(curves, label, evaluated(curves, metric, label).to_numpy().T)
            cells |= dict.fromkeys(RELATIVE, "1" if base == label else "-")
        lines.append(markdown([cells.get(column, "") for column in HEADER]))
    return [*lines, "", *notes, cost]


def markdown(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def about(metric: str, tests: dict[str, dict]) -> str:
    tested = sum(1 for test in tests.values() if not np.isnan(test["p"]))
    line = f"Accuracy on {metric.partition('/')[2]}; in brackets 95 % intervals over the runs"
    if tested:
        line += f"; p values corrected for {tested} selector(s) compared (Holm)"
    return line + "."


def baselines(labels: list[str], baseline: str) -> dict[str, str | None]:
    """For each label the baseline with the same settings, or None; in the order of the rows.

    What follows the semicolon of a label are its settings: `random; 60 steps` is the baseline of
    `shuffle; 60 steps`. A baseline that is asked for with its settings is that of all labels.
    """
    found = {}
    for label in labels:
        _, semicolon, settings = label.partition("; ")
        same_settings = f"{baseline}{semicolon}{settings}"
        base = baseline if "; " in baseline else same_settings
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


def own_cells(curves, label: str, accuracies: np.ndarray) -> dict[str, str]:
    """Cells of a label that need no baseline. `accuracies`: of its runs, [n, steps]."""
    some = curves[curves.selector == label]
    return {
        "selector": label,
        "n": str(len(accuracies)),
        "final": mean_cell(accuracies[:, -1] if accuracies.size else np.array([]), 3),
        "ETR": mean_cell(per_run(some, "effective_task_ratio", "mean"), 2),
        "tokens a step": mean_cell(per_run(some, "tokens", "median"), 0),
    }


def relative_cells(two: Pair) -> dict[str, str]:
    """Cells that compare the curves of a label with those of its baseline."""
    if len(two.steps) < 2:  # too short to compare
        return dict.fromkeys(RELATIVE, "-")
    cells = {}
    for column, share in (("TTB(50 %)", 0.5), ("TTB(100 %)", 1.0)):
        limits = time_interval(two, share) if two.enough else None
        cells[column] = cell(time_to_baseline(two, share), limits, 2)
    cells["BSF(25 %)"] = cell(*best_so_far(two), 2)
    return cells


def difference_cell(test: dict) -> str:
    if np.isnan(test["value"]):
        return "-"
    if test["limits"] is None:
        return f"{test['value']:+.3f}"
    low, high = test["limits"]
    how = "" if test["paired"] else ", not paired"
    return f"{test['value']:+.3f} [{low:+.3f}, {high:+.3f}], p = {test['p']:.2g}{how}"


def per_run(curves, metric: str, how: str) -> np.ndarray:
    """A metric's mean or median over the steps of each run."""
    return curves[curves.metric == metric].groupby("run").value.agg(how).to_numpy()


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
    """A line for each short run, and one for those that are short by training steps alone."""
    labels = curves.groupby("run").selector.first()
    lines = []
    for run, end in short.items():
        label = labels[run]
        longest = curves[curves.selector == label].step.max()
        lines.append(
            f"Not in the table: {run} ends at step {end:g}, others of {label} at step {longest:g}."
        )
    last = curves.groupby(["selector", "run"]).step.max()
    ahead = last.groupby("selector").transform("max")
    behind = []
    for (_, run), end in last[last < ahead].items():
        if run not in short:
            behind.append(f"{run} (step {end:g})")
    if behind:
        lines.append(
            f"Fewer steps than others of the same label, as many evaluations: {', '.join(behind)}."
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
    """Share of the step time that selection takes, for each selector that measured it."""
    kinds = curves.selector.str.split("[,;]").str[0]
    shares = []
    for kind in sorted(set(kinds[curves.metric == "selection_seconds"])):
        some = curves[kinds == kind]
        spent = some[some.metric == "selection_seconds"]
        steps = some[some.run.isin(spent.run) & some.metric.isin(STEP_SECONDS)]
        if not steps.empty:
            shares.append(f"{kind} {spent.value.sum() / steps.value.sum():.2%}")
    if not shares:
        return "What selection costs was not measured in these runs."
    return f"Draw, feedback and state, as a share of the time of a step: {', '.join(shares)}."
