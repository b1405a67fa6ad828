"""The laptop's models and dataset: a small base model, two references, tasks, held-out problems.

    python -m laptop.make_base            # minutes; into data/laptop
    python -m laptop.make_base --tiny     # seconds, for tests

Training tasks, held-out problems and the corpus of the supervised training (laptop/pretrain.py)
have no problem in common, a sum read in another order being the same one. The tasks have no pass
rates yet: measure_pass_rates.py asks the two references for them, as with any dataset.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from laptop.arithmetic import KINDS, build_tokenizer, share_out
from laptop.pretrain import Settings, pass_rates, train_models

TINY = Settings(
    hidden_size=64,
    layers=2,
    learning_rate=2e-3,
    clean_steps=500,
    weak_step=200,
    flawed_steps=40,
    flawed_learning_rate=1e-3,
    largest=19,
    tasks=120,
    held_out=20,
    samples=2,
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default="data/laptop", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--tiny", action="store_true", help="a small model and dataset, for tests")
    args = parser.parse_args(arguments)
    # GNU OpenMP (torch 2.13) otherwise spins while it waits: ten times slower on busy cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    settings = replace(TINY if args.tiny else Settings(), seed=args.seed)
    try:
        if not is_made(args.output, settings):
            make(args.output, settings)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_summary(args.output)
    return 0


def is_made(output: Path, settings: Settings) -> bool:
    """Whether `output` holds everything, made with these settings.

    Raises:
        ValueError: it holds something else.
    """
    fix = f"give another --output, or delete it first: rm -r {output}"
    summary = output / "summary.json"
    if not summary.is_file():
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise ValueError(f"{output} exists and was not made by this command; {fix}")
        return False
    made = json.loads(summary.read_text(encoding="utf-8"))["settings"]
    asked = described(settings)
    changes = []
    for name in asked | made:
        if asked.get(name) != made.get(name):
            changes.append(f"{name} {made.get(name)}, now {asked.get(name)}")
    if changes:
        raise ValueError(f"{output} was made with other settings ({', '.join(changes)}); {fix}")
    return True


def described(settings: Settings) -> dict:
    """The settings as summary.json holds them, the kinds of task included."""
    kinds = {kind.name: [kind.right, kind.pool, kind.held_out] for kind in KINDS}
    return asdict(settings) | kinds


def make(output: Path, settings: Settings) -> None:
    """Make everything in memory, write it to a temporary folder, and rename that to `output`."""
    output.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    tasks, held_out, corpus = share_out(
        settings.tasks, settings.held_out, settings.largest, settings.seed
    )
    seconds: dict[str, float] = {}
    rates: dict[str, list[float]] = {}
    with progress_bars(seconds) as stage:
        models = train_models(settings, tokenizer, corpus, stage)
        for name, model in models.items():
            with stage(f"sampling {name}", len(tasks) + len(held_out)) as advance:
                rates[name] = pass_rates(
                    model, tokenizer, tasks + held_out, settings.samples, settings.seed, advance
                )
    summary = {
        "settings": described(settings),
        "parameters": models["base"].num_parameters(),
        "pass_at_1": {name: by_kind(tasks, held_out, values) for name, values in rates.items()},
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        folder = Path(scratch) / output.name
        for name, model in models.items():
            model.save_pretrained(folder / "models" / name)
            tokenizer.save_pretrained(folder / "models" / name)
        write_parquet(folder / "math/train.parquet", tasks)
        write_parquet(folder / "heldout/test.parquet", held_out)
        summary_json = json.dumps(summary, indent=2) + "\n"
        (folder / "summary.json").write_text(summary_json, encoding="utf-8")
        os.replace(folder, output)


@contextmanager
def progress_bars(seconds: dict[str, float]) -> Iterator[Callable]:
    """A bar with the time left for each stage; the seconds of each stage go to `seconds`.

    Yields:
        `stage(name, total)`, a context manager, which gives `advance(n=1, note="")`.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )

    @contextmanager
    def stage(name: str, total: int) -> Iterator[Callable]:
        bar = progress.add_task(name, total=total, note="")

        def advance(n: int = 1, note: str = "") -> None:
            progress.update(bar, advance=n, note=note)

        started = time.monotonic()
        yield advance
        seconds[name] = time.monotonic() - started

    with progress:
        yield stage


def write_parquet(file: Path, rows: list[dict]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), file)


def by_kind(tasks: list[dict], held_out: list[dict], rates: list[float]) -> dict[str, float]:
    """Mean pass rate of each kind of task, of all tasks, and of the held-out problems."""
    groups: dict[str, list[float]] = {kind.name: [] for kind in KINDS}
    for task, rate in zip(tasks, rates, strict=False):  # the held-out rates follow
        groups[task["kind"]].append(rate)
    groups["all tasks"] = rates[: len(tasks)]
    groups["held-out"] = rates[len(tasks) :]
    return {name: round(sum(values) / len(values), 3) for name, values in groups.items()}


def print_summary(output: Path) -> None:
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    total = sum(summary["seconds"].values())
    print(f"{output}: made in {total:.0f} s, {summary['parameters']:,} parameters a model")
    models = summary["pass_at_1"]
    print(f"{'sampled pass@1':<16}" + "".join(f"{name:>9}" for name in models))
    for kind in models["base"]:
        print(f"{kind:<16}" + "".join(f"{models[name][kind]:9.3f}" for name in models))


if __name__ == "__main__":
    sys.exit(main())
