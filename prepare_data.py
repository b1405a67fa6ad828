"""Step 1: a real math dataset in, a clean taskset in GSM8K format out.

    python prepare_data.py          guru-RL-92k -> data/math/train.parquet and AIME-24 ->
                                    data/aime24/test.parquet, which both configurations read
    python prepare_data.py --source my.jsonl --output data/mine/train.parquet

A row is a task: `question`, `answer` ("#### <gold>"), pass rates of reference models (float64 in
[0, 1]), `source`, `source_index` (its row in the source, from 0). Rows that harm a run are dropped
and counted by reason: blanks, missing or impossible pass rates (one NaN ruins a selector's
posterior), questions of an evaluation set, gold answers that the judge itself scores 0, duplicates.
`prepare_report.json`, beside the taskset, has counts, examples, statistics.
"""

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from data_augment.data.sources import ANSWERS, QUESTIONS
from data_augment.errors import BadInput

GURU = "LLM360/guru-RL-92k/train/math__combined_54.4k.parquet"
AIME = "HuggingFaceH4/aime_2024/data/train-00000-of-00001.parquet"
AIME_OUTPUT = "data/aime24/test.parquet"


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        "--source",
        default=GURU,
        metavar="PATH_OR_HUB_ID",
        help="parquet, jsonl, json, csv file, folder, saved `datasets` folder, or "
        "OWNER/NAME[/FILE] on the Hub (default: %(default)s)",
    )
    parser.add_argument(
        "--split", default="train", help="of a folder or OWNER/NAME (default: %(default)s)"
    )
    parser.add_argument("--subset", help="of a folder or OWNER/NAME (default: its only one)")
    parser.add_argument("--revision", help="branch, tag or commit on the Hub (default: the newest)")
    parser.add_argument(
        "--question-column", metavar="COLUMN", help=f"default: {', '.join(QUESTIONS)}"
    )
    parser.add_argument("--answer-column", metavar="COLUMN", help=f"default: {', '.join(ANSWERS)}")
    parser.add_argument(
        "--feature-columns", nargs="+", metavar="COLUMN", help="default: every *_pass_rate"
    )
    parser.add_argument(
        "--missing-pass-rate",
        type=lambda value: value if value in ("drop", "error") else float(value),
        default="drop",
        metavar="{drop,error,VALUE}",
        help="drop a row whose pass rate is missing or NaN, stop, or put in VALUE (default: drop)",
    )
    parser.add_argument(
        "--eval-source",
        action="append",
        metavar="PATH_OR_HUB_ID",
        help="evaluation set to keep out; repeatable; none for none "
        f"(default: {AIME}, also written to {AIME_OUTPUT})",
    )
    parser.add_argument(
        "--output", type=Path, default="data/math/train.parquet", help="default: %(default)s"
    )
    parser.add_argument(
        "--limit", type=int, metavar="ROWS", help="keep so many of the clean rows (default: all)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the draw for --limit (default: %(default)s)"
    )
    parser.add_argument(
        "--no-judge-gold",
        dest="judge_gold",
        action="store_false",
        help="do not send each gold answer through gsm8k_judge (default: do, on all cores)",
    )
    return parser.parse_args(argv)


def prepare(args: Namespace):
    """Return the clean rows of `args.source` (a polars DataFrame) and the report on them."""
    from data_augment.data.cleaning import clean
    from data_augment.data.sources import read
    from data_augment.data.statistics import pass_rate_figures

    rows, rates, commit = read(args.source, args)
    forbidden = []
    for source in sorted({*args.eval_source} - {"none"}):
        evaluation, _, _ = read(source, parse_arguments(["--split", "test"]))
        forbidden.append(evaluation["key"])
    kept, dropped = clean(rows, rates, forbidden, args)
    if kept.is_empty():
        counts = {reason: lost["rows"] for reason, lost in dropped.items()}
        raise BadInput(f"{args.source}: no row is left of {len(rows)}; dropped: {counts}")
    report = {
        "source": args.source,
        "revision": commit,
        "rows": len(rows),
        "kept": len(kept),
        "dropped": dropped,
        "pass_rates": pass_rate_figures(kept, rates),
    }
    return kept, report


def check_output(path: Path) -> None:
    """Raise BadInput where `path` cannot be written, before any work is done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise BadInput(f"{path}: cannot be written; choose another --output")


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    jobs = [args]
    if not args.eval_source:
        aime = ["--source", AIME, "--output", AIME_OUTPUT, "--eval-source", "none"]
        if not args.judge_gold:
            aime.append("--no-judge-gold")
        jobs.append(parse_arguments(aime))
        args.eval_source = [AIME]
    try:
        from data_augment.data.report import save, show

        for job in jobs:
            check_output(job.output)
        results = [prepare(job) for job in jobs]  # all of it, before anything is overwritten
        for job, (rows, report) in zip(jobs, results, strict=True):
            save(job.output, rows, report)
            show(job.output, report)
    except (BadInput, OSError) as error:
        print(f"prepare_data: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
