r"""Read an answer in LaTeX or plain text: from its tokens to what it says.

A recursive-descent parser for what people write as a final answer, in four layers: cursor.py and
unit_phrases.py, numerals.py, expressions.py, and here lists, sets, equations and quantities. What
it cannot read is a Text, which equals only itself: no part of an answer is ever skipped to make
the rest readable.
"""

from __future__ import annotations

import re

from math_agent.equality import asides, spelling, units
from math_agent.equality.cursor import CLOSING, OPENING, RELATIONS
from math_agent.equality.expressions import Expressions
from math_agent.equality.shapes import (
    Based,
    Builder,
    Combination,
    Group,
    NumberSet,
    Quantity,
    Ratio,
    Relation,
    Text,
)
from math_agent.equality.spelling import Token, Unreadable
from math_agent.equality.trees import (
    both_signs,
    each_sign,
    scalar,
    signed,
    with_marks,
    without_mark,
)
from math_agent.equality.units import Unit
from math_agent.equality.values import nearly_same_value, number
from math_agent.equality.words import CARDINALS, FUNCTIONS, SEPARATOR_WORDS, VALUE_WORDS, is_product

_CURRENCIES = frozenset([r"\$", "$", "€", "£", "¥", "₹", "USD", "EUR", "GBP", "Rs", "RMB"])
_MARKS_OF_NAMES = frozenset([r"\angle", r"\triangle", "'", "[", "]"])
_FUNCTION_OF = re.compile(
    r"(?:[A-Za-z]|\\[a-zA-Z]+)'*(?:\^\{?-1\}?|_\{?\w+\}?)?\([A-Za-z0-9]+(?:,[A-Za-z0-9]+)*\)"
)
_SET_OPERATORS = {r"\cup": "union", r"\cap": "intersection", r"\setminus": "difference"}
_EMPTY_SET_WORDS = re.compile(
    r"(?:there (?:is|are) )?no (?:real |such |integer |positive |valid )*solutions?(?: exists?)?"
    r"|(?:the )?empty set|null set"
)
_LABEL = re.compile(
    r"\A(?:\\text\s*\{)?\s*(?:the\s+)?(?:final\s+|correct\s+)?answer\s*(?:is)?\s*[:=]?\s*\}?\s*"
    r"(?=[\s\d\\$({+-])",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d)(?::(\d\d))?\s*(?:([ap])\.?\s?m\.?)?|\s*([ap])\.?\s?m\.?)")
_BASED = re.compile(
    r"\(?\s*([0-9A-Za-z]+)\s*\)?\s*(?:_\s*\{?\s*(?:base\s*)?(\w+)\s*\}?|\s*(?:in )?base (\w+))"
)


def read(
    text: str,
    *,
    trusted: bool = False,
    things: frozenset[str] = frozenset(),
    commas: bool = True,
    letter_units: bool = False,
):
    """What `text` says, as one of the shapes; a Text where it cannot be read.

    trusted: a gold answer, after whose number any word is its unit ("9 (apples)").
    things: words that count as units beside the closed list, those of the gold.
    commas: "1,000" is a thousand and not a list. letter_units: "5 m" is a length, no product.
    """
    plain = spelling.plain_characters(text)
    try:
        shown = spelling.undecorated(plain)
        words = spelling.as_text(shown)
        special = _special(shown, words)
        if special is not None:
            return special
        shown = asides.with_modulus(shown)
        shown = asides.with_commas(_LABEL.sub("", shown, count=1))
        shown = spelling.joined_digits(shown, commas)
        parser = Reader(spelling.tokens(shown), trusted, things, letter_units)
        return parser.whole()
    except (Unreadable, RecursionError):
        return Text(_unread(shown, words) if words else plain)


def _unread(shown: str, words: str) -> str:
    """What could not be read, as it is compared."""
    if "\\" not in words:
        return words
    try:
        return spelling.in_one_spelling(shown)
    except Unreadable:
        return words


def _special(shown: str, words: str):
    """Answers that are known by their form as a whole: no solution, a time, a number in a base."""
    if _EMPTY_SET_WORDS.fullmatch(words):
        return Group("set", ())
    if re.fullmatch(r"(?:all )?real numbers?|all reals", words):
        return NumberSet("R")
    if clock := _CLOCK.fullmatch(words.casefold()):
        hour, minute, second, half, half_of_hour = clock.groups()  # 9:30 am, 9 am
        if int(minute or 0) < 60 and int(hour) < 25:
            parts = tuple(number(part) for part in (hour, minute, second) if part)
            half = half or half_of_hour
            return Ratio(parts, (int(hour), int(minute or 0), int(second or 0), half))
    if based := _BASED.fullmatch(spelling.as_text(shown)):
        base = based[2] or based[3]
        base = int(base) if base.isdecimal() else CARDINALS.get(base)
        if base and 2 <= base <= 36 and _are_digits(based[1], base):
            return Based(based[1].lstrip("0") or "0", base)
    return None


def _are_digits(text: str, base: int) -> bool:
    """Whether `text` is a number in this base; letters alone are one from base 11 on."""
    if not text.isascii() or not (text[0].isdecimal() or base > 10):
        return False
    return all(int(char, 36) < base for char in text)


def gold_things(gold: str) -> frozenset[str]:
    """The words of a gold answer that may be its unit; in an answer to it they are one, too."""
    words = re.findall(r"[A-Za-z]{3,}", re.sub(r"\\[A-Za-z]+", " ", gold))
    return frozenset(word.lower() for word in words) - VALUE_WORDS


class Reader(Expressions):
    """Reads answers."""

    # lists

    def whole(self):
        """The whole answer."""
        if not self.tokens:
            raise Unreadable("nothing")
        answer = self.items_until(None)
        if self.peek() is not None:
            raise Unreadable(self.peek().text)
        return answer

    def items_until(self, closing: str | None):
        """Items with commas, "and" or "or" between them; a single one is no list."""
        items = [self.item()]
        joined = ","
        while separator := self.separator():
            if separator != ",":
                joined = separator
            items.append(self.item())
        if len(items) == 1:
            return items[0]
        if closing == ")" and len(several := each_sign(items)) > 1:
            return Group("several", tuple(Group("list", tuple(one)) for one in several))
        return _simplified(Group("list", tuple(items), joined=joined))

    def separator(self) -> str | None:
        """Take a separator: "," for a comma or semicolon (with "and" after it), "and" or "or"."""
        kind = None
        while (token := self.peek()) is not None:
            if token.text in (",", ";"):
                if kind is not None:
                    raise Unreadable("two separators")
                kind = ","
            elif token.text.lower() in SEPARATOR_WORDS and token.kind == "word":
                if kind in SEPARATOR_WORDS:
                    raise Unreadable("two separators")
                kind = token.text.lower()
            elif token.text in (r"\land", r"\lor"):
                kind = "and" if token.text == r"\land" else "or"
            else:
                break
            self.at += 1
        return kind

    def item_end(self) -> int:
        """The index of the token that ends the item at `self.at`: a separator or a bracket."""
        depth = 0
        for index in range(self.at, len(self.tokens)):
            token = self.tokens[index]
            if token.text in OPENING:
                depth += 1
            elif token.text in CLOSING:
                depth -= 1
                if depth < 0:
                    return index
            elif depth == 0 and (
                token.text in (",", ";", r"\land", r"\lor")
                or (token.kind == "word" and token.text.lower() in SEPARATOR_WORDS)
            ):
                return index
        return len(self.tokens)

    def item(self):
        """One answer of a list: a relation, or words."""
        start = self.at
        end = self.item_end()
        words = self.words(start, end)
        if words is not None:
            self.at = end
            return words
        try:
            return self.relation()
        except Unreadable:
            inside = self.tokens[start:end]
            if not inside or any(token.kind in ("command", "symbol") for token in inside):
                raise
            if not any(token.kind == "word" and len(token.text) > 2 for token in inside):
                raise
            self.at = end
            return Text(" ".join(token.text for token in inside).casefold())

    def words(self, start: int, end: int) -> Text | None:
        """The tokens as a text, if they are nothing but words: BAC is no product."""
        inside = self.tokens[start:end]
        if not inside or any(token.kind not in ("word", "letter") for token in inside):
            return None
        if all(token.kind == "letter" for token in inside):
            return None
        lower = [token.text.lower() for token in inside]
        if any(word in CARDINALS or word in ("half", "infinity", "dozen") for word in lower):
            return None
        if len(inside) == 1 and (is_product(inside[0]) or inside[0].text in ("pi", "inf")):
            return None
        return Text(" ".join(lower))

    # relations and sets

    def relation(self):
        """a = b, a < b <= c, x in S; a quantity or a set where there is no relation."""
        named = self.name_before_equals()
        operands = [both_signs(self.ratio()) if named is None else named]
        operators = []
        while (token := self.peek()) is not None and token.text in RELATIONS:
            self.at += 1
            operator = RELATIONS[token.text]
            if operator in ("<", ">") and self.accept("="):
                operator += "="
            operators.append(operator)
            operands.append(both_signs(self.ratio()))
        if operators == ["equiv"] and self.accept(r"\pmod"):
            operands.append(Quantity(scalar(self.argument())))
            operators.append("mod")
        if "approx" in operators:
            operands, operators = _without_approximations(operands, operators)
        if not operators:
            return operands[0]
        return Relation(tuple(operands), tuple(operators))

    def name_before_equals(self) -> Quantity | None:
        """The left side of "Area = 3", "f(x) = 2x", "AB = 5" or "[ABC] = 7", as one name."""
        end = self.at
        while end < len(self.tokens) and self.tokens[end].text not in RELATIONS:
            end += 1
        if end == len(self.tokens) or self.tokens[end].text not in ("=", r"\approx", r"\in"):
            return None
        left = self.tokens[self.at : end]
        if not (_is_function(left) or _is_name(left)):
            return None
        self.at = end
        spelled = "".join(token.text for token in left)
        return Quantity(("name", spelled.replace("{", "").replace("}", "")))

    def ratio(self):
        """a:b:c."""
        first = self.sets()
        parts = [first]
        while self.next_is(":") or (self.next_is("to") and self.peek(1) is not None):
            self.at += 1
            parts.append(self.sets())
        if len(parts) == 1:
            return first
        if not all(isinstance(part, Quantity) for part in parts):
            raise Unreadable("a ratio of sets")
        return Ratio(tuple(part.value for part in parts))

    def sets(self):
        r"""Sets with \cup, \cap and \setminus between them; or one quantity."""
        left = self.quantity()
        while True:
            token = self.peek()
            if token is None:
                return left
            if token.text in _SET_OPERATORS:
                operator = _SET_OPERATORS[token.text]
            elif token.text == "-" and isinstance(left, NumberSet):
                operator = "difference"
            elif token.text == "U" and isinstance(left, Group):
                operator = "union"
            else:
                return left
            self.at += 1
            left = Combination(operator, left, self.quantity())

    def set(self):
        r"""\{...\}: a set by its elements or by a condition."""
        self.take(r"\{")
        if self.accept(r"\}"):
            return Group("set", ())
        start = self.at
        variable = self.builder_variable()
        if variable is not None:
            condition = self.items_until(r"\}")
            self.take(r"\}")
            return Builder(variable, condition)
        self.at = start
        inside = self.items_until(r"\}")
        self.take(r"\}")
        if isinstance(inside, Group) and inside.kind == "list":
            return Group("set", inside.items)
        return Group("set", (inside,))

    def builder_variable(self) -> str | None:
        r"""x of \{x | ...\}, \{x : ...\} or \{x \in R | ...\}."""
        token = self.peek()
        if token is None or token.kind != "letter":
            return None
        if self.next_is("|", ":", ahead=1):
            self.at += 2
            return token.text
        in_reals = [r"\in", r"\mathbb", "{", "R", "}"]
        texts = [other.text for other in self.tokens[self.at + 1 : self.at + 6]]
        if texts == in_reals and self.next_is("|", ":", ahead=6):
            self.at += 7
            return token.text
        return None

    # quantities

    def quantity(self):
        """An expression with its unit; another shape as it is."""
        prefix, sign = self.currency()
        value = self.sum()
        if not isinstance(value, tuple):
            return value
        unit = self.unit()
        while unit is not None and unit.dimensions and self.next_is_number():
            value, unit = self.compound(value, unit)
        if prefix is not None:
            value = signed(sign, value)
            same = unit is None or not unit.dimensions or unit.dimensions == prefix.dimensions
            unit = prefix if same else prefix.times(unit)
        if value[0] == "name" and unit is not None and not self.trusted:
            raise Unreadable("a letter with a unit")
        bare = without_mark(value, "percent")
        if bare is not None:
            return Quantity(bare, unit, percent=True)
        bare = without_mark(value, "degree")
        if bare is not None:
            if unit is None or not unit.dimensions:
                unit = units.MEASURES["degree"]
            return Quantity(bare, unit)
        return Quantity(value, unit)

    def compound(self, value: tuple, unit: Unit) -> tuple[tuple, Unit]:
        """6 hours 30 minutes, 5 feet 6 inches."""
        more = self.sum()
        smaller = self.unit()
        if smaller is None or smaller.dimensions != unit.dimensions:
            raise Unreadable("two quantities side by side")
        if not isinstance(more, tuple):
            raise Unreadable("a quantity beside a set")
        part = ("mul", more, ("num", smaller.factor / unit.factor))
        return ("add", value, part), unit

    def currency(self) -> tuple[Unit | None, str]:
        r"""A currency in front and the sign before it: \$18, -\$18, USD 18."""
        ahead = 1 if self.next_is("-") else 0
        if self.next_is("US", ahead=ahead):
            ahead += 1
        token = self.peek(ahead)
        if token is None or token.text not in _CURRENCIES:
            return None, "+"
        sign = "-" if self.next_is("-") else "+"
        self.at += ahead + 1
        if token.text == "Rs":
            self.accept(".")
        return units.measure(token.text.removeprefix("\\")), sign


def _without_approximations(operands: list, operators: list[str]) -> tuple[list, list[str]]:
    """sqrt 2 of "sqrt 2 ≈ 1.41"; "x ≈ 5" is x = 5. Raises Unreadable for 1/3 ≈ 1.3."""
    first = operators.index("approx")
    exact = operands[first]
    if isinstance(exact, Quantity) and exact.value[0] == "name" and len(operands) == 2:
        return operands, ["="]
    for rounded in operands[first + 1 :]:
        if not (isinstance(exact, Quantity) and isinstance(rounded, Quantity)):
            raise Unreadable("an approximation")
        if not nearly_same_value(with_marks(exact), with_marks(rounded)):
            raise Unreadable("an approximation that is none")
    return operands[: first + 1], operators[:first]


def _is_function(tokens: list[Token]) -> bool:
    """Whether the tokens are f(x), f^{-1}(x), P(A) or the like, and no sine."""
    if len(tokens) < 2 or tokens[0].text.removeprefix("\\") in FUNCTIONS:
        return False
    if tokens[1].text not in ("(", "'", "_", "^"):
        return False
    return _FUNCTION_OF.fullmatch("".join(token.text for token in tokens)) is not None


def _is_name(tokens: list[Token]) -> bool:
    """Whether the tokens are words, an angle, a segment or an area: Area, AB, [ABC]."""
    if not any(token.kind == "word" or token.text == r"\angle" for token in tokens):
        return False
    return all(
        token.text in _MARKS_OF_NAMES
        or (token.kind in ("word", "letter") and token.text.lower() not in VALUE_WORDS)
        for token in tokens
    )


def _simplified(group: Group):
    """A list whose items are lists (±2) as one list; 2 hours and 30 minutes as one quantity."""
    items = []
    for item in group.items:
        if isinstance(item, Group) and item.kind == "list":
            items.extend(item.items)
        else:
            items.append(item)
    if group.joined == "and" and len(items) == 2 and _is_compound(*items):
        larger, smaller = items
        part = ("mul", smaller.value, ("num", smaller.unit.factor / larger.unit.factor))
        return Quantity(("add", larger.value, part), larger.unit)
    return Group("list", tuple(items), joined=group.joined)


def _is_compound(larger, smaller) -> bool:
    """Whether two quantities have units of one kind, the larger one first."""
    if not (isinstance(larger, Quantity) and isinstance(smaller, Quantity)):
        return False
    if not larger.unit or not smaller.unit or not larger.unit.dimensions:
        return False
    same_kind = larger.unit.dimensions == smaller.unit.dimensions
    return same_kind and larger.unit.factor > smaller.unit.factor
