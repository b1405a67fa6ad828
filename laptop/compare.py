"""The comparison of results/: every selector, several seeds, on the laptop.

    python -m laptop.compare                                    # hours; goes on where it stopped
    python -m laptop.compare --arms random oracle --seeds 0 1   # less of it

Each run is main.py with a shipped YAML and the laptop profile; the seed is that of the selector,
of the adapter's first values and of the rollouts. The models, tasks and pass rates of `make demo`
are used, or made, and a third reference, `middle` (laptop/middle.py). There are two regimes with
one base model and one set of tasks: the references weak and strong stand around the policy, middle
and strong above it.

Two runs go side by side, as each leaves the cores idle for half of the time. After every run the
curves of all runs so far go to RUNS/curves.csv. At the end those of each regime go to
results/NAME.csv, and their merged YAML to results/NAME/.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from data_augment.figure.curves import read, write
from data_augment.pass_rates.arguments import count
from laptop.demo import end_on_sigterm, measure_models, prepared_server, run, training_arguments
from safe_files import REPO, write_whole

GROUP = "comparison"
RUNS = Path("checkpoints/Data-Augmentation", GROUP)

SELECTOR = "buffer.explorer_input.taskset.task_selector"
EASY2HARD = f"{SELECTOR}.selector_type=offline_easy2hard"
HALF = f"{SELECTOR}.kwargs.target_reward=0.5"
PRIOR = f"{SELECTOR}.kwargs.prior_strength=4"
KIND = f"{SELECTOR}.feature_keys=[kind]"
ORACLE = f"{SELECTOR}.selector_type=laptop.oracle.OracleSelector"
NEVER_AT_RANDOM = f"{SELECTOR}.kwargs.random_share=0"
MIDDLE = f"{SELECTOR}.feature_keys=[middle_pass_rate,strong_pass_rate]"

# Name of the run: experiment YAML, what departs from it.
AROUND = {
    "random": ["config_random.yaml"],
    "difficulty": ["config_difficulty.yaml"],
    "difficulty-half-prior": ["config_difficulty.yaml", PRIOR, HALF],
    "easy2hard": ["config_random.yaml", EASY2HARD],
    "features": ["config_features.yaml"],
    "features-kind": ["config_features.yaml", KIND],  # no pass rate is measured
    "oracle": ["config_features.yaml", KIND, ORACLE, NEVER_AT_RANDOM],
}
ABOVE = {  # what reads no reference is not run again
    "above-difficulty": ["config_difficulty.yaml", MIDDLE],
    "above-difficulty-half-prior": ["config_difficulty.yaml", PRIOR, HALF, MIDDLE],
    "above-easy2hard": ["config_random.yaml", EASY2HARD, MIDDLE],
    "above-features": ["config_features.yaml", MIDDLE],
}
ARMS = AROUND | ABOVE
TABLES = {"curves": AROUND, "above": ABOVE}  # in results/
SEED_KEYS = [f"{SELECTOR}.seed", "model.tinker.seed", "explorer.rollout_model.seed"]


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    end_on_sigterm()
    RUNS.mkdir(parents=True, exist_ok=True)
    # seed by seed, so that what is finished at any time compares all selectors
    runs = [(name, seed) for seed in args.seeds for name in args.arms]
    try:
        with prepared_server() as url:
            measure_middle(url)
            commands = {}
            for name, seed in runs:
                commands[label(name, seed)] = command(name, seed, args.steps, url)
            failed = train_all(commands, args.jobs, write_curves)
        if len(failed) == len(runs):
            return 1
        run("plot_result.py", str(RUNS), "--output", str(RUNS / "curves.jpg"))
    except subprocess.CalledProcessError as error:
        return error.returncode  # the stage has said why
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    keep_results(args.results)
    return 1 if failed else 0


def measure_middle(url: str) -> None:
    """The middle reference and its pass rates, on the server of prepared_server."""
    run("-m", "laptop.middle")
    run("measure_pass_rates.py", *measure_models(url, "middle"))


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--arms", nargs="+", choices=ARMS, default=list(ARMS), metavar="NAME", help="default: all"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4, 5], help="default: 0 to 5"
    )
    parser.add_argument(
        "--steps", type=int, default=100, help="training steps of a run (default: %(default)s)"
    )
    parser.add_argument(
        "--jobs", type=count, default=2, help="runs side by side (default: %(default)s)"
    )
    parser.add_argument(
        "--results",
        type=Path,
        default="results",
        metavar="FOLDER",
        help="for the tables and the YAML (default: %(default)s)",
    )
    return parser.parse_args(argv)


def label(name: str, seed: int) -> str:
    return f"{name}-seed{seed}"


def command(name: str, seed: int, steps: int, url: str) -> list[str]:
    """The arguments of main.py for one run."""
    config, *overrides = ARMS[name]
    overrides += [f"{key}={seed}" for key in SEED_KEYS]
    overrides += [f"name={label(name, seed)}", f"group={GROUP}", f"buffer.total_steps={steps}"]
    return [*training_arguments(config, url), *overrides]


def write_curves() -> None:
    """Table and figure of the runs so far, so that a comparison that is cut short has a result."""
    with open(RUNS / "curves.log", "w") as log:
        command = [sys.executable, "plot_result.py", str(RUNS), "--csv", str(RUNS / "curves.csv")]
        command += ["--output", str(RUNS / "curves.jpg")]
        subprocess.run(command, stdout=log, stderr=log)


def train_all(
    commands: dict[str, list[str]], jobs: int, after_each: Callable = lambda: None
) -> list[str]:
    """Run main.py for each label, `jobs` side by side; returns the labels that failed.

    A run's output goes to RUNS/LABEL.log; its last line is shown when the run ends.
    """
    waiting = list(commands)
    running: dict[str, subprocess.Popen] = {}
    started: dict[str, float] = {}
    failed = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                name = waiting.pop(0)
                running[name] = start(name, commands[name])
                started[name] = time.monotonic()
            time.sleep(0.2)
            for name in [name for name, process in running.items() if process.poll() is not None]:
                if running.pop(name).returncode != 0:
                    failed.append(name)
                seconds = time.monotonic() - started[name]
                print(f"{name:<34}{seconds:6.0f} s   {last_line(name)}", flush=True)
                after_each()
    finally:  # of Ctrl+C, too: nothing goes on in the background
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
    return failed


def start(name: str, arguments: list[str]) -> subprocess.Popen:
    with open(log_file(name), "a") as log:
        return subprocess.Popen([sys.executable, "main.py", *arguments], stdout=log, stderr=log)


def log_file(name: str) -> Path:
    return RUNS / f"{name}.log"


def last_line(name: str) -> str:
    lines = log_file(name).read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else ""


def keep_results(folder: Path) -> None:
    """A table for each regime, and the YAML of its runs beside it.

    The labels are those of all runs together, so that both tables can be drawn in one figure.
    """
    curves = read([str(RUNS)])
    arms = curves.run.str.partition("-seed")[0]
    for table, own_arms in TABLES.items():
        own = curves[arms.isin(own_arms)]
        if own.empty:
            continue
        write_whole(folder / f"{table}.csv", partial(write, own))
        for name in own.run.unique():
            keep_yaml(name, folder / table)


def keep_yaml(name: str, folder: Path) -> None:
    """The run's merged YAML in `folder`: paths relative to this pack, the profile's address."""
    from omegaconf import OmegaConf

    config = OmegaConf.load(RUNS / name / "config.yaml")
    profile = OmegaConf.load(REPO / "profiles/laptop.yaml")
    config.model.tinker.base_url = profile.model.tinker.base_url  # this run's port was any free one
    text = OmegaConf.to_yaml(config).replace(f"{REPO}/", "")
    write_whole(folder / f"{name}.yaml", text)


if __name__ == "__main__":
    sys.exit(main())
