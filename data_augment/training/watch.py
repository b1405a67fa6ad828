"""Looks at a run while `tune` blocks the main thread, and ends it when it can only wait."""

import signal
import threading
import time

from data_augment.training.failures import RunLogs
from data_augment.training.progress import Progress

GRACE = 15.0  # seconds between two interrupts; Trinity's shutdown waits for the peer, too


class Watch(threading.Thread):
    """Once a second: progress for the terminal, and whether the run broke off.

    When it did, the main thread, which entered the `with` block, gets a KeyboardInterrupt, and
    another one every GRACE seconds, so that nobody waits hours for a peer that is gone. The same
    after Ctrl+C. Interrupts come by SIGUSR1: what a shell starts in the background ignores SIGINT.
    """

    def __init__(self, progress: Progress, logs: RunLogs) -> None:
        super().__init__(daemon=True)
        self.progress = progress
        self.logs = logs
        self.ctrl_c = False  # before the run broke off: what breaks off after it is no failure
        self.interrupted_at = float("-inf")
        self.ended = threading.Event()

    @property
    def broken(self) -> bool:
        return bool(self.progress.problem or self.logs.broken_in)

    def __enter__(self):
        self.usr1 = signal.signal(signal.SIGUSR1, self.interrupt)
        self.sigint = signal.getsignal(signal.SIGINT)
        if self.sigint != signal.SIG_IGN:
            signal.signal(signal.SIGINT, self.note_ctrl_c)
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.join()
        signal.signal(signal.SIGUSR1, self.usr1)
        signal.signal(signal.SIGINT, self.sigint)

    def interrupt(self, *_) -> None:
        if not self.ended.is_set():
            raise KeyboardInterrupt

    def note_ctrl_c(self, *_) -> None:
        self.ctrl_c = self.ctrl_c or not self.broken
        self.interrupted_at = time.monotonic()
        raise KeyboardInterrupt

    def run(self) -> None:
        was_broken = False
        while not self.ended.wait(1.0):
            self.look()
            # A second after the first sign of it: the rest of the traceback is written by then.
            stop = self.ctrl_c or (self.broken and was_broken)
            was_broken = self.broken
            if stop and time.monotonic() > self.interrupted_at + GRACE:
                self.interrupted_at = time.monotonic()
                signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        self.look()

    def look(self) -> None:
        self.progress.read()
        self.logs.read()
