"""Who asks: for each address some workers, who share what the models still lack."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from data_augment.pass_rates.errors import GivenUp
from data_augment.pass_rates.measurement import Measurement
from data_augment.pass_rates.progress import show_progress

RAMP = 0.004  # seconds between the first requests: workers that start as one stay in step and queue


async def measure_all(
    measurements: list[Measurement], tasks: list[dict], concurrency: int, choices: int
) -> None:
    """Ask for what the journals lack; each address has `concurrency` workers.

    A worker takes the models at its address in turn, as their jobs are shared by all workers.
    Raises GivenUp where a model answers nothing (any more), and BadInput where an address, key,
    model name or option is wrong.
    """
    unfinished = [m for m in measurements if next(m.jobs(1), None)]
    jobs = {m: m.jobs(choices) for m in unfinished}
    urls = {url for m in unfinished for url in m.endpoints.urls}
    in_flight = len(urls) * concurrency * choices

    async def work(url: str, delay: float) -> None:
        await asyncio.sleep(delay)
        for measurement in unfinished:
            if url not in measurement.endpoints.urls:
                continue
            endpoint = measurement.endpoints.urls.index(url)
            for row, numbers in jobs[measurement]:
                await measurement.measure(endpoint, row, tasks[row], numbers)
                measurement.check_alive(in_flight)

    async with AsyncExitStack() as stack:
        for measurement in unfinished:
            await stack.enter_async_context(measurement.endpoints)
            await measurement.endpoints.check()
        await stack.enter_async_context(show_progress(unfinished))
        workers = [
            asyncio.create_task(work(url, number * RAMP * choices))
            for url in urls
            for number in range(concurrency)
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    for measurement in measurements:
        if not measurement.tally.done:
            last = measurement.tally.last_lost
            raise GivenUp(f"{measurement.name}: no sample was answered, the last: {last}")
