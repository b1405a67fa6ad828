"""What an equation stands for: "x = 5" for 5, "m + n = 7" for 7, "x^2 = 1" for nothing."""

from __future__ import annotations

from fractions import Fraction

from math_agent.equality.shapes import Group, Quantity, Relation, Text
from math_agent.equality.values import NotRational, NoValue, names, number, rational, same_value


def settled(shape):
    """`shape` in a simpler form with the same meaning, where it has one."""
    if isinstance(shape, Group) and shape.kind == "set" and len(shape.items) == 1:
        (only,) = shape.items
        return only if isinstance(only, Quantity | Text) else shape
    if isinstance(shape, Relation) and shape.operators == ("in",) and name_of(shape.operands[0]):
        return shape.operands[1]
    if isinstance(shape, Relation) and shape.operators == ("=",):
        left, right = shape.operands
        is_number = isinstance(left, Quantity) and not names(left.value)
        return Relation((right, left), ("=",)) if is_number and name_of(right) else shape
    if isinstance(shape, Group) and shape.kind == "list":
        return _settled_list(shape)
    return shape


def _settled_list(group: Group) -> Group:
    """A list of equations for one letter as the list of its values."""
    first, *others = group.items
    first_value = assignment(first)
    if first_value and not any(isinstance(item, Relation) for item in others):  # k = 4, 5, 6
        return Group("list", (first_value[1], *others))
    named = [assignment(item) for item in group.items]
    if all(named) and len({name for name, _ in named}) == 1:  # x = 2 or x = 3
        return Group("list", tuple(value for _, value in named))
    return group


def assignment(item) -> tuple[str, object] | None:
    """The name and the value of "x = 2"."""
    if not isinstance(item, Relation) or item.operators != ("=",):
        return None
    name = name_of(item.operands[0])
    return None if name is None else (name, item.operands[1])


def name_of(operand) -> str | None:
    """The name that an operand is: x, f(x), Area."""
    if isinstance(operand, Quantity) and operand.value[0] == "name" and operand.unit is None:
        return operand.value[1]
    if isinstance(operand, Quantity) and operand.value in (("const", "e"), ("const", "i")):
        return operand.value[1]  # e = 2
    return None


def stands_for(relation: Relation, trusted: bool):
    """What an equation says in place of its right side; None if it has to be solved first.

    Of a gold answer (trusted) with several letters on its left side only a sum is the quantity
    that was asked for (a + b = 7); x^2 + y^2 = 4 is a circle and not 4.
    """
    if set(relation.operators) != {"="}:
        return None
    left, *between, value = relation.operands
    for middle in between:
        if not (isinstance(middle, Quantity) and isinstance(value, Quantity)):
            return None
        if not names(middle.value) and not same_value(middle.value, value.value):
            return None
    if name_of(left) is not None or isinstance(left, Group):
        return value
    if not isinstance(left, Quantity) or not isinstance(value, Quantity):
        return None
    letters = names(left.value)
    if not letters:  # 3 x 4 = 12
        return value if same_value(left.value, value.value) else None
    if names(value.value):
        return None
    constant = _polynomial_at_zero(left.value)
    if constant is not None and constant != 0:
        return None
    if len(letters) == 1 and left.value[0] != "fn":
        return None if trusted or _is_root(left.value, letters, value.value) else value
    if trusted and left.value[0] != "fn" and not _is_linear(left.value):
        return None
    return value


def _polynomial_at_zero(node: tuple) -> Fraction | None:
    """The constant term of a polynomial; None for what is none."""
    if not _is_polynomial(node):
        return None
    try:
        return rational(node, dict.fromkeys(names(node), Fraction(0)))
    except (NotRational, NoValue):
        return None


def _is_polynomial(node: tuple) -> bool:
    if node[0] in ("num", "name"):
        return True
    if node[0] == "pow":
        return _is_polynomial(node[1]) and node[2][0] == "num"
    if node[0] == "div":
        return _is_polynomial(node[1]) and not names(node[2])
    return node[0] in ("add", "neg", "mul") and all(map(_is_polynomial, node[1:]))


def _is_linear(node: tuple) -> bool:
    """Whether twice the letters give twice the value."""
    doubled = _doubled(node)
    return _is_polynomial(node) and same_value(doubled, ("mul", number(2), node))


def _doubled(node: tuple) -> tuple:
    if node[0] == "name":
        return ("mul", number(2), node)
    return tuple(_doubled(part) if isinstance(part, tuple) else part for part in node)


def _is_root(node: tuple, letters: frozenset[str], value: tuple) -> bool:
    """Whether `value` for the letter makes x^2 = 1 true: then nobody can say what is meant."""
    (letter,) = letters
    return same_value(_replaced(node, letter, value), value)


def _replaced(node: tuple, letter: str, value: tuple) -> tuple:
    if node == ("name", letter):
        return value
    return tuple(
        _replaced(part, letter, value) if isinstance(part, tuple) else part for part in node
    )
