"""Sets of real numbers: inequalities, intervals, unions, what is left of a set.

The ends of two sets cut the line into slots: what is below the first end, the first end, what is
between it and the second, and so on. A set of real numbers is the set of its slots.
"""

from __future__ import annotations

from functools import cmp_to_key, reduce

from math_agent.equality.equations import name_of, settled
from math_agent.equality.operations import NoValue
from math_agent.equality.shapes import Builder, Combination, Group, NumberSet, Quantity, Relation
from math_agent.equality.values import order

_INFINITY = ("const", "inf")
_MINUS_INFINITY = ("neg", _INFINITY)
FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def variable(shape) -> str | None:
    """The letter of an inequality; a set has none, and the one of a builder does not matter."""
    if isinstance(shape, Relation):
        for operand in shape.operands:
            if name := name_of(operand):
                return name
    if isinstance(shape, Group):
        found = {variable(item) for item in shape.items}
        return found.pop() if len(found) == 1 else None
    return None


def same_region(gold, answer) -> bool | None:
    """Whether two shapes are the same set of real numbers; None where one is no such set."""
    try:
        line = _Line([*_ends(gold), *_ends(answer)])
        return line.slots(gold) == line.slots(answer)
    except NoValue:
        return None


def _ends(shape) -> list[tuple]:
    """All numbers that a shape names, as trees."""
    if isinstance(shape, Quantity):
        return [] if name_of(shape) else [shape.value]
    if isinstance(shape, Builder):
        return _ends(shape.condition)
    if isinstance(shape, Combination):
        return _ends(shape.left) + _ends(shape.right)
    parts = {Group: "items", Relation: "operands"}.get(type(shape))
    return [end for part in getattr(shape, parts) for end in _ends(part)] if parts else []


class _Line:
    """The line, cut at some ends: slot 2k + 1 is the end number k, slot 2k lies below it."""

    def __init__(self, ends: list[tuple]) -> None:
        """Raises NoValue for ends that are no real numbers."""
        finite = [end for end in ends if end not in (_INFINITY, _MINUS_INFINITY)]
        ordered = sorted(finite, key=cmp_to_key(order))
        self.slot = {_MINUS_INFINITY: -1}
        last = -1
        for index, end in enumerate(ordered):
            if index == 0 or order(ordered[index - 1], end) != 0:
                last += 2
            self.slot[end] = last
        self.slot[_INFINITY] = last + 2
        self.all = frozenset(range(last + 2))

    def at(self, end: tuple) -> int:
        if end not in self.slot:
            raise NoValue("a letter")
        return self.slot[end]

    def compared(self, operator: str, end: tuple) -> frozenset[int]:
        """The slots x with "x operator end"."""
        at = self.at(end)
        below = frozenset(slot for slot in self.all if slot < at)
        point = self.all & {at}
        regions = {
            "<": below,
            "<=": below | point,
            ">": self.all - below - point,
            ">=": self.all - below,
            "!=": self.all - point,
        }
        if operator not in regions:
            raise NoValue("no inequality")
        return regions[operator]

    def slots(self, shape) -> frozenset[int]:
        """The slots of a set. Raises NoValue for what is no set of real numbers."""
        if isinstance(shape, NumberSet) and shape.name == "R":
            return self.all
        if isinstance(shape, Relation):
            return self.of_relation(shape)
        if isinstance(shape, Builder):
            return self.slots(settled(shape.condition))
        if isinstance(shape, Combination):
            left, right = self.slots(shape.left), self.slots(shape.right)
            return _COMBINED[shape.operator](left, right)
        if isinstance(shape, Group):
            return self.of_group(shape)
        raise NoValue("no set")

    def of_group(self, group: Group) -> frozenset[int]:
        if all(isinstance(item, Quantity) for item in group.items):
            values = [item.value for item in group.items]
            if group.kind == "set":
                return frozenset(map(self.at, values))
            if group.kind == "brackets" and len(values) == 2 and "<" not in group.ends:
                return self.interval(group.ends, *values)
        if group.kind == "list" and all(isinstance(item, Relation) for item in group.items):
            one_letter = len({variable(item) for item in group.items}) == 1
            if one_letter and group.joined in ("and", "or"):
                combined = _COMBINED["union" if group.joined == "or" else "intersection"]
                return reduce(combined, map(self.slots, group.items))
        raise NoValue("no set of real numbers")

    def interval(self, brackets: str, lower: tuple, upper: tuple) -> frozenset[int]:
        if self.at(lower) >= self.at(upper):
            raise NoValue("an empty interval")
        above = self.compared(">=" if brackets[0] == "[" else ">", lower)
        return above & self.compared("<=" if brackets[1] == "]" else "<", upper)

    def of_relation(self, relation: Relation) -> frozenset[int]:
        """x > 3, 3 < x <= 5, x != 3, x in S: of one letter, between constants."""
        if relation.operators == ("in",) and name_of(relation.operands[0]):
            return self.slots(settled(relation.operands[1]))
        found = self.all
        sides = zip(relation.operands, relation.operators, relation.operands[1:], strict=False)
        for left, operator, right in sides:
            if not (isinstance(left, Quantity) and isinstance(right, Quantity)):
                raise NoValue("no inequality of numbers")
            if name_of(right):
                left, operator, right = right, FLIPPED.get(operator), left
            if not name_of(left) or name_of(right):
                raise NoValue("no inequality of a letter")
            found &= self.compared(operator, right.value)
        return found


_COMBINED = {
    "union": frozenset.union,
    "intersection": frozenset.intersection,
    "difference": frozenset.difference,
}
