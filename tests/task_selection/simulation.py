"""Selectors at real size without a model: a simulated policy on 54,404 tasks for 400 steps.

    python -m tests.task_selection.simulation --csv results/simulation.csv      # about an hour
    python -m tests.task_selection.simulation --worlds sources lies --steps 150 --seeds 10

A world gives every task its columns (two reference pass rates, a source, a level) and its true
pass rate, sigmoid(ability - difficulty) in the worlds where that form is right. Its seed decides
how hard each source is, how far tasks of one source differ, and how exact the references are. The
policy's ability rises with what GRPO learns from, the mean of p (1 - p) of the tasks that it
trained on; training again on the same task costs nothing here, which is kinder than the truth. The
parameters of feature_based were chosen in worlds of seed 0 (`power` in an earlier form of them).
The default seeds, from 10 on, are other worlds.

Worlds, right form:   sources (references around the policy), above (both references above it)
        wrong form:   threshold (solved nearly always or nearly never), heavy (difficulties that no
                      column explains), useless (columns of other tasks), reversed (the weaker
                      reference is the better one on a source), lies (a quarter of the gold answers
                      is wrong: never solved, whatever the columns say)

Figures, means over the steps:
    effective  effective task ratio: share of the tasks of a batch with some but not all solved
    first      the same over the first quarter of the steps
    distinct   tasks drawn at least once
    error      mean absolute difference of predicted and observed pass rates
    noise      the same for the true pass rates: what eight rollouts alone leave
    floor      the same for the mean true pass rate of the tasks with equal columns: what a selector
               that sees only the columns can reach before a task's first visit
    ability    of the policy at the end
    ms         draw and update, a step
The table has the means over the seeds and, behind +-, the standard error of `effective`.
"""

import argparse
import csv
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

RIGHT = ("sources", "above")
WRONG = ("threshold", "heavy", "useless", "reversed", "lies")
FIGURES = {  # name -> digits in the table
    "effective": 3,
    "first": 3,
    "distinct": 0,
    "error": 3,
    "noise": 3,
    "floor": 3,
    "ability": 2,
    "ms": 1,
}
ROLLOUTS = 8
POWER = 30  # of p (1 - p) in the oracle's draw, as in feature_based's
GAIN = 0.01  # ability gained at a step of tasks that are all solved half of the time


def sigmoid(scores):
    return 1 / (1 + np.exp(-np.clip(scores, -30, 30)))


@dataclass
class World:
    columns: dict  # weak, strong, source, level: a value for each task
    difficulty: np.ndarray  # [n]
    curve: object  # from ability - difficulty to a pass rate
    unsolvable: np.ndarray  # [n], the gold answer is wrong

    def pass_rates(self, indices, ability: float) -> np.ndarray:
        rates = self.curve(ability - self.difficulty[indices])
        return np.where(self.unsolvable[indices], 0.0, rates)


def make_world(name: str, tasks: int, seed: int) -> World:
    rng = np.random.default_rng([seed, 1])
    source = rng.choice(6, tasks, p=rng.dirichlet([4] * 6))
    level = rng.integers(1, 6, tasks)
    spread = rng.uniform(1, 2)  # of tasks of one source and level
    own = spread * rng.normal(0, 1, tasks)
    if name == "heavy":
        own = spread * rng.standard_t(2, tasks)
    difficulty = rng.normal(3.5, 4, 6)[source] + rng.uniform(0.3, 1.3) * (level - 3) + own

    curve = sigmoid
    if name == "threshold":
        curve = lambda margin: np.where(margin > 0, 0.95, 0.03)  # noqa: E731

    weak_ability, strong_ability = (1.3, 2.5) if name == "above" else (-0.5, 1.5)
    inexact = rng.uniform(0.4, 1.2)  # how much references and policy differ on one task
    weak_margin = weak_ability - difficulty + rng.normal(0, inexact, tasks)
    strong_margin = strong_ability - difficulty + rng.normal(0, inexact, tasks)
    if name == "reversed":
        weak_margin = np.where(source == 0, weak_margin + 3, weak_margin)
        strong_margin = np.where(source == 0, strong_margin - 1, strong_margin)
    columns = {
        "weak": rng.binomial(16, curve(weak_margin)) / 16,
        "strong": rng.binomial(16, curve(strong_margin)) / 16,
        "source": np.array([f"source {i}" for i in source]),
        "level": level,
    }
    if name == "useless":
        other = rng.permutation(tasks)
        columns = {key: values[other] for key, values in columns.items()}
    unsolvable = rng.random(tasks) < (0.25 if name == "lies" else 0)
    return World({k: v.tolist() for k, v in columns.items()}, difficulty, curve, unsolvable)


class Oracle:
    """Knows the true pass rates; draws by p (1 - p), each task once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.used = np.zeros(len(world.difficulty), dtype=bool)
        self.rng = np.random.default_rng(0)
        self.ability = 0.0

    def get_indices(self, batch_size):
        p = self.world.pass_rates(np.arange(len(self.used)), self.ability)
        keys = POWER * np.log(p * (1 - p) + 1e-12) + self.rng.gumbel(size=len(p))
        keys[self.used] = -np.inf
        drawn = np.argpartition(-keys, batch_size)[:batch_size]
        self.used[drawn] = True
        return drawn

    def feedback(self, indices, values):
        pass


BOTS = {"m": ROLLOUTS, "lamb": 0.1, "rho": 0.1, "target_reward": 0.5, "tau": 0, "do_sample": True}
SELECTORS = {  # name -> (module, class, feature_keys, kwargs)
    "random": ("trinity.buffer.selector.selector", "RandomSelector", [], {}),
    "BOTS, Trinity's": (
        "trinity.buffer.selector.selector",
        "DifficultyBasedSelector",
        ["weak", "strong"],
        BOTS,
    ),
    "BOTS": ("task_selection", "DifficultyBasedSelector", ["weak", "strong"], BOTS),
    "BOTS, target 0.8": (
        "task_selection",
        "DifficultyBasedSelector",
        ["weak", "strong"],
        {**BOTS, "target_reward": 0.8},
    ),
    "BOTS, prior 4": (
        "task_selection",
        "DifficultyBasedSelector",
        ["weak", "strong"],
        {**BOTS, "prior_strength": 4},
    ),
    "features: rates": ("task_selection", "FeatureBasedSelector", ["weak", "strong"], {}),
    "features: kind": ("task_selection", "FeatureBasedSelector", ["source", "level"], {}),
    "features: all": (
        "task_selection",
        "FeatureBasedSelector",
        ["weak", "strong", "source", "level"],
        {},
    ),
}


def make_selector(name: str, world: World):
    from importlib import import_module

    from datasets import Dataset
    from trinity.common.config import DataSelectorConfig

    if name == "oracle":
        return Oracle(world)
    module, class_name, keys, kwargs = SELECTORS[name]
    dataset = Dataset.from_dict(world.columns)
    source = SimpleNamespace(dataset=dataset, dataset_size=len(dataset))
    config = DataSelectorConfig(feature_keys=list(keys), kwargs=dict(kwargs))
    return getattr(import_module(module), class_name)(source, config)


def predict(selector, indices, true_rates):
    """A selector's pass rates before the rollouts; the true ones where it has no opinion."""
    if hasattr(selector, "diff_estimator"):
        return selector.diff_estimator.predict_pr(indices=indices)
    if hasattr(selector, "predict"):
        return selector.predict(indices)
    return true_rates


class Cells:
    """Tasks with equal columns, as far as a selector reads them."""

    def __init__(self, world: World, keys: list[str]) -> None:
        self.cell = np.zeros(len(world.difficulty), dtype=np.int64)
        for key in keys:
            _, codes = np.unique(world.columns[key], return_inverse=True)
            self.cell = self.cell * (codes.max() + 1) + codes
        _, self.cell = np.unique(self.cell, return_inverse=True)

    def means(self, rates, indices) -> np.ndarray:
        """Mean of `rates` [n] over the cell of each of the tasks `indices`."""
        return (np.bincount(self.cell, rates) / np.bincount(self.cell))[self.cell[indices]]


def simulate(world_name: str, selector_name: str, args, seed: int) -> dict:
    world = make_world(world_name, args.tasks, seed)
    selector = make_selector(selector_name, world)
    rng = np.random.default_rng([seed, 2])
    ability = -1.0
    effective, errors, noises, floors = [], [], [], []
    cells = Cells(world, SELECTORS[selector_name][2] if selector_name != "oracle" else [])
    all_tasks = np.arange(args.tasks)
    distinct = set()
    seconds = 0.0
    for _ in range(args.steps):
        if selector_name == "oracle":
            selector.ability = ability
        started = time.perf_counter()
        batch = np.asarray(selector.get_indices(args.batch_size))
        seconds += time.perf_counter() - started

        true_rates = world.pass_rates(batch, ability)
        solved = rng.binomial(ROLLOUTS, true_rates)
        observed = solved / ROLLOUTS
        effective.append(np.mean((solved > 0) & (solved < ROLLOUTS)))
        predicted = predict(selector, batch, true_rates)
        errors.append(np.abs(predicted - observed).mean())
        noises.append(np.abs(true_rates - observed).mean())
        typical = cells.means(world.pass_rates(all_tasks, ability), batch)
        floors.append(np.abs(typical - observed).mean())
        distinct.update(batch.tolist())
        ability += GAIN * 4 * np.mean(true_rates * (1 - true_rates))

        started = time.perf_counter()
        selector.feedback(batch.tolist(), observed.tolist())
        seconds += time.perf_counter() - started
    return {
        "effective": np.mean(effective),
        "first": np.mean(effective[: max(args.steps // 4, 1)]),
        "distinct": len(distinct),
        "error": np.mean(errors),
        "noise": np.mean(noises),
        "floor": np.mean(floors),
        "ability": ability,
        "ms": 1e3 * seconds / args.steps,
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    names = [*SELECTORS, "oracle"]
    parser.add_argument("--worlds", nargs="+", choices=RIGHT + WRONG, default=RIGHT + WRONG)
    parser.add_argument("--selectors", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--tasks", type=int, default=54_404)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 11, 12, 13, 14])
    parser.add_argument("--csv", type=Path, help="a row for each run; goes on where it stopped")
    args = parser.parse_args(argv)

    runs = read_runs(args.csv) if args.csv else {}
    for seed in args.seeds:  # the outer loop, so that what is finished compares all selectors
        for world in args.worlds:
            for name in args.selectors:
                if (world, name, seed) in runs:
                    continue
                runs[world, name, seed] = simulate(world, name, args, seed)
                if args.csv:
                    add_run(args.csv, world, name, seed, runs[world, name, seed])
    print(f"{'world':<10} {'selector':<18}" + "".join(f"{name:>10}" for name in FIGURES))
    for world in args.worlds:
        for name in args.selectors:
            print_mean(world, name, [runs[world, name, seed] for seed in args.seeds])


def read_runs(file: Path) -> dict:
    """The figures of the runs in a table that `add_run` wrote, by world, selector and seed."""
    if not file.exists():
        return {}
    with open(file, newline="") as table:
        rows = list(csv.DictReader(table))
    runs = {}
    for row in rows:
        figures = {name: float(row[name]) for name in FIGURES}
        runs[row["world"], row["selector"], int(row["seed"])] = figures
    return runs


def add_run(file: Path, world: str, name: str, seed: int, figures: dict) -> None:
    is_new = not file.exists()
    with open(file, "a", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        if is_new:
            writer.writerow(["world", "selector", "seed", *FIGURES])
        writer.writerow([world, name, seed, *[f"{figures[key]:.5g}" for key in FIGURES]])


def print_mean(world: str, name: str, runs: list[dict]) -> None:
    cells = [f"{world:<10} {name:<18}"]
    for figure, digits in FIGURES.items():
        values = [run[figure] for run in runs]
        cells.append(f"{np.mean(values):>10.{digits}f}")
    spread = np.std([run["effective"] for run in runs], ddof=min(len(runs) - 1, 1))
    print("".join(cells), f"+-{spread / len(runs) ** 0.5:.3f}", flush=True)


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # the selectors' own words would stand in the table
    main()
