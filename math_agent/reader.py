r"""Read an answer in LaTeX or plain text: from its tokens to what it says.

A recursive-descent parser for what people write as a final answer. What it cannot read is a Text,
which equals only itself: no part of an answer is ever skipped to make the rest readable.
"""

from __future__ import annotations

import re
from fractions import Fraction

from math_agent import spelling, units
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
from math_agent.spelling import Token, Unreadable
from math_agent.units import COUNTED, Unit
from math_agent.values import number

MAX_DEPTH = 60  # nested brackets
MAX_EXPONENT = 20_000  # of 1e20000

_GREEK_NAMES = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi
chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar partial nabla
aleph square triangle ldots star circ
"""
_GREEK = frozenset(rf"\{name}" for name in _GREEK_NAMES.split())
_PLAIN_FUNCTIONS = """
sin cos tan cot sec csc sinh cosh tanh exp ln log lg
"""
_FUNCTION_NAMES = {
    **{name: name for name in _PLAIN_FUNCTIONS.split()},
    **{
        name: name
        for name in ["arcsin", "arccos", "arctan", "arccot", "min", "max", "gcd", "lcm", "floor"]
    },
    **{name: name for name in ["Re", "Im"]},
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "ceil": "ceil",
    "abs": "abs",
    "tg": "tan",
    "ctg": "cot",
    "cosec": "csc",
    "arctg": "arctan",
}
_FUNCTION_NAMES |= {"Re": "re", "Im": "im"}
_INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot"}
_RELATIONS = {
    "=": "=",
    "<": "<",
    ">": ">",
    r"\le": "<=",
    r"\ge": ">=",
    r"\ne": "!=",
    r"\in": "in",
    r"\notin": "not in",
    r"\approx": "=",
    r"\to": "to",
    r"\equiv": "equiv",
    r"\subset": "subset",
    r"\subseteq": "subset",
    r"\sim": "sim",
    r"\parallel": "parallel",
    r"\perp": "perp",
    r"\iff": "iff",
    r"\implies": "implies",
    r"\Rightarrow": "implies",
}
_SET_OPERATORS = {r"\cup": "union", r"\cap": "intersection", r"\setminus": "difference"}
_ACCENTS = frozenset(
    rf"\{name}"
    for name in ["overline", "vec", "hat", "overrightarrow", "widehat", "dot", "ddot", "tilde"]
)
_CLOSING = {"(": ")", "[": "]", r"\{": r"\}", r"\langle": r"\rangle", "{": "}"}

# words

_DIGITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_DIGITS = f"{_DIGITS} fifteen sixteen seventeen eighteen nineteen".split()
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_CARDINALS = {word: value for value, word in enumerate(_DIGITS)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "quadrillion": 10**15,
    "dozen": 12,
}
_SCALES |= {f"{word}s": value for word, value in _SCALES.items()}
_PARTS = {
    "half": 2,
    "halves": 2,
    **{f"{word}{ending}": value for word, value in {
        "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
        "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "sixteenth": 16, "twentieth": 20,
        "hundredth": 100, "thousandth": 1000, "millionth": 10**6,
    }.items() for ending in ("", "s")},
}  # fmt: skip
_PERCENT_WORDS = frozenset(["percent", "pct"])
_OPERATIONS = """
plus minus times over divided by multiplied factorial choose mod modulo below above less more than
least most minus negative positive squared cubed root power to the about around maybe perhaps
approximately not and or but if from without not base double triple twice thrice half remainder
infinity pi out
"""
_OPERATION_WORDS = frozenset(_OPERATIONS.split())
VALUE_WORDS = (
    frozenset(_CARDINALS) | frozenset(_SCALES) | frozenset(_PARTS) | _PERCENT_WORDS
) | _OPERATION_WORDS
_LETTER_UNITS = frozenset("msghLNJWV")
_SEPARATOR_WORDS = frozenset(["and", "or"])
# words of two letters that would otherwise be products
_SHORT = """
no on is it if in as at am an do go he me my of or so to up us we by be ok oh hi ha al la pa ma fo
si ti fi ni sa ta ma na od og eh em ym ro os ot pu su ew yb eb ko ho
"""
_SHORT_WORDS = frozenset(_SHORT.split())
_EMPTY_SET_WORDS = re.compile(
    r"(?:there (?:is|are) )?no (?:real |such |integer |positive |valid )*solutions?(?: exists?)?"
    r"|(?:the )?empty set|null set"
)
_LABEL = re.compile(
    r"(?:\\text\s*\{)?\s*(?:the\s+)?(?:final\s+|correct\s+)?answer\s*(?:is)?\s*[:=]?\s*\}?\s*"
    r"(?=[\s\d\\$({+-])",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*(?:([ap])\.?\s?m\.?)?")
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
        shown = spelling.joined_digits(
            _LABEL.sub("", shown, count=1) if _LABEL.match(shown) else shown, commas
        )
        parser = _Parser(spelling.tokens(shown), trusted, things, letter_units)
        return parser.whole()
    except (Unreadable, RecursionError):
        return Text(words if words else plain)


def _special(shown: str, words: str):
    """Answers that are known by their form as a whole: no solution, a time, a number in a base."""
    if _EMPTY_SET_WORDS.fullmatch(words):
        return Group("set", ())
    if re.fullmatch(r"(?:all )?real numbers?|all reals", words):
        return NumberSet("R")
    if clock := _CLOCK.fullmatch(words):
        hour, minute, second, half = clock.groups()
        if int(minute) < 60 and int(hour) < 25:
            parts = tuple(number(part) for part in (hour, minute, second) if part)
            return Ratio(parts, (int(hour), int(minute), int(second or 0), half))
    if based := _BASED.fullmatch(spelling.as_text(shown.replace("{", " ").replace("}", " "))):
        base = based[2] or based[3]
        base = int(base) if base.isdecimal() else _CARDINALS.get(base)
        if base and 2 <= base <= 36 and _are_digits(based[1], base):
            return Based(based[1].lstrip("0") or "0", base)
    return None


def _are_digits(text: str, base: int) -> bool:
    """Whether `text` is a number in this base; letters alone are one from base 11 on."""
    if not text.isascii() or not (text[0].isdecimal() or base > 10):
        return False
    return all(int(char, 36) < base for char in text)


class _Parser:
    """One pass over the tokens; every method starts at `self.at` and moves it."""

    def __init__(self, tokens: list[Token], trusted: bool, things: frozenset, letter_units: bool):
        self.tokens = tokens
        self.trusted = trusted
        self.things = things
        self.letter_units = letter_units
        self.at = 0
        self.depth = 0
        self.bars = 0  # open |

    # the tokens

    def peek(self, ahead: int = 0) -> Token | None:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def next_is(self, *texts: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.text in texts

    def take(self, text: str | None = None) -> Token:
        token = self.peek()
        if token is None or (text is not None and token.text != text):
            raise Unreadable(text)
        self.at += 1
        return token

    def accept(self, *texts: str) -> bool:
        if self.next_is(*texts):
            self.at += 1
            return True
        return False

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
        return _simplified(Group("list", tuple(items), joined=joined))

    def separator(self) -> str | None:
        """Take a separator: "," for a comma or semicolon (with "and" after it), "and" or "or"."""
        kind = None
        while (token := self.peek()) is not None:
            if token.text in (",", ";"):
                if kind is not None:
                    raise Unreadable("two separators")
                kind = ","
            elif token.text.lower() in _SEPARATOR_WORDS and token.kind == "word":
                if kind in _SEPARATOR_WORDS:
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
            if token.text in _CLOSING:
                depth += 1
            elif token.text in (")", "]", r"\}", r"\rangle", "}"):
                depth -= 1
                if depth < 0:
                    return index
            elif depth == 0 and (
                token.text in (",", ";", r"\land", r"\lor")
                or (token.kind == "word" and token.text.lower() in _SEPARATOR_WORDS)
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
        if any(word in _CARDINALS or word in ("half", "infinity", "dozen") for word in lower):
            return None
        if len(inside) == 1 and (_is_product(inside[0]) or inside[0].text in ("pi", "inf")):
            return None
        return Text(" ".join(lower))

    # relations and sets

    def relation(self):
        """a = b, a < b <= c, x in S; a quantity or a set where there is no relation."""
        named = self.name_before_equals()
        operands = [self.ratio() if named is None else named]
        operators = []
        while (token := self.peek()) is not None and token.text in _RELATIONS:
            self.at += 1
            operator = _RELATIONS[token.text]
            if operator in ("<", ">") and self.accept("="):
                operator += "="
            operators.append(operator)
            operands.append(_expanded(self.ratio()))
        if operators == ["="] and operands[0] is None:
            return operands[1]
        if operands[0] is None:  # ≈ 5
            raise Unreadable("a relation without a left side")
        if not operators:
            return _expanded(operands[0])
        return Relation(tuple(operands), tuple(operators))

    def name_before_equals(self) -> Quantity | None:
        """The left side of "Area = 3", "f(x) = 2x" or "AB = 5", as one name."""
        end = self.at
        while end < len(self.tokens) and self.tokens[end].text not in _RELATIONS:
            end += 1
        if end == len(self.tokens) or self.tokens[end].text not in ("=", r"\approx", r"\in"):
            return None
        left = self.tokens[self.at : end]
        spelled = "".join(token.text for token in left)
        is_function = re.fullmatch(
            r"(?:[A-Za-z]|\\[a-zA-Z]+)'*(?:\^\{?-1\}?|_\{?\w+\}?)?\([a-z](?:,[a-z])*\)", spelled
        )
        if is_function and left[0].text.removeprefix("\\") not in _FUNCTION_NAMES:
            self.at = end
            return Quantity(("name", spelled.replace("{", "").replace("}", "")))
        name_like = ("word", "letter")
        if any(
            token.kind not in name_like and token.text not in (r"\angle", r"\triangle", "'")
            for token in left
        ):
            return None
        if not any(token.kind == "word" or token.text == r"\angle" for token in left):
            return None
        if any(token.text.lower() in VALUE_WORDS for token in left):
            return None
        self.at = end
        return Quantity(("name", spelled))

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

    # quantities

    def quantity(self):
        """An expression with its unit; another shape as it is."""
        prefix = self.currency()
        value = self.sum()
        if not isinstance(value, tuple):
            return value
        unit = self.unit()
        while unit is not None and unit.dimensions and self.next_number():
            value, unit = self.compound(value, unit)
        if prefix is not None:
            value = ("neg", value) if prefix.factor < 0 else value
            prefix = Unit(prefix.dimensions, abs(prefix.factor))
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

    def next_number(self) -> bool:
        token = self.peek()
        return token is not None and token.kind == "number"

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

    def currency(self) -> Unit | None:
        r"""A currency in front, after its sign if it has one: \$18, -\$18, USD 18."""
        sign = 1
        ahead = 0
        if self.next_is("-") and self.peek(1) is not None and self.is_currency(self.peek(1)):
            sign = -1
            ahead = 1
        token = self.peek(ahead)
        if token is None or not self.is_currency(token):
            return None
        self.at += ahead + 1
        if token.text in ("Rs", "Rs."):
            self.accept(".")
        unit = units.measure(token.text.removeprefix("\\"))
        return Unit(unit.dimensions, sign * unit.factor)

    def is_currency(self, token: Token) -> bool:
        return token.text in (r"\$", "$", "€", "£", "¥", "₹", "USD", "EUR", "GBP", "Rs", "RMB")

    def unit(self) -> Unit | None:
        """Take the unit that ends an item, if there is one."""
        found = self.unit_at(self.at)
        if found is None:
            return None
        unit, self.at = found
        return unit

    def unit_at(self, start: int) -> tuple[Unit, int] | None:
        """The unit phrase from `start` on, if it reaches the end of its item, and that end."""
        if start >= len(self.tokens):
            return None
        token = self.tokens[start]
        if token.text == "(" and start + 1 < len(self.tokens):
            return self.unit_in_brackets(start)
        if token.kind == "number" or token.text in ("{", "^"):
            return None
        return _unit_phrase(self, start)

    def unit_in_brackets(self, start: int) -> tuple[Unit, int] | None:
        first = self.tokens[start + 1]
        if first.kind != "word" and not first.upright:
            return None
        found = _unit_phrase(self, start + 1)
        if found is None:
            return None
        unit, end = found
        if end >= len(self.tokens) or self.tokens[end].text != ")":
            return None
        return unit, end + 1

    # arithmetic

    def sum(self):
        """Terms with + and - between them."""
        terms = [self.signed_term()]
        while (token := self.peek()) is not None:
            if token.text not in ("+", "-", r"\pm", r"\mp"):
                break
            if token.text == "-" and isinstance(terms[0], NumberSet):
                break
            self.at += 1
            terms.append(_signed(token.text, self.term()))
        if len(terms) == 1:
            return terms[0]
        return _added(terms)

    def signed_term(self):
        signs = []
        while (token := self.peek()) is not None and token.text in ("+", "-", r"\pm", r"\mp"):
            signs.append(token.text)
            self.at += 1
        if len(signs) > 2:
            raise Unreadable("signs")
        if not signs and self.next_is_word("negative"):
            self.at += 1
            signs.append("-")
        term = self.term()
        for sign in reversed(signs):
            term = _signed(sign, term)
        return term

    def next_is_word(self, *words: str) -> bool:
        token = self.peek()
        return token is not None and token.kind == "word" and token.text.lower() in words

    def term(self):
        """Factors with a sign of multiplication, a slash or nothing between them."""
        left = self.factor()
        while (token := self.peek()) is not None:
            if token.text in (r"\cdot", r"\times", "*") or self.is_times_letter():
                self.at += 1
                left = _multiplied(left, self.signed_factor())
            elif token.text == "/":
                if self.unit_at(self.at) is not None:
                    break
                self.at += 1
                left = _divided(left, self.signed_factor())
            elif token.text == r"\choose":
                raise Unreadable("choose outside braces")
            elif self.starts_factor():
                left = _multiplied(left, self.factor())
            else:
                break
        return left

    def signed_factor(self):
        if self.next_is("-", "+"):
            sign = self.take().text
            return _signed(sign, self.factor())
        return self.factor()

    def is_times_letter(self) -> bool:
        """The x of 4.5 x 10^33."""
        token = self.peek()
        if token.text not in ("x", "X") or self.at == 0:
            return False
        before, after = self.tokens[self.at - 1], self.peek(1)
        if before.kind != "number" or after is None or after.kind != "number":
            return False
        return after.text == "10" and self.next_is("^", ahead=2)

    def starts_factor(self) -> bool:
        """Whether the next token continues a product without a sign."""
        token = self.peek()
        if token.kind == "number":
            if self.tokens[self.at - 1].kind == "number":
                raise Unreadable("two numbers side by side")
            return True
        if self.unit_at(self.at) is not None:
            return False
        if token.kind in ("letter", "word"):
            return token.text.lower() not in _SEPARATOR_WORDS or token.kind == "letter"
        if token.text == "|":
            return self.bars == 0
        if token.text in ("(", "{", r"\{", "[", r"\langle"):
            return token.text in ("(", "{", "[")
        return token.kind == "command" and (
            token.text in _PRIMARIES
            or token.text in _GREEK
            or token.text in _ACCENTS
            or token.text[1:] in _FUNCTION_NAMES
        )

    def factor(self):
        """A primary with its powers, factorials, percent and degree signs."""
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        self.depth += 1
        value = self.primary()
        while (token := self.peek()) is not None:
            if token.text == "^":
                value = self.powered(value)
            elif token.text == "!":
                value = self.factorial(value)
            elif token.text == "%" or (
                token.kind == "word" and token.text.lower() in _PERCENT_WORDS
            ):
                self.at += 1
                value = ("percent", _scalar(value))
            elif self.next_is_word("per") and self.next_is("cent", ahead=1):
                self.at += 2
                value = ("percent", _scalar(value))
            elif token.text == r"\circ" and self.tokens[self.at - 1].kind == "number":
                self.at += 1  # \degree
                value = ("degree", _scalar(value))
            else:
                break
        self.depth -= 1
        return value

    def factorial(self, value):
        self.take("!")
        if self.accept("!"):
            return ("double factorial", _scalar(value))
        return ("factorial", _scalar(value))

    def powered(self, value):
        self.take("^")
        if self.degree_sign():
            return ("degree", _scalar(value))
        if self.accept(r"\prime", "'"):
            raise Unreadable("a prime")
        return ("pow", _scalar(value), _scalar(self.script()))

    def degree_sign(self) -> bool:
        r"""\circ, {\circ}, \text{o} or o after ^."""
        texts = [token.text for token in self.tokens[self.at : self.at + 3]]
        if texts[:1] in ([r"\circ"], ["o"]):
            self.at += 1
            return True
        if texts in (["{", r"\circ", "}"], ["{", "o", "}"]):
            self.at += 3
            return True
        return False

    def script(self):
        """What is raised or lowered: a group in braces, or one number, letter or command."""
        if self.next_is("{"):
            return self.braces()
        if self.next_is("-", "+"):
            sign = self.take().text
            return _signed(sign, self.script())
        return self.primary()

    def braces(self):
        """{...} as one expression."""
        self.take("{")
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        self.depth += 1
        bars, self.bars = self.bars, 0
        start = self.at
        value = self.sum() if not self.next_is("}") else None
        if value is not None and self.accept(r"\choose"):
            value = ("binomial", _scalar(value), _scalar(self.sum()))
        if value is not None and self.next_is(","):  # {1, 2} of a plain text
            self.at = start
            value = self.items_until("}")
            if isinstance(value, Group):
                value = Group("set", value.items)
        elif value is not None and self.next_is(*_RELATIONS):
            raise Unreadable("a relation in braces")
        self.take("}")
        self.bars = bars
        self.depth -= 1
        if value is None:
            raise Unreadable("empty braces")
        return value

    # primaries

    def primary(self):
        token = self.peek()
        if token is None:
            raise Unreadable("the end")
        if token.kind == "number":
            return self.number()
        if token.kind == "letter":
            return self.letter()
        if token.kind == "word":
            return self.word()
        if token.text == "{":
            return self.braces()
        if token.text in ("(", "[", r"\langle"):
            return self.bracketed()
        if token.text == r"\{":
            return self.set()
        if token.text == "|" or token.text == r"\|":
            return self.absolute_value()
        if token.text == "]":  # ]0, 1[
            raise Unreadable("an outward bracket")
        if token.kind == "command":
            return self.command()
        raise Unreadable(token.text)

    def number(self):
        """A number: with a repeating part, a fraction after it (2 1/3), or a word (6 million)."""
        token = self.take()
        if "." in token.text and "e" not in token.text.lower():
            repeating = self.repeating(token)
            if repeating is not None:
                return repeating
        value = _decimal(token.text)
        if value.denominator == 1 and token.text.isdecimal():
            part = self.mixed_part()
            if part is not None:
                return number(value + part)
        if self.next_is("_") and not self.trusted:
            raise Unreadable("a subscript")
        return self.with_number_words(value)

    def with_number_words(self, value: Fraction):
        """6 million, 2 thirds, 3 dozen."""
        while (token := self.peek()) is not None and token.kind == "word":
            word = token.text.lower()
            if word in _SCALES:
                value *= _SCALES[word]
            elif word in _PARTS:
                value /= _PARTS[word]
            else:
                break
            self.at += 1
        return number(value)

    def mixed_part(self) -> Fraction | None:
        r"""The proper fraction of a mixed number: \frac13 of 2\frac13, 1/3 of 2 1/3."""
        start = self.at
        token = self.peek()
        if token is None:
            return None
        if token.text == r"\frac":
            self.at += 1
            try:
                above, below = self.argument(), self.argument()
            except Unreadable:
                above = below = None
            if _is_whole(above) and _is_whole(below) and 0 < above[1] < below[1]:
                return above[1] / below[1]
        elif token.kind == "number" and token.text.isdecimal() and token.spaced:
            below = self.peek(2)
            if self.next_is("/", ahead=1) and below is not None and below.text.isdecimal():
                above, below = int(token.text), int(below.text)
                if 0 < above < below:
                    self.at += 3
                    return Fraction(above, below)
        self.at = start
        return None

    def repeating(self, token: Token):
        r"""0.1\overline{6}, 0.\dot{3}, 0.(3), 0.333...: a decimal that goes on for ever."""
        start = self.at
        head = token.text.split(".")[1]
        block = ""
        if self.next_is(r"\overline") and self.next_is("{", ahead=1):
            self.at += 2
            block = self.digits()
            self.take("}")
        elif self.next_is(r"\dot"):
            block = self.dotted()
        elif self.next_is("(") and not self.peek().spaced:
            following = self.peek(1)
            if following is None or not following.text.isdecimal():
                return None
            if not self.next_is(")", ahead=2):
                return None
            self.at += 3
            block = following.text
        elif self.next_is(r"\ldots") or all(self.next_is(".", ahead=k) for k in range(3)):
            self.at += 1 if self.next_is(r"\ldots") else 3
            repeated = re.search(r"(\d{2,}?)\1+$|(\d)\2\2+$", head)
            if repeated is None:
                raise Unreadable("a decimal that was cut off")
            block = repeated[1] or repeated[2]
        if not block:
            self.at = start
            return None
        whole = token.text.split(".")[0] or "0"
        value = Fraction(int(whole + head or "0"), 10 ** len(head))
        return number(value + Fraction(int(block), (10 ** len(block) - 1) * 10 ** len(head)))

    def digits(self) -> str:
        token = self.take()
        if not token.text.isdecimal():
            raise Unreadable(token.text)
        return token.text

    def dotted(self) -> str:
        r"""The repeating digits of \dot{1}4285\dot{7}."""
        block = ""
        while self.accept(r"\dot"):
            in_braces = self.accept("{")
            token = self.peek()
            if not in_braces and token is not None and len(token.text) > 1:
                self.tokens[self.at : self.at + 1] = [
                    token._replace(text=token.text[0]),
                    token._replace(text=token.text[1:]),
                ]
            block += self.digits()
            if in_braces:
                self.take("}")
            if self.next_number() and self.next_is(r"\dot", ahead=1):
                block += self.digits()
        return block

    def letter(self):
        token = self.take()
        if self.next_is("'"):
            raise Unreadable("a prime")
        if token.text == "a" and token.upright | token.spaced | (self.at == 1):
            following = self.peek()
            if following is not None and following.text.lower() in _PARTS:
                return self.with_number_words(Fraction(1))
        if self.next_is("_"):
            return ("name", token.text + self.subscript())
        if token.text in ("e", "i"):
            return ("const", token.text)
        return ("name", token.text)

    def subscript(self) -> str:
        """A subscript as it is written, without its braces."""
        self.take("_")
        if not self.next_is("{"):
            return f"_{self.take().text}"
        self.at += 1
        depth = 1
        spelled = "_"
        while depth:
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            spelled += token.text if depth else ""
        return spelled

    def word(self):
        token = self.take()
        word = token.text
        lower = word.lower()
        if lower in ("infinity", "inf"):
            return ("const", "inf")
        if lower in ("pi",):
            return ("const", "pi")
        if word == "sqrt" or word == "cbrt":
            degree = number(2 if word == "sqrt" else 3)
            return ("root", _scalar(self.factor_without_power()), degree)
        if lower in _CARDINALS or lower == "half":
            self.at -= 1
            return self.numeral()
        if word in _FUNCTION_NAMES:
            return self.function(_FUNCTION_NAMES[word])
        if self.next_is("_"):
            return ("name", word + self.subscript())
        if _is_product(token) or (len(word) <= 3 and not token.upright):
            return self.spread(word)
        for name in ("sin", "cos", "tan", "ln", "log", "sqrt"):
            if word.startswith(name) and len(word) <= len(name) + 2 and not token.upright:
                return self.split_word(token, name)
        raise Unreadable(word)

    def split_word(self, token: Token, name: str):
        """sinx as sin x."""
        rest = token.text[len(name) :]
        kind = "letter" if len(rest) == 1 else "word"
        self.tokens[self.at - 1 : self.at] = [
            token._replace(text=name),
            Token(kind, rest, token.upright),
        ]
        self.at -= 1
        return self.word()

    def spread(self, word: str):
        """The letters of a short word, as factors of the product around it."""
        self.tokens[self.at - 1 : self.at] = [Token("letter", char) for char in word]
        self.at -= 1
        return self.letter()

    def numeral(self):
        """A number in words: twenty-one, one hundred and five, three quarters, half."""
        if self.next_is_word("half"):
            return self.with_number_words(Fraction(1))
        total = 0
        current = 0
        last = None
        while (token := self.peek()) is not None:
            word = token.text.lower()
            if token.kind == "word" and word in _CARDINALS:
                value = _CARDINALS[word]
                if last is not None and not _follows(last, value):
                    raise Unreadable("two numbers side by side")
                current += value
                last = value
                self.at += 1
            elif token.kind == "word" and word in _SCALES and last is not None:
                if _SCALES[word] < 1000:
                    current *= _SCALES[word]
                else:
                    total += current * _SCALES[word]
                    current = 0
                last = _SCALES[word]
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
            return (word in _CARDINALS and last >= 20) or word in _PARTS
        return word in _CARDINALS and last >= 100

    def factor_without_power(self):
        return self.primary()

    def bracketed(self):
        """(...) or [...]: an expression in brackets, or a tuple or interval."""
        opening = self.take().text
        if self.depth > MAX_DEPTH:
            raise Unreadable("too deep")
        self.depth += 1
        bars, self.bars = self.bars, 0
        if self.next_is(")", "]"):
            raise Unreadable("empty brackets")
        inside = self.items_until(")")
        closing = self.take().text
        self.bars = bars
        self.depth -= 1
        if opening == r"\langle":
            if closing != r"\rangle" or not isinstance(inside, Group):
                raise Unreadable("angle brackets")
            return Group("brackets", inside.items, "<>")
        if closing not in (")", "]"):
            raise Unreadable(closing)
        if isinstance(inside, Group) and inside.kind == "list":
            return Group("brackets", inside.items, opening + closing)
        if opening + closing not in ("()", "[]"):
            raise Unreadable("brackets")
        if isinstance(inside, Quantity):
            return _with_marks(inside)
        return inside

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

    def absolute_value(self):
        bar = self.take().text
        self.bars += 1
        inside = self.sum()
        self.take(bar)
        self.bars -= 1
        return ("fn", "abs", _scalar(inside))

    # commands

    def command(self):
        token = self.peek()
        name = token.text[1:]
        if token.text in _PRIMARIES:
            self.at += 1
            return _PRIMARIES[token.text](self)
        if name in _FUNCTION_NAMES:
            self.at += 1
            return self.function(_FUNCTION_NAMES[name])
        if token.text in _GREEK:
            self.at += 1
            if self.next_is("'"):
                raise Unreadable("a prime")
            subscript = self.subscript() if self.next_is("_") else ""
            return ("name", name + subscript)
        if token.text in _ACCENTS:
            self.at += 1
            return self.accented(name)
        raise Unreadable(token.text)

    def accented(self, name: str):
        r"""\overline{AB}, \vec{v}: a name. Digits under a line are no number here."""
        if self.next_is("{"):
            self.at += 1
            spelled = ""
            while not self.next_is("}"):
                spelled += self.take().text
            self.at += 1
        else:
            spelled = self.take().text
        return ("name", f"{name}({spelled})")

    def argument(self):
        r"""The argument of a macro: a group, or one digit, letter or command (\frac12)."""
        token = self.peek()
        if token is None:
            raise Unreadable("the end")
        if token.text == "{":
            return self.braces()
        if token.kind == "number" and len(token.text) > 1 and token.text.isdecimal():
            self.tokens[self.at : self.at + 1] = [
                token._replace(text=token.text[0]),
                token._replace(text=token.text[1:], spaced=False),
            ]
            self.at += 1
            return number(token.text[0])
        if token.kind == "word" and not token.upright and token.text not in _FUNCTION_NAMES:
            self.at += 1
            return self.spread(token.text)
        if token.kind == "number":
            self.at += 1
            return number(_decimal(token.text))
        return self.primary()

    def fraction(self):
        above = self.argument()
        below = self.argument()
        return _divided(above, below)

    def root(self):
        degree = number(2)
        if self.accept("["):
            degree = _scalar(self.sum())
            self.take("]")
        if self.next_number() or (self.peek() is not None and self.peek().kind == "word"):
            radicand = self.root_of_digits()
        else:
            radicand = self.argument()
        return ("root", _scalar(radicand), degree)

    def root_of_digits(self):
        r"""\sqrt10 is what people write for the root of 10, and \sqrt ab for that of a."""
        token = self.peek()
        if token.kind == "number":
            self.at += 1
            return number(_decimal(token.text))
        return self.argument()

    def binomial(self):
        return ("binomial", _scalar(self.argument()), _scalar(self.argument()))

    def number_set(self):
        token = self.peek()
        if self.accept("{"):
            token = self.take()
            self.take("}")
        else:
            token = self.take()
        if token.text not in ("R", "Q", "Z", "N", "C"):
            raise Unreadable("a set")
        if self.next_is("^", "_"):
            raise Unreadable("a set with an index")
        return NumberSet(token.text)

    def rounding(self, function: str, closing: str):
        inside = self.sum()
        self.take(closing)
        return ("fn", function, _scalar(inside))

    def function(self, name: str):
        """A function with its power, its base and its argument."""
        power = None
        base = None
        while self.next_is("^", "_"):
            if self.take().text == "^":
                power = _scalar(self.script())
            else:
                base = _scalar(self.script())
        if base is not None and name != "log":
            raise Unreadable("a base")
        if power == ("neg", number(1)):
            if name not in _INVERSE:
                raise Unreadable("an inverse")
            name, power = _INVERSE[name], None
        arguments = self.arguments()
        if base is not None:
            arguments = (*arguments, base)
        if name == "floor" or name == "ceil" or name == "abs":
            value = ("fn", name, *arguments)
        else:
            value = ("fn", name, *arguments)
        if name == "ln" and len(arguments) != 1:
            raise Unreadable("arguments")
        if power is not None:
            return ("pow", value, power)
        return value

    def arguments(self) -> tuple:
        """(x, y), or the product of factors that follows a function's name."""
        if self.next_is("(", "[") or (self.next_is("{")):
            inside = self.braces() if self.next_is("{") else self.bracketed()
            if isinstance(inside, Group) and inside.ends == "()":
                return tuple(_scalar(item) for item in inside.items)
            return (_scalar(inside),)
        argument = self.signed_factor()
        while (token := self.peek()) is not None:
            if token.kind == "command" and token.text[1:] in _FUNCTION_NAMES:
                break
            if token.text in ("(", "|") or not self.starts_factor():
                break
            if token.kind == "word" and token.text in _FUNCTION_NAMES:
                break
            argument = _multiplied(argument, self.factor())
        return (_scalar(argument),)

    def series(self, operation: str):
        r"""\sum_{k=1}^{n} body: the body is the term that follows."""
        self.take("_")
        self.take("{")
        variable = self.take().text
        self.take("=")
        start = _scalar(self.sum())
        self.take("}")
        self.take("^")
        end = _scalar(self.script())
        body = _scalar(self.term())
        return (operation, variable, start, end, body)

    def integral(self):
        r"""\int_a^b f(x) dx, with numbers or infinities as its bounds."""
        self.take("_")
        start = _scalar(self.script())
        self.take("^")
        end = _scalar(self.script())
        variable = self.differential()
        body = number(1) if self.next_is("}") else _scalar(self.sum())
        self.take(r"\end differential")
        return ("integral", variable, start, end, body)

    def differential(self) -> str:
        """Find dx, mark it as the end of the integrand; returns x."""
        for index in range(self.at, len(self.tokens)):
            token = self.tokens[index]
            following = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
            mark = Token("symbol", r"\end differential")
            if token.kind == "word" and len(token.text) == 2 and token.text[0] == "d":
                self.tokens[index] = mark
                return token.text[1]
            if token.text == "d" and following is not None and following.kind == "letter":
                self.tokens[index : index + 2] = [mark]
                return following.text
        raise Unreadable("an integral without its variable")

    def limit(self):
        r"""\lim_{x \to a} body."""
        self.take("_")
        self.take("{")
        variable = self.take().text
        self.take(r"\to")
        bound = _scalar(self.sum())
        self.take("}")
        return ("limit", variable, bound, _scalar(self.term()))

    def environment(self):
        """A matrix."""
        self.take("{")
        name = self.take().text
        self.accept("*")
        self.take("}")
        if name not in ("pmatrix", "bmatrix", "matrix", "array", "Bmatrix", "smallmatrix"):
            raise Unreadable(name)
        if name == "array" and self.accept("{"):
            while self.take().text != "}":
                pass
        rows = [[]]
        while not self.next_is(r"\end"):
            if self.accept(r"\\"):
                if self.accept("["):
                    while self.take().text != "]":
                        pass
                rows.append([])
            elif self.accept(r"\hline"):
                continue
            elif self.accept("&"):
                if not rows[-1]:
                    raise Unreadable("an empty cell")
            else:
                if rows[-1] and self.tokens[self.at - 1].text != "&":
                    raise Unreadable("a cell")
                rows[-1].append(_scalar(self.sum()))
        self.take(r"\end")
        self.take("{")
        self.take(name)
        self.accept("*")
        self.take("}")
        if not rows[-1]:
            rows.pop()
        if not rows or len({len(row) for row in rows}) != 1:
            raise Unreadable("rows of different lengths")
        return Matrix(tuple(map(tuple, rows)))


_PRIMARIES = {
    r"\frac": _Parser.fraction,
    r"\sqrt": _Parser.root,
    r"\binom": _Parser.binomial,
    r"\pi": lambda parser: ("const", "pi"),
    r"\infty": lambda parser: ("const", "inf"),
    r"\emptyset": lambda parser: Group("set", ()),
    r"\mathbb": _Parser.number_set,
    r"\R": lambda parser: NumberSet("R"),
    r"\begin": _Parser.environment,
    r"\lfloor": lambda parser: parser.rounding("floor", r"\rfloor"),
    r"\lceil": lambda parser: parser.rounding("ceil", r"\rceil"),
    r"\sum": lambda parser: parser.series("sum"),
    r"\prod": lambda parser: parser.series("prod"),
    r"\int": _Parser.integral,
    r"\lim": _Parser.limit,
}


# units


def _unit_phrase(parser: _Parser, start: int) -> tuple[Unit, int] | None:
    """The unit from `start` to the end of its item; None if anything else stands there."""
    tokens = parser.tokens
    unit = None
    inverse = False
    power = 1
    index = start
    while index < len(tokens):
        token = tokens[index]
        lower = token.text.lower()
        if _ends_unit(token, unit):
            break
        if token.text in ("/", "per") or (
            unit is not None and lower in ("a", "an", "each", "every")
        ):
            inverse = True
            unit = COUNTED if unit is None and lower == "per" else unit
        elif unit is not None and token.text in (r"\cdot", "*", ".", "-"):
            pass
        elif lower in units.MODIFIERS:
            power = 2 if lower in ("square", "sq") else 3
        elif token.text == r"\frac":
            found = _unit_fraction(parser, index)
            if found is None:
                return None
            unit, index = found
            continue
        elif lower in ("of", "the") or (
            lower == "in" and index + 1 < len(tokens) and tokens[index + 1].text == "total"
        ):
            pass
        else:
            found = _one_unit(parser, index, unit is not None)
            if found is None:
                return None
            one, index = found
            one = one.power(-power if inverse else power)
            unit = one if unit is None else unit.times(one)
            inverse = False
            power = 1
            continue
        index += 1
    if unit is None or inverse:
        return None
    return unit, index


def _ends_unit(token: Token, unit: Unit | None) -> bool:
    """Whether a unit phrase ends before this token."""
    if token.kind == "number":
        return unit is not None and bool(unit.dimensions)
    if token.kind == "word":
        return token.text.lower() in _SEPARATOR_WORDS
    return token.text in (",", ";", ")", "]", r"\}", "}", "|", ":") or token.text in _RELATIONS


def _one_unit(parser: _Parser, index: int, inside: bool) -> tuple[Unit, int] | None:
    """One unit with its power, and the index after it."""
    tokens = parser.tokens
    token = tokens[index]
    unit = None
    if token.text == r"\Omega":
        unit = units.MEASURES["Ω"]
    elif token.text in (r"\mu", "μ") and index + 1 < len(tokens) and tokens[index + 1].text == "m":
        unit = units.MEASURES["μm"]
        index += 1
    elif token.text in (r"\$", "$", "€", "£", "¢", "¥"):
        unit = units.MEASURES[token.text.removeprefix("\\")]
    elif token.kind == "letter":
        unit = _letter_unit(parser, index, inside)
    elif token.kind == "word":
        unit = _word_unit(parser, token)
    if unit is None:
        return None
    index += 1
    if index < len(tokens) and tokens[index].text.lower() in ("squared", "cubed"):
        return unit.power(2 if tokens[index].text.lower() == "squared" else 3), index + 1
    if index < len(tokens) and tokens[index].text == "^":
        return _unit_power(tokens, index, unit)
    if index < len(tokens) and tokens[index].text == "_":
        return None
    return unit, index


def _letter_unit(parser: _Parser, index: int, inside: bool) -> Unit | None:
    """A unit of one letter: upright, within a longer unit, or where "5 m" is read as a length."""
    token = parser.tokens[index]
    if index and token.text in ("C", "F") and _after_degree(parser.tokens, index):
        return units.MEASURES[f"°{token.text}"]
    if token.upright or inside:
        return units.MEASURES.get(token.text)
    if token.text in _LETTER_UNITS and parser.letter_units:
        return units.MEASURES[token.text]
    return None


def _after_degree(tokens: list[Token], index: int) -> bool:
    before = [token.text for token in tokens[max(index - 3, 0) : index]]
    return before[-1:] == [r"\circ"] or before[-2:] == [r"\circ", "}"]


def _word_unit(parser: _Parser, token: Token) -> Unit | None:
    word = token.text
    unit = units.measure(word)
    if unit is not None:
        return unit
    if units.is_thing(word) or word.lower() in parser.things:
        return COUNTED
    if (
        parser.trusted
        and word.lower() not in VALUE_WORDS
        and len(word) > 2
        and word.lower() not in _FUNCTION_NAMES
    ) and (token.upright or len(word) > 3 or token.spaced):
        return COUNTED
    return None


def _unit_power(tokens: list[Token], index: int, unit: Unit) -> tuple[Unit, int] | None:
    """The power after the ^ at `index`."""
    texts = [token.text for token in tokens[index + 1 : index + 5]]
    powers = {"1": 1, "2": 2, "3": 3, "4": 4}
    if texts and texts[0] in powers:
        return unit.power(powers[texts[0]]), index + 2
    if texts[:1] == ["-"] and texts[1:2] and texts[1] in powers:
        return unit.power(-powers[texts[1]]), index + 3
    if len(texts) >= 3 and texts[0] == "{" and texts[1] in powers and texts[2] == "}":
        return unit.power(powers[texts[1]]), index + 4
    if len(texts) >= 4 and texts[:2] == ["{", "-"] and texts[2] in powers and texts[3] == "}":
        return unit.power(-powers[texts[2]]), index + 5
    return None


def _unit_fraction(parser: _Parser, index: int) -> tuple[Unit, int] | None:
    r"""\frac{\text{km}}{\text{h}}."""
    parts = []
    index += 1
    for _ in range(2):
        if index >= len(parser.tokens) or parser.tokens[index].text != "{":
            return None
        first = parser.tokens[index + 1] if index + 1 < len(parser.tokens) else None
        if first is None or not (first.upright or (first.kind == "word" and len(first.text) > 2)):
            return None
        found = _unit_phrase(parser, index + 1)
        if found is None:
            return None
        unit, index = found
        if index >= len(parser.tokens) or parser.tokens[index].text != "}":
            return None
        index += 1
        parts.append(unit)
    return parts[0].times(parts[1].power(-1)), index


def gold_things(gold: str) -> frozenset[str]:
    """The words of a gold answer that may be its unit; in an answer to it they are one, too."""
    words = re.findall(r"[A-Za-z]{3,}", re.sub(r"\\[A-Za-z]+", " ", gold))
    return frozenset(word.lower() for word in words) - VALUE_WORDS


# trees


def _decimal(text: str) -> Fraction:
    exponent = re.search(r"[eE]([+-]?\d+)$", text)
    if exponent and (len(exponent[1]) > 7 or abs(int(exponent[1])) > MAX_EXPONENT):
        raise Unreadable("an exponent that is too large")
    return Fraction(text.rstrip("."))


def _is_whole(node) -> bool:
    return isinstance(node, tuple) and node[0] == "num" and node[1].denominator == 1


def _is_product(token: Token) -> bool:
    """Whether a word alone is a product of letters (xy), not a text (BAC, no)."""
    word = token.text
    if token.upright or not word.islower() or word in _SHORT_WORDS or not word.isascii():
        return False
    if word in _FUNCTION_NAMES or units.measure(word) is not None:
        return False
    return len(word) == 2 or (
        len(word) == 3
        and (set(word) <= set("abc") or not set(word) & set("aeiouy") or set(word) <= set("xyz"))
    )


def _follows(last: int, value: int) -> bool:
    """Whether a number word may follow another: twenty one, hundred five."""
    if last >= 100:
        return True
    return 20 <= last < 100 and 1 <= value < 10


def _scalar(value) -> tuple:
    """The tree of a scalar; raises Unreadable for any other shape."""
    if isinstance(value, Quantity):
        return _with_marks(value)
    if not isinstance(value, tuple):
        raise Unreadable("no scalar")
    return value


def _with_marks(quantity: Quantity):
    """A quantity inside an expression: percent and degrees are part of its value."""
    if quantity.percent:
        return ("percent", quantity.value)
    if quantity.unit is not None and quantity.unit.dimensions == (("angle", 1),):
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


def _signed(sign: str, value):
    if sign == "+":
        return value
    if isinstance(value, Matrix) and sign == "-":
        return Matrix(tuple(tuple(("neg", cell) for cell in row) for row in value.rows))
    operation = {"-": "neg", r"\pm": "pm", r"\mp": "mp"}[sign]
    return (operation, _scalar(value))


def _added(terms: list) -> tuple:
    if all(isinstance(term, Matrix) for term in terms):
        raise Unreadable("a sum of matrices")
    return ("add", *map(_scalar, terms))


def _multiplied(left, right):
    if isinstance(right, Matrix) and isinstance(left, tuple):
        return Matrix(tuple(tuple(("mul", left, cell) for cell in row) for row in right.rows))
    return ("mul", _scalar(left), _scalar(right))


def _divided(above, below) -> tuple:
    return ("div", _scalar(above), _scalar(below))


# lists


def _expanded(item):
    r"""A quantity with \pm as the two that it stands for."""
    if not isinstance(item, Quantity):
        return item
    marks = _marks(item.value)
    if marks == 0:
        return item
    if marks > 2:
        raise Unreadable("too many signs")
    values = []
    for sign in (1, -1):
        values.append(Quantity(_chosen(item.value, sign), item.unit, item.percent))
    return Group("list", tuple(values))


def _marks(node: tuple) -> int:
    own = 1 if node[0] in ("pm", "mp") else 0
    return own + sum(_marks(part) for part in node[1:] if isinstance(part, tuple))


def _chosen(node: tuple, sign: int) -> tuple:
    if node[0] in ("pm", "mp"):
        inner = _chosen(node[1], sign)
        positive = (sign == 1) == (node[0] == "pm")
        return inner if positive else ("neg", inner)
    return tuple(_chosen(part, sign) if isinstance(part, tuple) else part for part in node)


def _simplified(group: Group) -> Group:
    """A list whose items are lists (±2) as one; x = 2, 3 and x = 2 or x = 3 as their values."""
    items = []
    for item in group.items:
        if isinstance(item, Group) and item.kind == "list":
            items.extend(item.items)
        else:
            items.append(item)
    return Group("list", tuple(items), joined=group.joined)
