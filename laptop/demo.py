"""The whole experiment without a GPU: models, tasks, pass rates, both trainings, figure.

    python -m laptop.demo

Every stage goes on where an earlier demo stopped, and does nothing where it is done already. What
is started here (the server, each training) is ended here.
"""

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

URL = "http://127.0.0.1:8765"  # as in profiles/laptop.yaml
# The weaker and the stronger reference answer each task 16 times; do they bracket the base model?
MEASURE = [
    *["measure_pass_rates.py", "data/laptop/math"],
    *["--model", f"weak=weak@{URL}/v1", "--model", f"strong=strong@{URL}/v1"],
    *["--candidate", f"base=base@{URL}/v1", "--samples", "16", "--choices", "16"],
    *["--max-tokens", "16", "--concurrency", "16"],
]
EXPERIMENTS = ["config_random.yaml", "config_difficulty.yaml"]
RUNS = "checkpoints/Data-Augmentation/laptop"
SERVER_LOG = Path("data/laptop/server.log")


def main() -> int:
    seconds: dict[str, float] = {}

    def stage(name: str, *command: str) -> None:
        print(f"\n--- {name}: python {' '.join(command)}", flush=True)
        started = time.monotonic()
        subprocess.run([sys.executable, *command], check=True)
        seconds[name] = time.monotonic() - started

    try:
        stage("models and tasks", "-m", "laptop.make_base")
        server = start_server()
        try:
            stage("pass rates", *MEASURE)
            for config in EXPERIMENTS:
                stage(config, "main.py", "--config", config, "--profile", "laptop")
        finally:
            server.terminate()
            server.wait()
        stage("figure", "plot_result.py", RUNS)
    except subprocess.CalledProcessError as error:
        print(
            f"error: stage failed (exit {error.returncode}); its message is above", file=sys.stderr
        )
        return error.returncode
    print()
    for name, value in seconds.items():
        print(f"{name:<24}{value:7.0f} s")
    return 0


def start_server() -> subprocess.Popen:
    """Start laptop/server.py and wait until it answers; raises CalledProcessError if it ends."""
    command = [sys.executable, "-m", "laptop.server"]
    print(f"\n--- server: python -m laptop.server (log: {SERVER_LOG})", flush=True)
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
