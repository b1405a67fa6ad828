"""Drop the rows that harm a run, and count each of them under its reason."""

from data_augment.data.judging import differ, judged_wrong
from data_augment.data.statistics import all_zero
from data_augment.errors import BadInput

EXAMPLES = 3  # dropped rows shown for each reason
CONFLICT = "one question, gold answers that differ (all of its rows)"


def is_blank(text):
    """Polars expression: null, or nothing but spaces and invisible characters."""
    return ~text.str.contains(r"[^\s\p{C}]").fill_null(False)


def drop(rows, dropped: dict, reason: str, condition):
    """The rows that do not meet `condition`; the others are counted in `dropped[reason]`."""
    import polars as pl

    bad = rows.filter(condition)
    if bad.is_empty():
        return rows
    shown = [name for name in rows.columns if name not in ("key", "source", "gold_fault")]
    examples = bad.head(EXAMPLES).select(shown)
    examples = examples.with_columns(pl.col(pl.Float64).cast(pl.String))  # JSON knows no NaN
    dropped[reason] = {"rows": len(bad), "examples": examples.to_dicts()}
    return rows.filter(~condition)


def clean(tasks, eval_keys: list, args) -> tuple:
    """(rows, control or None, dropped) of a source.

    Args:
        tasks: what `read_tasks` returned.
        eval_keys: Series of the normal forms of questions that must not be trained on.
        args: the options of prepare_data.py.

    rows: the clean rows with the columns of a taskset. control: as many rows, drawn without
    --keep. dropped: {reason: {"rows": n, "examples": [at most 3 rows]}}. Raises BadInput.
    """
    import polars as pl

    if args.keep and not tasks.rates:
        raise BadInput(f"{args.source}: --keep is a band of pass rates, and there are none")
    dropped = {}
    rows = drop_texts(tasks.rows, dropped)
    rows = drop_rates(rows, tasks.rates, dropped, args)
    known = pl.concat([rows["key"].clear(), *eval_keys]).unique()
    is_known = pl.col("key").is_in(known.implode())
    rows = drop(rows, dropped, "question of an evaluation set", is_known)
    if args.judge_gold:
        wrong = judged_wrong(rows["gold"].unique().sort().to_list())
        is_wrong = pl.col("gold").is_in(wrong)
        rows = drop(rows, dropped, "gold answer that gsm8k_judge scores 0", is_wrong)
    # After all that, so that the copy that stays is sound in every other respect.
    rows = drop_duplicates(rows, dropped)

    answer = pl.format("#### {}", "gold").alias("answer")
    columns = ["question", answer, *tasks.rates, *tasks.carried, "source", "source_index"]
    all_clean = rows.select(columns)
    if args.keep:
        low, high = args.keep
        mean = pl.mean_horizontal(tasks.rates)
        outside = ~mean.is_between(low, high)
        rows = drop(rows, dropped, f"mean pass rate outside --keep {low:g}-{high:g}", outside)
    if args.limit is not None:
        rows = drop(rows, dropped, "beyond --limit", ~is_drawn(args.limit, args.seed))
    control = None
    if args.control:
        control = all_clean.filter(is_drawn(len(rows), args.seed))
    return rows.select(columns), control, dropped


def is_drawn(size: int, seed: int):
    """Polars expression: true in `size` rows, drawn at random."""
    import polars as pl

    return pl.int_range(pl.len()).shuffle(seed) < size


def drop_texts(rows, dropped: dict):
    """Drop the rows without a question or a gold answer."""
    import polars as pl

    rows = drop(rows, dropped, "question missing or blank", is_blank(pl.col("question")))
    for reason in rows["gold_fault"].drop_nulls().unique().sort().to_list():
        rows = drop(rows, dropped, reason, pl.col("gold_fault").eq_missing(pl.lit(reason)))
    return rows


def drop_rates(rows, rates: list[str], dropped: dict, args):
    """Drop the rows without a pass rate in [0, 1] in each column, or fill the missing ones."""
    import polars as pl

    if args.zero_rate_is_missing and rates:
        reason = "pass rates 0 in every column (--zero-rate-is-missing)"
        rows = drop(rows, dropped, reason, all_zero(rates))
    for name in rates:
        lacking = rows[name].is_nan().sum()
        if lacking and args.missing_pass_rate == "error":
            raise BadInput(f"{args.source}: {lacking} rows lack {name}; see --missing-pass-rate")
        if args.missing_pass_rate not in ("error", "drop"):
            rows = rows.with_columns(pl.col(name).fill_nan(args.missing_pass_rate))
        rows = drop(rows, dropped, f"{name} missing or no number", pl.col(name).is_nan())
        rows = drop(rows, dropped, f"{name} outside [0, 1]", ~pl.col(name).is_between(0, 1))
    return rows


def drop_duplicates(rows, dropped: dict):
    """Keep the first of the rows with one question; none, where their gold answers differ.

    Nothing says which of two answers is right. "1/2" and "0.5" do not differ.
    """
    import polars as pl

    key = pl.col("key")
    repeated = rows.filter(key.is_duplicated()).select("key", "gold")
    repeated = repeated.with_columns(first=pl.col("gold").first().over("key"))
    spelled = repeated.filter(pl.col("gold") != pl.col("first")).unique(maintain_order=True)
    pairs = spelled.select("first", "gold").unique(maintain_order=True)
    bad = pl.DataFrame(differ(pairs.rows()), schema=pairs.schema, orient="row")
    conflicts = spelled.join(bad, on=["first", "gold"], how="semi")["key"].unique()
    rows = drop(rows, dropped, CONFLICT, key.is_in(conflicts.implode()))
    return drop(rows, dropped, "duplicate question", ~key.is_first_distinct())
