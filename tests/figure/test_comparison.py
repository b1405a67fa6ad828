"""The comparison's figures, on curves whose figures are known."""

import numpy as np
import pandas as pd
import pytest

from data_augment.figure.comparison import HEADER, compare
from data_augment.figure.curves import COLUMNS
from data_augment.figure.measures import reached

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
    assert low < value < high
    assert high - low > np.std(ends)


def test_the_difference_is_paired_by_seed():
    luck = np.array([0.0, 0.1, 0.2, -0.1, -0.2])  # that both share
    base = [SLOW + x for x in luck]
    own = [
        SLOW + 0.05 + x + e for x, e in zip(luck, (0.001, -0.001, 0, 0.002, -0.002), strict=True)
    ]
    cell = table(runs("random", *base), runs("own", *own))["own"]["final, less the baseline's"]
    assert cell.startswith("+0.050 [+0.048, +0.052], p = ")
    assert "not paired" not in cell
    other_seeds = runs("own", *own, first_seed=10)
    assert (
        "not paired"
        in table(runs("random", *base), other_seeds)["own"]["final, less the baseline's"]
    )


def test_two_runs_are_no_test():
    cell = table(runs("random", SLOW, SLOW), runs("fast", FAST, FAST - 0.1))["fast"]
    assert cell["final, less the baseline's"] == "+0.050"


def test_a_short_run_is_named_and_does_not_shorten_the_comparison_of_the_others():
    short = runs("random", SLOW[:4], first_seed=1, steps=STEPS[:4])
    fast = runs("fast", FAST)
    assert table(runs("random", SLOW), short, fast) == table(runs("random", SLOW), fast)
    lines = compare(pd.concat([runs("random", SLOW), short, fast]), METRIC)
    assert any("random-1 ends at step 60" in line for line in lines)


def test_a_selector_that_has_not_come_so_far_is_compared_where_both_were_evaluated():
    young = runs("young", FAST[:4], steps=STEPS[:4])
    cells = table(runs("random", SLOW), young)
    assert cells["young"]["final"] == f"{FAST[3]:.3f}"
    assert cells["young"]["TTB(100 %)"] == "0.50"
    assert cells["random"]["final"] == f"{SLOW[-1]:.3f}"
    lines = compare(pd.concat([runs("random", SLOW), young]), METRIC)
    assert any("step 60" in line and "young" in line for line in lines)


def test_other_settings_have_their_own_baseline():
    cells = table(
        runs("random", SLOW),
        runs("fast", FAST),
        runs("random; 60 steps", SLOW[:4], steps=STEPS[:4]),
        runs("fast; 60 steps", FAST[:4], steps=STEPS[:4]),
        runs("fast; lr 1e-4", FAST),
    )
    assert list(cells) == ["random", "fast", "random; 60 steps", "fast; 60 steps", "fast; lr 1e-4"]
    assert cells["fast; 60 steps"]["final, less the baseline's"] == f"{FAST[3] - SLOW[3]:+.3f}"
    assert cells["fast; lr 1e-4"]["TTB(100 %)"] == "-", "random was not trained with this lr"
    assert cells["fast; lr 1e-4"]["final"] == "0.700"


def test_a_baseline_with_its_settings_is_that_of_all(baseline="random; lr 1e-4"):
    cells = table(runs("random", SLOW), runs("random; lr 1e-4", FAST), baseline=baseline)
    assert cells["random"]["final, less the baseline's"] == "-0.100"
    assert cells[baseline]["TTB(100 %)"] == "1"


def test_a_run_that_misses_only_training_steps_is_named_and_stays_in_the_table():
    whole = runs("random", SLOW, SLOW, tokens=700)
    cut = whole[~((whole.run == "random-1") & (whole.metric == "tokens") & (whole.step > 90))]
    cut = cut[
        ~((cut.run.isin(["random-0", "random-1"])) & (cut.metric == METRIC) & (cut.step == 100))
    ]
    lines = compare(pd.concat([cut, runs("fast", FAST)]), METRIC)
    assert any("random-1 (step 90)" in line for line in lines)
    assert table(cut, runs("fast", FAST))["random"]["n"] == "2"


def test_a_curve_that_starts_above_the_target_is_there_at_its_first_step():
    assert reached(np.array([0.5, 0.4, 0.6]), [0, 20, 40], 0.45) == 0
    assert reached(np.array([0.5, 0.6]), [10, 20], 0.5) == 10
    assert reached(np.array([0.4, 0.6]), [10, 20], 0.7) == np.inf


def test_p_values_are_corrected_for_the_number_of_selectors():
    rng = np.random.default_rng(1)
    base = [SLOW + rng.normal(0, 0.03) for _ in range(5)]
    own = [SLOW + 0.05 + rng.normal(0, 0.03) for _ in range(5)]

    def p(*tables):
        cell = table(runs("random", *base), *tables)["a"]["final, less the baseline's"]
        return float(cell.partition("p = ")[2])

    same = [runs(name, *own) for name in "abc"]
    assert p(*same) == pytest.approx(3 * p(same[0]), rel=0.05)
    assert "3 selector(s)" in compare(pd.concat([runs("random", *base), *same]), METRIC)[0]


def test_what_may_never_be_reached_has_an_open_interval():
    rng = np.random.default_rng(2)
    base = [SLOW + rng.normal(0, 0.05, 6) for _ in range(5)]
    own = [SLOW + rng.normal(0, 0.05, 6) for _ in range(5)]
    cell = table(runs("random", *base), runs("own", *own))["own"]["TTB(100 %)"]
    assert cell.endswith(", not reached]")


def test_runs_without_two_common_evaluations_are_not_compared():
    short = runs("short", SLOW[:1], steps=[0])
    assert table(runs("random", SLOW), short)["short"]["TTB(100 %)"] == "-"


def test_tokens_are_those_of_a_step_and_selection_has_its_share_of_the_time():
    base = runs(
        "random", SLOW, effective_task_ratio=0.4, tokens=700, wait_seconds=2, train_seconds=1
    )
    own = runs("own", FAST, wait_seconds=2, train_seconds=1, selection_seconds=0.003)
    cells = table(base, own)["random"]
    assert (cells["ETR"], cells["tokens a step"]) == ("0.40", "700")
    other = runs("other; 60 steps", FAST, wait_seconds=3, train_seconds=3, selection_seconds=0.003)
    last = compare(pd.concat([base, own, other]), METRIC)[-1]
    assert last.endswith("as a share of the time of a step: other 0.05%, own 0.10%.")
    assert "not measured" in compare(pd.concat([base, runs("own", FAST)]), METRIC)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("case", range(40))
def test_runs_of_any_length_with_any_holes_are_a_table_or_a_sentence(case):
    rng = np.random.default_rng(case)
    tables = []
    for label in ("random", "a", "a; lr 1e-4", "random; lr 1e-4"):
        for seed in rng.integers(0, 3, size=rng.integers(0, 4)):
            steps = np.flatnonzero(rng.random(6) < 0.7) * 20
            accuracies = rng.choice([0, 0.5, 1]) if rng.random() < 0.3 else rng.random(len(steps))
            one = runs(label, np.broadcast_to(accuracies, len(steps)), first_seed=seed, steps=steps)
            tables.append(one.assign(run=f"{label}-{len(tables)}"))
    if tables and len(pd.concat(tables)):
        assert len(set(compare(pd.concat(tables), METRIC))) >= 1


def test_without_a_baseline_there_is_no_comparison():
    assert compare(runs("shuffle", SLOW), METRIC)[0].startswith("No comparison")
    assert compare(runs("random", SLOW), METRIC)[0].startswith("No comparison")
