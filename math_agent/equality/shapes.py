"""What an answer can be, once it is read. A scalar is a tree of tuples, see values.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from math_agent.equality.units import Unit


@dataclass(frozen=True)
class Quantity:
    """A number or an expression, with the unit that was written with it."""

    value: tuple
    unit: Unit | None = None
    percent: bool = False


@dataclass(frozen=True)
class Text:
    """Words, or what could not be read: compared as it is written, without case."""

    text: str


@dataclass(frozen=True)
class Group:
    """Several answers. kind: "list" (2, 3), "set" {2, 3} or "brackets" (2, 3), [2, 3), <2, 3>.

    "several", inside brackets that are being read: the lists that (3, +-1) stands for.
    """

    kind: str
    items: tuple
    ends: str = ""
    joined: str = ","  # what stood between the items of a list: "," or "and" or "or"


@dataclass(frozen=True)
class Relation:
    """A chain of equations or inequalities: operands a, b, c and the operators between them."""

    operands: tuple
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Matrix:
    """Rows of scalars."""

    rows: tuple[tuple[tuple, ...], ...]


@dataclass(frozen=True)
class Ratio:
    """1:2:3, or a time of the day where it can be read as one: (hour, minute, second, "am")."""

    parts: tuple
    clock: tuple | None = None


@dataclass(frozen=True)
class Based:
    """Digits with their base: 52_8."""

    digits: str
    base: int


@dataclass(frozen=True)
class NumberSet:
    """One of the sets R, Q, Z, N, C."""

    name: str


@dataclass(frozen=True)
class Builder:
    """{x | condition}."""

    variable: str
    condition: Any


@dataclass(frozen=True)
class Combination:
    r"""Two sets with \cup, \cap or \setminus between them."""

    operator: str
    left: Any
    right: Any
