"""Why a run broke off: from the status of `tune`, else from its logs, else from those of Ray.

trinity-rft 0.6.0 catches what explorer or trainer raise, writes it to `<run>/log` and lets the
other one wait for it, `synchronizer.sync_timeout` long (hours). A vLLM engine that does not start
says only "See root cause above"; the cause stands in the log of a Ray worker. A process that rolls
out and dies is started again, but the task that it got meanwhile is forgotten: its batch waits for
max_timeout x 3 (an hour), and then the run breaks off all the same.
"""

import re
from pathlib import Path

from data_augment.training.follow import NewLines

# Written when a loop breaks off (explorer.py, trainer.py), or the set-up does (launcher.py).
BROKEN = ("Error in Explorer", "Error in Trainer", "Explorer or Trainer failed")
# scheduler.py, of a training batch: those of evaluations have names with a slash.
LOST_TASK = re.compile(r"failed to run task at batch_id (\d+):")
# "ERROR 11-22 18:00:04 [trainer.py:131] text", with "(EngineCore pid=12) " before it in vLLM's.
PREFIX = re.compile(r"^(?:\([^)]*\) ?)?(?:ERROR .*?\] ?)?")
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Timeout|Died)(?::.*)?$")
# Exceptions that only say that another one stands elsewhere.
POINTERS = ("root cause above", "RayTaskError", "ActorDiedError", "ActorUnavailableError")


def last_exception(lines: list[str]) -> str:
    """The last line of the form "SomeError: text" in a log, or "".

    One that only points to another is taken where there is no other.
    """
    pointer = ""
    for line in reversed(lines):
        text = PREFIX.sub("", line).strip()
        if not EXCEPTION.match(text):
            continue
        if not any(word in text for word in POINTERS):
            return text
        pointer = pointer or text
    return pointer


class RunLogs:
    """The logs under `<run>/log` from now on; what stands there belongs to an earlier start.

    Args:
        needs_all_tasks: whether a batch waits for all its tasks (no explorer.over_rollout).
    """

    def __init__(self, log_dir: Path, needs_all_tasks: bool = True) -> None:
        self.log_dir = log_dir
        self.needs_all_tasks = needs_all_tasks
        self.start = {path: path.stat().st_size for path in log_dir.rglob("*.log")}
        self.new_lines: dict[Path, NewLines] = {}
        self.broken_in: Path | None = None  # the log that says that the run broke off

    def read(self) -> None:
        for path in self.log_dir.rglob("*.log"):
            if path not in self.new_lines:
                self.new_lines[path] = NewLines(path, self.start.get(path, 0))
            lines = self.new_lines[path].read()
            if self.broken_in is None and any(self.is_mark(line) for line in lines):
                self.broken_in = path

    def last_error(self) -> str:
        """The exception that broke the run off; else the last one in the newest log, or ""."""
        block = self.broken_block() if self.broken_in else []
        lost = LOST_TASK.search(block[0]) if block else None
        error = lost_task(lost[1]) if lost else last_exception(block)
        if error:
            return f"{error} ({self.broken_in.name})"
        for path in newest_first(self.log_dir.rglob("*.log")):
            if error := last_exception(NewLines(path, self.start.get(path, 0)).read()):
                return f"{error} ({path.name})"
        return ""

    def broken_block(self) -> list[str]:
        """The line of BROKEN and its traceback: Trinity puts "ERROR" before each line of it."""
        block = []
        for line in NewLines(self.broken_in, self.start.get(self.broken_in, 0)).read():
            if block and not line.startswith("ERROR"):
                break
            if block or self.is_mark(line):
                block.append(line)
        return block

    def is_mark(self, line: str) -> bool:
        lost = self.needs_all_tasks and LOST_TASK.search(line)
        return bool(lost) or any(mark in line for mark in BROKEN)


def lost_task(step: str) -> str:
    return f"a process that rolls out died, and a task of step {step} was lost with it"


def is_pointer(error: str) -> bool:
    return any(word in error for word in POINTERS)


def newest_first(paths) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)


def ray_error(ray_logs: Path) -> str:
    """The last exception in the logs of Ray's workers, and where it stands; or "".

    Args:
        ray_logs: pattern of these logs, as connect_ray returns it.
    """
    for path in newest_first(ray_logs.parent.glob(ray_logs.name)):
        error = last_exception(NewLines(path, 0).read())
        if error and not is_pointer(error):
            return f"{error} ({path})"
    return ""


def explain(stage_error, run_logs: RunLogs, ray_logs: Path) -> str:
    """One line for the terminal: what broke the run off, and in which log it stands.

    Args:
        stage_error: `error` of the StageStatus that `tune` returned, or None where it did not.
    """
    error = ""
    if stage_error:
        error = last_exception(stage_error.traceback_text.splitlines())
        error = error or f"{stage_error.type_name}: {stage_error.message}"
    if not error or is_pointer(error):
        error = run_logs.last_error() or error
    if not error or is_pointer(error):
        error = ray_error(ray_logs) or error
    return error or f"no error stands in the logs; those of Ray's workers are in {ray_logs.parent}"
