"""What the difficulty-based selector accepts: parameters, pass-rate columns, feedback.

These checks are apart from the selector because the selector imports torch and Trinity, which take
3 to 4 seconds. `main.py` asks the same questions before it starts Ray; it needs NumPy and pydantic.
"""

import difflib
from numbers import Real

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError


def is_difficulty_based(selector_type: str) -> bool:
    """Whether `selector_type` names BOTS: Trinity's short name, or a class of that name."""
    return selector_type == "difficulty_based" or selector_type.endswith(".DifficultyBasedSelector")


def is_feature_based(selector_type: str) -> bool:
    """Whether `selector_type` names the selector that learns from columns of any kind."""
    return selector_type in ("feature_based", "task_selection.FeatureBasedSelector")


class Parameters(BaseModel):
    """The keys of `task_selector.kwargs`. Defaults are Trinity 0.6.0's, where Trinity has the key.

    Strict: 8.0 is not a whole number, "yes" is not true, and a YAML `1e-3`, which is text, is not
    a number. A description says what is expected; the messages of `check_parameters` quote it.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)

    m: int = Field(16, ge=1, description="a whole number from 1, equal to algorithm.repeat_times")
    lamb: float = Field(
        0.2, ge=0, le=1, description="a number from 0 to 1, the share forgotten at each step"
    )
    rho: float = Field(
        0.2, ge=0, le=1, description="a number from 0 to 1, the weight of the references' evidence"
    )
    adaptive_rho: bool = Field(False, description="true or false")
    target_reward: float = Field(
        1.0, ge=0, le=1, description="a number from 0 to 1, the pass rate to look for"
    )
    tau: float = Field(
        1.0, ge=0, description="a number from 0 (the nearest tasks), the temperature of the draw"
    )
    do_sample: bool = Field(False, description="true or false")
    prior_strength: float = Field(
        0.0, ge=0, description="a number from 0, the pseudo-counts taken from the references"
    )
    state_dir: str | None = Field(None, description="a folder, or null")
    state_keep: int = Field(50, ge=1, description="a whole number from 1, the state files to keep")


class FeatureParameters(BaseModel):
    """The keys of `task_selector.kwargs` for the feature-based selector."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)

    m: int = Field(8, ge=1, description="a whole number from 1, equal to algorithm.repeat_times")
    power: float = Field(
        30.0, ge=0, description="a number from 0 (at random), the power of p (1 - p) in the draw"
    )
    rest: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="a number from 0 to below 1, the share of the dataset drawn before a task "
        "may come again",
    )
    random_share: float = Field(
        0.05, ge=0, le=1, description="a number from 0 to 1, the share of a batch drawn at random"
    )
    forget: float = Field(
        0.02, ge=0, le=1, description="a number from 0 to 1, the share of w forgotten at each step"
    )
    state_dir: str | None = Field(None, description="a folder, or null")
    state_keep: int = Field(50, ge=1, description="a whole number from 1, the state files to keep")


def check_parameters(kwargs: dict, model: type[BaseModel] = Parameters) -> list[str]:
    """One message for each key of `task_selector.kwargs` that is unknown or out of range."""
    try:
        model.model_validate(kwargs)
    except ValidationError as refusal:
        return [_parameter_message(error, model) for error in refusal.errors()]
    return []


def _parameter_message(error: dict, model: type[BaseModel]) -> str:
    known = list(model.model_fields)
    if not error["loc"]:
        return f"kwargs: found {error['input']!r}, expected keys with values: {', '.join(known)}"
    key = error["loc"][0]
    if key in known:
        expected = model.model_fields[key].description
        return f"kwargs.{key}: found {error['input']!r}, expected {expected}"
    message = f"kwargs.{key}: this key is unknown. Known keys: {', '.join(known)}"
    close = difflib.get_close_matches(str(key), known, n=1)
    return f"{message}. Did you mean {close[0]}?" if close else message


def bad_pass_rates(values) -> dict[str, np.ndarray]:
    """Rows (from 0) of `values` that are no pass rate, by reason; empty where all are sound.

    A pass rate is a finite number in [0, 1]. `values` [n] is a list or a column; NumPy arrays of
    numbers are checked without a loop.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        numbers = values.astype(float)
        missing = not_number = np.zeros(len(values), dtype=bool)
    else:
        values = list(values)
        missing = np.array([value is None for value in values], dtype=bool)
        real = np.array([isinstance(value, Real) for value in values], dtype=bool)
        not_number = ~real & ~missing
        numbers = np.array([float(v) if isinstance(v, Real) else np.nan for v in values])
    finite = np.isfinite(numbers)
    with np.errstate(invalid="ignore"):
        outside = finite & ((numbers < 0) | (numbers > 1))
    reasons = {
        "missing": missing,
        "not numbers": not_number,
        "not finite": ~finite & ~missing & ~not_number,
        "outside [0, 1]": outside,
    }
    return {reason: np.flatnonzero(rows) for reason, rows in reasons.items() if rows.any()}


def check_features(dataset, feature_keys: list[str]) -> tuple[list[str], list[str]]:
    """(errors, warnings) on the columns `feature_keys` of a `datasets.Dataset`.

    Errors name column, count and first rows (from 0): a column that is missing, a value that is no
    pass rate, two columns that are equal everywhere. Warnings: a constant column, and a weaker
    reference (the first) that does better than the stronger on average.
    """
    if not 1 <= len(feature_keys) <= 2:
        return [
            f"feature_keys: found {len(feature_keys)} names, expected two pass-rate columns, the "
            "weaker reference first, or one"
        ], []
    absent = [key for key in feature_keys if key not in dataset.column_names]
    if absent:
        present = ", ".join(dataset.column_names)
        return [
            f"feature column {key!r} is not in the dataset, which has: {present}. "
            "measure_pass_rates.py makes such columns"
            for key in absent
        ], []

    columns = {key: list(dataset[key][:]) for key in feature_keys}
    errors = []
    for key, values in columns.items():
        for reason, rows in bad_pass_rates(values).items():
            first = ", ".join(str(row) for row in rows[:5])
            errors.append(
                f"feature column {key!r}: {len(rows)} of {len(values)} values are {reason} (first "
                f"rows: {first}). Leave these tasks out, or measure their pass rates"
            )
    if errors:
        return errors, []

    rates = [np.array(columns[key], dtype=float) for key in feature_keys]
    weaker, stronger = rates[0], rates[-1]
    if len(rates) == 2 and np.array_equal(weaker, stronger):
        return [
            f"feature columns {feature_keys[0]!r} and {feature_keys[1]!r} are equal everywhere: "
            "name two references that differ, or one column alone"
        ], []

    warnings = []
    for key, values in zip(feature_keys, rates, strict=True):
        if values.min() == values.max():
            constant = f"feature column {key!r} is {values[0]:g} for every task"
            warnings.append(f"{constant}: it tells no task from another")
    if weaker.mean() > stronger.mean():
        warnings.append(
            f"feature_keys names the weaker reference first, but the mean pass rate of "
            f"{feature_keys[0]!r} is {weaker.mean():.3f} and that of {feature_keys[1]!r} is "
            f"{stronger.mean():.3f}: are they swapped?"
        )
    return [], warnings


def clean_feedback(indices, values) -> tuple[np.ndarray, np.ndarray, int, int]:
    """A batch's feedback, fit for a posterior: (indices [B], values [B], dropped, clipped).

    Values that are not finite are dropped (their number: `dropped`), values outside [0, 1] are
    clipped (`clipped`). A task that occurs twice gets the mean of its values; without this the
    last value would win.
    """
    indices = np.asarray(indices, dtype=np.int64)
    values = np.asarray(values, dtype=float)

    finite = np.isfinite(values)
    dropped = np.count_nonzero(~finite)
    indices = indices[finite]
    values = values[finite]

    clipped = np.count_nonzero((values < 0) | (values > 1))
    values = values.clip(0.0, 1.0)

    distinct, position, counts = np.unique(indices, return_inverse=True, return_counts=True)
    if len(distinct) < len(indices):
        indices = distinct
        values = np.bincount(position, weights=values) / counts
    return indices, values, dropped, clipped
