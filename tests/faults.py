"""Kill a laptop run again and again at random moments; the same command must bring it home.

    make faults                                    # 20 kills, about a quarter of an hour
    python -m tests.faults --kills 3 --seed 1

Each round starts main.py, waits a random time, and kills -9 the driver, one of its Ray workers, or
the Tinker server. Checked each time: the explorer starts again at the step of the weights, with the
selector's state as it was saved at that step, byte for byte. At the end: exit 0, all steps trained.
"""

import argparse
import json
import random
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from tempfile import mkdtemp

import psutil

from experiment import REPO
from resume import checkpointed_step

BATCH = 8  # profiles/laptop.yaml
PATIENCE = 40  # seconds after a kill; a driver that has not ended then has gone on without harm


class Laptop:
    """Tiny models and a server in a folder of their own, and main.py pointed at them."""

    def __init__(self, folder: Path):
        self.folder = folder
        make = [sys.executable, "-m", "laptop.make_base", "--tiny", "--output", str(folder)]
        subprocess.run(make, cwd=REPO, check=True, capture_output=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.serve()

    def serve(self) -> None:
        """Start the server, again after a kill: same port, same state."""
        options = {"--models": self.folder / "models", "--state": self.folder / "server"}
        options["--port"] = self.port
        command = [sys.executable, "-m", "laptop.server"]
        command += [str(word) for pair in options.items() for word in pair]
        with open(self.folder / "server.log", "a") as log:
            self.server = subprocess.Popen(command, cwd=REPO, stderr=log)
        wait_until(self.answers, self.server)

    def answers(self) -> bool:
        return urllib.request.urlopen(f"{self.url}/healthz", timeout=1).status == 200

    def close(self) -> None:
        self.server.terminate()
        self.server.wait()

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
            "explorer.eval_interval": 3,
            "trainer.save_interval": 2,
        }
        pairs = [f"{key}={value}" for key, value in (defaults | overrides).items()]
        main = [sys.executable, "main.py", "--config", config, "--profile", "laptop"]
        return [*main, *pairs]

    def run_dir(self, name: str) -> Path:
        return self.folder / "checkpoints/Data-Augmentation/laptop" / name


def wait_until(condition, process, seconds: float = 120) -> None:
    """Wait for `condition` as long as `process` lives; OSError counts as not yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"process ended with {process.returncode}"
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain")


def kill_something(target: str, driver, laptop: Laptop, rng: random.Random) -> str:
    """kill -9 the driver, a Ray worker of it or the server; returns what it was."""
    if target == "worker":
        workers = [p for p in psutil.Process(driver.pid).children(recursive=True) if is_actor(p)]
        if workers:
            victim = rng.choice(workers)
            name = victim.name()
            victim.kill()
            return f"worker {name}"
        target = "driver"  # none is up yet
    if target == "server":
        laptop.server.kill()
        laptop.server.wait()
        laptop.serve()
        return "server"
    driver.kill()
    return "driver"


def is_actor(process: psutil.Process) -> bool:
    try:
        return any(word.startswith("ray::") for word in process.cmdline()[:1])
    except psutil.Error:
        return False


def end(driver) -> str:
    """Wait for a driver whose worker or server was killed: it may end by itself, or survive."""
    try:
        return f"exit {driver.wait(PATIENCE)}"
    except subprocess.TimeoutExpired:
        driver.kill()
        driver.wait()
        return f"still running after {PATIENCE} s, killed too"


def expected_state(run: Path) -> tuple[int, dict | None]:
    """The step to resume from and the selector's state saved at it."""
    step = checkpointed_step(run)
    path = run / f"selector/{step * BATCH}.json"
    return step, json.loads(path.read_text()) if step and path.exists() else None


def torture(laptop: Laptop, kills: int, seed: int, steps: int) -> list[str]:
    """Run to the end through `kills` kills; returns a line for each, raises AssertionError."""
    rng, name, report = random.Random(seed), f"Faults-{seed}", []
    run = laptop.run_dir(name)
    overrides = {"name": name, "buffer.total_steps": steps, "explorer.eval_interval": steps}
    command = laptop.command("config_difficulty.yaml", **overrides)
    for i in range(kills):
        step, state = expected_state(run)
        with open(laptop.folder / "driver.log", "a") as log:
            driver = subprocess.Popen(command, cwd=REPO, stdout=log, stderr=log)
        if i and state:
            check_restart(run, driver, step, state)
        wait_for = rng.uniform(0, 40)
        try:
            code = driver.wait(wait_for)
            report.append(f"{i + 1:>3}  not killed: the run ended first, exit {code}")
            continue
        except subprocess.TimeoutExpired:
            victim = kill_something(rng.choice(["driver", "worker", "server"]), driver, laptop, rng)
        report.append(
            f"{i + 1:>3}  after {wait_for:4.1f} s, weights of step {checkpointed_step(run):>2}: "
            f"{victim}; {end(driver)}"
        )
        print(report[-1], flush=True)
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert checkpointed_step(run) == steps
    return report


def check_restart(run: Path, driver, step: int, state: dict) -> None:
    """The explorer's file, once main.py has put it right, holds step and state as saved."""

    def aligned() -> bool:
        try:
            meta = json.loads((run / "explorer_meta.json").read_text())
        except ValueError:
            return False
        return meta["latest_iteration"] == step and meta["taskset_states"] == [state]

    wait_until(aligned, driver)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a laptop run at random moments.")
    parser.add_argument("--kills", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=60, help="planned steps (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    args = parser.parse_args()
    laptop = Laptop(Path(mkdtemp(prefix="faults-")))
    try:
        report = torture(laptop, args.kills, args.seed, args.steps)
    finally:
        laptop.close()
    print(f"{len(report)} rounds, the run reached step {args.steps}. {laptop.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
