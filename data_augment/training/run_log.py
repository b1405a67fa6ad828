"""What a run says of itself in its logs: progress for a person, the last error.

Trinity's monitor puts "Step 7: {'rollout/accuracy/mean': 0.31, ...}" into `<run>/log/explorer.log`
and `trainer.log` at each step, at once. Its TensorBoard files lag two minutes behind (flush_secs of
torch's SummaryWriter): progress is read from the logs, curves (plot_result.py) from TensorBoard.
"""

import re
import signal
import threading
import time
from pathlib import Path

STEP = re.compile(r"\] Step (\d+): \{(.*)\}")
METRIC = re.compile(r"'([^']+)': (-?[\d.]+(?:e[-+]?\d+)?)")
ERROR = re.compile(r"^ERROR .*?\] (.*)")
# The loop that broke off; its peer goes on waiting until a timeout of hours (trinity-rft 0.6.0).
BROKEN = ("Error in Explorer", "Error in Trainer")
GRACE = 15.0  # seconds; Trinity's shutdown waits for the peer, too, synchronizer.sync_timeout long


def last_error(log_dir: Path) -> str:
    """Last line of the newest error in the run's logs: of a traceback, the exception itself."""
    for path in sorted(log_dir.glob("*.log"), key=lambda p: p.stat().st_mtime, reverse=True):
        # Trinity repeats the prefix "ERROR date [file:line] " on each line of a traceback.
        errors = [
            m[1].strip()
            for m in map(ERROR.match, path.read_text(errors="replace").splitlines())
            if m
        ]
        errors = [line for line in errors if line and not set(line) <= {"-", "^", "~", " "}]
        if errors:
            return f"{errors[-1]} ({path.name})"
    return "no error stands in the logs"


class Follower(threading.Thread):
    """Print a line for each training step and each evaluation, from the logs, as they come.

    Args:
        log_dir: `<run>/log`; what stands there already belongs to an earlier start.
        steps: planned number of training steps.
        out: stream of the lines.
    When explorer or trainer broke off, `failed` turns true and `error` says why. The main thread,
    which enters the `with` block, then gets a KeyboardInterrupt, and another every GRACE seconds,
    so that nobody waits hours for the peer. By SIGUSR1: what a shell starts in the background
    ignores SIGINT.
    """

    def __init__(self, log_dir: Path, steps: int, out) -> None:
        super().__init__(daemon=True)
        self.log_dir, self.steps, self.out = log_dir, steps, out
        self.failed = False
        self.error = ""
        self.interrupted_at = 0.0
        self.done = threading.Event()
        self.offsets = {path: path.stat().st_size for path in log_dir.glob("*.log")}
        self.rollout_accuracy: dict[int, float] = {}
        self.first: tuple[int, float] | None = None  # step and time of the first training step seen

    def __enter__(self):
        self.previous = signal.signal(signal.SIGUSR1, self.break_off)
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()
        signal.signal(signal.SIGUSR1, self.previous)

    def break_off(self, *_) -> None:
        if not self.done.is_set():
            raise KeyboardInterrupt

    def run(self) -> None:
        while not self.done.wait(1.0):
            self.read()
            if self.failed and time.monotonic() > self.interrupted_at + GRACE:
                self.interrupt()
        self.read()

    def read(self) -> None:
        for name in ("explorer.log", "trainer.log"):
            path = self.log_dir / name
            if not path.exists():
                continue
            with path.open(errors="replace") as log:
                log.seek(self.offsets.get(path, 0))
                lines = log.readlines()
                if lines and not lines[-1].endswith("\n"):
                    lines.pop()  # half-written; read it next time
                self.offsets[path] = self.offsets.get(path, 0) + sum(
                    len(line.encode()) for line in lines
                )
            for line in lines:
                self.handle(name, line)

    def handle(self, name: str, line: str) -> None:
        if any(broken in line for broken in BROKEN) and not self.failed and not self.done.is_set():
            self.failed = True
            self.interrupt()
        if not (match := STEP.search(line)):
            return
        step = int(match[1])
        metrics = {key: float(value) for key, value in METRIC.findall(match[2])}
        if name == "explorer.log":
            if "rollout/accuracy/mean" in metrics:
                self.rollout_accuracy[step] = metrics["rollout/accuracy/mean"]
            for key, value in metrics.items():
                if re.fullmatch(r"eval/.+/accuracy/mean@\d+", key):
                    self.say(f"step {step:>4}/{self.steps}   {key} {value:.3f}")
        elif "time/train_step" in metrics:
            self.say(
                f"step {step:>4}/{self.steps}   rollout accuracy "
                f"{self.rollout_accuracy.pop(step, float('nan')):.2f}{self.pace(step)}"
            )

    def interrupt(self) -> None:
        if not self.error:  # now: the shutdown writes errors of its own
            time.sleep(0.5)  # for the end of the traceback
            self.error = last_error(self.log_dir)
        self.interrupted_at = time.monotonic()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    def pace(self, step: int) -> str:
        now = time.monotonic()
        if self.first is None:
            self.first = (step, now)
            return ""
        seconds = (now - self.first[1]) / max(step - self.first[0], 1)
        left = round(seconds * (self.steps - step))
        return f"   {seconds:.1f} s/step   {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"

    def say(self, text: str) -> None:
        print(text, file=self.out, flush=True)
