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
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from contextlib import ExitStack
from pathlib import Path
from random import Random

from data_augment.errors import BadInput
from data_augment.pass_rates.arguments import (
    add_sampling_arguments,
    count,
    model_spec,
    read_key,
    request_fields,
)
from data_augment.pass_rates.errors import GivenUp
from data_augment.terminal import replace_unprintable

CANDIDATE_ROWS = 300  # enough to tell two means apart that differ by some 0.04


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "taskset",
        type=Path,
        help="folder with a split, or a parquet file, with columns question and answer "
        "(prepare_data.py --source makes one)",
    )
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        type=model_spec,
        metavar="NAME=MODEL@URL[,URL]",
        help="column name, the model's name on its server, base address (mostly ends in /v1); "
        "repeatable; addresses share the load, models at one address take turns",
    )
    parser.add_argument(
        "--candidate",
        type=model_spec,
        metavar="NAME=MODEL@URL[,URL]",
        help=f"the model you mean to train: {CANDIDATE_ROWS} rows of it say whether the "
        "references bracket it; it gets no column",
    )
    parser.add_argument("--split", default="train", help="of a folder (default: %(default)s)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="parquet file to write (default: the file that was read)",
    )
    parser.add_argument(
        "--limit", type=count, metavar="ROWS", help="only the first rows (default: all)"
    )
    add_sampling_arguments(parser, samples=16)
    parser.add_argument(
        "--min-samples", type=count, help="fewer leave a row empty (default: half of --samples)"
    )
    args = parser.parse_args(argv)
    args.models = [*args.model, args.candidate] if args.candidate else args.model
    args.min_samples = args.min_samples or (args.samples + 1) // 2
    args.api_key = read_key(args.api_key_env, parser)
    if args.min_samples > args.samples:
        parser.error(f"--min-samples {args.min_samples} is more than --samples {args.samples}")
    if len({name for name, *_ in args.models}) < len(args.models):
        parser.error("--model, --candidate: two have the same NAME; each needs its own")
    if args.candidate and len(args.model) < 2:
        parser.error("--candidate: two references bracket it; there is one --model")
    return args


def measure(args: Namespace) -> None:
    """Measure, write, report. Raises BadInput, OSError and GivenUp."""
    from data_augment.pass_rates.report import compare, report
    from data_augment.pass_rates.taskset import (
        choose_output,
        read_taskset,
        table_to_extend,
        write_columns,
    )
    from data_augment.pass_rates.workers import measure_all

    taskset = read_taskset(args.taskset, args.split)
    output = choose_output(args.output, taskset, args.split)
    table = table_to_extend(output, taskset)
    candidate = args.candidate.name if args.candidate else None
    rates = {}
    columns = {}
    with ExitStack() as journals:
        measurements = open_measurements(args, taskset, output, journals)
        asyncio.run(measure_all(measurements, taskset.tasks, args.concurrency, args.choices))
        for measurement in measurements:
            name = measurement.name
            rates[name], samples = measurement.rates(len(taskset.tasks), args.min_samples)
            if name != candidate:
                columns[f"{name}_pass_rate"] = (rates[name], "float64")
                columns[f"{name}_samples"] = (samples, "int64")
        write_columns(output, table, columns)
    for measurement in measurements:
        report(measurement, rates[measurement.name], args.min_samples)
    compare(rates, candidate)
    print(f"{output}: {', '.join(columns)}")


def open_measurements(args: Namespace, taskset, output: Path, journals: ExitStack) -> list:
    """A Measurement of each model, the candidate last, with what its journal holds already.

    `journals` closes the files. Raises BadInput where one does not fit this command.
    """
    from data_augment.pass_rates.endpoints import Endpoints
    from data_augment.pass_rates.journal import Journal, journal_path
    from data_augment.pass_rates.measurement import Measurement, Sampling
    from math_agent import SYSTEM_PROMPT

    request = request_fields(args)
    sampling = Sampling(args.samples, request, args.seed)
    about = {"seed": args.seed, "prompt": SYSTEM_PROMPT, "dataset": taskset.digest}
    all_rows = list(range(len(taskset.tasks)))[: args.limit]
    measurements = []
    for spec in args.models:
        rows = all_rows
        if spec is args.candidate:
            rows = sorted(Random(0).sample(rows, min(CANDIDATE_ROWS, len(rows))))
        path = journal_path(output, spec.name)
        if spec is not args.candidate:
            taskset.check_columns_are_ours(spec.name, path)
        journal = Journal(path, {"model": spec.model, **request, **about})
        journals.enter_context(journal)
        endpoints = Endpoints(spec.urls, args.api_key, args.timeout)
        measurements.append(Measurement(spec, endpoints, journal, rows, sampling))
    return measurements


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    replace_unprintable()
    try:
        measure(args)
        return 0
    except (BadInput, OSError) as error:
        print(f"measure_pass_rates: {error}", file=sys.stderr)
        return 2
    except GivenUp as error:
        print(f"measure_pass_rates: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("measure_pass_rates: stopped. The same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
