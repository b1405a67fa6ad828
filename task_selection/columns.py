"""Columns of any kind as the features of a logistic model.

A rate in [0, 1] becomes its logit, any other number is standardized; both also get the quantile
that they fall in as a category, so that the model can bend. Text becomes a category; rare ones
together. A missing value is a category of its own.
"""

from dataclasses import dataclass
from numbers import Real

import numpy as np

BINS = 8
MAX_CATEGORIES = 50
RARE = 0.002  # a category with less than this share of the rows goes with the other rare ones
SAMPLES = 16  # rollouts behind a rate, where no column says


@dataclass
class Column:
    """One column of the dataset, encoded."""

    name: str
    labels: list[str]  # of the categories
    codes: np.ndarray  # [n], category of each row
    values: np.ndarray | None  # [n], standardized, 0 where missing; None for text
    is_rate: bool
    spread: float  # standard deviation before standardizing
    center: float


class Encoding:
    """Features of n tasks, for d weights: an intercept, then a slope and categories by column."""

    def __init__(self, columns: list[Column], rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self.labels = ["intercept"]
        mean, sd, scale = [0.0], [1.5], [4.0]
        rates = [column for column in columns if column.is_rate]
        for column in columns:
            if column.values is not None:
                self.labels.append(column.name)
                # Before any result, the policy is taken for the mean of the references, damped.
                mean.append(0.7 / len(rates) * column.spread if column.is_rate else 0.0)
                mean[0] += 0.7 / len(rates) * column.center if column.is_rate else 0.0
                sd.append(1.0)
                scale.append(1.0)
            for label in column.labels:
                self.labels.append(f"{column.name} {label}")
                mean.append(0.0)
                sd.append(1.0 if column.values is None else 0.5)
                scale.append(1.0)
        self.prior_mean = np.array(mean)
        self.prior_sd = np.array(sd)
        self.forget_scale = np.array(scale)

    def scores(self, w: np.ndarray) -> np.ndarray:
        """w . x of all tasks, [n]."""
        total = np.full(self.rows, w[0])
        position = 1
        for column in self.columns:
            if column.values is not None:
                total += w[position] * column.values
                position += 1
            total += w[position : position + len(column.labels)][column.codes]
            position += len(column.labels)
        return total

    def contents(self) -> np.ndarray:
        """[n, columns or more] all that the encoding reads, for the dataset's fingerprint."""
        arrays = [column.codes for column in self.columns]
        arrays += [column.values for column in self.columns if column.values is not None]
        return np.stack(arrays, axis=1, dtype=float)

    def rows_of(self, indices: np.ndarray) -> np.ndarray:
        """x of some tasks, [B, d]."""
        x = np.zeros((len(indices), len(self.labels)))
        x[:, 0] = 1
        position = 1
        for column in self.columns:
            if column.values is not None:
                x[:, position] = column.values[indices]
                position += 1
            x[np.arange(len(indices)), position + column.codes[indices]] = 1
            position += len(column.labels)
        return x


def check_columns(dataset, feature_keys: list[str]) -> list[str]:
    """One message for each column that is absent or empty."""
    if not feature_keys:
        return ["feature_keys: found none, expected one column or more"]
    present = ", ".join(dataset.column_names)
    errors = []
    for key in feature_keys:
        if key not in dataset.column_names:
            errors.append(f"feature column {key!r} is not in the dataset, which has: {present}")
        elif all(is_missing(value) for value in dataset[key][:]):
            errors.append(f"feature column {key!r} has no value in any row")
    return errors


def is_missing(value) -> bool:
    """Whether it is null, NaN or infinite."""
    return value is None or (isinstance(value, Real) and not np.isfinite(value))


def encode(dataset, feature_keys: list[str]) -> Encoding:
    columns = []
    for key in feature_keys:
        values = list(dataset[key][:])
        present = [value for value in values if value is not None]
        if present and all(isinstance(v, Real) and not isinstance(v, bool) for v in present):
            counts = key.removesuffix("_pass_rate") + "_samples"
            samples = dataset[counts][:] if counts in dataset.column_names else []
            columns.append(_number(key, values, _counts(samples, len(values))))
        else:
            columns.append(_text(key, values))
    return Encoding(columns, len(dataset))


def _counts(values, rows: int) -> np.ndarray:
    """Rollouts behind the rate of each row, [rows]; SAMPLES where that is not known."""
    counts = np.full(rows, float(SAMPLES))
    for i, value in enumerate(values):
        if isinstance(value, Real) and value > 0 and np.isfinite(value):
            counts[i] = value
    return counts


def _number(name: str, values: list, samples: np.ndarray) -> Column:
    numbers = np.array([np.nan if value is None else value for value in values], dtype=float)
    missing = ~np.isfinite(numbers)
    known = numbers[~missing]
    is_rate = known.min() >= 0 and known.max() <= 1
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, numbers, side="right")
    labels = [f"bin {i + 1}" for i in range(len(edges) + 1)]
    if missing.any():
        codes[missing] = len(labels)
        labels.append("missing")
    if is_rate:
        successes = numbers * samples
        numbers = np.log((successes + 0.5) / (samples - successes + 0.5))
        known = numbers[~missing]
    spread = float(known.std()) or 1.0
    center = float(known.mean())
    standardized = np.where(missing, 0.0, (numbers - center) / spread)
    return Column(name, labels, codes.astype(np.int32), standardized, is_rate, spread, center)


def _text(name: str, values: list) -> Column:
    texts = np.array(["missing" if value is None else str(value) for value in values])
    labels, codes, counts = np.unique(texts, return_inverse=True, return_counts=True)
    common = np.argsort(-counts)[:MAX_CATEGORIES]
    common = [i for i in common if counts[i] >= RARE * len(values)]
    new_code = np.full(len(labels), len(common), dtype=np.int32)
    new_code[common] = np.arange(len(common))
    names = [str(labels[i]) for i in common]
    if len(common) < len(labels):
        names.append("others")
    return Column(name, names, new_code[codes], None, False, 1.0, 0.0)
