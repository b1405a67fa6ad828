"""Drop the rows that harm a run, and count each of them under its reason."""

from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from data_augment.data.questions import is_blank
from data_augment.errors import BadInput

EXAMPLES = 3  # dropped rows shown for each reason


def drop(rows, dropped: dict, reason: str, condition):
    """The rows that do not meet `condition`; the others are counted in `dropped[reason]`."""
    import polars as pl

    bad = rows.filter(condition)
    if bad.is_empty():
        return rows
    examples = bad.head(EXAMPLES).drop("key", "source")
    examples = examples.with_columns(pl.col(pl.Float64).cast(pl.String))  # JSON knows no NaN
    dropped[reason] = {"rows": len(bad), "examples": examples.to_dicts()}
    return rows.filter(~condition)


def judged_wrong(golds: list[str]) -> list[str]:
    """The gold answers to which gsm8k_judge, boxed as a response, gives 0; on all cores."""
    from tqdm import tqdm

    from math_agent.answers import gold_answer, is_correct

    boxes = [rf"\boxed{{{gold}}}" for gold in golds]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:  # polars threads: no fork
        right = pool.map(is_correct, boxes, map(gold_answer, golds), chunksize=64)
        right = tqdm(right, "gold answers judged", len(golds))
        return [gold for gold, is_right in zip(golds, right, strict=True) if not is_right]


def clean(rows, rates: list[str], forbidden: list, args: Namespace):
    """Drop what harms a run, and forbidden keys (a list of Series), from what `read` returned.

    Returns the clean rows and, of the others, {reason: {"rows": n, "examples": [at most 3 rows]}}.
    """
    import polars as pl

    dropped = {}
    question = pl.col("question")
    gold = pl.col("gold")
    key = pl.col("key")

    fill = args.missing_pass_rate if isinstance(args.missing_pass_rate, float) else float("nan")
    rows = rows.with_columns(pl.col(rates).fill_nan(None).fill_null(fill))
    rows = drop(rows, dropped, "question missing or blank", is_blank(question))
    rows = drop(rows, dropped, "gold answer missing or blank", is_blank(gold))
    for name in rates:
        lacking = rows[name].is_nan().sum()
        if lacking and args.missing_pass_rate == "error":
            raise BadInput(f"{args.source}: {lacking} rows lack {name}; see --missing-pass-rate")
        rows = drop(rows, dropped, f"{name} missing or NaN", pl.col(name).is_nan())
        rows = drop(rows, dropped, f"{name} outside [0, 1]", ~pl.col(name).is_between(0, 1))
    known = pl.concat([rows["key"].clear(), *forbidden])
    rows = drop(rows, dropped, "question of an evaluation set", key.is_in(known.implode()))
    if args.judge_gold:
        wrong = judged_wrong(rows["gold"].unique(maintain_order=True).to_list())
        rows = drop(rows, dropped, "gold answer that gsm8k_judge scores 0", gold.is_in(wrong))
    # Last, so that the copy that stays is sound in every other respect.
    rows = rows.with_columns(kept_gold=gold.first().over("key"))
    another = gold != pl.col("kept_gold")
    rows = drop(rows, dropped, "duplicate question, another gold answer", another)
    rows = drop(rows, dropped, "duplicate question", ~key.is_first_distinct())
    if args.limit is not None:
        rank = pl.int_range(pl.len()).shuffle(args.seed)
        rows = drop(rows, dropped, "beyond --limit", rank >= args.limit)
    answer = pl.format("#### {}", gold).alias("answer")
    return rows.select("question", answer, *rates, "source", "source_index"), dropped
