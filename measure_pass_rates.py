r"""Step 1b: pass rates of your own models as columns of a taskset, from OpenAI-compatible servers.

    python measure_pass_rates.py data/math \
        --model weak=Qwen/Qwen2.5-7B-Instruct@http://localhost:8000/v1 \
        --model strong=Qwen/Qwen3-30B-A3B@http://localhost:8001/v1 --samples 16

The usual script samples with a prompt and a grader of its own; this one runs run_react_agent and
gsm8k_judge, as training does, and writes NAME_pass_rate (float64) and NAME_samples (int64). A
failed request is no wrong answer: it is asked again, then counted by its reason; a row with fewer
than --min-samples stays empty (null). Each sample is a line of a journal beside the output: the
same command goes on where it was stopped. A pass rate p of N samples has the standard error
sqrt(p (1 - p) / N), at most 0.18 for 8 samples, 0.13 for 16, 0.09 for 32.
"""

import asyncio
import json
import math
import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from contextlib import AsyncExitStack, ExitStack
from hashlib import sha256
from pathlib import Path
from random import Random

from data_augment.errors import BadInput

REFERENCE = re.compile(r"(\w[\w.-]*)=(.+?)@(https?://[^\s,@]+(?:,https?://[^\s,@]+)*)")
CANDIDATE_ROWS = 300  # they tell two means apart that differ by some 0.04
RAMP = 0.004  # seconds between the first requests: workers that start as one stay in step and queue
NOTES = {"length": "cut off at --max-tokens", "no text": "without text (scored 0)"}


class GivenUp(Exception):
    """A model that answers no more; what was measured stands in its journal."""


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    # fmt: off
    add, whole = parser.add_argument, number(int, 1)
    add("taskset", type=Path, help="folder with SPLIT.parquet, or a parquet file, with columns "
        "question and answer (prepare_data.py --source makes one)")
    add("--model", action="append", required=True, type=reference, metavar="NAME=MODEL@URL[,URL]",
        help="column name, the model's name on its server, base address (mostly ends in /v1); "
        "repeatable; addresses share the load, models at one address take turns")
    add("--candidate", type=reference, metavar="NAME=MODEL@URL[,URL]", help="the model you mean "
        f"to train: {CANDIDATE_ROWS} rows of it say whether the references bracket it; no column")
    add("--split", default="train", help="of a folder (default: %(default)s)")
    add("--output", type=Path, metavar="FILE", help="parquet (default: into the taskset)")
    add("--limit", type=whole, metavar="ROWS", help="only the first rows (default: all)")
    add("--samples", type=whole, default=16, help="of each row and model (default: %(default)s)")
    add("--min-samples", type=whole, help="fewer leave a row empty (default: half of --samples)")
    add("--choices", type=whole, default=1, help="samples that share a request (n): fewer requests "
        "and prompts, where the server knows n (default: %(default)s)")
    add("--temperature", type=number(float, 0), default=1.0, help="default: %(default)s")
    add("--top-p", type=number(float, 0, 1), default=1.0, help="default: %(default)s")
    add("--max-tokens", type=whole, default=16384, help="of a response; take training's "
        "max_response_tokens (default: %(default)s)")
    add("--seed", type=lambda text: None if text == "none" else int(text), default=0,
        help="each sample sends one of its own, drawn from this; none: no seeds, for a server that "
        "refuses them or, as vLLM, is slower with them (default: %(default)s)")
    add("--concurrency", type=whole, default=64, help="requests in flight at a URL (default: 64)")
    add("--timeout", type=number(float, 0), default=600, help="seconds of a request (default: 600)")
    add("--api-key-env", metavar="VARIABLE", help="environment variable that holds the servers' "
        "key (default: no key is sent)")
    # fmt: on
    args = parser.parse_args(argv)
    if args.taskset.is_dir():
        args.taskset /= f"{args.split}.parquet"
    args.output = args.output or args.taskset
    args.min_samples = args.min_samples or (args.samples + 1) // 2
    args.specs = [*args.model, args.candidate] if args.candidate else args.model
    if args.min_samples > args.samples:
        parser.error(f"--min-samples {args.min_samples} is more than --samples {args.samples}")
    if len({name for name, *_ in args.specs}) < len(args.specs):
        parser.error("--model, --candidate: two have the same NAME; each needs its own")
    if args.candidate and len(args.model) < 2:
        parser.error("--candidate: two references bracket it; there is one --model")
    if args.api_key_env and not os.environ.get(args.api_key_env):
        parser.error(f"--api-key-env: the variable {args.api_key_env} is not set")
    return args


def reference(text: str) -> tuple[str, str, list[str]]:
    if not (match := REFERENCE.fullmatch(text)):
        found = "want NAME=MODEL@URL, e.g. weak=Qwen/Qwen2.5-7B-Instruct@http://localhost:8000/v1"
        raise ArgumentTypeError(f"{found} (a URL holds no key or password, see --api-key-env)")
    return match[1], match[2], [url.rstrip("/") for url in match[3].split(",")]


def number(kind: type, least: float, most: float = math.inf):
    def parse(text: str):
        if not least <= (value := kind(text)) <= most or value == math.inf:
            raise ArgumentTypeError(f"{text}: want a number from {least} to {most}")
        return value

    parse.__name__ = "number"  # for argparse's message
    return parse


def read_taskset(path: Path):
    """Return the taskset as a pyarrow Table and its tasks as dicts. Raises BadInput."""
    import pyarrow.parquet as pq

    make = "Make one: python prepare_data.py --source YOURS --output NEW.parquet"
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, ValueError) as error:  # pyarrow's are one or the other
        raise BadInput(f"{path}: no parquet file ({str(error).splitlines()[0]}). {make}") from None
    if absent := {"question", "answer"} - {*table.column_names}:
        there = ", ".join(table.column_names)
        raise BadInput(f"{path}: no column {', '.join(sorted(absent))}, only {there}. {make}")
    tasks = table.select(["question", "answer"]).to_pylist()
    for column in ("question", "answer"):
        blank = [i for i, task in enumerate(tasks) if not str(task[column] or "").strip()]
        if blank:
            found = f"{column} is empty in {len(blank)} rows, first {blank[:5]}"
            raise BadInput(f"{path}: {found}. prepare_data.py drops such rows")
    return table, tasks


def open_references(args: Namespace, names: list[str], tasks: list[dict], journals) -> list:
    """The models to measure, the candidate last, with what their journals know already.

    `names`: columns of the taskset; `journals`: ExitStack that closes them. Raises BadInput.
    """
    from data_augment.pass_rates.chat_sampling import Reference
    from math_agent import SYSTEM_PROMPT

    output = args.output
    if output.suffix != ".parquet" or output.is_dir() or not output.parent.is_dir():
        raise BadInput(f"--output {output}: want a .parquet file in a folder that is there")
    about = {"prompt": SYSTEM_PROMPT, "dataset": sha256(json.dumps(tasks).encode()).hexdigest()}
    settings = {key: getattr(args, key) for key in ("temperature", "top_p", "max_tokens")}
    key = os.environ[args.api_key_env] if args.api_key_env else None
    references, rows = [], list(range(len(tasks)))[: args.limit]
    for spec in args.specs:
        if spec is args.candidate:
            rows = sorted(Random(0).sample(rows, min(CANDIDATE_ROWS, len(rows))))
        r = Reference(spec, rows, args.samples, settings, args.seed, key, args.timeout)
        journal = output.with_name(f".{output.stem}.{r.name}.journal")  # load_dataset skips these
        column = f"{r.name}_pass_rate"
        if spec is not args.candidate and column in names and not journal.exists():
            found = f"{args.taskset} has a column {column} that was not measured here"
            raise BadInput(f"{found} (no {journal}). Choose another name than {r.name}")
        journals.enter_context(r.open_journal(journal, **about))
        references.append(r)
    return references


async def measure(references: list, tasks: list[dict], args: Namespace) -> None:
    """Ask for what the journals lack; each address has --concurrency workers.

    Raises GivenUp, and BadInput where an address, key or model name is wrong.
    """
    from tqdm import tqdm

    unfinished = [r for r in references if next(r.jobs(1), None)]
    queues = {r: r.jobs(args.choices) for r in unfinished}  # each shared by the workers
    async with AsyncExitStack() as stack:
        for r in unfinished:
            await stack.enter_async_context(r.endpoints)
            await r.endpoints.check()
        bars = {}
        for r in unfinished:
            total = len(r.rows) * args.samples
            bars[r] = tqdm(None, r.name, total, initial=r.done, unit=" samples", mininterval=0.5)

        async def worker(url: str, delay: float) -> None:
            await asyncio.sleep(delay)
            for r, queue in queues.items():
                for row, samples in queue if url in r.endpoints.urls else ():
                    await r.measure(r.endpoints.urls.index(url), row, tasks[row], samples)
                    if bars[r].update(len(samples)):
                        bars[r].set_postfix_str(status(r), refresh=False)
                    few_rows = 0 if r.last_lost.again else 3 * args.samples  # refused, not dead
                    if r.lost_in_a_row > len(workers) * args.choices + few_rows:
                        lost = f"{r.lost_in_a_row} samples in a row failed, the last: {r.last_lost}"
                        raise GivenUp(f"{r.name}: {lost}. The same command goes on from here")

        urls = {url for r in unfinished for url in r.endpoints.urls}
        delays = [i * RAMP * args.choices for i in range(args.concurrency)]
        workers = [asyncio.create_task(worker(u, delay)) for u in urls for delay in delays]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            for r, bar in bars.items():
                bar.set_postfix_str(status(r))
                bar.close()


def status(r) -> str:
    """What the progress bar says beside samples, speed and time left."""
    tokens, failed = r.endpoints.tokens, r.endpoints.failures.total()
    accuracy = r.right / max(r.done, 1)
    return f"{r.rows_done:,} rows, {tokens:,} tokens, {failed} failed, accuracy {accuracy:.3f}"


def report(r, rates: list[float | None], least: int) -> None:
    import numpy as np

    from data_augment.data.statistics import histogram_line

    known = np.array([rates[row] for row in r.rows if rates[row] is not None])
    print(f"{r.name}: {r.model}, {r.samples} samples of each of {len(r.rows):,} rows")
    if len(known):
        error = np.sqrt(np.mean(known * (1 - known)) / r.samples / len(known))
        print(f"  mean {known.mean():.3f} ± {error:.3f}; {histogram_line(known)}")
    if empty := [row for row in r.rows if rates[row] is None]:
        print(f"  {len(empty):,} rows left empty, below {least} samples; the first: {empty[:10]}")
    for finish in NOTES.keys() & r.finishes.keys():
        print(f"  {r.finishes[finish]:,} answers {NOTES[finish]}")
    for reason, count in r.endpoints.failures.most_common():
        print(
            f"  {count:,} requests failed in this run: {reason}; samples lost: {r.lost[reason]:,}"
        )


def compare(rates: dict[str, list[float | None]], candidate: str | None) -> None:
    """Say how often the weaker reference beats the stronger; whether they bracket the candidate."""
    import numpy as np

    columns = {name: np.array(values, dtype=float) for name, values in rates.items()}
    measured = ~np.isnan(sum(values for name, values in columns.items() if name != candidate))
    means = {name: values[measured].mean() for name, values in columns.items() if measured.any()}
    own, mean = columns.pop(candidate, None), means.get
    if len(columns) < 2 or not means:
        return
    low, *_, high = sorted(columns, key=mean)
    beaten = np.mean((columns[low] > columns[high])[measured])
    print(f"{low} ({mean(low):.3f}) beats {high} ({mean(high):.3f}) in {beaten:.1%} of the rows")
    if own is None:
        return
    verdict = "bracketed by the two"
    for name, gap, mend in [
        (low, columns[low] - own, "below both: take a weaker reference"),
        (high, own - columns[high], "above both: take a stronger reference"),
    ]:
        gap = gap[~np.isnan(gap)]  # on the same rows, so its error is that of the differences
        error = gap.std() / math.sqrt(len(gap) or 1)
        if len(gap) and gap.mean() > 0:
            found = f"{gap.mean():.3f} ± {error:.3f} beyond {name}"
            verdict = f"{found}, {mend if gap.mean() > 2 * error else 'which is within the error'}"
    print(f"{candidate}: {verdict}")


def write_taskset(output: Path, table, columns: dict[str, tuple[list, str]]) -> None:
    """Write `table` with new or replaced columns (name: values, pyarrow type) in one rename."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, (values, kind) in columns.items():
        i, values = table.schema.get_field_index(name), pa.array(values, kind)
        table = table.append_column(name, values) if i < 0 else table.set_column(i, name, values)
    hidden = output.with_name(f".{output.name}.tmp")
    pq.write_table(table, hidden)
    os.replace(hidden, output)


def run(args: Namespace) -> None:
    """Measure, write, report. Raises BadInput, OSError and GivenUp."""
    table, tasks = read_taskset(args.taskset)
    candidate, rates, columns = args.candidate and args.candidate[0], {}, {}
    with ExitStack() as journals:
        references = open_references(args, table.column_names, tasks, journals)
        asyncio.run(measure(references, tasks, args))
        for r in references:
            if not r.done:
                raise GivenUp(f"{r.name}: no sample was answered, the last: {r.last_lost}")
            rates[r.name], counts = r.rates(len(tasks), args.min_samples)
            if r.name != candidate:
                columns[f"{r.name}_pass_rate"] = (rates[r.name], "float64")
                columns[f"{r.name}_samples"] = (counts, "int64")
        write_taskset(args.output, table, columns)
    for r in references:
        report(r, rates[r.name], args.min_samples)
    compare(rates, candidate)
    print(f"{args.output}: {', '.join(columns)}")


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    try:
        run(args)
        return 0
    except (BadInput, OSError, GivenUp) as error:
        print(f"measure_pass_rates: {error}", file=sys.stderr)
        return 1 if isinstance(error, GivenUp) else 2
    except KeyboardInterrupt:
        print("measure_pass_rates: stopped. The same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
