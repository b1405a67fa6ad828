"""How far a measurement is: a bar for each model, or a line a minute where no terminal shows it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

    from data_augment.pass_rates.measurement import Measurement

REFRESH = 0.5  # seconds. The bars are read from the tallies, so that a sample costs them nothing
LOG_EVERY = 60.0  # seconds between two lines of a log
SPEED_OVER = 300.0  # seconds from which the time left is estimated


@asynccontextmanager
async def show_progress(measurements: list[Measurement]) -> AsyncIterator[None]:
    """Show how far the measurements are, on standard error, while the block runs."""
    from rich.console import Console

    console = Console(stderr=True)
    bars = make_bars(console)
    tasks = {}
    for m in measurements:
        tasks[m] = bars.add_task(m.name, total=m.total, completed=m.tally.done, note=note(m))

    def update() -> None:
        for m, task in tasks.items():
            bars.update(task, completed=m.tally.done, note=note(m))

    async def refresh() -> None:
        logged = time.monotonic()
        while True:
            await asyncio.sleep(REFRESH)
            update()
            if console.is_terminal:
                bars.refresh()
            elif time.monotonic() - logged >= LOG_EVERY:
                log(bars)
                logged = time.monotonic()

    with bars:
        refreshing = asyncio.create_task(refresh())
        try:
            yield
        finally:
            refreshing.cancel()
            update()


def make_bars(console) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("samples"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
        console=console,
        auto_refresh=False,
        speed_estimate_period=SPEED_OVER,
    )


def note(measurement: Measurement) -> str:
    tally = measurement.tally
    failed = measurement.endpoints.failures.total()
    accuracy = tally.right / max(tally.done, 1)
    return f"accuracy {accuracy:.3f}, {measurement.endpoints.tokens:,} tokens, {failed} failed"


def log(bars: Progress) -> None:
    """One line for each model that is not finished."""
    for task in bars.tasks:
        if task.finished:
            continue
        left = "?" if task.time_remaining is None else f"{task.time_remaining / 60:.0f}"
        done = f"{task.completed:,.0f} of {task.total:,.0f} samples, {left} min left"
        print(f"{task.description}: {done}, {task.fields['note']}", file=sys.stderr, flush=True)
