"""What the selectors of runs believed and drew: tables, from the files that they wrote themselves.

    <run>/selector/metrics.jsonl    a line for each update, see task_selection/metrics.py
    <run>/selector/draws.jsonl      a line for each draw, see task_selection/draws.py

A selector without a belief, such as random, writes neither.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_augment.errors import BadInput
from data_augment.figure.curves import COLUMNS
from data_augment.figure.intervals import mean_interval
from data_augment.figure.labels import labels
from data_augment.figure.run_folder import find_runs, read_config, warn
from safe_files import read_json_lines

METRICS = (
    "expected_pass_rate",
    "solved_ratio",
    "hopeless_ratio",
    "never_selected_ratio",
    "predicted_pass_rate_error",
)
# How often a task was drawn: the least number of each bar of the figure.
TIMES = (1, 2, 3, 5, 9, 17)


@dataclass
class Beliefs:
    """Three tables (DataFrame) of all runs."""

    curves: object  # curves.COLUMNS, of METRICS
    results: object  # run, selector, predicted, observed: a row for each task that came back
    drawn: object  # run, selector, task, times: a row for each task that was drawn


def read(sources: list[str]) -> Beliefs:
    """The beliefs of all runs in or below the sources.

    Raises:
        BadInput: a source is no folder, or no run in it has a selector that believes anything.
    """
    import pandas as pd

    tables = [source for source in sources if source.lower().endswith(".csv")]
    if tables:
        raise BadInput(
            f"--selection {tables[0]}: a table has no beliefs of tasks. Name the folders of runs"
        )
    runs = find_runs(sources)
    updates = {}
    for name, run in runs.items():
        lines = newest_lines(run / "selector/metrics.jsonl")
        updates[name] = [line for line in lines if "predicted" in line]  # not of earlier versions
        if not updates[name]:
            warn(f"{run}: left out, because its selector wrote no predictions")
    configs = {name: read_config(runs[name]) for name, lines in updates.items() if lines}
    if not configs:
        raise BadInput(
            f"{', '.join(sources)}: no run with predictions in selector/metrics.jsonl. "
            "difficulty_based and feature_based write them at each step"
        )

    curves, results, drawn = [], [], []
    for name, (selector, seed) in labels(configs).items():
        for line in updates[name]:
            for metric in METRICS:
                value = line["metrics"].get(f"selection/{metric}")
                if value is not None:
                    curves.append((name, selector, seed, line["step"], metric, value))
            pairs = zip(line["predicted"], line["observed"], strict=True)
            results += [(name, selector, *pair) for pair in pairs]
        for task, times in times_drawn(runs[name] / "selector/draws.jsonl").items():
            drawn.append((name, selector, task, times))
    return Beliefs(
        curves=pd.DataFrame(curves, columns=COLUMNS),
        results=pd.DataFrame(results, columns=["run", "selector", "predicted", "observed"]),
        drawn=pd.DataFrame(drawn, columns=["run", "selector", "task", "times"]),
    )


def newest_lines(path: Path) -> list[dict]:
    """The lines of a file by their step; a step that comes again replaces all from it on.

    A run that goes on after a kill does some steps a second time.
    """
    kept = []
    for line in read_json_lines(path):
        while kept and kept[-1]["step"] >= line["step"]:
            kept.pop()
        kept.append(line)
    return kept


def times_drawn(path: Path) -> dict[int, int]:
    """How often each task was drawn, by its row in the taskset."""
    return Counter(task for line in newest_lines(path) for task in line["tasks"])


def calibration(results):
    """What was observed where a pass rate was predicted, by deciles of the prediction.

    Args:
        results: rows of Beliefs.results.

    Returns:
        A DataFrame with a row for each decile that has tasks: their number `tasks`, the means of
        `predicted` and `observed`, and the 95 % interval of the latter, `low` and `high` (NaN for
        less than three tasks).
    """
    import pandas as pd

    rows = []
    decile = np.minimum((results.predicted * 10).astype(int), 9)
    for _, some in results.groupby(decile):
        low, high = np.nan, np.nan
        if len(some) > 2:  # the interval of two is as wide as the figure
            low, high = mean_interval(some.observed.to_numpy())
        rows.append((len(some), some.predicted.mean(), some.observed.mean(), low, high))
    return pd.DataFrame(rows, columns=["tasks", "predicted", "observed", "low", "high"])


def calibration_error(results) -> float:
    """Mean distance of observed and predicted over the deciles, each weighted by its tasks."""
    deciles = calibration(results)
    distance = (deciles.predicted - deciles.observed).abs()
    return float(np.average(distance, weights=deciles.tasks)) if len(deciles) else np.nan


def tasks_by_times(drawn) -> list[float]:
    """Tasks that were drawn so often, for each of TIMES: the mean over the runs of `drawn`."""
    bounds = [*TIMES, np.inf]
    counts = np.histogram(drawn.times, bounds)[0]
    return (counts / max(drawn.run.nunique(), 1)).tolist()


def table(beliefs: Beliefs) -> list[str]:
    """Lines of a Markdown table: what each selector believes at its last step."""
    header = ["selector", "runs", "expected pass rate", "solved", "hopeless", "never drawn"]
    header += ["drawn most often", "calibration error"]
    lines = [f"| {' | '.join(header)} |", f"| {' | '.join(['---'] * len(header))} |"]
    for selector, curves in beliefs.curves.groupby("selector"):
        by_run = curves.sort_values("step").groupby(["metric", "run"]).value
        first, last = by_run.first(), by_run.last()
        cells = [selector, str(curves.run.nunique())]
        before, now = first["expected_pass_rate"].mean(), last["expected_pass_rate"].mean()
        cells.append(f"{before:.2f} -> {now:.2f}")
        for metric in ("solved_ratio", "hopeless_ratio", "never_selected_ratio"):
            cells.append(f"{last[metric].mean():.0%}")
        drawn = beliefs.drawn[beliefs.drawn.selector == selector]
        cells.append(f"{drawn.times.max()} times" if len(drawn) else "-")
        results = beliefs.results[beliefs.results.selector == selector]
        cells.append(f"{calibration_error(results):.3f}" if len(results) else "-")
        lines.append(f"| {' | '.join(cells)} |")
    return lines
