"""The comparison of results/: every selector, several seeds, on the laptop.

    python -m laptop.compare                        # hours; goes on where it stopped
    python -m laptop.compare --seeds 0 1 --jobs 1   # less of it

Each run is main.py with a shipped YAML and the laptop profile; the seed is that of the selector,
of the adapter's first values and of the rollouts. The models, tasks and pass rates of `make demo`
are used, or made. Two runs go side by side, as each leaves the cores idle for half of the time. At
the end the curves of all runs and their merged YAML go to results/, the table to the terminal.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from laptop.demo import end_on_sigterm, prepared_server, run, training_arguments
from safe_files import REPO, write_whole

GROUP = "comparison"
RUNS = Path("checkpoints/Data-Augmentation", GROUP)
RESULTS = Path("results")

SELECTOR = "buffer.explorer_input.taskset.task_selector"
SHUFFLE = f"{SELECTOR}.selector_type=shuffle"
EASY2HARD = f"{SELECTOR}.selector_type=offline_easy2hard"
HALF = f"{SELECTOR}.kwargs.target_reward=0.5"
PRIOR = f"{SELECTOR}.kwargs.prior_strength=4"

# name of the run: experiment YAML, what departs from it
SELECTORS = {
    "random": ["config_random.yaml"],
    "shuffle": ["config_random.yaml", SHUFFLE],
    "easy2hard": ["config_random.yaml", EASY2HARD],
    "difficulty": ["config_difficulty.yaml"],
    "difficulty-prior": ["config_difficulty.yaml", PRIOR],
    "difficulty-half": ["config_difficulty.yaml", HALF],  # the paper's target and prior
    "difficulty-half-prior": ["config_difficulty.yaml", PRIOR, HALF],
}
SEED_KEYS = [f"{SELECTOR}.seed", "model.tinker.seed", "explorer.rollout_model.seed"]


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    end_on_sigterm()
    RUNS.mkdir(parents=True, exist_ok=True)
    # seed by seed, so that what is finished at any time compares all selectors
    runs = [(name, seed) for seed in args.seeds for name in SELECTORS]
    try:
        with prepared_server() as url:
            commands = {}
            for name, seed in runs:
                commands[label(name, seed)] = command(name, seed, args.steps, url)
            failed = train_all(commands, args.jobs)
        run("plot_result.py", str(RUNS), "--csv", str(RESULTS / "curves.csv"))
    except subprocess.CalledProcessError as error:
        return error.returncode  # the stage has said why
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    for name, seed in runs:
        keep_yaml(label(name, seed))
    return 1 if failed else 0


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="default: 0 1 2 3 4"
    )
    parser.add_argument(
        "--steps", type=int, default=100, help="training steps of a run (default: %(default)s)"
    )
    parser.add_argument(
        "--jobs", type=int, default=2, help="runs side by side (default: %(default)s)"
    )
    return parser.parse_args(argv)


def label(name: str, seed: int) -> str:
    return f"{name}-seed{seed}"


def command(name: str, seed: int, steps: int, url: str) -> list[str]:
    """The arguments of main.py for one run."""
    config, *overrides = SELECTORS[name]
    overrides += [f"{key}={seed}" for key in SEED_KEYS]
    overrides += [f"name={label(name, seed)}", f"group={GROUP}", f"buffer.total_steps={steps}"]
    return [*training_arguments(config, url), *overrides]


def train_all(commands: dict[str, list[str]], jobs: int) -> list[str]:
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
                print(f"{name:<28}{seconds:6.0f} s   {last_line(name)}", flush=True)
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


def keep_yaml(name: str) -> None:
    """The run's merged YAML for results/: paths relative to this folder, the profile's address."""
    from omegaconf import OmegaConf

    config = OmegaConf.load(RUNS / name / "config.yaml")
    profile = OmegaConf.load(REPO / "profiles/laptop.yaml")
    config.model.tinker.base_url = profile.model.tinker.base_url  # this run's port was any free one
    text = OmegaConf.to_yaml(config).replace(f"{REPO}/", "")
    write_whole(RESULTS / "configs" / f"{name}.yaml", text)


if __name__ == "__main__":
    sys.exit(main())
