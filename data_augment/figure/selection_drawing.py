"""The figure of `plot_result.py --selection`: what the selectors believed, and what they drew."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from data_augment.figure.curves import selectors
from data_augment.figure.drawing import COLOURS, LINES, MARKERS, draw_metric
from data_augment.figure.selection import TIMES, Beliefs, calibration, tasks_by_times

CURVES = {  # metric -> place in the grid, title, the highest value shown
    "expected_pass_rate": ((0, 0), "Expected pass rate, mean of all tasks", 1),
    "predicted_pass_rate_error": ((1, 0), "Error of the predictions, mean of a batch", 1),
    "solved_ratio": ((0, 1), "Share of all tasks that are solved", None),
    "hopeless_ratio": ((1, 1), "Share of all tasks that are hopeless", None),
}


def draw_selection(beliefs: Beliefs, smooth: int, path: Path) -> None:
    """Draw the beliefs into a file; the suffix of its name says the format.

    Args:
        smooth: steps of the running mean of the error, which is that of one batch.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(2, 3, figsize=(16, 8.4), layout="constrained")
    for metric, (place, title, highest) in CURVES.items():
        axis = axes[place]
        draw_metric(axis, beliefs.curves, metric, smooth if metric.endswith("error") else 1)
        axis.set(title=title, xlabel="training step", ylim=(0, highest))
    draw_calibration(axes[0, 2], beliefs)
    draw_times(axes[1, 2], beliefs)
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_calibration(axis, beliefs: Beliefs) -> None:
    """Observed pass rates over the predicted ones; on the diagonal a prediction came true."""
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for i, selector in enumerate(selectors(beliefs.curves)):
        deciles = calibration(beliefs.results[beliefs.results.selector == selector])
        bars = [deciles.observed - deciles.low, deciles.high - deciles.observed]
        style = {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": LINES[i % len(LINES)],
            "marker": MARKERS[i % len(MARKERS)],
            "capsize": 3,
            "clip_on": False,  # a marker at 0 or 1 is whole
        }
        axis.errorbar(deciles.predicted, deciles.observed, bars, **style)
    axis.set(title="What was predicted at the draw, and what came", xlim=(0, 1), ylim=(0, 1))
    axis.set(xlabel="predicted pass rate, by deciles", ylabel="observed pass rate")
    axis.grid(alpha=0.25)


def draw_times(axis, beliefs: Beliefs) -> None:
    """How many tasks were drawn once, twice, and so on; bars of the selectors side by side."""
    names = selectors(beliefs.curves)
    width = 0.8 / len(names)
    places = np.arange(len(TIMES))
    for i, selector in enumerate(names):
        tasks = tasks_by_times(beliefs.drawn[beliefs.drawn.selector == selector])
        shifted = places + width * (i - (len(names) - 1) / 2)
        axis.bar(shifted, tasks, width, color=COLOURS[i % len(COLOURS)])
    axis.set_xticks(places, times_texts())
    axis.set(title="How often a task was drawn", xlabel="times", ylabel="tasks, mean over runs")
    axis.grid(alpha=0.25, axis="y")


def times_texts() -> list[str]:
    """`3-4`: the names of the bars of TIMES."""
    texts = []
    for first, following in pairwise(TIMES):
        last = following - 1
        texts.append(str(first) if first == last else f"{first}-{last}")
    return [*texts, f"{TIMES[-1]}+"]
