"""Step 1: a real math dataset in, a clean taskset in GSM8K format out.

    python prepare_data.py          guru-RL-92k -> data/math/train.parquet and AIME-24 ->
                                    data/aime24/test.parquet, which the configurations read
    python prepare_data.py --source my.jsonl --output data/mine

A row is a task: `question`, `answer` ("#### <gold>"), pass rates of reference models (float64 in
[0, 1]), `source`, `source_index` (its row in the source, from 0). Rows that harm a run are dropped
and counted by reason: blanks, answers that are none ("proof", "N/A"), missing or impossible pass
rates (one NaN ruins a selector's posterior), questions of an evaluation set, gold answers that the
judge itself scores 0, duplicates. `prepare_report.json`, beside the taskset, has counts, examples
and statistics.

Exit status: 0 written; 2 bad input, nothing written.
"""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.terminal import replace_unprintable

GURU = "LLM360/guru-RL-92k/train/math__combined_54.4k.parquet"
AIME = "HuggingFaceH4/aime_2024/data/train-00000-of-00001.parquet"
AIME_OUTPUT = Path("data/aime24/test.parquet")
SHOW_DEFAULT = "(default: %(default)s)"


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)

    source = parser.add_argument_group("the source")
    text = "parquet, jsonl, json, csv, tsv file, folder, saved `datasets` folder, or "
    text += f"OWNER/NAME[/FILE] on the Hub {SHOW_DEFAULT}"
    source.add_argument("--source", default=GURU, metavar="PATH_OR_HUB_ID", help=text)
    text = f"of a folder or OWNER/NAME {SHOW_DEFAULT}"
    source.add_argument("--split", default="train", help=text)
    source.add_argument("--subset", help="of a folder or OWNER/NAME (default: its only one)")
    text = "branch, tag or commit on the Hub (default: the newest)"
    source.add_argument("--revision", help=text)

    columns = parser.add_argument_group("its columns (COLUMN may be a path into structs, A.B.C)")
    text = "default: question, problem, prompt and other usual names"
    columns.add_argument("--question-column", metavar="COLUMN", help=text)
    text = r"default: answer, final_answer, reward_model and others; else the \boxed{} of solution"
    columns.add_argument("--answer-column", metavar="COLUMN", help=text)
    text = "what the selector may use. NAME=COLUMN/16: counts of 16 samples; NAME=1-COLUMN/16: "
    text += "counts of failures; a list gives its mean; what is no pass rate is carried as it is "
    text += "(default: every *_pass_rate, *solve_rate, solved_percentage, difficulty, level)"
    columns.add_argument("--feature-columns", nargs="+", metavar="[NAME=]COLUMN[/N]", help=text)
    text = "what more than one gold answer in a row means: drop the row; any of them is right; "
    text += f"the answer is all of them {SHOW_DEFAULT}"
    choices = ("drop", "any", "all")
    columns.add_argument("--several-answers", choices=choices, default="drop", help=text)

    rows = parser.add_argument_group("its rows")
    text = f"evaluation set to keep out; repeatable; none for none (default: {AIME}, also written "
    text += f"to {AIME_OUTPUT})"
    rows.add_argument("--eval-source", action="append", metavar="PATH_OR_HUB_ID", help=text)
    text = "drop a row whose pass rate is missing or NaN, stop, or put in VALUE (default: drop)"
    rows.add_argument(
        "--missing-pass-rate",
        type=lambda value: value if value in ("drop", "error") else float(value),
        default="drop",
        metavar="{drop,error,VALUE}",
        help=text,
    )
    text = "drop a row whose pass rates are 0 in every column (default: 0 was measured)"
    rows.add_argument("--zero-rate-is-missing", action="store_true", help=text)
    text = "keep the rows whose mean pass rate is in this band, such as 0.1-0.9 (default: all)"
    rows.add_argument("--keep", type=band, metavar="LOW-HIGH", help=text)
    text = "keep so many of the clean rows, drawn at random (default: all)"
    rows.add_argument("--limit", type=int, metavar="ROWS", help=text)
    rows.add_argument("--seed", type=int, default=0, help=f"of every draw {SHOW_DEFAULT}")
    text = "do not send each gold answer through gsm8k_judge (default: do, on all cores)"
    rows.add_argument("--no-judge-gold", dest="judge_gold", action="store_false", help=text)

    output = parser.add_argument_group("the taskset")
    text = f"a parquet file, or a folder for train.parquet {SHOW_DEFAULT}"
    output.add_argument("--output", type=Path, default=Path("data/math/train.parquet"), help=text)
    text = "also write as many rows drawn without --keep, into the folder <folder>_control"
    output.add_argument("--control", action="store_true", help=text)
    return parser.parse_args(argv)


def band(text: str) -> tuple[float, float]:
    """LOW-HIGH as two numbers in [0, 1]."""
    low, _, high = text.partition("-")
    try:
        low, high = float(low), float(high)
    except ValueError:
        low, high = 1, 0
    if not 0 <= low <= high <= 1:
        raise ArgumentTypeError(f"{text}: write two numbers in [0, 1], such as 0.1-0.9")
    return low, high


def jobs(args: Namespace) -> list[Namespace]:
    """What to prepare: the source and, where no evaluation set is named, AIME-24."""
    if args.eval_source:
        return [args]
    args.eval_source = [AIME]
    aime = parse_arguments([])
    aime.source = AIME
    aime.eval_source = ["none"]
    aime.output = AIME_OUTPUT
    aime.judge_gold = args.judge_gold
    return [args, aime]


def prepare(args: Namespace) -> tuple:
    """(clean rows, control or None, report) of a source; the rows are polars DataFrames."""
    from data_augment.data.cleaning import clean
    from data_augment.data.questions import common_sentences
    from data_augment.data.statistics import pass_rate_figures
    from data_augment.data.tasks import read_question_keys, read_tasks

    tasks = read_tasks(args)
    eval_sources = sorted({*args.eval_source} - {"none"})
    eval_keys = [read_question_keys(source, args.question_column) for source in eval_sources]
    rows, control, dropped = clean(tasks, eval_keys, args)
    if rows.is_empty():
        counts = "; ".join(f"{lost['rows']}: {reason}" for reason, lost in dropped.items())
        raise BadInput(f"{args.source}: no row is left of {len(tasks.rows)}. Dropped {counts}")
    report = {
        "source": args.source,
        "revision": tasks.commit,
        "rows": len(tasks.rows),
        "kept": len(rows),
        "dropped": dropped,
        "pass_rates": pass_rate_figures(rows, tasks.rates),
        "carried": tasks.carried,
        "sentences": common_sentences(rows["question"]),
        "notes": tasks.notes,
    }
    return rows, control, report


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    replace_unprintable()
    try:
        from data_augment.data.report import (
            control_file,
            output_file,
            save,
            show,
            training_command,
        )

        todo = jobs(args)
        paths = [output_file(job.output) for job in todo]
        if args.control:
            output_file(control_file(paths[0]))
        results = [prepare(job) for job in todo]  # all of it, before anything is overwritten
        for path, (rows, control, report) in zip(paths, results, strict=True):
            save(path, rows, report)
            if control is not None:
                save(control_file(path), control, {**report, "control": True})
            show(path, report)
        print(f"Next:\n  {training_command(paths[0], results[0][2]['pass_rates'])}")
    except (BadInput, OSError) as error:
        print(f"prepare_data: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
