"""Step 3: run folders -> a tidy table of their curves -> training_result.jpg.

    python plot_result.py                                     # every run under checkpoints/
    python plot_result.py checkpoints/Data-Augmentation --output my.png
    python plot_result.py results/curves.csv                  # the figure again

The left panel shows what selection does: which tasks were rolled out, not what was learned; it
rises by choosing easier tasks alone. The right panel, accuracy on held-out problems, is the
evidence. Runs of one selector with several seeds are drawn as mean and 95 % interval over seeds.
"""

import argparse
import os
import re
import sys
from pathlib import Path

COLUMNS = ["run", "selector", "seed", "step", "metric", "value"]
# TensorBoard names (trinity-rft 0.6.0) -> ours; the evaluation taskset is named by the user.
METRICS = {
    r"rollout/accuracy/mean": "rollout_accuracy",
    r"eval/(.+)/accuracy/mean@\d+": r"eval_accuracy/\1",
    r"experience_pipeline/selection/valid_ratio": "effective_task_ratio",
    r"time/train_step": "train_seconds",
}
COLOURS = ["#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00"]  # Okabe and Ito
LINES = ["-", "--", "-.", ":"]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Draw the training and held-out curves of runs.")
    add = parser.add_argument
    add("source", nargs="*", default=["checkpoints"], help="run folders, folders that hold them, "
        "or tables (.csv) (default: checkpoints)")  # fmt: skip
    add("--output", default="training_result.jpg", help="figure (default: %(default)s)")
    add("--csv", help="also write the curves as a table (default: not)")
    add("--smooth", type=int, default=5, help="steps of the running mean, left (default: 5)")
    args = parser.parse_args(argv)
    try:
        curves = read(args.source)
        if args.csv:
            write(args.csv, lambda path: curves.to_csv(path, index=False, float_format="%.6g"))
        write(args.output, lambda path: draw(curves, args.smooth, path))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{args.output}: {curves.run.nunique()} run(s) of {', '.join(curves.selector.unique())}")
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
    return pd.concat(tables).sort_values(COLUMNS[:5], ignore_index=True)


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
    files = sorted((run / "monitor/tensorboard").glob("*/events*"), key=lambda p: p.stat().st_mtime)
    for file in files:
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
    """`difficulty_based` for Trinity's and for the mended class alike; what departs is added."""
    kind = str(selector.get("selector_type", "sequential"))
    if kind.endswith(".DifficultyBasedSelector"):
        kind = "difficulty_based"
    strength = (selector.get("kwargs") or {}).get("prior_strength", 0)
    return f"{kind}, prior {strength:g}" if strength else kind


def draw(curves, smooth: int, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    evals = [metric for metric in curves.metric.unique() if metric.startswith("eval_accuracy/")]
    titles = {"rollout_accuracy": f"What is selected: rollouts, mean of {smooth} steps"}
    titles |= {metric: f"What is learned: {metric.split('/', 1)[1]}" for metric in evals}
    selectors = sorted(curves.selector.unique(), key=lambda name: (name != "random", name))
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(1, len(titles), figsize=(5.2 * len(titles), 4.2), squeeze=False)
    for axis, (metric, title) in zip(axes[0], titles.items(), strict=True):
        for i, selector in enumerate(selectors):
            style = {"color": COLOURS[i % len(COLOURS)], "linestyle": LINES[i % len(LINES)]}
            some = curves[(curves.metric == metric) & (curves.selector == selector)]
            if len(some):
                draw_selector(axis, some, selector, style, 1 if metric in evals else smooth)
        axis.set(xlabel="training step", ylabel="accuracy", title=title)
        axis.grid(alpha=0.25)
    axes[0][-1].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=150, format=Path(path).name.removesuffix(".tmp").rsplit(".", 1)[-1])
    plt.close(figure)


def draw_selector(axis, some, selector: str, style: dict, smooth: int) -> None:
    """Mean over the runs, with the 95 % interval of Student's t where there are several."""
    from scipy.stats import t

    wide = some.pivot_table(index="step", columns="run", values="value")
    wide = wide.rolling(smooth, min_periods=1, center=True).mean()
    n, mean = wide.count(axis=1), wide.mean(axis=1)
    label = f"{selector} (n = {wide.shape[1]})"
    marker = "o" if smooth == 1 else None
    axis.plot(mean.index, mean, label=label, marker=marker, markersize=4, linewidth=2, **style)
    if wide.shape[1] > 1:
        half = t.ppf(0.975, n - 1) * wide.std(axis=1) / n**0.5
        axis.fill_between(mean.index, mean - half, mean + half, color=style["color"], alpha=0.15)


def write(path: str, make) -> None:
    """Have `make` write a temporary file beside `path`, then rename it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    make(Path(f"{path}.tmp"))
    os.replace(f"{path}.tmp", path)


if __name__ == "__main__":
    sys.exit(main())
