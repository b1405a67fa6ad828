"""The comparison's figures, on curves whose figures are known."""

import numpy as np
import pandas as pd
import pytest

from data_augment.figure.comparison import HEADER, compare
from plot_result import COLUMNS

METRIC = "eval_accuracy/heldout"
STEPS = [0, 20, 40, 60, 80, 100]


def runs(selector, *accuracies, first_seed=0, steps=STEPS, **per_step):
    """A table of a selector's runs: accuracies at `steps`, and what each step takes."""
    rows = []
    for seed, accuracy in enumerate(accuracies, first_seed):
        run = f"{selector}-{seed}"
        rows += [(run, selector, seed, s, METRIC, a) for s, a in zip(steps, accuracy, strict=True)]
        for metric, value in per_step.items():
            rows += [(run, selector, seed, s, metric, value) for s in range(1, 101)]
    return pd.DataFrame(rows, columns=COLUMNS)


def table(*tables, baseline="random"):
    """The printed table, {selector: {column: cell}}."""
    lines = compare(pd.concat(tables), METRIC, baseline)
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    assert rows[0] == HEADER
    cells = [[*row, *[""] * (len(HEADER) - len(row))] for row in rows[2:]]
    return {row[0]: dict(zip(HEADER, row, strict=True)) for row in cells}


SLOW = np.linspace(0.2, 0.6, 6)
FAST = np.minimum(np.linspace(0.2, 1.0, 6), 0.7)


def test_a_run_twice_as_fast_takes_half_the_steps():
    fast = table(runs("random", SLOW), runs("fast", FAST))["fast"]
    assert (fast["final"], fast["TTB(50 %)"], fast["TTB(100 %)"]) == ("0.700", "0.50", "0.50")
    assert fast["BSF(25 %)"] == f"{0.36 / 0.28:.2f}"
    assert fast["final, less the baseline's"] == "+0.100"


def test_what_is_never_reached_is_said_and_the_baseline_is_its_own_measure():
    cells = table(runs("random", FAST), runs("slow", SLOW))
    assert cells["slow"]["TTB(100 %)"] == "not reached"
    assert cells["random"]["TTB(100 %)"] == "1"


def test_a_target_between_two_evaluations_is_read_on_the_line():
    bent = [0.2, 0.2, 0.2, 0.6, 0.6, 0.6]
    bent = table(runs("random", SLOW), runs("bent", bent))["bent"]
    assert (bent["TTB(50 %)"], bent["TTB(100 %)"]) == ("1.00", "0.60")


def test_intervals_hold_the_spread_of_the_seeds_and_repeat():
    rng = np.random.default_rng(0)
    base = [SLOW + rng.normal(0, 0.03) for _ in range(5)]
    own = [FAST + rng.normal(0, 0.03) for _ in range(5)]
    cells = table(runs("random", *base), runs("fast", *own))
    assert cells == table(runs("random", *base), runs("fast", *own))
    value, low, high = (
        float(x)
        for x in cells["fast"]["final"].replace("[", "").replace("]", "").replace(",", "").split()
    )
    ends = [curve[-1] for curve in own]
    assert value == pytest.approx(np.mean(ends), abs=1e-3)
    assert min(ends) <= low < value < high <= max(ends)


def test_the_difference_is_paired_by_seed():
    luck = np.array([0.0, 0.1, 0.2, -0.1, -0.2])  # that both share
    base = [SLOW + x for x in luck]
    own = [
        SLOW + 0.05 + x + e for x, e in zip(luck, (0.001, -0.001, 0, 0.002, -0.002), strict=True)
    ]
    cell = table(runs("random", *base), runs("own", *own))["own"]["final, less the baseline's"]
    assert cell.startswith("+0.050 [+0.048, +0.052], p = ")
    assert cell.endswith(", 5 pairs")
    other_seeds = runs("own", *own, first_seed=10)
    assert (
        "not paired"
        in table(runs("random", *base), other_seeds)["own"]["final, less the baseline's"]
    )


def test_two_runs_are_no_test():
    cell = table(runs("random", SLOW, SLOW), runs("fast", FAST, FAST - 0.1))["fast"]
    assert cell["final, less the baseline's"] == "+0.050"


def test_runs_of_different_length_are_compared_where_all_were_evaluated():
    short = runs("random", SLOW[:4], first_seed=1, steps=STEPS[:4])
    cells = table(runs("random", SLOW), short, runs("fast", FAST))
    assert cells["fast"]["final"] == f"{FAST[3]:.3f}"
    assert cells["fast"]["TTB(100 %)"] == "0.50"


def test_runs_without_two_common_evaluations_are_not_compared():
    short = runs("short", SLOW[:1], steps=[0])
    assert table(runs("random", SLOW), short)["short"]["TTB(100 %)"] == "-"


def test_costs_are_of_a_step_and_leave_out_the_wait_for_an_evaluation():
    base = runs(
        "random", SLOW, effective_task_ratio=0.4, tokens=700, wait_seconds=2, train_seconds=1
    )
    late = pd.DataFrame([("random-0", "random", 0, 20, "wait_seconds", 90)], columns=COLUMNS)
    base = pd.concat([base[~((base.metric == "wait_seconds") & (base.step == 20))], late])
    own = runs("own", FAST, wait_seconds=2, train_seconds=1, selection_seconds=0.003)
    cells = table(base, own)["random"]
    assert (cells["ETR"], cells["tokens a step"], cells["s a step"]) == ("0.40", "700", "3.0")
    assert "take 0.10% of the time" in compare(pd.concat([base, own]), METRIC)[-1]
    assert "not measured" in compare(pd.concat([base, runs("own", FAST)]), METRIC)[-1]


def test_without_a_baseline_there_is_no_comparison():
    assert compare(runs("shuffle", SLOW), METRIC)[0].startswith(
        "No comparison: it wants runs of 'random'"
    )
    assert compare(runs("random", SLOW), METRIC)[0].startswith("No comparison")
