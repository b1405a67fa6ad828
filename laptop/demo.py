"""The whole experiment without a GPU: models, tasks, pass rates, both trainings, figure, rollouts.

    python -m laptop.demo

Every stage goes on where an earlier demo stopped, and does nothing where it is done already. The
server takes a free port, and ends with the demo.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from laptop.server.process import start_server

DATA = Path("data/laptop")  # as in profiles/laptop.yaml
RUNS = "checkpoints/Data-Augmentation/laptop"
SHOWN = f"{RUNS}/Difficulty-Based-Selector"  # whose rollouts are shown at the end
EXPERIMENTS = ["config_random.yaml", "config_difficulty.yaml"]


def main() -> int:
    started = time.monotonic()
    end_on_sigterm()
    try:
        with prepared_server() as url:
            for config in EXPERIMENTS:
                run("main.py", *training_arguments(config, url))
        run("plot_result.py", RUNS)
        run("show_rollouts.py", SHOWN, "--learned")
    except subprocess.CalledProcessError as error:
        return error.returncode  # the stage has said why
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
        return 130
    print(f"\nThe whole demo: {time.monotonic() - started:.0f} s")
    return 0


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the stack as Ctrl+C does, so that nothing started here is left behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def training_arguments(config: str, url: str) -> list[str]:
    return ["--config", config, "--profile", "laptop", f"model.tinker.base_url={url}"]


@contextmanager
def prepared_server() -> Iterator[str]:
    """Models, tasks with measured pass rates, and the server, which ends with the block.

    Yields:
        the address of the server.

    Raises:
        subprocess.CalledProcessError: a stage failed; its message is on the terminal.
    """
    run("-m", "laptop.make_base")
    with running_server() as url:
        run("measure_pass_rates.py", *measure_arguments(url))
        yield url


@contextmanager
def running_server() -> Iterator[str]:
    """The server of the models under DATA; yields its address."""
    log = DATA / "server.log"
    log.unlink(missing_ok=True)
    print(f"\n--- python -m laptop.server --port 0 (errors: {log})", flush=True)
    try:
        server, url = start_server(DATA / "models", DATA / "server", log)
    except subprocess.CalledProcessError:
        print(log.read_text(), file=sys.stderr)
        raise
    try:
        print(f"--- {url}", flush=True)
        yield url
    finally:
        server.terminate()
        server.wait()


def measure_arguments(url: str) -> list[str]:
    """Both references answer each task 16 times; do they bracket the base model?"""
    references = measure_models(url, "weak", "strong")
    return [*references, "--candidate", f"base=base@{url}/v1"]


def measure_models(url: str, *models: str) -> list[str]:
    """The arguments of measure_pass_rates.py for models of the server."""
    arguments = [str(DATA / "math")]
    for name in models:
        arguments += ["--model", f"{name}={name}@{url}/v1"]
    arguments += ["--samples", "16", "--choices", "16"]
    arguments += ["--max-tokens", "16", "--concurrency", "16"]
    return arguments


def run(*command: str) -> None:
    """One stage: a Python command, and how long it took."""
    print(f"\n--- python {' '.join(command)}", flush=True)
    started = time.monotonic()
    subprocess.run([sys.executable, *command], check=True)
    print(f"--- {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
