"""Columns for the selector: pass rates of any usual name and scale, and what else it may use.

A pass rate is the share of samples that a model solved, a number in [0, 1].

    weak_pass_rate, llama8b_solve_rate, solved_percentage     found by themselves
    difficulty ("7/8")                                        found by itself: counts as text
    difficulty, level, grade (2.5, "Level 3")                 found, no pass rate: carried as it is
    weak=extra_info.model_difficulty.Model-7B/16              counts of 16 samples, in a struct
    weak=1-failures/16                                        counts of failures, turned round
    r1=correctness_math_verify                                a list: its mean
"""

import re
from dataclasses import dataclass

from data_augment.data.columns import column_or_error, find_column, paths
from data_augment.errors import BadInput

RATE_ENDINGS = ("pass_rate", "solve_rate", "success_rate", "solved_percentage")
GRADES = ("difficulty", "level", "grade")
# the other columns of a taskset, and those of data_augment/data/tasks.py on the way to it
OURS = ("question", "answer", "source", "source_index", "key", "gold", "gold_fault")


@dataclass(frozen=True)
class Feature:
    """One column of the taskset, and how it is read from the source.

    `path`: the source's column, dotted into structs. `divisor`: the number of samples behind a
    count, or None. `is_turned`: the numbers count failures. `is_found`: nobody asked for it.
    """

    name: str
    path: str
    divisor: float | None = None
    is_turned: bool = False
    is_found: bool = False

    @property
    def is_scaled(self) -> bool:
        return self.divisor is not None or self.is_turned

    @property
    def is_called_rate(self) -> bool:
        return self.path.lower().replace("-", "_").endswith(RATE_ENDINGS)


def parse_feature(text: str, schema: dict, source: str) -> Feature:
    """A --feature-columns argument: [NAME=][1-]COLUMN[/SAMPLES]. Raises BadInput."""
    name = None
    path = text
    divisor = None
    is_turned = False
    # Each mark may also be a part of the column's name.
    if find_column(schema, path) is None and "=" in path:
        name, _, path = path.partition("=")
    if find_column(schema, path) is None and path.startswith("1-"):
        path = path.removeprefix("1-")
        is_turned = True
    counted = re.fullmatch(r"(.+)/([1-9]\d*)", path)
    if find_column(schema, path) is None and counted:
        path = counted[1]
        divisor = float(counted[2])
    column, _ = column_or_error(schema, path, "--feature-columns", source)
    name = name or column.meta.output_name()  # of a path into a struct, its last field
    if name in OURS:
        raise BadInput(
            f"{source}: --feature-columns {text}: {name} is a name that prepare_data.py needs "
            f"for itself. Give this one another: NAME={path}"
        )
    return Feature(name, path, divisor, is_turned)


def find_features(schema: dict, taken: list[str]) -> list[Feature]:
    """The features that their names tell: pass rates and grades, but no column in `taken`."""
    features = {}
    for path in paths(schema):
        found = Feature(path, path, is_found=True)
        is_grade = path.lower() in GRADES
        if path not in taken and (found.is_called_rate or is_grade):
            features[path] = found
    return list(features.values())


def read_feature(values, feature: Feature, source: str):
    """(values, is_rate, note) of one column of the source.

    Args:
        values: a polars Series, as the source has it.

    A pass rate comes back as float64 in [0, 1], missing values as NaN; a few impossible ones stay
    for the cleaning to count. Any other column that nobody called a pass rate comes back as it is,
    with a note. None in place of the values: a column that was found, but says nothing.
    Raises BadInput where a pass rate is called for, and the values are none.
    """
    numbers = as_numbers(values)
    if numbers is None:
        if feature.is_found:
            return None, False, f"{feature.path} is left out: {values.dtype} holds no number"
        raise BadInput(
            f"{source}: --feature-columns {feature.path}: {values.dtype} holds no number. "
            "Name a field of it with a dot: COLUMN.FIELD"
        )
    there = values.is_not_null().sum()
    known = numbers.filter(numbers.is_finite())
    if there == 0:
        if feature.is_found:
            return None, False, f"{feature.path} is left out: it is empty in every row"
        raise BadInput(f"{source}: --feature-columns {feature.path}: empty in every row")

    rates = scaled(numbers, known, feature)
    if looks_like_rates(rates, there, feature, is_text=is_share_text(values)):
        note = None
        if feature.is_found and not feature.is_called_rate:
            note = f"{feature.name} is read as the share that was solved; where it is the share "
            note += f"that failed: --feature-columns {feature.name}=1-{feature.path}"
        return rates.fill_null(float("nan")), True, note

    if len(known) < there / 2:
        first = values.filter(numbers.is_null() & values.is_not_null()).first()
        span = f"values that are no numbers, such as {first!r}"
    else:
        span = f"values from {known.min():g} to {known.max():g}"
    if feature.is_called_rate or feature.is_scaled:
        raise BadInput(
            f"{source}: {feature.path} should be a pass rate in [0, 1], but has {span}. Write "
            f"--feature-columns {feature.name}={feature.path}/N for counts of N samples (100 for "
            f"percentages), {feature.name}=1-{feature.path}/N for counts of failures; or leave it "
            "out by naming other columns"
        )
    note = f"{feature.name} has {span}: it is no pass rate, and carried as it is"
    if len(known) >= there / 2 and not feature.is_found:
        note += f" (for counts of N samples: {feature.name}={feature.path}/N)"
    are_all_numbers = len(known) == there  # in a .csv they are text
    return numbers if values.dtype.is_nested() or are_all_numbers else values, False, note


def scaled(numbers, known, feature: Feature):
    """Numbers of the source as shares of solved samples."""
    divisor = feature.divisor
    if divisor is None and "percent" in feature.path.lower() and len(known) and known.max() > 1:
        divisor = 100.0
    if divisor is not None:
        numbers = numbers / divisor
    return 1 - numbers if feature.is_turned else numbers


def looks_like_rates(rates, there: int, feature: Feature, is_text: bool) -> bool:
    """Whether a column is one of pass rates, a few impossible values aside.

    A pass rate is valid as task_selection.checks has it: finite, from 0 to 1. Whole numbers above 1
    are counts or grades. A column that was found as a grade is a pass rate only where its text says
    so ("7/8").
    """
    known = rates.filter(rates.is_finite())
    if len(known) < there / 2:
        return False
    if feature.is_found and not feature.is_called_rate and not is_text:
        return False
    if not feature.is_scaled and known.max() > 1 and (known == known.round()).all():
        return False
    return known.is_between(0, 1).mean() >= 0.5


def is_share_text(values) -> bool:
    """Whether a column is text such as "7/8" or "50%", in most rows."""
    import polars as pl

    if values.dtype != pl.String:
        return False
    shares = values.str.contains(r"^\s*[\d.]+\s*(?:/\s*[\d.]+|\\?%)\s*$").sum()
    return shares >= values.is_not_null().sum() / 2


def as_numbers(values):
    """A column as float64, null where a value is missing or no number; None for other types.

    Args:
        values: a polars Series of numbers, booleans, text ("0.5", "7/8", "50%") or lists (of which
            the mean is taken).
    """
    import polars as pl

    dtype = values.dtype
    if dtype == pl.Boolean or dtype.is_numeric() or dtype == pl.Null:
        return values.cast(pl.Float64).fill_nan(None)
    if isinstance(dtype, pl.List) and (dtype.inner.is_numeric() or dtype.inner == pl.Boolean):
        return values.cast(pl.List(pl.Float64)).list.mean().fill_nan(None)
    if dtype != pl.String:
        return None
    text = pl.col("text")
    parts = text.str.extract_groups(r"^([+-]?[\d.]+)\s*/\s*([\d.]+)$")
    solved = parts.struct.field("1").cast(pl.Float64, strict=False)
    samples = parts.struct.field("2").cast(pl.Float64, strict=False)
    percent = text.str.extract(r"^([+-]?[\d.]+)\s*\\?%$").cast(pl.Float64, strict=False)
    number = pl.coalesce(text.cast(pl.Float64, strict=False), solved / samples, percent / 100)
    return values.str.strip_chars().to_frame("text").select(number).to_series().fill_nan(None)
