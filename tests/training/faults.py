"""Kill a laptop run again and again at random moments; the same command must bring it home.

    make faults                                    # 20 kills, about half an hour
    python -m tests.training.faults --kills 3 --seed 1

main.py runs until a random moment; then the driver, one of its Ray workers, or the Tinker server
(started again at once) gets kill -9. A driver that ends is started again. Checked: it ends or goes
on, and does not hang; a new one starts at the step of the weights with the selector's state as it
was saved at that step, byte for byte; each run ends with exit 0 and all its steps trained.
"""

import argparse
import contextlib
import random
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

import psutil

from data_augment.training.resume import checkpointed_step
from laptop.server.process import start_server
from safe_files import REPO, read_json

BATCH = 8  # profiles/laptop.yaml
SERVICES = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")  # of the node, not of the run
LONGEST = 400  # seconds without a step or an end; more is a hang


class Laptop:
    """Tiny models, measured tasks and a server in a folder, and main.py pointed at them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.port = 0  # any free one, and then the same again
        python("-m", "laptop.make_base", "--tiny", "--output", folder)
        self.serve()
        try:
            models = [f"--model={name}={name}@{self.url}/v1" for name in ("weak", "strong")]
            numbers = ["--samples=4", "--choices=4", "--max-tokens=16"]
            python("measure_pass_rates.py", folder / "math", *models, *numbers)
        except subprocess.CalledProcessError:
            self.close()
            raise

    def serve(self) -> None:
        """Start the server, again after a kill: same port, same state."""
        self.server, self.url = start_server(
            self.folder / "models", self.folder / "server", self.folder / "server.log", self.port
        )
        self.port = int(self.url.rpartition(":")[2])

    def close(self) -> None:
        self.server.terminate()
        self.server.wait()
        self.server.stdout.close()

    def command(self, config: str, **overrides) -> list[str]:
        """main.py on a small plan: 3 steps, evaluated at 0 and 3, saved at 2 and 3."""
        defaults = {
            "checkpoint_root_dir": self.folder / "checkpoints",
            "model.model_path": self.folder / "models/base",
            "model.tinker.base_url": self.url,
            "buffer.explorer_input.taskset.path": self.folder / "math",
            "buffer.explorer_input.eval_tasksets.0.path": self.folder / "heldout",
            "buffer.explorer_input.eval_tasksets.0.repeat_times": 1,
            "buffer.total_steps": 3,
            "explorer.runner_per_model": 2,
            "explorer.eval_interval": 3,
            "trainer.save_interval": 2,
        }
        pairs = [f"{key}={value}" for key, value in (defaults | overrides).items()]
        main = [sys.executable, "main.py", "--config", config, "--profile", "laptop"]
        return [*main, *pairs]

    def run_dir(self, name: str) -> Path:
        return self.folder / "checkpoints/Data-Augmentation/laptop" / name


def python(*arguments) -> None:
    """A command of the pack; its output is shown where it fails."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        done.check_returncode()


def wait_until(condition, process, seconds: float = 120) -> None:
    """Wait for `condition` as long as `process` lives."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"process ended with {process.returncode}"
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain")


def kill_something(target: str, driver, laptop: Laptop, rng: random.Random) -> str:
    """kill -9 the driver, a Ray worker of it or the server; returns what it was."""
    workers = actors(driver) if target == "worker" else []
    if workers:
        victim = rng.choice(workers)
        name = victim.name()
        victim.kill()
        return f"worker {name}"
    if target == "server":
        laptop.server.kill()
        laptop.server.wait()
        laptop.serve()
        return "server"
    driver.kill()  # also where no worker is up yet
    return "driver"


def actors(driver) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(driver.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            name = process.cmdline()[:1] or [""]
            if name[0].startswith("ray::") and not name[0].startswith(SERVICES):
                found.append(process)
    return found


def explored(run: Path) -> int:
    """Steps explored so far; Trinity rewrites the file at each, so a read may fall in between."""
    return (read_json(run / "explorer_meta.json") or {}).get("latest_iteration", 0)


def random_moment(run: Path, driver, rng: random.Random) -> str:
    """Wait for a moment in the next steps or, one time in three, seconds; "" if the run ended."""
    steps = rng.choice([0, 0, 1, 2, 3, 4])
    seconds = rng.uniform(0, 3 if steps else 30)
    goal = explored(run) + steps
    deadline = time.monotonic() + LONGEST
    while explored(run) < goal and driver.poll() is None:
        assert time.monotonic() < deadline, f"step {goal} not reached in {LONGEST} s"
        time.sleep(0.1)
    try:
        driver.wait(seconds)
        return ""
    except subprocess.TimeoutExpired:
        return f"{steps} steps and {seconds:4.1f} s"


def outcome(run: Path, driver) -> str:
    """What the driver makes of the kill: it ends, or it goes on. Raises AssertionError if neither."""
    reached = explored(run)
    started = time.monotonic()
    while time.monotonic() < started + LONGEST:
        if driver.poll() is not None:
            return f"exit {driver.returncode} in {time.monotonic() - started:.0f} s"
        if explored(run) > reached:
            return f"went on to step {explored(run)}"
        time.sleep(0.1)
    raise AssertionError(f"neither ended nor reached step {reached + 1} in {LONGEST} s")


def expected_state(run: Path) -> tuple[int, dict | None]:
    """The step to resume from and the selector's state saved at it."""
    step = checkpointed_step(run)
    return step, read_json(run / f"selector/{step * BATCH}.json")


def torture(laptop: Laptop, kills: int, seed: int, steps: int) -> list[str]:
    """Kill `kills` times; a run that reached its end makes room for the next. A line for each kill.

    Raises:
        AssertionError: a run did not come back as saved, or did not reach its end.
    """
    rng = random.Random(seed)
    report: list[str] = []
    runs = 0
    while len(report) < kills:
        runs += 1
        name = f"Faults-{seed}-{runs}"
        run = laptop.run_dir(name)
        status = None
        while status != 0:  # each turn is one start of main.py, until one reaches the end
            driver, survived = start(laptop, name, steps), len(report)
            while driver.poll() is None:
                if len(report) == kills:
                    driver.wait(LONGEST + 10 * steps)
                    continue
                moment = random_moment(run, driver, rng)
                if moment:
                    story = kill_and_watch(run, driver, laptop, rng)
                    report.append(f"{len(report) + 1:>3}  run {runs}, {moment} later, {story}")
                    print(report[-1], flush=True)
            status = driver.returncode
            assert status == 0 or len(report) > survived, f"exit {status} without a kill"
        assert checkpointed_step(run) == steps
        print(f"     run {runs} reached step {steps}", flush=True)
    return report


def start(laptop: Laptop, name: str, steps: int) -> subprocess.Popen:
    """Start main.py; a run that goes on must do so at the step of its weights, as saved."""
    run = laptop.run_dir(name)
    step, state = expected_state(run)
    overrides = {"name": name, "buffer.total_steps": steps, "explorer.eval_interval": steps}
    command = laptop.command("config_difficulty.yaml", **overrides)
    with open(laptop.folder / "driver.log", "a") as log:
        driver = subprocess.Popen(command, cwd=REPO, stdout=log, stderr=log)
    if state:
        check_restart(run, driver, step, state)
    return driver


def kill_and_watch(run: Path, driver, laptop: Laptop, rng: random.Random) -> str:
    """Kill something; returns when, what it was, and what became of it."""
    reached = explored(run)
    workers = actors(driver)
    victim = kill_something(rng.choice(["driver", "worker", "server"]), driver, laptop, rng)
    became = outcome(run, driver)
    if driver.poll() is not None:  # its actors outlive a killed driver by some seconds
        assert psutil.wait_procs(workers, timeout=60)[1] == []
    return f"at step {reached:>2}: {victim}; {became}"


def check_restart(run: Path, driver, step: int, state: dict) -> None:
    """The explorer's file, once main.py has put it right, holds step and state as saved."""

    def aligned() -> bool:
        meta = read_json(run / "explorer_meta.json") or {}
        return meta.get("latest_iteration") == step and meta["taskset_states"] == [state]

    wait_until(aligned, driver, LONGEST)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a laptop run at random moments.")
    parser.add_argument("--kills", type=int, default=20, help="default: %(default)s")
    parser.add_argument(
        "--steps", type=int, default=20, help="planned steps of a run (default: 20)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    args = parser.parse_args()
    laptop = Laptop(Path(mkdtemp(prefix="faults-")))
    try:
        report = torture(laptop, args.kills, args.seed, args.steps)
    finally:
        laptop.close()
    print(f"{len(report)} kills survived; logs in {laptop.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
