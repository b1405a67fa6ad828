"""Step 5: run folders -> a tidy table of their curves -> training_result.jpg and the comparison.

    python plot_result.py                                     # every run under checkpoints/
    python plot_result.py checkpoints/Data-Augmentation --output my.png
    python plot_result.py results/curves.csv                  # figure and comparison again

Left: what selection does, that is which tasks were rolled out; rollout accuracy rises by choosing
easier tasks alone. Right: accuracy on held-out problems, the evidence of learning. Runs of one
selector with several seeds are one line, their mean, with its 95 % interval at each evaluation.
Against a baseline the comparison is printed as a Markdown table; comparison.py defines its columns.
"""

import argparse
import os
import re
import sys
from pathlib import Path

COLUMNS = ["run", "selector", "seed", "step", "metric", "value"]
VALUE = "%.5g"  # in the table file and in memory: figure and comparison are the same from both
# TensorBoard names (trinity-rft 0.6.0, task_selection.py) -> ours; a user names the evaluation.
METRICS = {
    r"rollout/accuracy/mean": "rollout_accuracy",
    r"eval/(.+)/accuracy/mean@\d+": r"eval_accuracy/\1",
    r"experience_pipeline/selection/valid_ratio": "effective_task_ratio",
    r"perf/total_num_tokens": "tokens",  # of a step's prompts and responses
    r"time/read_experience": "wait_seconds",  # the trainer's, for rollouts
    r"time/train_step": "train_seconds",
    r"selection/seconds": "selection_seconds",
    r"selection/predicted_pass_rate_error": "predicted_pass_rate_error",
}
# Okabe and Ito
COLOURS = ["#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
LINES = ["-", "--", "-.", ":"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Draw and compare the curves of runs.")
    add = parser.add_argument
    add("source", nargs="*", default=["checkpoints"], help="run folders, folders that hold them, "
        "or tables (.csv) (default: checkpoints)")  # fmt: skip
    add("--output", default="training_result.jpg", help="figure (default: %(default)s)")
    add("--csv", help="also write the curves as a table (default: not)")
    add("--smooth", type=int, default=5, help="steps of the running mean, left (default: 5)")
    add("--baseline", default="random", help="selector to compare with (default: %(default)s)")
    args = parser.parse_args(argv)
    try:
        curves = read(args.source)
        if args.csv:
            write(args.csv, lambda path: curves.to_csv(path, index=False, float_format=VALUE))
        write(args.output, lambda path: draw(curves, args.smooth, path))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from data_augment.figure.comparison import compare

    print(f"{args.output}: {curves.run.nunique()} run(s) of {', '.join(selectors(curves))}")
    for metric in evaluations(curves):
        print("\n".join(["", *compare(curves, metric, args.baseline)]))
    return 0


def read(sources: list[str]):
    """Curves of all runs in the sources as a DataFrame with COLUMNS, sorted."""
    import pandas as pd

    tables = []
    for source in map(Path, sources):
        if source.suffix == ".csv":
            table = pd.read_csv(source)
            if missing := set(COLUMNS) - set(table.columns):
                raise ValueError(f"{source}: columns missing: {', '.join(sorted(missing))}")
            tables.append(table[COLUMNS])
            continue
        runs = sorted(path.parent.parent for path in source.glob("**/monitor/tensorboard"))
        tables += [read_run(run, source) for run in runs]
    tables = [table for table in tables if len(table)]
    if not tables:
        raise ValueError(
            f"{', '.join(sources)}: no run with TensorBoard files there yet. A run lies in "
            "checkpoints/<project>/<group>/<name>; train one with main.py"
        )
    curves = pd.concat(tables).sort_values(COLUMNS[:5], ignore_index=True)
    return curves.assign(value=[float(VALUE % value) for value in curves.value])


def read_run(run: Path, root: Path):
    """One run's curves; of a step trained twice (after a resume) the later value counts."""
    import pandas as pd
    from omegaconf import OmegaConf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    selector, seed = run.name, 0
    if (run / "config.yaml").exists():
        config = OmegaConf.load(run / "config.yaml")
        chosen = config.buffer.explorer_input.taskset.get("task_selector") or {}
        selector, seed = selector_name(chosen), chosen.get("seed", 42)
    values: dict[tuple[int, str], float] = {}
    files = [*run.glob("monitor/tensorboard/*/events*"), *run.glob("selector/events*")]
    for file in sorted(files, key=lambda path: path.stat().st_mtime):
        events = EventAccumulator(str(file), size_guidance={"scalars": 0}).Reload()
        for tag in events.Tags()["scalars"]:
            for pattern, name in METRICS.items():
                if match := re.fullmatch(pattern, tag):
                    metric = match.expand(name)
                    values |= {(event.step, metric): event.value for event in events.Scalars(tag)}
    name = str(run.relative_to(root)) if run != root else run.name
    rows = [(name, selector, seed, step, metric, v) for (step, metric), v in values.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def selector_name(selector) -> str:
    """`difficulty_based` for Trinity's class and the mended one, with what tells runs apart."""
    kind, kwargs = str(selector.get("selector_type", "sequential")), selector.get("kwargs") or {}
    if not kind.endswith(".DifficultyBasedSelector") and kind != "difficulty_based":
        return kind
    strength = kwargs.get("prior_strength", 0)
    target = f"difficulty_based, target {kwargs.get('target_reward', 1):g}"
    return f"{target}, prior {strength:g}" if strength else target


def selectors(curves) -> list[str]:
    """Names of the selectors, the baseline `random` first."""
    return sorted(curves.selector.unique(), key=lambda name: (name != "random", name))


def evaluations(curves) -> list[str]:
    return [metric for metric in curves.metric.unique() if metric.startswith("eval_accuracy/")]


def draw(curves, smooth: int, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    evals = evaluations(curves)
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(5.5 + 5.5 * max(len(evals), 1), 5.6), layout="constrained")
    grid = figure.add_gridspec(2, 1 + len(evals), width_ratios=[0.9] + [1] * len(evals))
    left = [figure.add_subplot(grid[row, 0]) for row in (0, 1)]
    draw_metric(left[0], curves, "rollout_accuracy", smooth)
    left[0].set(title="What selection does", ylabel="rollout accuracy", ylim=(0, 1))
    draw_metric(left[1], curves, "effective_task_ratio", smooth)
    left[1].set(
        ylabel="share of tasks\nwith 0 < pass rate < 1", ylim=(0, 1), xlabel="training step"
    )
    handles, labels = left[0].get_legend_handles_labels()
    for i, metric in enumerate(evals):
        axis = figure.add_subplot(grid[:, 1 + i])
        draw_metric(axis, curves, metric)
        name = metric.partition("/")[2]
        axis.set(title=f"What is learned: accuracy on {name}", xlabel="training step")
        handles, labels = axis.get_legend_handles_labels()
        inset = axis.inset_axes([0.67, 0.12, 0.32, 0.26])
        draw_metric(inset, against_tokens(curves, metric), metric, small=True)
        inset.set_xlabel("thousand tokens", fontsize=8, labelpad=1)
        inset.tick_params(labelsize=8)
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=150, format=Path(path).name.removesuffix(".tmp").rsplit(".", 1)[-1])
    plt.close(figure)


def draw_metric(axis, curves, metric: str, smooth: int = 1, small: bool = False) -> None:
    """A line for each selector, the mean over its runs.

    An evaluation has its 95 % interval (Student's t) from three runs on, since that of two is as
    wide as the figure; the selectors then stand side by side, a hundredth of the axis apart.
    `small`, for an inset: thin lines, no intervals.
    """
    from scipy.stats import t

    names, evaluation = selectors(curves), metric.startswith("eval")
    for i, selector in enumerate(names):
        some = curves[(curves.metric == metric) & (curves.selector == selector)]
        if some.empty:
            continue
        wide = some.pivot_table(index="step", columns="run", values="value")
        wide = wide.rolling(smooth, min_periods=1, center=True).mean()
        n, mean = wide.count(axis=1), wide.mean(axis=1)
        style = {"color": COLOURS[i % len(COLOURS)], "linestyle": LINES[i % len(LINES)]}
        style |= {"linewidth": 1 if small else 2, "label": f"{selector} (n = {wide.shape[1]})"}
        if evaluation:
            style |= {"marker": MARKERS[i % len(MARKERS)], "markersize": 2 if small else 5}
        if evaluation and not small:
            half = t.ppf(0.975, n - 1) * wide.std(axis=1) / n**0.5
            style |= {"yerr": half.where(n > 2), "capsize": 3, "elinewidth": 1}
            mean.index += 0.01 * mean.index.max() * (i - (len(names) - 1) / 2)
        axis.errorbar(mean.index, mean, **style)
    axis.grid(alpha=0.25)


def against_tokens(curves, metric: str):
    """The curves of one metric over the tokens rolled out so far, in thousands, instead of steps.

    A selector's runs share one axis: the mean of their tokens at each step.
    """
    tokens = curves[curves.metric == "tokens"]
    spent = tokens.groupby(["selector", "step"]).value.mean().groupby("selector").cumsum() / 1e3
    some = curves[curves.metric == metric]
    keys = zip(some.selector, some.step, strict=True)
    return some.assign(step=[spent.get(key, 0.0 if key[1] == 0 else None) for key in keys])


def write(path: str, make) -> None:
    """Have `make` write a temporary file beside `path`, then rename it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    make(Path(f"{path}.tmp"))
    os.replace(f"{path}.tmp", path)


if __name__ == "__main__":
    sys.exit(main())
