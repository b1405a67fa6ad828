"""The whole experiment without a GPU: models, tasks, pass rates, both trainings, figure.

    python -m laptop.demo

Every stage goes on where an earlier demo stopped, and does nothing where it is done already. What
is started here (the server, each training) is ended here.
"""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

URL = "http://127.0.0.1:8765"  # as in profiles/laptop.yaml
# The weaker and the stronger reference answer each task 16 times; do they bracket the base model?
MEASURE = [
    *["measure_pass_rates.py", "data/laptop/math"],
    *["--model", f"weak=weak@{URL}/v1", "--model", f"strong=strong@{URL}/v1"],
    *["--candidate", f"base=base@{URL}/v1", "--samples", "16", "--choices", "16"],
    *["--max-tokens", "16", "--concurrency", "16"],
]
RUNS = "checkpoints/Data-Augmentation/laptop"
SERVER_LOG = Path("data/laptop/server.log")


def main() -> int:
    started = time.monotonic()
    try:
        with prepared_server():
            for config in ("config_random.yaml", "config_difficulty.yaml"):
                run("main.py", "--config", config, "--profile", "laptop")
        run("plot_result.py", RUNS)
    except subprocess.CalledProcessError as error:
        return error.returncode
    print(f"\nThe whole demo: {time.monotonic() - started:.0f} s")
    return 0


@contextmanager
def prepared_server() -> Iterator[None]:
    """Models, tasks with measured pass rates, and the server, which ends with the block.

    Raises CalledProcessError where a stage fails; its message is on the terminal then.
    """
    run("-m", "laptop.make_base")
    server = start_server()
    try:
        run(*MEASURE)
        yield
    finally:
        server.terminate()
        server.wait()


def run(*command: str) -> None:
    """One stage: a Python command, and how long it took."""
    print(f"\n--- python {' '.join(command)}", flush=True)
    started = time.monotonic()
    subprocess.run([sys.executable, *command], check=True)
    print(f"--- {time.monotonic() - started:.0f} s", flush=True)


def start_server() -> subprocess.Popen:
    """Start laptop/server.py and wait until it answers; raises CalledProcessError if it ends."""
    command = [sys.executable, "-m", "laptop.server"]
    print(f"\n--- python -m laptop.server (log: {SERVER_LOG})", flush=True)
    with open(SERVER_LOG, "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{URL}/healthz", timeout=1).close()
            return server
        except OSError:
            time.sleep(0.2)
    print(SERVER_LOG.read_text(), file=sys.stderr)
    raise subprocess.CalledProcessError(server.returncode, command)


if __name__ == "__main__":
    sys.exit(main())
