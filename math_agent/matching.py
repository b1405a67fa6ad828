r"""Whether two answers say the same: the rules for lists, sets, intervals, equations and units.

Each rule is a choice where people differ; they are written out here so that one can disagree.

- Several values: a list without brackets is unordered, with multiplicity (1, 1, 2 is not 1, 2, 2);
  braces are a set; in round or square brackets the order counts, and the kind of bracket does
  where it can be an interval. "2, 3" is (2, 3) in this order only.
- An inequality is its interval, in both directions: x > 3, (3, \infty), {x | x > 3}.
- "x = 5" is 5: an equation stands for its right side where the left side is a name (x, f(x), AB,
  Area) or, in an answer, any quantity that can be asked for (m + n, sin A). An equation that has
  to be solved stands for nothing: neither x^2 = 1 nor x^2 + 1 = 0 is a number. Two equations are
  the same if one is a multiple of the other.
- Units are compared where both have one: 100 cm is 1 m, and 5 cm is neither 5 m nor 5 cm^2. Where
  only one side has a unit it does not matter.
- 50 % is 50 and 0.5; two percentages are compared as they stand.
- 90 degrees is 90 and pi/2.
- A letter with its text, "(B) 12", is the letter B where the gold is a letter, else its text.
- 3:2 is 6:4 and 3/2, unless it is a time of the day: 9:45 is only 9:45, with or without "AM".
- A number with a base, 52_8, is 52 (the question names the base); it is not 42, 52_{10} or 528.
"""

from __future__ import annotations

import re
from fractions import Fraction

from math_agent import spelling
from math_agent.reader import gold_things, read
from math_agent.shapes import (
    Based,
    Builder,
    Combination,
    Group,
    Matrix,
    NumberSet,
    Quantity,
    Ratio,
    Relation,
    Text,
)
from math_agent.units import Unit
from math_agent.values import (
    NotRational,
    NoValue,
    names,
    number,
    order,
    ratio_of,
    rational,
    same_value,
)

MAX_ITEMS = 200


def says_the_same(gold: str, answer: str) -> bool:
    """Whether the content of a box is right for one gold answer."""
    gold_text = spelling.as_text(spelling.undecorated(spelling.plain_characters(gold)))
    answer_text = spelling.as_text(spelling.undecorated(spelling.plain_characters(answer)))
    if gold_text == answer_text:
        return bool(answer_text)
    choice = _same_choice(gold_text, answer_text)
    if choice is not None:
        return choice
    gold_readings = _gold_readings(gold)
    answer_readings = _answer_readings(answer, gold_things(gold))
    if any(
        isinstance(reading, Based) and reading.digits.casefold() == answer_text.casefold()
        for reading in gold_readings
    ):
        return True
    return any(same(one, other) for one in gold_readings for other in answer_readings)


# readings

_HAS_BRACKETS = re.compile(r"[(\[]|\\\{|\\lbrace|\\langle|\\begin")
_GROUP = re.compile(r"\d,\d{3}(?!\d)")
_LIST_SPACE = re.compile(r",\s")
_LETTER_UNIT = re.compile(r"\d\}?(?:\s|~|\\[,; ])*[msghLNJWV]\b(?!\s*[_^(\w])|[msghLNJWV]\s*/")
_SPACED_LETTER_UNIT = re.compile(r"\d\}?(?:\s|~|\\[,; ])+[msghLNJWV]\b(?!\s*[_^(\w])")


def _gold_readings(gold: str) -> list:
    """What the gold answer says; a second reading only for "5 m"."""
    commas = _joins_digits(gold)
    readings = [read(gold, trusted=True, commas=commas)]
    if _SPACED_LETTER_UNIT.search(gold):
        readings.append(read(gold, trusted=True, commas=commas, letter_units=True))
    return readings


def _answer_readings(answer: str, things: frozenset[str]) -> list:
    """What an answer can say: "1,000" may be a list, "5 m" may be a product."""
    commas = _joins_digits(answer)
    readings = [read(answer, things=things, commas=commas)]
    if commas and _GROUP.search(answer):
        readings.append(read(answer, things=things, commas=False))
    if _LETTER_UNIT.search(answer):
        readings.append(read(answer, things=things, commas=commas, letter_units=True))
    return readings


def _joins_digits(text: str) -> bool:
    """Whether 1,000 is a number: in brackets only where the list has spaces, (1,000, 2,000)."""
    return _HAS_BRACKETS.search(text) is None or _LIST_SPACE.search(text) is not None


_CHOICE = re.compile(r"(?:\(([a-j])\)|\[([a-j])\]|([a-j])[.):])\s*(.*)", re.DOTALL | re.IGNORECASE)
_LETTER = re.compile(r"[(\[]?([a-j])[)\].]?", re.IGNORECASE)
_NO_TEXT_OF_CHOICE = re.compile(
    r"[=+*/^_!,;&|<>-]|and\b|or\b|\\(?:cdot|times|cup|cap|text)|[(\[][a-jA-J][)\]]"
)


def _same_choice(gold: str, answer: str) -> bool | None:
    """The verdict on "(B) 12"; None where neither side is a letter with its text."""
    gold_choice, answer_choice = _choice(gold), _choice(answer)
    if gold_choice is None and answer_choice is None:
        return None
    if gold_choice is not None and answer_choice is not None:
        return gold_choice[0] == answer_choice[0] and says_the_same(
            gold_choice[1], answer_choice[1]
        )
    (letter, text), other = (gold_choice, answer) if gold_choice else (answer_choice, gold)
    if alone := _LETTER.fullmatch(other):
        return alone[1].casefold() == letter
    return says_the_same(text, answer) if gold_choice else says_the_same(gold, text)


def _choice(text: str) -> tuple[str, str] | None:
    """The letter and the text of "(B) 12", "B. 12", "B) 12" or "B: 12"."""
    found = _CHOICE.fullmatch(text)
    if found is None or not found[4]:
        return None
    content = found[4]
    if _NO_TEXT_OF_CHOICE.match(content) or re.search(r"[(\[][a-jA-J][)\]]", content):
        return None
    if not re.match(r"[\d$\\(\-]|[A-Za-z]{2}", content):
        return None
    return (found[1] or found[2] or found[3]).casefold(), content


# shapes


def same(gold, answer) -> bool:
    """Whether two shapes say the same."""
    gold, answer = _settled(gold), _settled(answer)
    if gold == answer:
        return True
    if isinstance(gold, Relation) or isinstance(answer, Relation):
        return _same_relation(gold, answer)
    if _is_region(gold) or _is_region(answer):
        return _same_set(gold, answer)
    if isinstance(gold, Quantity) and isinstance(answer, Quantity):
        return _same_quantity(gold, answer)
    if isinstance(gold, Group) and isinstance(answer, Group):
        return _same_group(gold, answer)
    if isinstance(gold, Matrix) and isinstance(answer, Matrix):
        return _same_matrix(gold, answer)
    if isinstance(gold, Ratio) or isinstance(answer, Ratio):
        return _same_ratio(gold, answer)
    if isinstance(gold, Based) and isinstance(answer, Quantity):
        return _same_digits(gold, answer)
    if isinstance(answer, Based) and isinstance(gold, Quantity):
        return _same_digits(answer, gold)
    return False


def _settled(shape):
    """`shape` in a simpler form with the same meaning, where it has one."""
    if isinstance(shape, Group) and shape.kind == "set" and len(shape.items) == 1:
        (only,) = shape.items
        return only if isinstance(only, Quantity | Text) else shape
    if isinstance(shape, Relation) and shape.operators == ("in",) and _name(shape.operands[0]):
        return shape.operands[1]
    if isinstance(shape, Group) and shape.kind == "list":
        return _settled_list(shape)
    return shape


def _settled_list(group: Group) -> Group:
    """A list of equations for one letter as the list of its values."""
    first, *others = group.items
    first_value = _assignment(first)
    if first_value and not any(isinstance(item, Relation) for item in others):  # k = 4, 5, 6
        return Group("list", (first_value[1], *others))
    named = [_assignment(item) for item in group.items]
    if all(named) and len({name for name, _ in named}) == 1:  # x = 2 or x = 3
        return Group("list", tuple(value for _, value in named))
    return group


def _assignment(item) -> tuple[str, object] | None:
    """The name and the value of "x = 2"."""
    if not isinstance(item, Relation) or item.operators != ("=",):
        return None
    name = _name(item.operands[0])
    return None if name is None else (name, item.operands[1])


def _name(operand) -> str | None:
    """The name that an operand is: x, f(x), Area."""
    if isinstance(operand, Quantity) and operand.value[0] == "name" and operand.unit is None:
        return operand.value[1]
    if isinstance(operand, Quantity) and operand.value in (("const", "e"), ("const", "i")):
        return operand.value[1]  # e = 2
    return None


# quantities


def _same_quantity(gold: Quantity, answer: Quantity) -> bool:
    gold_value, answer_value = gold.value, answer.value
    if gold.unit is not None and answer.unit is not None:
        if not _units_agree(gold.unit, answer.unit):
            return False
        if gold.unit.dimensions == answer.unit.dimensions and gold.unit != answer.unit:
            gold_value = ("mul", gold_value, ("num", gold.unit.factor))
            answer_value = ("mul", answer_value, ("num", answer.unit.factor))
    if same_value(gold_value, answer_value):
        return True
    if gold.percent and not answer.percent:
        return same_value(("percent", gold_value), answer_value)
    if answer.percent and not gold.percent:
        return same_value(gold_value, ("percent", answer_value))
    if _is_angle(gold.unit) and answer.unit is None:
        return same_value(("degree", gold_value), answer_value)
    if _is_angle(answer.unit) and gold.unit is None:
        return same_value(gold_value, ("degree", answer_value))
    return False


def _is_angle(unit: Unit | None) -> bool:
    return unit is not None and unit.dimensions == (("angle", 1),)


def _units_agree(one: Unit, other: Unit) -> bool:
    """Whether one unit only says more than the other: $ per day, and $; apples, and nothing."""
    parts, others = set(one.dimensions), set(other.dimensions)
    if parts <= others or others <= parts:
        return True
    temperatures = {("angle", 1), ("celsius", 1), ("fahrenheit", 1)}
    return parts | others <= temperatures and ("angle", 1) in parts | others


# groups


def _same_group(gold: Group, answer: Group) -> bool:
    kinds = {gold.kind, answer.kind}
    if len(gold.items) > MAX_ITEMS or len(answer.items) > MAX_ITEMS:
        return False
    if kinds == {"list"}:
        return _same_items(gold.items, answer.items)
    if kinds <= {"list", "set"}:
        return _same_items(_distinct(gold.items), _distinct(answer.items))
    if "set" in kinds:
        return False
    if kinds == {"brackets"} and not _same_ends(gold, answer):
        return False
    bracketed = gold if gold.kind == "brackets" else answer
    if kinds != {"brackets"} and bracketed.ends not in ("()", "[]"):
        return False
    if len(gold.items) != len(answer.items):
        return False
    return all(
        same(_value_in_order(one), _value_in_order(other))
        for one, other in zip(gold.items, answer.items, strict=True)
    )


def _value_in_order(item):
    """The 1 of "x = 1, y = 2", where the order of the values is given."""
    assignment = _assignment(item)
    return item if assignment is None else assignment[1]


def _same_ends(gold: Group, answer: Group) -> bool:
    if gold.ends == answer.ends:
        return True
    round_ends = ("()", "<>")
    if gold.ends in round_ends and answer.ends in round_ends:
        return True
    whole_ends = ("()", "<>", "[]")
    return len(gold.items) > 2 and gold.ends in whole_ends and answer.ends in whole_ends


def _same_items(gold: tuple, answer: tuple) -> bool:
    """Whether the items are the same in some order."""
    if len(gold) != len(answer):
        return False
    left = list(answer)
    for item in gold:
        partner = next((k for k, other in enumerate(left) if same(item, other)), None)
        if partner is None:
            return False
        del left[partner]
    return True


def _distinct(items: tuple) -> tuple:
    found = []
    for item in items:
        if not any(same(item, other) for other in found):
            found.append(item)
    return tuple(found)


def _same_matrix(gold: Matrix, answer: Matrix) -> bool:
    if [len(row) for row in gold.rows] != [len(row) for row in answer.rows]:
        return False
    cells = zip(
        (cell for row in gold.rows for cell in row),
        (cell for row in answer.rows for cell in row),
        strict=True,
    )
    return all(same_value(one, other) for one, other in cells)


# ratios and bases


def _same_ratio(gold, answer) -> bool:
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        if gold.clock is not None:
            return answer.clock is not None and _same_time(gold.clock, answer.clock)
        return len(gold.parts) == len(answer.parts) and all(
            same_value(("mul", one, answer.parts[0]), ("mul", other, gold.parts[0]))
            for one, other in zip(gold.parts, answer.parts, strict=True)
        )
    ratio, other = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
    if not isinstance(other, Quantity) or len(ratio.parts) != 2 or ratio.clock is not None:
        return False
    return same_value(("div", *ratio.parts), other.value)


def _same_time(one: tuple, other: tuple) -> bool:
    return one[:3] == other[:3] and (one[3] == other[3] or None in (one[3], other[3]))


def _same_digits(based: Based, quantity: Quantity) -> bool:
    try:
        value = rational(quantity.value, {})
    except (NotRational, NoValue):
        return False
    return value.denominator == 1 and based.digits == f"{value.numerator}"


# equations and inequalities


def _same_relation(gold, answer) -> bool:
    if isinstance(gold, Relation) and isinstance(answer, Relation):
        return _same_two_relations(gold, answer)
    if (_region(gold) is not None or _region(answer) is not None) and _same_set(gold, answer):
        return True
    if isinstance(gold, Relation):
        value = _stands_for(gold, trusted=True)
        return value is not None and same(value, answer)
    value = _stands_for(answer, trusted=False)
    return value is not None and same(gold, value)


def _stands_for(relation: Relation, trusted: bool):
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
    if _name(left) is not None or isinstance(left, Group):
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


def _same_two_relations(gold: Relation, answer: Relation) -> bool:
    gold_named, answer_named = _assignment(gold), _assignment(answer)
    if gold_named and answer_named and same(gold_named[1], answer_named[1]):
        return _same_left(gold_named, answer_named)
    gold_region, answer_region = _region(gold), _region(answer)
    if gold_region is not None and answer_region is not None:
        return _variable(gold) == _variable(answer) and _same_intervals(gold_region, answer_region)
    if len(gold.operators) == len(answer.operators) == 1:
        return _same_single_relation(gold, answer)
    return gold.operators == answer.operators and all(
        same(one, other) for one, other in zip(gold.operands, answer.operands, strict=True)
    )


def _same_left(gold: tuple, answer: tuple) -> bool:
    """Whether two left sides with the same right side are: y = 2x + 1 is f(x) = 2x + 1."""
    if gold[0].casefold() == answer[0].casefold():
        return True
    value = gold[1]
    return isinstance(value, Quantity) and bool(names(value.value))


_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def _same_single_relation(gold: Relation, answer: Relation) -> bool:
    operator, other = gold.operators[0], answer.operators[0]
    if operator in ("in", "not in", "subset", "to", "equiv") or other not in _FLIPPED:
        return operator == other and all(map(same, gold.operands, answer.operands))
    if operator not in _FLIPPED:
        return False
    if not all(isinstance(side, Quantity) for side in gold.operands + answer.operands):
        return operator == other and all(map(same, gold.operands, answer.operands))
    sign = ratio_of(_left_minus_right(gold), _left_minus_right(answer))
    if sign == 0:
        return False
    return operator == (other if sign > 0 else _FLIPPED[other])


def _left_minus_right(relation: Relation) -> tuple:
    left, right = relation.operands
    return ("add", left.value, ("neg", right.value))


# sets of real numbers, as intervals: (lower end, closed, upper end, closed)

_INFINITY = ("const", "inf")
_MINUS_INFINITY = ("neg", _INFINITY)
_ALL = ((_MINUS_INFINITY, False, _INFINITY, False),)


def _is_region(shape) -> bool:
    """Whether a shape is a set that is not written as a group."""
    if isinstance(shape, Group) and shape.kind == "list":
        return bool(shape.items) and all(
            isinstance(item, Relation) and not _assignment(item) for item in shape.items
        )
    return isinstance(shape, (Combination, Builder, NumberSet))


def _same_set(gold, answer) -> bool:
    gold_region, answer_region = _region(gold), _region(answer)
    if gold_region is not None and answer_region is not None:
        gold_variable, answer_variable = _variable(gold), _variable(answer)
        if gold_variable and answer_variable and gold_variable != answer_variable:
            return False
        return _same_intervals(gold_region, answer_region)
    if isinstance(gold, Combination) and isinstance(answer, Combination):
        if gold.operator != answer.operator:
            return False
        if same(gold.left, answer.left) and same(gold.right, answer.right):
            return True
        commutes = gold.operator != "difference"
        return commutes and same(gold.left, answer.right) and same(gold.right, answer.left)
    if isinstance(gold, Builder) and isinstance(answer, Builder):
        return gold.variable == answer.variable and same(gold.condition, answer.condition)
    if isinstance(gold, Group) and isinstance(answer, Group):
        return _same_group(gold, answer)
    return False


def _variable(shape) -> str | None:
    """The letter of an inequality; a set has none, and the one of a builder does not matter."""
    if isinstance(shape, Relation):
        for operand in shape.operands:
            if name := _name(operand):
                return name
    if isinstance(shape, Group):
        found = {_variable(item) for item in shape.items}
        return found.pop() if len(found) == 1 else None
    return None


def _same_intervals(gold: tuple, answer: tuple) -> bool:
    if len(gold) != len(answer):
        return False
    return all(
        one[1] == other[1]
        and one[3] == other[3]
        and same_value(one[0], other[0])
        and same_value(one[2], other[2])
        for one, other in zip(gold, answer, strict=True)
    )


def _region(shape) -> tuple | None:
    """A set of real numbers as its intervals in order; None for what is no such set."""
    try:
        intervals = _intervals(shape)
    except (NoValue, NotRational):
        return None
    return intervals


def _intervals(shape) -> tuple | None:
    if isinstance(shape, NumberSet):
        return _ALL if shape.name == "R" else None
    if isinstance(shape, Relation):
        return _relation_intervals(shape)
    if isinstance(shape, Builder):
        return _intervals(_settled(shape.condition))
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
        if any(part is None for part in parts) or len({_variable(i) for i in group.items}) != 1:
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
        return _intervals(_settled(relation.operands[1])) if _name(relation.operands[0]) else None
    if not isinstance(relation.operands[-1], Quantity):
        return None
    values = [operand.value for operand in relation.operands]
    at = [index for index, operand in enumerate(relation.operands) if _name(operand)]
    if len(at) != 1 or any(names(v) for k, v in enumerate(values) if k != at[0]):
        return None
    position = at[0]
    if len(values) == 2:
        operator = relation.operators[0]
        operator = operator if position == 0 else _FLIPPED.get(operator)
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
            operators = tuple(_FLIPPED[operator] for operator in reversed(operators))
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
    rest = list(intervals)
    ordered = []
    while rest:
        first = rest[0]
        for other in rest[1:]:
            before = _compared(other[0], first[0])
            if before < 0 or (before == 0 and other[1] and not first[1]):
                first = other
        rest.remove(first)
        ordered.append(first)
    merged = []
    for interval in ordered:
        if merged and _touch(merged[-1], interval):
            merged[-1] = _longer(merged[-1], interval)
        else:
            merged.append(interval)
    return tuple(merged)


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
            lower = max_end(left, right)
            upper = min_end(left, right)
            order_of_ends = _compared(lower[0], upper[0])
            if order_of_ends < 0 or (order_of_ends == 0 and lower[1] and upper[1]):
                common.append((*lower, *upper))
    return _union(common)


def max_end(left: tuple, right: tuple) -> tuple:
    """The larger of two lower ends; where they are equal, it is closed only if both are."""
    ends = _compared(left[0], right[0])
    if ends == 0:
        return (left[0], left[1] and right[1])
    return left[:2] if ends > 0 else right[:2]


def min_end(left: tuple, right: tuple) -> tuple:
    """The smaller of two upper ends; where they are equal, it is closed only if both are."""
    ends = _compared(left[2], right[2])
    if ends == 0:
        return (left[2], left[3] and right[3])
    return left[2:] if ends < 0 else right[2:]
