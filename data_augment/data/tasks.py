"""A source as tasks: the text of its questions, gold answers, and columns for the selector."""

from dataclasses import dataclass, field
from pathlib import Path

from data_augment.data.columns import (
    CHOICES,
    answer_columns,
    answer_expression,
    find_column,
    named,
    question_column,
    question_expression,
)
from data_augment.data.containers import question_text
from data_augment.data.gold import read_gold
from data_augment.data.judging import differ
from data_augment.data.questions import change_where, normal_forms, without_instructions
from data_augment.data.rates import find_features, parse_feature, read_feature
from data_augment.data.sources import open_source, reading
from data_augment.errors import BadInput

PART = 100_000  # rows


@dataclass
class Tasks:
    """The rows of a source, not cleaned yet.

    `rows`: a polars DataFrame of source_index (the row in the source, from 0), question, key (its
    normal form), gold, gold_fault (the reason why gold is none), the features, source.
    `rates` and `carried`: the features that are pass rates, and the others. `notes`: what a person
    should know of them. `commit`: of the Hub, or None.
    """

    rows: object
    rates: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    commit: str | None = None


def read_tasks(args) -> Tasks:
    """Read `args.source` by the options of prepare_data.py. Raises BadInput."""
    import polars as pl

    source = args.source
    frame, commit = open_source(source, [args.split], args.subset, args.revision)
    schema = dict(frame.collect_schema())
    question = question_column(schema, args.question_column, source)
    answers = answer_columns(schema, args.answer_column, source)
    if args.feature_columns:
        features = [parse_feature(text, schema, source) for text in args.feature_columns]
    else:
        features = find_features(schema, taken=[question, *answers])
    names = [feature.name for feature in features]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise BadInput(
            f"{source}: --feature-columns: {', '.join(sorted(twice))} twice; write NAME=COLUMN"
        )

    # Only these columns are read.
    frame = frame.select(
        question_expression(schema, question).alias("raw question"),
        *(answer_expression(schema, path).alias(f"raw answer {path}") for path in answers),
        *(find_column(schema, one.path)[0].alias(f"raw feature {one.name}") for one in features),
    )
    frame.collect_schema()  # a mistake in these expressions is ours, and shows here
    with reading(source):
        rows = frame.with_row_index("source_index").collect()
    del frame  # and with it the file in memory
    rows = rows.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))

    text, key = questions_of(rows.drop_in_place("raw question"))
    raw_answers = {path: rows.drop_in_place(f"raw answer {path}") for path in answers}
    gold, fault = golds_of(raw_answers, args.several_answers)
    label = pl.lit(source if commit else Path(source).name)
    rows = rows.with_columns(text, key, gold, fault.alias("gold_fault"), source=label)
    tasks = Tasks(rows, commit=commit)
    for choices in named(CHOICES, schema):
        tasks.notes.append(
            f"{choices} is not read: the agent sees {question} without it. Where an answer is "
            "one of these choices, write them into the question first"
        )
    add_features(tasks, features, source)
    return tasks


def read_question_keys(source: str, wish: str | None):
    """The normal forms of the questions of an evaluation set: a polars Series without nulls.

    Args:
        wish: the column with the question, where the source has one of that name.
    """
    frame, _ = open_source(source, ["test", "train"], None, None)
    schema = dict(frame.collect_schema())
    if wish and find_column(schema, wish) is None:
        wish = None
    path = question_column(schema, wish, source)
    frame = frame.select(question_expression(schema, path).alias("raw"))
    frame.collect_schema()
    with reading(source):
        raw = frame.collect()["raw"]
    _, keys = questions_of(raw)
    return keys.filter((keys != "").fill_null(False))


def questions_of(raw):
    """(question, key) of a column of raw questions: Series of text, null where there is none."""
    import polars as pl

    if raw.dtype.is_nested() or raw.dtype == pl.Boolean:
        raw = pl.Series([question_text(value) for value in raw.to_list()], dtype=pl.String)
    raw = raw.cast(pl.String)
    raw = change_where(
        raw.str.contains(r'^\s*(?:\[\s*)?\{\s*["\']'),  # JSON kept as text
        raw,
        lambda some: pl.Series([question_text(text) for text in some.to_list()], dtype=pl.String),
    )
    # In parts, because a million texts in several copies take a gigabyte.
    starts = range(0, max(len(raw), 1), PART)
    text = pl.concat([without_instructions(raw.slice(start, PART)) for start in starts])
    del raw
    return text.alias("question"), normal_forms(text).alias("key")


def golds_of(raw_answers: dict, several: str):
    """(gold, fault) of the raw answer columns, by name: Series of text.

    A sound gold has no fault, the reason why it is none. With several columns, a row takes the
    first that holds an answer; others must not disagree.
    """
    import polars as pl

    first, *others = [read_golds(raw, several) for raw in raw_answers.values()]
    table = pl.DataFrame(first)
    for other, other_fault in others:
        table = table.with_columns(other.alias("other"), other_fault.alias("other_fault"))
        both = pl.col("fault").is_null() & pl.col("other_fault").is_null()
        first_is_none = pl.col("fault").is_not_null() & pl.col("other_fault").is_null()
        pairs = table.filter(both, pl.col("gold") != pl.col("other"))
        bad = differ(sorted(pairs.select("gold", "other").unique().rows()))
        bad = pl.DataFrame(bad, schema={"gold": pl.String, "other": pl.String}, orient="row")
        reason = f"answer columns that disagree: {', '.join(raw_answers)}"
        bad = bad.with_columns(differ=pl.lit(reason))
        table = table.join(bad, on=["gold", "other"], how="left", maintain_order="left")
        table = table.select(
            gold=pl.when(first_is_none).then("other").otherwise("gold"),
            fault=pl.when(both).then("differ").when(~first_is_none).then("fault"),
        )
    return table["gold"], table["fault"]


def read_golds(raw, several: str):
    """(gold, fault) of one column of raw answers, as `golds_of` returns them."""
    import polars as pl

    if raw.dtype.is_float():
        raw = raw.fill_nan(None)
    different = raw if raw.dtype.is_nested() else raw.unique()
    found = [read_gold(value, several) for value in different.to_list()]
    golds = pl.Series("gold", [gold for gold, _ in found], dtype=pl.String)
    faults = pl.Series("fault", [fault for _, fault in found], dtype=pl.String)
    if raw.dtype.is_nested():
        return golds, faults
    golds = raw.replace_strict(different, golds).alias("gold")
    faults = raw.replace_strict(different, faults).alias("fault")
    return golds, faults


def add_features(tasks: Tasks, features: list, source: str) -> None:
    """Replace the raw feature columns of `tasks` by pass rates and carried columns."""
    for feature in features:
        raw = tasks.rows.drop_in_place(f"raw feature {feature.name}")
        values, is_rate, note = read_feature(raw, feature, source)
        if note:
            tasks.notes.append(note)
        if values is None:
            continue
        tasks.rows = tasks.rows.with_columns(values.alias(feature.name))
        (tasks.rates if is_rate else tasks.carried).append(feature.name)
