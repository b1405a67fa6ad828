"""The figure: what selection does (left), what is learned (right)."""

from pathlib import Path

import numpy as np

from data_augment.errors import BadInput
from data_augment.figure.curves import evaluations, selectors, short_runs
from data_augment.figure.intervals import mean_interval

# The colours of Okabe and Ito, which people with any colour vision tell apart.
COLOURS = ["#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
LINES = ["-", "--", "-.", ":"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def check_format(path: str) -> None:
    """Raise BadInput where matplotlib knows no format by the suffix of the figure's name."""
    from matplotlib.backend_bases import FigureCanvasBase

    formats = FigureCanvasBase.get_supported_filetypes()
    if Path(path).suffix.removeprefix(".").lower() not in formats:
        raise BadInput(
            f"--output {path}: name a figure with one of the suffixes {', '.join(sorted(formats))}"
        )


def draw(curves, smooth: int, path: Path) -> None:
    """Draw the curves (curves.COLUMNS) into a file; the suffix of its name says the format.

    Args:
        smooth: steps of the running mean in the left panels; the evaluations are as measured.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    evals = evaluations(curves)
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    names = selectors(curves)
    columns = 2 if max(map(len, names)) < 60 else 1  # of the legend
    legend_lines = -(-len(names) // columns)
    width = 5.5 + 5.5 * max(len(evals), 1)
    height = 5.6 + 0.28 * max(legend_lines - 4, 0)
    figure = plt.figure(figsize=(width, height), layout="constrained")
    grid = figure.add_gridspec(2, 1 + len(evals), width_ratios=[0.9] + [1] * len(evals))

    upper = figure.add_subplot(grid[0, 0])
    draw_metric(upper, curves, "rollout_accuracy", smooth)
    upper.set(title="What selection does", ylabel="rollout accuracy", ylim=(0, 1))
    lower = figure.add_subplot(grid[1, 0])
    draw_metric(lower, curves, "effective_task_ratio", smooth)
    lower.set(ylabel="share of tasks\nwith 0 < pass rate < 1", ylim=(0, 1))
    lower.set_xlabel("training step")

    axes = [upper, lower]
    for column, metric in enumerate(evals, 1):
        axis = figure.add_subplot(grid[:, column])
        draw_evaluation(axis, curves, metric)
        axes.append(axis)
    handles = {}  # one for each label; those of the evaluations have markers
    for axis in axes:
        for handle, text in zip(*axis.get_legend_handles_labels(), strict=True):
            handles[text] = handle
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=columns, frameon=False
    )
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_evaluation(axis, curves, metric: str) -> None:
    """Held-out accuracy over the steps, and in a corner over the tokens rolled out."""
    draw_metric(axis, curves, metric)
    axis.set(title=f"What is learned: accuracy on {metric.partition('/')[2]}")
    axis.set_xlabel("training step")
    inset = axis.inset_axes([0.67, 0.12, 0.32, 0.26])
    draw_metric(inset, against_tokens(curves, metric), metric, small=True)
    inset.set_xlabel("thousand tokens", fontsize=8, labelpad=1)
    inset.tick_params(labelsize=8)


def draw_metric(axis, curves, metric: str, smooth: int = 1, small: bool = False) -> None:
    """A line for each selector, the mean over its runs; short runs are thin lines of their own.

    An evaluation has its 95 % interval from three runs on, since that of two is as wide as the
    figure; the selectors then stand side by side, a hundredth of the axis apart.
    `small`, for an inset: thin lines, no intervals.
    """
    names = selectors(curves)
    short = short_runs(curves)
    evaluation = metric.startswith("eval")
    longest = curves[curves.metric == metric].step.max()
    for i, selector in enumerate(names):
        some = curves[(curves.metric == metric) & (curves.selector == selector)]
        runs = some.pivot_table(index="step", columns="run", values="value")
        runs = runs.rolling(smooth, min_periods=1, center=True).mean()
        is_short = runs.columns.isin(list(short))
        style = {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": LINES[i % len(LINES)],
            "linewidth": 1 if small else 2,
        }
        for run in runs.columns[is_short]:
            one = runs[run].dropna()
            axis.plot(one.index, one, **style | {"linewidth": 0.7}, alpha=0.6)
        runs = runs.loc[:, ~is_short].dropna(how="all")
        if runs.empty:
            continue
        mean = runs.mean(axis=1)
        steps = mean.index.to_numpy(dtype=float)
        if evaluation:
            style["marker"] = MARKERS[i % len(MARKERS)]
            style["markersize"] = 2 if small else 5
        if evaluation and not small:
            low, high = mean_interval(runs.to_numpy().T)
            bars = np.where(runs.count(axis=1) > 2, (high - low) / 2, np.nan)
            style |= {"yerr": bars, "capsize": 3, "elinewidth": 1}
            steps = steps + 0.01 * longest * (i - (len(names) - 1) / 2)
        axis.errorbar(steps, mean, label=legend_text(curves, selector), **style)
    axis.grid(alpha=0.25)


def legend_text(curves, selector: str) -> str:
    """`random (n = 5)`, and the short runs, which are not in the mean: `(n = 5, and 1 short)`."""
    runs = set(curves[curves.selector == selector].run)
    short = runs & set(short_runs(curves))
    count = f"n = {len(runs) - len(short)}"
    return f"{selector} ({count}, and {len(short)} short)" if short else f"{selector} ({count})"


def against_tokens(curves, metric: str):
    """The curves of one metric over the tokens rolled out so far, in thousands, instead of steps.

    A selector's runs share one axis: the mean of their tokens at each step.
    """
    tokens = curves[curves.metric == "tokens"]
    spent = tokens.groupby(["selector", "step"]).value.mean().groupby("selector").cumsum() / 1e3
    some = curves[curves.metric == metric]
    thousands = []
    for selector, step in zip(some.selector, some.step, strict=True):
        before_training = 0.0 if step == 0 else None
        thousands.append(spent.get((selector, step), before_training))
    return some.assign(step=thousands)
