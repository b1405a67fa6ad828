r"""Numbers: decimals that repeat, mixed numbers, and numbers in words."""

from __future__ import annotations

import re
from fractions import Fraction

from math_agent.equality.spelling import Token, Unreadable
from math_agent.equality.unit_phrases import UnitPhrases
from math_agent.equality.values import number
from math_agent.equality.words import CARDINALS, PARTS, SCALES

MAX_EXPONENT = 20_000  # of 1e20000

# \frac{1}{23}, \frac1{23}, \frac{1}2, \frac12
_PLAIN_FRACTION = re.compile(
    r"\\frac(?:\{(\d+)\}\{(\d+)\}|(\d)\{(\d+)\}|\{(\d+)\}(\d)(?!\d)|(\d)(\d)(?!\d))"
)


class Numerals(UnitPhrases):
    """Reads numbers."""

    def number(self):
        """A number: with a repeating part, a fraction after it (2 1/3), or a word (6 million)."""
        token = self.take()
        if "." in token.text and "e" not in token.text.lower():
            repeating = self.repeating(token)
            if repeating is not None:
                return repeating
        value = decimal(token.text)
        if value.denominator == 1 and token.text.isdecimal():
            part = self.mixed_part()
            if part is not None:
                return number(value + part)
        if self.next_is("_"):
            raise Unreadable("a subscript")
        return self.with_number_words(value)

    def with_number_words(self, value: Fraction):
        """6 million, 2 thirds, 3 dozen."""
        while (token := self.peek()) is not None and token.kind == "word":
            word = token.text.lower()
            if word in SCALES:
                value *= SCALES[word]
            elif word in PARTS:
                value /= PARTS[word]
            else:
                break
            self.at += 1
        return number(value)

    def mixed_part(self) -> Fraction | None:
        r"""Take the proper fraction of a mixed number: \frac13 of 2\frac13, 1/3 of 2 1/3."""
        following = self.tokens[self.at : self.at + 7]
        spelled = "".join(token.text for token in following)
        if self.next_is(r"\frac"):
            found = _PLAIN_FRACTION.match(spelled)
        elif self.next_is_number() and following[0].spaced:
            found = re.match(r"(\d+)/(\d+)(?![\d.])", spelled)
        else:
            return None
        if found is None:
            return None
        above, below = (int(digits) for digits in found.groups() if digits)
        if not 0 < above < below:
            return None
        length = found.end()
        while length > 0:
            length -= len(self.take().text)
        return Fraction(above, below)

    def repeating(self, token: Token):
        r"""0.1\overline{6}, 0.\dot{3}, 0.(3), 0.333...: a decimal that goes on for ever."""
        head = token.text.split(".")[1]
        block = self.repeating_digits(head)
        if not block:
            return None
        if self.next_is_number():
            raise Unreadable("digits after the repeating ones")
        whole = token.text.split(".")[0]
        value = Fraction(int(f"0{whole}{head}"), 10 ** len(head))
        return number(value + Fraction(int(block), (10 ** len(block) - 1) * 10 ** len(head)))

    def repeating_digits(self, head: str) -> str:
        """Take the digits that repeat after those of `head`; "" if none do."""
        if self.accept(r"\overline"):
            return self.digits_in_braces()
        if self.next_is(r"\dot"):
            return self.dotted()
        following = self.peek(1)
        if self.next_is("(") and not self.peek().spaced and self.next_is(")", ahead=2):
            if not following.text.isdecimal():
                return ""
            self.at += 3
            return following.text
        if self.next_is(r"\ldots") or all(self.next_is(".", ahead=k) for k in range(3)):
            self.at += 1 if self.next_is(r"\ldots") else 3
            repeated = re.search(r"(\d{2,}?)\1+$|(\d)\2\2+$", head)
            if repeated is None:
                raise Unreadable("a decimal that was cut off")
            return repeated[1] or repeated[2]
        return ""

    def digits_in_braces(self) -> str:
        in_braces = self.accept("{")
        digits = self.digits()
        if in_braces:
            self.take("}")
        return digits

    def digits(self) -> str:
        token = self.take()
        if not token.text.isdecimal():
            raise Unreadable(token.text)
        return token.text

    def dotted(self) -> str:
        r"""The repeating digits of \dot{1}4285\dot{7}: from the first dot to the last."""
        spelled = ""
        while self.next_is(r"\dot", "{", "}") or self.next_is_number():
            spelled += self.take().text
        found = re.fullmatch(r"\\dot(\d)(?:(\d*)\\dot(\d))?", re.sub("[{}]", "", spelled))
        if found is None:
            raise Unreadable("dots")
        return "".join(filter(None, found.groups()))

    def numeral(self):
        """A number in words: twenty-one, one hundred and five, three quarters, half."""
        if self.next_is_word("half"):
            return self.with_number_words(Fraction(1))
        total = 0
        current = 0
        last = None
        while (token := self.peek()) is not None:
            word = token.text.lower()
            if token.kind == "word" and word in CARDINALS:
                value = CARDINALS[word]
                if last is not None and not _follows(last, value):
                    raise Unreadable("two numbers side by side")
                current += value
                last = value
                self.at += 1
            elif token.kind == "word" and word in SCALES and last is not None:
                if SCALES[word] < 1000:
                    current *= SCALES[word]
                else:
                    total += current * SCALES[word]
                    current = 0
                last = SCALES[word]
                self.at += 1
            elif word in ("-", "and") and last is not None and self.goes_on(word, last):
                self.at += 1
            else:
                break
        return self.with_number_words(Fraction(total + current))

    def goes_on(self, joint: str, last: int) -> bool:
        """Whether a hyphen or "and" stands inside a number in words."""
        following = self.peek(1)
        if following is None:
            return False
        word = following.text.lower()
        if joint == "-":
            return (word in CARDINALS and last >= 20) or word in PARTS
        return word in CARDINALS and last >= 100


def decimal(text: str) -> Fraction:
    exponent = re.search(r"[eE]([+-]?\d+)$", text)
    if exponent and (len(exponent[1]) > 7 or abs(int(exponent[1])) > MAX_EXPONENT):
        raise Unreadable("an exponent that is too large")
    return Fraction(text.rstrip("."))


def _follows(last: int, value: int) -> bool:
    """Whether a number word may follow another: twenty one, hundred five."""
    if last >= 100:
        return True
    return 20 <= last < 100 and 1 <= value < 10
