"""The comparison of two answers in processes of their own, with a limit on their CPU time.

The kernel ends a process that has computed for `CPU_LIMIT` seconds on one question. Nothing else
ends one long call in time: a signal handler of Python waits until the call returns, and works in
the main thread only, where a Ray actor does not grade. The time that a process waits on a busy
machine does not count. Several processes work side by side, so that an honest answer does not
wait behind an endless one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

CPU_LIMIT = 2.0  # seconds of CPU time for one question
WALL_LIMIT = 120.0  # seconds until a process that does not even compute is given up
MEMORY_LIMIT = 4 << 30  # bytes of address space
RECURSION_LIMIT = 15_000  # an answer of 1,000 characters nests no deeper
MAX_PROCESSES = 4  # of one caller; two at least, and no more than it has cores

_COMMAND = (
    "import sys; sys.path.insert(0, {root!r}); "
    "from math_agent.equality.checker_process import serve; serve({cpu_limit})"
)


class _Process:
    """One process that answers [gold, answer] with true or false, a line each."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parent.parent.parent)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND.format(root=root, cpu_limit=CPU_LIMIT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the caller; the process ends with its stdin
        )
        if self.ask("1", "1") is not True:
            self.stop()
            raise RuntimeError(
                f"checker_process.py: {sys.executable} could not start the process that compares "
                "answers (its error is above); it needs mpmath: pip install mpmath"
            )

    def ask(self, gold: str, answer: str) -> bool | None:
        """The verdict; None if the process ended or did not answer."""
        question = json.dumps([gold, answer]) + "\n"
        try:
            self._process.stdin.write(question.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        readable, _, _ = select.select([self._process.stdout], [], [], WALL_LIMIT)
        verdict = self._process.stdout.readline() if readable else b""
        return json.loads(verdict) if verdict.endswith(b"\n") else None

    def stop(self) -> None:
        """End the process, reap it and close its pipes."""
        self._process.kill()
        self._process.communicate()


class Checkers:
    """The processes of one caller, started when they are needed; safe in threads."""

    def __init__(self) -> None:
        cores = len(os.sched_getaffinity(0))
        self._free = threading.Semaphore(min(max(cores, 2), MAX_PROCESSES))
        self._lock = threading.Lock()
        self._idle: list[_Process] = []

    def says_the_same(self, gold: str, answer: str) -> bool:
        """Ask a process; an answer on which it ends is not the same.

        Raises RuntimeError where no process can be started.
        """
        with self._free:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                process = _Process()
            verdict = process.ask(gold, answer)
            if verdict is None:
                process.stop()
                return False
            with self._lock:
                self._idle.append(process)
            return verdict


checkers = Checkers()
# a forked child must not read its parent's verdicts, nor inherit a lock that a thread held
os.register_at_fork(after_in_child=checkers.__init__)


def serve(cpu_limit: float) -> None:
    """Answer [gold, answer] lines on stdin with true or false until stdin closes."""
    import resource

    verdicts, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no verdict
    from math_agent.equality.matching import says_the_same

    sys.setrecursionlimit(RECURSION_LIMIT)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, even inside one long C call
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPROF])  # a mask outlives exec
    for line in sys.stdin:
        gold, answer = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, cpu_limit)
        verdict = says_the_same(gold, answer)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(verdict), file=verdicts, flush=True)
