"""The thread that does all torch work, in the order of arrival.

How it departs from a serving engine: there is one thread, and the sampling requests that wait for
the same weights are decoded as one batch (sampling.py). It is made for models of about a million
parameters on two CPU cores.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import torch
from transformers.utils.logging import disable_progress_bar

from laptop.server.sampling import MAX_ROWS, SampleJob, decode

# Two OpenMP threads spin when Ray's processes need the two cores too: 9 s a batch, not 0.3 s.
TORCH_THREADS = 1
GATHER_SECONDS = 0.02  # a sampling batch starts when nothing has arrived for so long


class Engine:
    """Runs what is submitted, one thing after the other. Submit from one other thread only."""

    def __init__(self):
        disable_progress_bar()
        self._thread = ThreadPoolExecutor(1, "torch", torch.set_num_threads, (TORCH_THREADS,))
        self._waiting: list[SampleJob] = []  # the other thread only appends

    def submit(self, work: Callable[[], object] | SampleJob) -> Future:
        """Queue a function without arguments, or a SampleJob; the future holds its result."""
        if isinstance(work, SampleJob):
            self._waiting.append(work)
            work = partial(self._sample, work)
        return self._thread.submit(work)

    def close(self) -> None:
        """End after the work that has begun; what still waits is cancelled."""
        self._thread.shutdown(cancel_futures=True)

    def _sample(self, job: SampleJob) -> dict:
        """The result of a job; those that wait for the same weights are decoded along with it."""
        if job.result is None:  # else an earlier job has taken this one along
            self._gather()
            batch = self._batch(job)
            try:
                decode(batch)
            finally:  # after an error the others wait on: each is tried again by its own call
                for other in batch:
                    if other is job or other.result is not None:
                        self._waiting.remove(other)
        return job.result

    def _gather(self) -> None:
        """Wait until no further job arrives, or until there are enough for a batch."""
        seen = 0
        while seen < len(self._waiting) < MAX_ROWS:
            seen = len(self._waiting)
            time.sleep(GATHER_SECONDS)

    def _batch(self, job: SampleJob) -> list[SampleJob]:
        """The waiting jobs with the weights of `job`, itself the first, up to MAX_ROWS samples."""
        batch = []
        rows = 0
        for other in list(self._waiting):
            if other.policy is not job.policy:
                continue
            rows += other.params.num_samples
            if rows > MAX_ROWS:
                break
            batch.append(other)
        return batch
