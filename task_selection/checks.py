"""What the difficulty-based selector may be given: parameters, pass-rate columns, feedback.

Apart from task_selection.py because that one imports torch and Trinity (3 to 4 s): preflight.py
asks the same questions before Ray starts, and needs numpy alone.
"""

import math
from numbers import Real

import numpy as np


def is_difficulty_based(selector_type: str) -> bool:
    """Whether `selector_type` names BOTS: Trinity's short name, or a class of that name."""
    return selector_type == "difficulty_based" or selector_type.endswith(".DifficultyBasedSelector")


def _is_int(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_real(value, most: float = math.inf) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    return number and 0 <= value <= most


def _is_fraction(value) -> bool:
    return _is_real(value, most=1)


def _is_bool(value) -> bool:
    return isinstance(value, bool)


PARAMETERS = {  # keys of task_selector.kwargs: the check, what is wanted
    "m": (_is_int, "a whole number from 1: algorithm.repeat_times"),
    "lamb": (_is_fraction, "a number in [0, 1]: the share of the posterior forgotten at a step"),
    "rho": (_is_fraction, "a number in [0, 1]: the weight of the references' evidence"),
    "adaptive_rho": (_is_bool, "true or false"),
    "target_reward": (_is_fraction, "a number in [0, 1]: the pass rate to look for"),
    "tau": (_is_real, "a number from 0: the temperature of the draw, 0 for the nearest tasks"),
    "do_sample": (_is_bool, "true or false"),
    "prior_strength": (_is_real, "a number from 0: pseudo-counts taken from the references"),
    "state_dir": (lambda value: value is None or isinstance(value, str), "a folder, or null"),
    "state_keep": (_is_int, "a whole number from 1: state files to keep"),
}


def check_parameters(kwargs: dict) -> list[str]:
    """One message for each key of `task_selector.kwargs` that is unknown or out of range."""
    errors = []
    for name, value in kwargs.items():
        if name not in PARAMETERS:
            errors.append(f"kwargs: {name!r} is unknown; known: {', '.join(PARAMETERS)}")
        elif not PARAMETERS[name][0](value):
            errors.append(f"kwargs.{name}: found {value!r}, want {PARAMETERS[name][1]}")
    return errors


def check_features(dataset, feature_keys: list[str]) -> tuple[list[str], list[str]]:
    """(errors, warnings) on the columns `feature_keys` of a `datasets.Dataset`.

    Errors name column, count and first rows (from 0): a column that is missing; a value that is
    missing, not a number, not finite or outside [0, 1]; two columns that are equal everywhere.
    Warnings: a constant column, a weaker reference (the first) that beats the stronger on average.
    """
    if not 1 <= len(feature_keys) <= 2:
        wanted = "two pass-rate columns, the weaker reference first, or one"
        return [f"feature_keys: found {len(feature_keys)}, want {wanted}"], []
    missing = [key for key in feature_keys if key not in dataset.column_names]
    if missing:
        there = ", ".join(dataset.column_names)
        return [
            f"feature column {key!r} is not in the dataset, only: {there}. measure_pass_rates.py "
            "makes such columns"
            for key in missing
        ], []

    columns = [list(dataset[key][:]) for key in feature_keys]
    errors = [
        error
        for key, values in zip(feature_keys, columns, strict=True)
        for error in _bad_values(key, values)
    ]
    if errors:
        return errors, []
    if len(columns) == 2 and columns[0] == columns[1]:
        equal = f"feature columns {feature_keys[0]!r} and {feature_keys[1]!r} are equal everywhere"
        return [f"{equal}: name two references that differ, or one column alone"], []

    warnings = [
        f"feature column {key!r} is {values[0]} for every task: it tells no task from another"
        for key, values in zip(feature_keys, columns, strict=True)
        if len(set(values)) == 1
    ]
    means = [np.mean(values) for values in columns]
    if means[0] > means[-1]:
        warnings.append(
            f"feature_keys names the weaker reference first, but the mean pass rate of "
            f"{feature_keys[0]!r} is {means[0]:.3f}, that of {feature_keys[1]!r} {means[1]:.3f}: "
            "are they swapped?"
        )
    return [], warnings


def _bad_values(key: str, values: list) -> list[str]:
    rows_by_reason = {}
    for row, value in enumerate(values):
        if value is None:
            reason = "missing"
        elif not isinstance(value, Real):
            reason = "not numbers"
        elif not math.isfinite(value):
            reason = "not finite"
        elif not 0 <= value <= 1:
            reason = "outside [0, 1]"
        else:
            continue
        rows_by_reason.setdefault(reason, []).append(row)
    return [
        f"feature column {key!r}: {len(rows)} of {len(values)} values are {reason} (first rows: "
        f"{', '.join(map(str, rows[:5]))}): leave these tasks out or measure their pass rates"
        for reason, rows in rows_by_reason.items()
    ]


def clean_feedback(indices, values):
    """A batch's feedback, fit for a Beta posterior: (indices [B], values [B], dropped, clipped).

    Values that are not finite are dropped, values outside [0, 1] clipped. A task that occurs
    twice gets the mean of its values; without this the last one would win.
    """
    indices, values = np.asarray(indices, dtype=np.int64), np.asarray(values, dtype=float)
    finite = np.isfinite(values)
    indices, values = indices[finite], values[finite]
    clipped = np.count_nonzero((values < 0) | (values > 1))
    values = values.clip(0.0, 1.0)
    if len(set(indices.tolist())) < len(indices):
        indices, where, counts = np.unique(indices, return_inverse=True, return_counts=True)
        values = np.bincount(where, weights=values) / counts
    return indices, values, np.count_nonzero(~finite), clipped
