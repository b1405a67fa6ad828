"""Which problems are scored, and which of them belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_augment.errors import BadInput
from data_augment.pass_rates.errors import GivenUp

if TYPE_CHECKING:
    from data_augment.pass_rates.measurement import Measurement

MOST_GROUPS = 50  # values of a column; one with more is no kind of problem


def complete_rows(measurements: list[Measurement]) -> list[int]:
    """The rows of which every model has all samples; the others are counted aloud.

    Raises:
        GivenUp: there is none.
    """
    asked = measurements[0].rows
    complete = [row for row in asked if all(is_complete(m, row) for m in measurements)]
    if not complete:
        raise GivenUp("no problem has all samples of all models. The same command asks again")
    missing = len(asked) - len(complete)
    if missing:
        print(
            f"{missing:,} of {len(asked):,} problems are left out, because samples were lost. "
            "The same command asks for them again"
        )
    return complete


def is_complete(measurement: Measurement, row: int) -> bool:
    return not measurement.journal.missing(row, measurement.samples)


def column_values(table, column: str) -> list[str]:
    """The value of each row of a taskset in a column. Raises BadInput."""
    if column not in table.column_names:
        found = ", ".join(table.column_names)
        raise BadInput(f"--by {column}: no such column; there are: problem, {found}")
    values = table.column(column).to_pylist()
    names = {str(value) for value in values}
    if len(names) > MOST_GROUPS:
        raise BadInput(
            f"--by {column}: {len(names):,} different values, at most {MOST_GROUPS} make a table. "
            "--by problem has a line for each problem"
        )
    return [str(value) for value in values]


def group(values: list[str], rows: list[int]) -> dict[str, list[int]]:
    """Positions in `rows` by the value of a column, in the order in which the values appear."""
    groups: dict[str, list[int]] = {}
    for position, row in enumerate(rows):
        groups.setdefault(values[row], []).append(position)
    return groups
