r"""Whether two answers say the same: the rules for lists, sets, intervals, equations and units.

Each rule is a choice where people differ; they are written out here so that one can disagree.

- Several values: a list without brackets is unordered, with multiplicity (1, 1, 2 is not 1, 2, 2),
  unless its values have names: x = 3, y = 4 is 3, 4 and not 4, 3; so are 3 boys and 4 girls. A gold
  100,200 is a list and a number;
  braces are a set; in round or square brackets the order counts, and the kind of bracket does
  where it can be an interval. "2, 3" is (2, 3) in this order only.
- A declaration may be left out, and its letter is any: 2k\pi, k \in \mathbb{Z}, is 2n\pi. Another
  domain is another answer.
- A column of a matrix is the tuple of its entries. n \equiv -1 \pmod 7 is n \equiv 6 \pmod 7.
- An inequality is its interval, in both directions: x > 3, (3, \infty), {x | x > 3}.
- "x = 5" is 5: an equation stands for its right side where the left side is a name (x, f(x), AB,
  Area) or, in an answer, any quantity that can be asked for (m + n, sin A). An equation that has
  to be solved stands for nothing: neither x^2 = 1 nor x^2 + 1 = 0 is a number. Two equations are
  the same if one is a multiple of the other.
- Units are compared where both have one: 100 cm is 1 m, and 5 cm is neither 5 m nor 5 cm^2. Where
  only one side has a unit it does not matter.
- 50 % is 50 and 0.5, but not 50 cm; two percentages are compared as they stand.
- 90 degrees is 90 and pi/2.
- An answer with its rounding, "1/3 ≈ 0.33", is the exact one. A rounding alone is never right.
- A letter with its text, "(B) 12", is the letter B where the gold is a letter, else its text.
- 3:2 is 6:4 and 3/2, unless it is a time of the day: 9:45 is only 9:45, with or without "AM", and
  "9 to 45".
- A gold with its base, 52_8, is 52 (the question names the base); it is not 42, 52_{10} or 528. A
  gold without a base is not 52_8.
"""

from __future__ import annotations

import re

from math_agent.equality import asides, spelling, units
from math_agent.equality.equations import assignment, settled, stands_for
from math_agent.equality.operations import NoValue
from math_agent.equality.reader import gold_things, read
from math_agent.equality.regions import FLIPPED, same_region, variable
from math_agent.equality.shapes import (
    Based,
    Builder,
    Combination,
    Group,
    Matrix,
    NumberSet,
    Quantity,
    Ratio,
    Relation,
)
from math_agent.equality.spelling import Token
from math_agent.equality.trees import with_marks
from math_agent.equality.units import CURRENCIES, Unit
from math_agent.equality.values import (
    names,
    ratio_of,
    rational,
    same_value,
)
from math_agent.equality.words import FUNCTIONS, VALUE_WORDS, is_product

MAX_ITEMS = 200


def says_the_same(gold: str, answer: str) -> bool:
    """Whether the content of a box is right for one gold answer."""
    if with_unit := _UNIT_IN_BRACKETS.fullmatch(gold.strip()):
        value, unit = with_unit.groups()
        if _is_measure(unit):
            return _says_the_same(f"{value} {unit}", answer)
        if _is_thing(unit):
            return _says_the_same(f"{value} {unit}", answer) or _says_the_same(
                value, answer, gold_things(unit)
            )
    return _says_the_same(gold, answer)


def _says_the_same(gold: str, answer: str, things: frozenset[str] = frozenset()) -> bool:
    """things: words that may follow the number in an answer."""
    gold_shown = spelling.undecorated(spelling.plain_characters(gold))
    answer_shown = spelling.undecorated(spelling.plain_characters(answer))
    gold_text, answer_text = spelling.as_text(gold_shown), spelling.as_text(answer_shown)
    if gold_text == answer_text:
        return bool(answer_text)
    if _same_with_declaration(gold_shown, answer_shown):
        return True
    choice = _same_choice(gold_text, answer_text)
    if choice is not None:
        return choice
    gold_readings = _gold_readings(gold)
    answer_readings = _answer_readings(answer, things | gold_things(gold))
    if any(
        isinstance(reading, Based) and reading.digits.casefold() == answer_text.casefold()
        for reading in gold_readings
    ):
        return True
    return any(same(one, other) for one in gold_readings for other in answer_readings)


def _same_with_declaration(gold: str, answer: str) -> bool:
    r"""Whether two answers, one or both with "k \in \mathbb{Z}" or "for all x", say the same."""
    body, letter, domain = asides.declared(gold)
    other, name, other_domain = asides.declared(answer)
    if not letter and not name:
        return False
    if domain and other_domain and domain != other_domain:
        return False
    if letter and name and letter != name:
        other = asides.renamed(other, name, letter)
    return _says_the_same(body, other)


def _is_measure(text: str) -> bool:
    """Whether what stands in brackets after a number is a unit of measure: 7 (cm), not 2 (m-s)."""
    return "-" not in text and all(map(units.measure, re.findall(r"[A-Za-z]+", text)))


def _is_thing(text: str) -> bool:
    """Whether it says what was counted, and is no factor: 9 (apples), not 2 (ab) or 2 (sin x)."""
    words = re.findall(r"[A-Za-z]+", text)
    if any(word.lower() in VALUE_WORDS or word in FUNCTIONS for word in words):
        return False
    return any(len(word) > 2 and not is_product(Token("word", word)) for word in words)


# readings

# a gold answer with its unit: 9 (apples)
_UNIT_IN_BRACKETS = re.compile(
    r"([-$\d][^()]*?)\s*\(([^()\d=+*^\\<>|]*[A-Za-z][^()\d=+*^\\<>|]*)\)"
)
_HAS_BRACKETS = re.compile(r"[(\[]|\\\{|\\lbrace|\\langle|\\begin")
_GROUP = re.compile(r"\d,\d{3}(?!\d)")
_LIST_OR_NUMBER = re.compile(r"(?<![\d,])[1-9]\d\d(?:,[1-9]\d\d)+(?![\d,])")  # 100,200
_LIST_SPACE = re.compile(r",\s")
_LETTER_UNIT = re.compile(r"\d\}?(?:\s|~|\\[,; ])*[msghLNJWV]\b(?!\s*[_^(\w])|[msghLNJWV]\s*/")
_SPACED_LETTER_UNIT = re.compile(r"\d\}?(?:\s|~|\\[,; ])+[msghLNJWV]\b(?!\s*[_^(\w])")


def _gold_readings(gold: str) -> list:
    """What the gold answer says; a second reading only for "100,200" and "5 m"."""
    commas = _joins_digits(gold)
    readings = [read(gold, trusted=True, commas=commas)]
    if commas and _LIST_OR_NUMBER.search(gold):
        readings.append(read(gold, trusted=True, commas=False))
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
    r"[=+*/^_!,;&|<>]|-(?!\d|\\[dt]?frac|\\sqrt)|and\b|or\b|\\(?:cdot|times|cup|cap|text)"
    r"|[(\[][a-jA-J][)\]]"
)


def _same_choice(gold: str, answer: str) -> bool | None:
    """The verdict on "(B) 12"; None where neither side is a letter with its text."""
    gold_letter, answer_letter = _LETTER.fullmatch(gold), _LETTER.fullmatch(answer)
    if gold_letter and answer_letter:
        return gold_letter[1].casefold() == answer_letter[1].casefold()
    gold_choice, answer_choice = _choice(gold), _choice(answer)
    if gold_choice is None and answer_choice is None:
        return None
    if gold_choice is not None and answer_choice is not None:
        same_text = _says_the_same(gold_choice[1], answer_choice[1])
        return gold_choice[0] == answer_choice[0] and same_text
    (letter, text), other = (gold_choice, answer) if gold_choice else (answer_choice, gold)
    if alone := _LETTER.fullmatch(other):
        return alone[1].casefold() == letter
    return _says_the_same(text, answer) if gold_choice else _says_the_same(gold, text)


def _choice(text: str) -> tuple[str, str] | None:
    """The letter and the text of "(B) 12", "B. 12", "B) 12" or "B: 12"."""
    found = _CHOICE.fullmatch(text)
    if found is None or not found[4]:
        return None
    content = found[4]
    if _NO_TEXT_OF_CHOICE.match(content) or re.search(r"[(\[;,\s][a-jA-J][)\]]", content):
        return None
    if not re.match(r"[\d$\\(\-]|[A-Za-z]{2}", content):
        return None
    return (found[1] or found[2] or found[3]).casefold(), content


# shapes


def same(gold, answer) -> bool:
    """Whether two shapes say the same."""
    gold, answer = settled(gold), settled(answer)
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
    if isinstance(gold, Matrix) or isinstance(answer, Matrix):
        return _same_vector(*((gold, answer) if isinstance(gold, Matrix) else (answer, gold)))
    if isinstance(gold, Ratio) or isinstance(answer, Ratio):
        return _same_ratio(gold, answer)
    if isinstance(gold, Based) and isinstance(answer, Quantity):
        return _same_digits(gold, answer)
    if isinstance(answer, Based) and isinstance(gold, Quantity):
        return answer.base == 10 and _same_digits(answer, gold)
    return False


# quantities


def _same_quantity(gold: Quantity, answer: Quantity) -> bool:
    if (gold.percent and _is_measured(answer)) or (answer.percent and _is_measured(gold)):
        return False
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


def _is_measured(quantity: Quantity) -> bool:
    """Whether a quantity has a unit of measure and no percent sign: 5 cm is not 5 %."""
    return not quantity.percent and quantity.unit is not None and bool(quantity.unit.dimensions)


def _is_angle(unit: Unit | None) -> bool:
    return unit is not None and unit.dimensions == (("angle", 1),)


def _units_agree(one: Unit, other: Unit) -> bool:
    """Whether one unit only says more than the other: $ per day, and $; apples, and nothing."""
    parts, others = set(one.dimensions), set(other.dimensions)
    if parts == others or not parts or not others:
        return True
    if (parts <= others and one in CURRENCIES) or (others <= parts and other in CURRENCIES):
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
    if kinds != {"brackets"} and not (
        bracketed.ends == "()" or (bracketed.ends == "[]" and len(bracketed.items) > 2)
    ):
        return False
    if len(gold.items) != len(answer.items):
        return False
    return _same_in_order(gold.items, answer.items)


def _same_in_order(gold: tuple, answer: tuple) -> bool:
    return all(
        same(_value_in_order(one), _value_in_order(other))
        for one, other in zip(gold, answer, strict=True)
    )


def _value_in_order(item):
    """The 1 of "x = 1, y = 2", where the order of the values is given."""
    named = assignment(item)
    return item if named is None else named[1]


def _same_ends(gold: Group, answer: Group) -> bool:
    if gold.ends == answer.ends:
        return True
    round_ends = ("()", "<>")
    if gold.ends in round_ends and answer.ends in round_ends:
        return True
    whole_ends = ("()", "<>", "[]")
    return len(gold.items) > 2 and gold.ends in whole_ends and answer.ends in whole_ends


def _same_items(gold: tuple, answer: tuple) -> bool:
    """Whether the items are the same: by their names if they have some, else in some order."""
    if len(gold) != len(answer):
        return False
    gold_names, answer_names = _names_of(gold), _names_of(answer)
    if bool(gold_names) != bool(answer_names):  # "x = 1, y = 2" and "1, 2"
        return _same_in_order(gold, answer)
    if gold_names and set(gold_names) == set(answer_names):
        named = dict(zip(answer_names, answer, strict=True))
        return all(same(item, named[name]) for name, item in zip(gold_names, gold, strict=True))
    left = list(answer)
    for item in gold:
        partner = next((k for k, other in enumerate(left) if same(item, other)), None)
        if partner is None:
            return False
        del left[partner]
    return True


def _names_of(items: tuple) -> list[str]:
    """What each item is called: x of "x = 1", apples of "3 apples". [] if two have one name.

    The letter alone counts: x_1 and x_2 are two roots, which have no order.
    """
    found = []
    for item in items:
        if named := assignment(item):
            found.append(named[0].partition("_")[0])
        elif isinstance(item, Quantity) and item.unit is not None:
            found.append(item.unit.thing)
        else:
            found.append("")
    return found if all(found) and len(set(found)) == len(found) else []


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


def _same_vector(matrix: Matrix, group) -> bool:
    """Whether (1, 2) or <1, 2> has the coordinates of a matrix of one column."""
    if not isinstance(group, Group) or group.ends not in ("()", "<>") or len(matrix.rows[0]) > 1:
        return False
    cells = [Quantity(cell) for (cell,) in matrix.rows]
    return len(cells) == len(group.items) and all(map(same, cells, group.items))


# ratios and bases


def _same_ratio(gold, answer) -> bool:
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        if gold.clock is not None and answer.clock is not None:
            return _same_time(gold.clock, answer.clock)
        if gold.clock is not None:  # 5:12 is "5 to 12"
            return _same_parts(gold, answer.parts)
        return len(gold.parts) == len(answer.parts) and all(
            same_value(("mul", one, answer.parts[0]), ("mul", other, gold.parts[0]))
            for one, other in zip(gold.parts, answer.parts, strict=True)
        )
    ratio, other = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
    if not isinstance(other, Quantity) or len(ratio.parts) != 2 or ratio.clock is not None:
        return False
    return same_value(("div", *ratio.parts), with_marks(other))


def _same_parts(clock: Ratio, parts: tuple) -> bool:
    """Whether what may be a time of the day has just these parts as a ratio."""
    return (
        clock.clock[3] is None
        and len(clock.parts) == len(parts)
        and all(map(same_value, clock.parts, parts))
    )


def _same_time(one: tuple, other: tuple) -> bool:
    return one[:3] == other[:3] and (one[3] == other[3] or None in (one[3], other[3]))


def _same_digits(based: Based, quantity: Quantity) -> bool:
    try:
        value = rational(quantity.value, {})
    except NoValue:
        return False
    return value is not None and based.digits == f"{value}"


# equations and inequalities


def _same_relation(gold, answer) -> bool:
    if isinstance(gold, Relation) and isinstance(answer, Relation):
        return _same_two_relations(gold, answer)
    if _same_set(gold, answer):
        return True
    if isinstance(gold, Relation):
        value = stands_for(gold, trusted=True)
        return value is not None and same(value, answer)
    value = stands_for(answer, trusted=False)
    return value is not None and same(gold, value)


def _same_two_relations(gold: Relation, answer: Relation) -> bool:
    if gold.operators == answer.operators == ("equiv", "mod"):
        return _same_congruence(gold.operands, answer.operands)
    gold_named, answer_named = assignment(gold), assignment(answer)
    if gold_named and answer_named and same(gold_named[1], answer_named[1]):
        return _same_left(gold_named, answer_named)
    as_regions = same_region(gold, answer)
    if as_regions is not None:
        return as_regions and variable(gold) == variable(answer)
    if len(gold.operators) == len(answer.operators) == 1:
        return _same_single_relation(gold, answer)
    return gold.operators == answer.operators and all(
        same(one, other) for one, other in zip(gold.operands, answer.operands, strict=True)
    )


def _same_congruence(gold: tuple, answer: tuple) -> bool:
    r"""n \equiv -1 \pmod 7 is n \equiv 6 \pmod 7."""
    if not all(map(same, gold[::2], answer[::2])):
        return False
    if same(gold[1], answer[1]):
        return True
    try:
        one, other, modulus = (rational(side.value, {}) for side in (gold[1], *answer[1:]))
    except (NoValue, AttributeError):
        return False
    return None not in (one, other, modulus) and modulus != 0 and (one - other) % modulus == 0


def _same_left(gold: tuple, answer: tuple) -> bool:
    """Whether two left sides with the same right side are: y = 2x + 1 is f(x) = 2x + 1."""
    if gold[0].casefold() == answer[0].casefold():
        return True
    if {gold[0].casefold(), answer[0].casefold()} <= {"x", "y", "z"}:  # two lines, two planes
        return False
    value = gold[1]
    return isinstance(value, Quantity) and bool(names(value.value))


def _same_single_relation(gold: Relation, answer: Relation) -> bool:
    operator, other = gold.operators[0], answer.operators[0]
    if operator in ("in", "not in", "subset", "to", "equiv") or other not in FLIPPED:
        return operator == other and all(map(same, gold.operands, answer.operands))
    if operator not in FLIPPED:
        return False
    if not all(isinstance(side, Quantity) for side in gold.operands + answer.operands):
        return operator == other and all(map(same, gold.operands, answer.operands))
    sign = ratio_of(_left_minus_right(gold), _left_minus_right(answer))
    if sign == 0:
        return False
    return operator == (other if sign > 0 else FLIPPED[other])


def _left_minus_right(relation: Relation) -> tuple:
    left, right = relation.operands
    return ("add", left.value, ("neg", right.value))


# sets of real numbers


def _is_region(shape) -> bool:
    """Whether a shape is a set that is not written as a group."""
    if isinstance(shape, Group) and shape.kind == "list":
        return bool(shape.items) and all(
            isinstance(item, Relation) and not assignment(item) for item in shape.items
        )
    return isinstance(shape, (Combination, Builder, NumberSet))


def _same_set(gold, answer) -> bool:
    as_regions = same_region(gold, answer)
    if as_regions is not None:
        letters = {variable(gold), variable(answer)} - {None}
        return as_regions and len(letters) <= 1
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
