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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from data_augment.files import REPO
from laptop.demo import prepared_server, run

GROUP = "comparison"
RUNS = Path("checkpoints/Data-Augmentation", GROUP)
SELECTOR = "buffer.explorer_input.taskset.task_selector"
HALF, PRIOR = (f"{SELECTOR}.kwargs.{kwarg}" for kwarg in ("target_reward=0.5", "prior_strength=4"))
# name of the run: experiment YAML, what departs from it
SELECTORS = {
    "random": ["config_random.yaml"],
    "shuffle": ["config_random.yaml", f"{SELECTOR}.selector_type=shuffle"],
    "easy2hard": ["config_random.yaml", f"{SELECTOR}.selector_type=offline_easy2hard"],
    "difficulty": ["config_difficulty.yaml"],
    "difficulty-prior": ["config_difficulty.yaml", PRIOR],
    "difficulty-half": ["config_difficulty.yaml", HALF],  # the paper's target and prior
    "difficulty-half-prior": ["config_difficulty.yaml", PRIOR, HALF],
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="default: 0 1 2 3 4")
    add("--steps", type=int, default=100, help="training steps of a run (default: %(default)s)")
    add("--jobs", type=int, default=2, help="runs side by side (default: %(default)s)")
    args = parser.parse_args(argv)
    RUNS.mkdir(parents=True, exist_ok=True)
    try:
        with prepared_server(), ThreadPoolExecutor(args.jobs) as pool:
            # seed by seed, so that what is there at any time compares all selectors
            jobs = [(name, seed, args.steps) for seed in args.seeds for name in SELECTORS]
            failed = sum(pool.map(lambda job: train(*job), jobs))
        run("plot_result.py", str(RUNS), "--csv", "results/curves.csv")
    except subprocess.CalledProcessError as error:
        return error.returncode
    for name, seed, _ in jobs:
        keep_yaml(f"{name}-seed{seed}")
    return min(failed, 1)


def train(name: str, seed: int, steps: int) -> bool:
    """One run of main.py to its end, its output in a file; whether it failed."""
    label, (config, *overrides) = f"{name}-seed{seed}", SELECTORS[name]
    seeds = [f"{SELECTOR}.seed", "model.tinker.seed", "explorer.rollout_model.seed"]
    overrides += [f"{key}={seed}" for key in seeds]
    overrides += [f"name={label}", f"group={GROUP}", f"buffer.total_steps={steps}"]
    command = [sys.executable, "main.py", "--config", config, "--profile", "laptop", *overrides]
    output, started = RUNS / f"{label}.log", time.monotonic()
    with open(output, "a") as log:
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
    said = output.read_text().splitlines()[-1]
    # the end of the line in one piece with it: two threads print
    print(f"{label:<28}{time.monotonic() - started:6.0f} s   {said}\n", end="", flush=True)
    return status != 0


def keep_yaml(label: str) -> None:
    """The run's merged YAML for results/, with paths relative to this folder."""
    text = (RUNS / label / "config.yaml").read_text().replace(f"{REPO}/", "")
    Path("results/configs").mkdir(parents=True, exist_ok=True)
    Path(f"results/configs/{label}.yaml").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
