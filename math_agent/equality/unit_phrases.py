r"""The unit after a number: cm, \text{ cm}^2, km/h, miles per hour, slices of pizza, (apples).

A unit is one only if it reaches to the end of its item: the "apples" of "3 apples less" are none.
"""

from __future__ import annotations

from math_agent.equality import units
from math_agent.equality.cursor import CLOSING, RELATIONS, Cursor
from math_agent.equality.spelling import Token
from math_agent.equality.units import COUNTED, Unit
from math_agent.equality.words import FUNCTIONS, SEPARATOR_WORDS, VALUE_WORDS

_ITALIC_UNITS = frozenset("msghLNJWV")
_PER = frozenset(["/", "per", "a", "an", "each", "every"])
_JOINTS = frozenset([r"\cdot", "*", ".", "-"])
_POWERS = {"1": 1, "2": 2, "3": 3, "4": 4}


class UnitPhrases(Cursor):
    """Reads units."""

    def unit(self) -> Unit | None:
        """Take the unit that ends an item; None, and nothing taken, if there is none."""
        start = self.at
        unit = self.unit_in_brackets() if self.next_is("(") else self.unit_phrase()
        if unit is None:
            self.at = start
        return unit

    def unit_follows(self) -> bool:
        start = self.at
        found = self.unit() is not None
        self.at = start
        return found

    def unit_in_brackets(self) -> Unit | None:
        """(apples), (square feet)."""
        self.take("(")
        first = self.peek()
        if first is None or not (first.kind == "word" or first.upright):
            return None
        unit = self.unit_phrase()
        return unit if self.accept(")") else None

    def unit_phrase(self) -> Unit | None:
        """Units with powers, products and "per" between them, up to the end of the item."""
        unit = COUNTED if self.next_is("of") and self.before().text == "%" else None
        power = 1
        inverse = False
        of_something = False
        while not self.ends_unit(unit):
            token = self.peek()
            word = token.text.lower()
            if word in ("/", "per") or (unit is not None and word in _PER):
                unit = unit or COUNTED
                inverse = True
                self.at += 1
            elif (unit is not None or power > 1) and token.text in _JOINTS:
                self.at += 1
            elif word in units.MODIFIERS:
                power = units.MODIFIERS[word]
                self.at += 1
            elif unit is not None and word == "of":  # cups of flour
                of_something = True
                self.at += 1
            elif word == "in" and self.next_is("total", ahead=1):
                self.at += 2
            elif of_something and token.kind == "word" and word not in VALUE_WORDS:
                self.at += 1
            else:
                one = self.one_unit(inside=unit is not None)
                if one is None:
                    return None
                one = one.power(-power if inverse else power)
                unit = one if unit is None else unit.times(one)
                power = 1
                inverse = False
        return None if inverse else unit

    def ends_unit(self, unit: Unit | None) -> bool:
        """Whether the item ends here, or a second quantity begins (6 hours 30 minutes)."""
        token = self.peek()
        if token is None:
            return True
        if token.kind == "number":
            return unit is not None and bool(unit.dimensions)
        if token.kind == "word":
            return token.text.lower() in SEPARATOR_WORDS
        return (
            token.text in CLOSING or token.text in RELATIONS or token.text in (",", ";", "|", ":")
        )

    def one_unit(self, inside: bool) -> Unit | None:
        """Take one unit with its power. inside: it stands in a longer unit."""
        if self.next_is(r"\frac"):
            return self.unit_fraction()
        unit = self.unit_name(inside)
        if unit is None or self.next_is("_"):
            return None
        if self.next_is_word("squared", "cubed"):
            return unit.power(2 if self.take().text.lower() == "squared" else 3)
        if self.accept("^"):
            power = self.unit_power()
            return None if power is None else unit.power(power)
        return unit

    def unit_name(self, inside: bool) -> Unit | None:
        token = self.peek()
        if token.kind == "number":
            return None
        self.at += 1
        if token.text in ("k", r"\mu", "μ") and self.next_is(r"\Omega", "m", "g", "s"):
            prefix = "k" if token.text == "k" else "μ"
            return units.MEASURES.get(prefix + self.take().text.replace(r"\Omega", "Ω"))
        if token.kind == "letter":
            return self.letter_unit(token, inside)
        if token.kind == "word":
            return self.word_unit(token)
        return units.MEASURES.get(token.text.replace(r"\Omega", "Ω").removeprefix("\\"))

    def letter_unit(self, token: Token, inside: bool) -> Unit | None:
        """A letter: upright, in a longer unit, after a degree, or where "5 m" is a length."""
        if token.text in ("C", "F") and self.is_after_degree():
            return units.MEASURES[f"°{token.text}"]
        if token.upright or inside or (self.letter_units and token.text in _ITALIC_UNITS):
            return units.MEASURES.get(token.text)
        return None

    def is_after_degree(self) -> bool:
        before = [token.text for token in self.tokens[: self.at - 1][-2:]]
        return before[-1:] == [r"\circ"] or before == [r"\circ", "}"]

    def word_unit(self, token: Token) -> Unit | None:
        word = token.text.lower()
        unit = units.measure(token.text)
        if unit is not None:
            return unit
        if units.is_thing(word) or word in self.things:
            return units.counted(word)
        is_any_word = len(word) > 2 and word not in VALUE_WORDS and word not in FUNCTIONS
        if self.trusted and is_any_word and (token.upright or token.spaced or len(word) > 3):
            return units.counted(word)
        return None

    def unit_power(self) -> int | None:
        """2, -1, {2} or {-1} after ^."""
        in_braces = self.accept("{")
        sign = -1 if self.accept("-") else 1
        if self.peek() is None or self.peek().text not in _POWERS:
            return None
        power = sign * _POWERS[self.take().text]
        return power if not in_braces or self.accept("}") else None

    def unit_fraction(self) -> Unit | None:
        r"""\frac{\text{km}}{\text{h}}."""
        self.take(r"\frac")
        above = self.unit_in_braces()
        below = self.unit_in_braces()
        return None if above is None or below is None else above.times(below.power(-1))

    def unit_in_braces(self) -> Unit | None:
        if not self.accept("{"):
            return None
        first = self.peek()
        if first is None or not (first.upright or (first.kind == "word" and len(first.text) > 1)):
            return None
        unit = self.unit_phrase()
        return unit if self.accept("}") else None
