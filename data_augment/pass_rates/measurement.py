"""The samples of one model: which to ask for, what came of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import NamedTuple

from data_augment.pass_rates.arguments import ModelSpec
from data_augment.pass_rates.endpoints import Endpoints
from data_augment.pass_rates.errors import GivenUp, Unanswered
from data_augment.pass_rates.journal import Journal
from data_augment.pass_rates.sampled_agent import SharedRequest, sample_task

# Samples lost in a row, beyond those in flight, before a model is given up. A server that refuses
# single requests (too long a prompt) loses whole rows and still answers the others.
REFUSED_ROWS = 3


class Sampling(NamedTuple):
    """How each model is sampled.

    Fields:
        samples: of each row.
        request: fields of every request (temperature, top_p, a limit of tokens).
        seed: from which each sample's own seed is drawn; None: no seeds are sent.
    """

    samples: int
    request: dict
    seed: int | None


class Tally:
    """The samples of one model, counted: those of its journal and those of this run."""

    def __init__(self):
        self.done = 0
        self.right = 0.0  # sum of rewards
        self.finishes: Counter[str] = Counter()  # samples by finish_reason, or "no text"
        self.lost: Counter[str] = Counter()  # samples without an answer, by reason
        self.lost_in_a_row = 0
        self.last_lost = Unanswered("none")

    def answered(self, reward: float, finish: str) -> None:
        self.done += 1
        self.right += reward
        self.finishes[finish] += 1

    def unanswered(self, failure: Unanswered) -> None:
        self.lost[failure.reason] += 1
        self.lost_in_a_row += 1
        self.last_lost = failure


class Measurement:
    """One model: what its journal lacks is asked for at its endpoints and counted in its tally.

    `rows`: those of the taskset that are measured.
    """

    def __init__(
        self,
        spec: ModelSpec,
        endpoints: Endpoints,
        journal: Journal,
        rows: list[int],
        sampling: Sampling,
    ):
        self.name = spec.name
        self.model = spec.model
        self.endpoints = endpoints
        self.journal = journal
        self.rows = rows
        self.samples = sampling.samples
        self.request = sampling.request
        self.seed = sampling.seed
        self.tally = Tally()
        for row in rows:
            for sample in journal.known(row, self.samples):
                self.tally.answered(sample.reward, sample.finish)

    @property
    def total(self) -> int:
        """Samples to measure, those that are known included."""
        return len(self.rows) * self.samples

    def jobs(self, choices: int) -> Iterator[tuple[int, list[int]]]:
        """(row, numbers of its samples to ask for in one request) for what the journal lacks."""
        for row in self.rows:
            missing = self.journal.missing(row, self.samples)
            for start in range(0, len(missing), choices):
                yield row, missing[start : start + choices]

    async def measure(self, endpoint: int, row: int, task: dict, numbers: list[int]) -> None:
        """Sample a task so many times, in one request, and journal what was answered.

        `endpoint`: which address is asked first. Raises BadInput.
        """
        shared = SharedRequest(partial(self.endpoints.ask, endpoint), len(numbers))
        runs = [self.sample(shared, i, row, task, number) for i, number in enumerate(numbers)]
        records = [record for record in await asyncio.gather(*runs) if record]
        self.journal.write(records)
        for record in records:
            self.tally.answered(record["reward"], record["finish"])

    async def sample(
        self, shared: SharedRequest, choice: int, row: int, task: dict, number: int
    ) -> dict | None:
        """One sample: its line for the journal, or None where it got no answer."""
        settings = dict(self.request)
        if self.seed is not None:
            settings["seed"] = Random(f"{self.seed} {row} {number}").getrandbits(31)
        try:
            sample = await sample_task(task, self.model, settings, shared, choice)
        except Unanswered as failure:
            self.tally.unanswered(failure)
            return None
        self.tally.lost_in_a_row = 0
        return {"row": row, "sample": number} | sample._asdict()

    def check_alive(self, in_flight: int) -> None:
        """Raise GivenUp where more samples in a row were lost than a working server loses."""
        last = self.tally.last_lost
        allowed = in_flight if last.again else in_flight + REFUSED_ROWS * self.samples
        if self.tally.lost_in_a_row > allowed:
            lost = f"{self.tally.lost_in_a_row} samples in a row failed, the last: {last}"
            raise GivenUp(f"{self.name}: {lost}. The same command goes on from here")

    def rates(self, rows: int, least: int) -> tuple[list[float | None], list[int]]:
        """Of each of so many rows, the pass rate (None below `least` samples), and the samples."""
        rates = []
        counts = []
        for row in range(rows):
            rewards = [sample.reward for sample in self.journal.known(row, self.samples)]
            enough = len(rewards) >= least
            rates.append(sum(rewards) / len(rewards) if enough else None)
            counts.append(len(rewards))
        return rates, counts
