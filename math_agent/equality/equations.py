"""What an equation stands for: "x = 5" for 5, "m + n = 7" for 7, "x^2 = 1" for nothing."""

from __future__ import annotations

from fractions import Fraction

from math_agent.equality.shapes import Group, Quantity, Ratio, Relation, Text
from math_agent.equality.values import names, rational, replaced, same_value


def settled(shape):
    """`shape` in a simpler form with the same meaning, where it has one."""
    if isinstance(shape, Group) and shape.kind == "set" and len(shape.items) == 1:
        (only,) = shape.items
        return only if isinstance(only, Quantity | Text) else shape
    if isinstance(shape, Relation) and shape.operators == ("in",):
        element = shape.operands[0]
        if name_of(element) or _is_made_of_names(element):
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

    trusted: it is a gold answer. a + b = 7 may be the answer to "what is a + b", but x^2 + y^2 = 4
    is a circle there and not 4. In an answer to the gold 4, it can only be the former.
    """
    if set(relation.operators) != {"="}:
        return None
    left, *between, value = relation.operands
    if not all(_agrees(middle, value) for middle in between):
        return None
    if name_of(left) is not None or _is_made_of_names(left):
        return value
    if not isinstance(left, Quantity) or not isinstance(value, Quantity):
        return None
    if not names(left.value):  # 3 x 4 = 12
        return value if same_value(left.value, value.value) else None
    if names(value.value):
        return None
    asked = _may_be_asked_for(left.value) if trusted else _says(left.value, value.value)
    return value if asked else None


def _is_made_of_names(left) -> bool:
    """Whether the left side is (x, y), or the ratio of two areas."""
    if isinstance(left, Group):
        return bool(left.items) and all(name_of(item) for item in left.items)
    return isinstance(left, Ratio) and all(part[0] == "name" for part in left.parts)


def _agrees(middle, value) -> bool:
    """Whether a = b = c holds between b and c, as far as that can be computed."""
    if not (isinstance(middle, Quantity) and isinstance(value, Quantity)):
        return False
    return bool(names(middle.value)) or same_value(middle.value, value.value)


def _may_be_asked_for(node: tuple) -> bool:
    """Whether a gold equation's left side is a sum of letters, sin A, or a quotient AB/CD."""
    if node[0] == "add":
        return all(part[0] == "name" for part in node[1:])
    return node[0] == "fn" or (node[0] == "div" and bool(names(node[2])))


def _says(node: tuple, value: tuple) -> bool:
    """Whether "node = value" gives the value of a quantity, and is no equation to be solved.

    Equations to be solved are x^2 + 1 = 0, with a constant, 2x = 10, and x^2 = 1, which its own
    right side solves.
    """
    letters = names(node)
    if _is_polynomial(node):
        constant = rational(node, dict.fromkeys(letters, Fraction(0)))
        if constant != 0:
            return False
    if len(letters) > 1 or node[0] == "fn":
        return True
    (letter,) = letters
    if _is_polynomial(node) and _is_linear(node, letter):  # 2x = 10
        return False
    return not same_value(replaced(node, {letter: value}), value)


def _is_linear(node: tuple, letter: str) -> bool:
    """Whether a polynomial in one letter is a multiple of it."""
    at_one, at_two, at_three = (rational(node, {letter: Fraction(k)}) for k in (1, 2, 3))
    return at_two == 2 * at_one and at_three == 3 * at_one


def _is_polynomial(node: tuple) -> bool:
    """Whether a tree is a polynomial with rational coefficients."""
    if node[0] in ("num", "name"):
        return True
    if node[0] == "pow":
        exponent = node[2]
        whole = exponent[0] == "num" and exponent[1].denominator == 1 and exponent[1] > 0
        return whole and exponent[1] < 100 and _is_polynomial(node[1])
    if node[0] == "div":
        divisor = node[2]
        return _is_polynomial(node[1]) and divisor[0] == "num" and divisor[1] != 0
    return node[0] in ("add", "neg", "mul") and all(map(_is_polynomial, node[1:]))
