"""Small operations on the trees of scalars and on the shapes that hold them."""

from __future__ import annotations

from math_agent.equality.shapes import Group, Matrix, Quantity
from math_agent.equality.spelling import Unreadable
from math_agent.equality.units import ANGLE
from math_agent.equality.values import number, replaced

MAX_TERMS = 10_000  # of a series that is written out, times the size of a term
_NAMES_OF_SIGNS = {"-": "neg", r"\pm": "pm", r"\mp": "mp"}


def scalar(value) -> tuple:
    """The tree of a scalar. Raises Unreadable for any other shape."""
    if isinstance(value, Quantity):
        return with_marks(value)
    if not isinstance(value, tuple):
        raise Unreadable("no scalar")
    return value


def with_marks(quantity: Quantity) -> tuple:
    """A quantity inside an expression: percent and degrees are part of its value there."""
    if quantity.percent:
        return ("percent", quantity.value)
    if quantity.unit is not None and quantity.unit.dimensions == ANGLE:
        return ("degree", quantity.value)
    return quantity.value


def without_mark(node: tuple, mark: str) -> tuple | None:
    """`node` without its outer percent or degree sign; None if it has none."""
    if node[0] == mark:
        return node[1]
    if node[0] in ("neg", "pm"):
        bare = without_mark(node[1], mark)
        return None if bare is None else (node[0], bare)
    if node[0] == "mul":
        bare = without_mark(node[-1], mark)
        return None if bare is None else (*node[:-1], bare)
    return None


def signed(sign: str, value):
    """A sign before a term."""
    if sign == "+":
        return value
    if isinstance(value, Matrix) and sign == "-":
        return Matrix(tuple(tuple(("neg", cell) for cell in row) for row in value.rows))
    return (_NAMES_OF_SIGNS[sign], scalar(value))


def multiplied(left, right):
    """A product; a matrix may have a scalar in front."""
    if isinstance(right, Matrix) and isinstance(left, tuple):
        return Matrix(tuple(tuple(("mul", left, cell) for cell in row) for row in right.rows))
    left = scalar(left)
    factors = left[1:] if left[0] == "mul" else (left,)
    return ("mul", *factors, scalar(right))


def divided(above, below) -> tuple:
    """A quotient."""
    return ("div", scalar(above), scalar(below))


def written_out(operation: str, variable: str, start: tuple, end: tuple, body: tuple) -> tuple:
    """The terms of a sum or product between two whole numbers, as one "add" or "mul"."""
    if start[0] != "num" or end[0] != "num":
        raise Unreadable("a series without an end")
    first, last = start[1], end[1]
    if first.denominator != 1 or last.denominator != 1 or first > last:
        raise Unreadable("a series without terms")
    if (last - first) * _size(body) > MAX_TERMS:
        raise Unreadable("too many terms")
    indices = range(first.numerator, last.numerator + 1)
    return (operation, *(replaced(body, {variable: number(k)}) for k in indices))


def _size(node: tuple) -> int:
    return 1 + sum(_size(part) for part in node[1:] if isinstance(part, tuple))


def both_signs(item):
    r"""A quantity with \pm as the list of all that it stands for.

    Two \pm are two choices; \pm and \mp are one.
    """
    if not isinstance(item, Quantity):
        return item
    signs = _signs(item.value)
    if not signs:
        return item
    if len(signs) > 2:
        raise Unreadable("too many signs")
    begun = [item.value]
    if signs == ["pm", "pm"]:
        begun = [_with_first_sign(item.value, sign) for sign in (1, -1)]
    values = [_with_sign(value, sign) for value in begun for sign in (1, -1)]
    return Group("list", tuple(Quantity(value, item.unit, item.percent) for value in values))


def _signs(node: tuple) -> list[str]:
    r"""The \pm and \mp of an expression, as "pm" and "mp"."""
    own = [node[0]] if node[0] in ("pm", "mp") else []
    return own + [sign for part in node[1:] if isinstance(part, tuple) for sign in _signs(part)]


def _with_first_sign(node: tuple, sign: int) -> tuple:
    r"""An expression with one of its \pm decided."""
    if node[0] == "pm":
        return node[1] if sign == 1 else ("neg", node[1])
    for index, part in enumerate(node):
        if isinstance(part, tuple) and _signs(part):
            return (*node[:index], _with_first_sign(part, sign), *node[index + 1 :])
    return node


def each_sign(items: list) -> list[list]:
    r"""The tuples of (3, \pm 1). Raises Unreadable for (\pm 1, \pm 2), which may be two or four."""
    doubled = [isinstance(item, Group) and item.kind == "list" for item in items]
    if sum(doubled) == 0:
        return [items]
    if sum(doubled) > 1:
        raise Unreadable("signs in two places")
    at = doubled.index(True)
    return [[*items[:at], value, *items[at + 1 :]] for value in items[at].items]


def _with_sign(node: tuple, sign: int) -> tuple:
    if node[0] in ("pm", "mp"):
        inner = _with_sign(node[1], sign)
        positive = (sign == 1) == (node[0] == "pm")
        return inner if positive else ("neg", inner)
    return tuple(_with_sign(part, sign) if isinstance(part, tuple) else part for part in node)
