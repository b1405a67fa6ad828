r"""Score models on a taskset: mean@k, pass@k, maj@k, and what one is better than another.

    python evaluate.py data/aime24 --samples 32 \
        --model base=Qwen/Qwen3-0.6B@http://localhost:8000/v1

    python evaluate.py data/laptop/heldout --by kind --choices 8 --max-tokens 16 \
        --model base=base@http://127.0.0.1:8765/v1 \
        --model trained=checkpoints/Data-Augmentation/laptop/Difficulty-Based-Selector@http://127.0.0.1:8765/v1

It samples as measure_pass_rates.py does, with run_react_agent and gsm8k_judge, and writes no
column into the taskset.

    mean@k    the share of right samples, also called avg@k or pass@1 (AIME-24: mostly k = 32)
    pass@k    the chance that one of k samples is right, by the unbiased estimate
    maj@k     the score of the answer that most of k samples give, as the judge reads answers
    cut off   responses that reached the limit of tokens, or have no text

Brackets hold 95 % intervals over problems such as these; models are compared problem by problem.
More samples of the same problems narrow an interval only so far.

Each sample is a line of a journal in --journal: the same command goes on where it was stopped, and
further commands take from it what they need. Delete it when the agent, the judge or what a server
calls by that name has changed.

Exit status: 0 scored; 1 a model answers no more; 2 bad input.
"""

import asyncio
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from contextlib import ExitStack
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.pass_rates.arguments import (
    add_sampling_arguments,
    count,
    read_key,
    request_fields,
)
from data_augment.pass_rates.errors import GivenUp
from data_augment.terminal import replace_unprintable


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "taskset",
        type=Path,
        help="folder with a split, or a parquet file, with columns question and answer",
    )
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        type=named_target,
        metavar="NAME=MODEL",
        help="a name for the tables, and MODEL@URL, the URL of a server of one model, a run "
        "(its newest checkpoint), RUN/global_step_N or RUN@URL; repeatable, the first one is "
        "what the others are compared with",
    )
    parser.add_argument("--split", default="test", help="of a folder (default: %(default)s)")
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        help="also score each value of a column of the taskset; problem: each problem, a line",
    )
    parser.add_argument(
        "--limit", type=count, metavar="ROWS", help="only the first rows (default: all)"
    )
    parser.add_argument(
        "--journal",
        type=Path,
        default=Path("evaluations"),
        metavar="FOLDER",
        help="where the samples are kept (default: %(default)s)",
    )
    add_sampling_arguments(parser, samples=8)
    args = parser.parse_args(argv)
    args.api_key = read_key(args.api_key_env, parser)
    if len({name for name, _ in args.model}) < len(args.model):
        parser.error("--model: two have the same NAME; each needs its own")
    return args


def named_target(text: str) -> tuple[str, str]:
    name, equals, target = text.partition("=")
    if not (equals and target and re.fullmatch(r"\w[\w.-]*", name)):
        raise ArgumentTypeError(
            f"{text}: expected NAME=MODEL, e.g. base=Qwen/Qwen3-0.6B@http://localhost:8000/v1"
        )
    return name, target


def evaluate(args: Namespace) -> None:
    """Sample what the journals lack, and print the scores. Raises BadInput, OSError, GivenUp."""
    from data_augment.evaluation.problems import column_values, complete_rows, group
    from data_augment.evaluation.report import report, report_each_problem
    from data_augment.pass_rates.report import report_faults
    from data_augment.pass_rates.taskset import read_taskset
    from data_augment.pass_rates.workers import measure_all

    taskset = read_taskset(args.taskset, args.split)
    by_column = args.by not in (None, "problem")
    values = column_values(taskset.table, args.by) if by_column else []
    models = {}
    with ExitStack() as journals:
        measurements = open_measurements(args, taskset, journals)
        asyncio.run(measure_all(measurements, taskset.tasks, args.concurrency, args.choices))
        for measurement in measurements:
            report_faults(measurement)
        rows = complete_rows(measurements)
        for measurement in measurements:
            known = measurement.journal.known
            models[measurement.name] = [known(row, args.samples) for row in rows]
    if args.by == "problem":
        report_each_problem(models, taskset.tasks, rows)
    report(models, group(values, rows) if by_column else {})


def open_measurements(args: Namespace, taskset, journals: ExitStack) -> list:
    """A Measurement of each model, with what its journal holds already.

    Samples of other settings lie in journals of other names. `journals` closes the files.
    """
    from hashlib import sha256

    from data_augment.evaluation.targets import find_served
    from data_augment.pass_rates.arguments import ModelSpec
    from data_augment.pass_rates.endpoints import Endpoints
    from data_augment.pass_rates.journal import Journal
    from data_augment.pass_rates.measurement import Measurement, Sampling
    from math_agent import SYSTEM_PROMPT

    request = request_fields(args)
    sampling = Sampling(args.samples, request, args.seed)
    rows = list(range(len(taskset.tasks)))[: args.limit]
    about = {"seed": args.seed, "prompt": SYSTEM_PROMPT, "dataset": taskset.digest}
    specs = [ModelSpec(name, *find_served(target)) for name, target in args.model]
    measurements = []
    for spec in specs:
        settings = {"model": spec.model, **request, **about}
        digest = sha256(repr(settings).encode()).hexdigest()[:8]
        path = args.journal / f"{args.taskset.stem}-{spec.name}-{digest}.jsonl"
        journal = journals.enter_context(Journal(path, settings))
        endpoints = Endpoints(spec.urls, args.api_key, args.timeout)
        measurement = Measurement(spec, endpoints, journal, rows, sampling)
        known = f"{measurement.tally.done:,} of {measurement.total:,} samples were there already"
        print(f"{spec.name}: {spec.model} at {', '.join(spec.urls)}; {path}: {known}")
        measurements.append(measurement)
    return measurements


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    replace_unprintable()
    try:
        evaluate(args)
        return 0
    except (BadInput, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    except GivenUp as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("evaluate: stopped. The same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
