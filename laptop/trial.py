"""The comparison in miniature: the arms of laptop.compare without Trinity, 20 times as fast.

    python -m laptop.trial --seeds 0 1 2 3 4 5 --csv results/trial.csv    # goes on where it stopped
    python plot_result.py results/trial.csv

A run takes 12 to 30 seconds of CPU, where the whole chain takes five to ten minutes, so that many
seeds can be had. Models, tasks and pass rates are those of laptop.compare, or made. What is left
out of the chain is listed in laptop/in_process.py. The table has the columns of
`plot_result.py --csv`.
"""

import argparse
import csv
import logging
import os
import subprocess
import sys
from pathlib import Path

from data_augment.figure.curves import COLUMNS, VALUE
from laptop.compare import ARMS, command, measure_middle
from laptop.compare import label as run_name
from laptop.demo import prepared_server
from safe_files import REPO

URL = "http://127.0.0.1:8765"  # of no server: nothing asks it
ACCURACY = "eval_accuracy/heldout"


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    # GNU OpenMP (torch 2.13) otherwise spins while it waits: ten times slower on busy cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with prepared_server() as url:  # the runs do without it
            measure_middle(url)
    except subprocess.CalledProcessError as error:
        return error.returncode  # the stage has said why
    logging.disable(logging.WARNING)  # of the selectors
    try:
        run_all(args)
    finally:
        logging.disable(logging.NOTSET)
    return 0


def run_all(args: argparse.Namespace) -> None:
    """Train what the table lacks, and add it."""
    from omegaconf import OmegaConf

    from data_augment.figure.labels import labels
    from laptop.in_process import load_laptop, train

    # Of all arms, so that the labels do not depend on those that are asked for.
    arms = {name: compose_arm(name, 0, args.steps) for name in ARMS}
    labels_of = labels({name: OmegaConf.to_container(config) for name, config in arms.items()})
    finished = finished_runs(args.csv, args.steps)
    base, pool, held_out = load_laptop()
    for seed in args.seeds:  # the outer loop, so that what is finished compares all selectors
        for name in args.arms:
            run = run_name(name, seed)
            if run in finished:
                continue
            points = train(compose_arm(name, seed, args.steps), base, pool, held_out)
            selector, _ = labels_of[name]
            add_rows(args.csv, [(run, selector, seed, *point) for point in points])
            print(f"{run:<34} {points[-1][-1]:.3f} of the held-out problems", flush=True)


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--csv", type=Path, required=True, help="the curves; rows are added to it")
    parser.add_argument(
        "--arms", nargs="+", choices=ARMS, default=list(ARMS), metavar="NAME", help="default: all"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4, 5], help="default: 0 to 5"
    )
    parser.add_argument("--steps", type=int, default=100, help="of a run (default: %(default)s)")
    return parser.parse_args(argv)


def compose_arm(name: str, seed: int, steps: int):
    """The merged YAML of a run of laptop.compare, with the classes that main.py takes."""
    from data_augment.training.experiment_yaml import compose, use_fixed_classes

    _, config, _, profile, *overrides = command(name, seed, steps, URL)
    composed = compose(str(REPO / config), profile, overrides)
    use_fixed_classes(composed)
    return composed


def finished_runs(table: Path, steps: int) -> set[str]:
    """The runs in the table; their rows are added when they are finished."""
    if not table.exists():
        return set()
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["run"] for row in rows if row["metric"] == ACCURACY and int(row["step"]) == steps}


def add_rows(table: Path, rows: list[tuple]) -> None:
    is_new = not table.exists()
    with open(table, "a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(COLUMNS)
        writer.writerows([(*row[:-1], VALUE % row[-1]) for row in rows])


if __name__ == "__main__":
    sys.exit(main())
