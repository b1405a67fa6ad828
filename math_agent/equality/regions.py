"""Sets of real numbers as intervals: inequalities, unions, what is left of a set.

An interval is (lower end, closed, upper end, closed); the ends are trees, see values.py.
"""

from __future__ import annotations

from functools import cmp_to_key

from math_agent.equality.equations import name_of, settled
from math_agent.equality.shapes import Builder, Combination, Group, NumberSet, Quantity, Relation
from math_agent.equality.values import NotRational, NoValue, names, order, same_value

_INFINITY = ("const", "inf")
_MINUS_INFINITY = ("neg", _INFINITY)
_ALL = ((_MINUS_INFINITY, False, _INFINITY, False),)
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


def same_intervals(gold: tuple, answer: tuple) -> bool:
    """Whether two regions have the same ends, each of them open or closed in both."""
    if len(gold) != len(answer):
        return False
    return all(
        one[1] == other[1]
        and one[3] == other[3]
        and same_value(one[0], other[0])
        and same_value(one[2], other[2])
        for one, other in zip(gold, answer, strict=True)
    )


def region(shape) -> tuple | None:
    """A set of real numbers as its intervals in order; None for what is no such set."""
    try:
        return _intervals(shape)
    except (NoValue, NotRational):
        return None


def _intervals(shape) -> tuple | None:
    if isinstance(shape, NumberSet):
        return _ALL if shape.name == "R" else None
    if isinstance(shape, Relation):
        return _relation_intervals(shape)
    if isinstance(shape, Builder):
        return _intervals(settled(shape.condition))
    if isinstance(shape, Combination):
        return _combined(shape)
    if isinstance(shape, Group):
        return _group_intervals(shape)
    return None


def _group_intervals(group: Group) -> tuple | None:
    if group.kind == "brackets" and len(group.items) == 2 and "<" not in group.ends:
        lower, upper = group.items
        if not (isinstance(lower, Quantity) and isinstance(upper, Quantity)):
            return None
        return _interval(lower.value, group.ends[0] == "[", upper.value, group.ends[1] == "]")
    if group.kind == "set":
        if not all(isinstance(item, Quantity) for item in group.items):
            return None
        return _union([(item.value, True, item.value, True) for item in group.items])
    if group.kind == "list" and all(isinstance(item, Relation) for item in group.items):
        parts = [_intervals(item) for item in group.items]
        if any(part is None for part in parts) or len({variable(i) for i in group.items}) != 1:
            return None
        if group.joined == "or":
            return _union([interval for part in parts for interval in part])
        if group.joined == "and":
            meet = parts[0]
            for part in parts[1:]:
                meet = _intersection(meet, part)
            return meet
    return None


def _interval(lower: tuple, lower_closed: bool, upper: tuple, upper_closed: bool) -> tuple:
    """One interval. Raises NoValue if its ends are not in order."""
    if names(lower) or names(upper):
        return ((lower, lower_closed, upper, upper_closed),)
    if _compared(lower, upper) >= 0:
        raise NoValue("an empty interval")
    return ((lower, lower_closed, upper, upper_closed),)


def _compared(one: tuple, other: tuple) -> int:
    """The order of two ends, infinities included."""
    if one == other:
        return 0
    if one == _MINUS_INFINITY or other == _INFINITY:
        return -1
    if one == _INFINITY or other == _MINUS_INFINITY:
        return 1
    return order(one, other)


def _relation_intervals(relation: Relation) -> tuple | None:
    """x > 3, 3 < x <= 5, x != 3, x in S: of one letter, between constants."""
    if not all(isinstance(operand, Quantity) for operand in relation.operands[:-1]):
        return None
    if relation.operators == ("in",):
        return _intervals(settled(relation.operands[1])) if name_of(relation.operands[0]) else None
    if not isinstance(relation.operands[-1], Quantity):
        return None
    values = [operand.value for operand in relation.operands]
    at = [index for index, operand in enumerate(relation.operands) if name_of(operand)]
    if len(at) != 1 or any(names(v) for k, v in enumerate(values) if k != at[0]):
        return None
    position = at[0]
    if len(values) == 2:
        operator = relation.operators[0]
        operator = operator if position == 0 else FLIPPED.get(operator)
        end = values[1 - position]
        if end in (_INFINITY, _MINUS_INFINITY):
            return None
        return {
            "<": ((_MINUS_INFINITY, False, end, False),),
            "<=": ((_MINUS_INFINITY, False, end, True),),
            ">": ((end, False, _INFINITY, False),),
            ">=": ((end, True, _INFINITY, False),),
            "!=": ((_MINUS_INFINITY, False, end, False), (end, False, _INFINITY, False)),
        }.get(operator)
    if len(values) == 3 and position == 1:
        operators = relation.operators
        lower, upper = values[0], values[2]
        if set(operators) <= {">", ">="}:
            operators = tuple(FLIPPED[operator] for operator in reversed(operators))
            lower, upper = upper, lower
        if set(operators) <= {"<", "<="}:
            return _interval(lower, operators[0] == "<=", upper, operators[1] == "<=")
    return None


def _combined(combination: Combination) -> tuple | None:
    left, right = _intervals(combination.left), _intervals(combination.right)
    if left is None or right is None:
        return None
    if combination.operator == "union":
        return _union([*left, *right])
    if combination.operator == "difference":
        right = _complement(right)
    return _intersection(left, right)


def _union(intervals: list) -> tuple:
    """The intervals in order, those that touch as one."""
    for interval in intervals:
        if names(interval[0]) or names(interval[2]):
            raise NoValue("a letter without a value")
    ordered = sorted(intervals, key=cmp_to_key(_by_lower_end))
    merged = []
    for interval in ordered:
        if merged and _touch(merged[-1], interval):
            merged[-1] = _longer(merged[-1], interval)
        else:
            merged.append(interval)
    return tuple(merged)


def _by_lower_end(left: tuple, right: tuple) -> int:
    """The order of two intervals; of two that begin at the same end the closed one is first."""
    return _compared(left[0], right[0]) or right[1] - left[1]


def _touch(left: tuple, right: tuple) -> bool:
    gap = _compared(left[2], right[0])
    return gap > 0 or (gap == 0 and (left[3] or right[1]))


def _longer(left: tuple, right: tuple) -> tuple:
    ends = _compared(left[2], right[2])
    if ends < 0:
        return (*left[:2], *right[2:])
    if ends == 0:
        return (*left[:3], left[3] or right[3])
    return left


def _complement(intervals: tuple) -> tuple:
    """What is left of the real numbers."""
    rest = []
    lower, closed = _MINUS_INFINITY, False
    for interval in intervals:
        if interval[0] != _MINUS_INFINITY:
            rest.append((lower, closed, interval[0], not interval[1]))
        lower, closed = interval[2], not interval[3]
    if lower != _INFINITY:
        rest.append((lower, closed, _INFINITY, False))
    return tuple(rest)


def _intersection(one: tuple, other: tuple) -> tuple:
    """What two sets have in common."""
    common = []
    for left in one:
        for right in other:
            lower = _lower_end(left, right)
            upper = _upper_end(left, right)
            order_of_ends = _compared(lower[0], upper[0])
            if order_of_ends < 0 or (order_of_ends == 0 and lower[1] and upper[1]):
                common.append((*lower, *upper))
    return _union(common)


def _lower_end(left: tuple, right: tuple) -> tuple:
    """The larger of two lower ends; where they are equal, it is closed only if both are."""
    ends = _compared(left[0], right[0])
    if ends == 0:
        return (left[0], left[1] and right[1])
    return left[:2] if ends > 0 else right[:2]


def _upper_end(left: tuple, right: tuple) -> tuple:
    """The smaller of two upper ends; where they are equal, it is closed only if both are."""
    ends = _compared(left[2], right[2])
    if ends == 0:
        return (left[2], left[3] and right[3])
    return left[2:] if ends < 0 else right[2:]
