r"""Expressions: sums, products, powers, functions, roots, matrices."""

from __future__ import annotations

from fractions import Fraction

from math_agent.equality.cursor import CLOSING, OPENING
from math_agent.equality.numerals import Numerals, decimal
from math_agent.equality.shapes import Group, Matrix, NumberSet, Quantity
from math_agent.equality.spelling import Token, Unreadable
from math_agent.equality.trees import divided, multiplied, scalar, signed, with_marks, written_out
from math_agent.equality.values import number
from math_agent.equality.words import (
    CARDINALS,
    FUNCTIONS,
    PARTS,
    PERCENT_WORDS,
    VALUE_WORDS,
    is_product,
)

_GREEK_NAMES = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi
chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar ldots star
"""
_GREEK = frozenset(rf"\{name}" for name in _GREEK_NAMES.split())
_ACCENT_NAMES = "overline vec hat overrightarrow widehat dot ddot tilde"
_ACCENTS = frozenset(rf"\{name}" for name in _ACCENT_NAMES.split())
_INVERSE = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot"}
_MATRICES = frozenset(["pmatrix", "bmatrix", "matrix", "array", "Bmatrix", "smallmatrix"])


class Expressions(Numerals):
    """Reads scalars, as trees, and matrices; the lists in brackets are its subclass's."""

    bars = 0  # open |

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
            terms.append(signed(token.text, self.term()))
        if len(terms) == 1:
            return terms[0]
        return ("add", *map(scalar, terms))

    def signed_term(self):
        signs = []
        while (token := self.peek()) is not None and token.text in ("+", "-", r"\pm", r"\mp"):
            signs.append(token.text)
            self.at += 1
        if len(signs) > 2:
            raise Unreadable("signs")
        if not signs and self.next_is_word("negative", "minus"):
            self.at += 1
            signs.append("-")
        term = self.term()
        for sign in reversed(signs):
            term = signed(sign, term)
        return term

    def term(self):
        """Factors with a sign of multiplication, a slash or nothing between them."""
        left = self.factor()
        while (token := self.peek()) is not None:
            if token.text in (r"\cdot", r"\times", "*") or self.is_times_letter():
                self.at += 1
                left = multiplied(left, self.signed_factor())
            elif token.text == "/":
                if self.unit_follows():
                    break
                self.at += 1
                left = divided(left, self.signed_factor())
            elif token.text == "U" and isinstance(left, Group):  # (1, 2) U (3, 4)
                break
            elif self.starts_factor():
                left = multiplied(left, self.factor())
            else:
                break
        return left

    def signed_factor(self):
        if self.next_is("-", "+"):
            sign = self.take().text
            return signed(sign, self.factor())
        return self.factor()

    def is_times_letter(self) -> bool:
        """The x of 4.5 x 10^33."""
        token = self.peek()
        if token.text not in ("x", "X") or self.at == 0:
            return False
        before, after = self.before(), self.peek(1)
        if before.kind != "number" or after is None or after.kind != "number":
            return False
        return after.text == "10" and self.next_is("^", ahead=2)

    def starts_factor(self) -> bool:
        """Whether the next token continues a product without a sign."""
        token = self.peek()
        if token.kind == "number" or (token.text == "{" and self.next_is_number(ahead=1)):
            if self.before().kind in ("number", "letter", "word"):
                raise Unreadable("a number after a number or a letter")
            return True
        if self.unit_follows():
            return False
        if token.kind in ("letter", "word"):
            return token.text.lower() not in ("and", "or", "to")
        if token.text == "|":
            return self.bars == 0
        if token.text in ("(", "{", "["):
            return True
        return token.kind == "command" and (
            token.text in _PRIMARIES
            or token.text in _GREEK
            or token.text in _ACCENTS
            or token.text[1:] in FUNCTIONS
        )

    def factor(self):
        """A primary with its powers, factorials, percent and degree signs."""
        value = self.primary()
        while (token := self.peek()) is not None:
            if token.text == "^":
                value = self.powered(value)
            elif token.text == "!":
                self.at += 1
                if self.next_is("!"):
                    raise Unreadable("a double factorial")
                value = ("factorial", scalar(value))
            elif token.text == "%" or (
                token.kind == "word" and token.text.lower() in PERCENT_WORDS
            ):
                self.at += 1
                value = ("percent", scalar(value))
            elif self.next_is_word("degrees", "degree", "deg"):
                self.at += 1
                value = ("degree", scalar(value))
            elif self.next_is_word("per") and self.next_is("cent", ahead=1):
                self.at += 2
                value = ("percent", scalar(value))
            elif token.text == r"\circ" and self.before().kind == "number":
                self.at += 1  # \degree
                value = ("degree", scalar(value))
            else:
                break
        return value

    def powered(self, value):
        self.take("^")
        if self.degree_sign():
            return ("degree", scalar(value))
        if self.accept(r"\prime", "'"):
            raise Unreadable("a prime")
        return ("pow", scalar(value), scalar(self.script()))

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
            return signed(sign, self.script())
        if self.next_is_number():  # no mixed number: 2^3\frac12 is half of 8
            return number(decimal(self.take().text))
        return self.primary()

    def braces(self):
        """{...} as one expression; {1, 2} of a plain text is a set."""
        self.take("{")
        bars, self.bars = self.bars, 0
        if self.is_list_in_braces():
            value = self.items_until("}")
            value = Group("set", value.items) if isinstance(value, Group) else value
        else:
            value = self.sum()
        if self.accept(r"\choose"):
            value = ("binomial", scalar(value), scalar(self.sum()))
        if self.accept(r"\over"):
            value = divided(value, self.sum())
        self.take("}")
        self.bars = bars
        return value

    def is_list_in_braces(self) -> bool:
        """Whether a comma stands between here and the brace that closes."""
        depth = 0
        for token in self.tokens[self.at :]:
            if token.text in OPENING:
                depth += 1
            elif token.text in CLOSING:
                depth -= 1
            if depth < 0:
                return False
            if depth == 0 and token.text == ",":
                return True
        return False

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
        if token.text in ("|", r"\|"):
            return self.absolute_value()
        if token.kind == "command":
            return self.command()
        raise Unreadable(token.text)

    def letter(self):
        token = self.take()
        if self.next_is("'"):
            raise Unreadable("a prime")
        if token.text == "a" and self.next_is_word(*PARTS):  # a third
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
        if lower == "pi":
            return ("const", "pi")
        if word == "sqrt":
            return ("root", scalar(self.primary()), number(2))
        if lower in CARDINALS or lower == "half":
            self.at -= 1
            return self.numeral()
        if word in FUNCTIONS:
            return self.function(FUNCTIONS[word])
        if self.next_is("_"):
            return ("name", word + self.subscript())
        is_glued = not token.upright and not token.spaced and lower not in VALUE_WORDS
        if is_product(token) or (is_glued and len(word) <= 3):  # 2abd
            return self.spread(word)
        for name in ("sin", "cos", "tan", "ln", "log", "sqrt"):
            if word.startswith(name) and len(word) <= len(name) + 2 and not token.upright:
                return self.split_word(token, name)
        raise Unreadable(word)

    def split_word(self, token: Token, name: str):
        """sinx as sin x."""
        rest = token.text[len(name) :]
        kind = "letter" if len(rest) == 1 else "word"
        self.replace_last(token._replace(text=name), Token(kind, rest))
        return self.word()

    def spread(self, word: str):
        """The letters of a short word, as factors of the product around it."""
        self.replace_last(*(Token("letter", char) for char in word))
        return self.letter()

    def bracketed(self):
        """(...) or [...]: an expression in brackets, or a tuple or interval."""
        opening = self.take().text
        bars, self.bars = self.bars, 0
        if self.next_is(")", "]"):
            raise Unreadable("empty brackets")
        inside = self.items_until(")")
        closing = self.take().text
        self.bars = bars
        if opening == r"\langle":
            if closing != r"\rangle" or not isinstance(inside, Group):
                raise Unreadable("angle brackets")
            return Group("brackets", inside.items, "<>")
        if closing not in (")", "]"):
            raise Unreadable(closing)
        if isinstance(inside, Group) and inside.kind == "several":
            each = (Group("brackets", one.items, opening + closing) for one in inside.items)
            return Group("list", tuple(each))
        if isinstance(inside, Group) and inside.kind == "list":
            return Group("brackets", inside.items, opening + closing)
        if opening + closing not in ("()", "[]"):
            raise Unreadable("brackets")
        if isinstance(inside, Quantity):
            return with_marks(inside)
        return inside

    def absolute_value(self):
        bar = self.take().text
        self.bars += 1
        inside = self.sum()
        self.take(bar)
        self.bars -= 1
        return ("fn", "abs", scalar(inside))

    # commands

    def command(self):
        token = self.peek()
        name = token.text[1:]
        if token.text in _PRIMARIES:
            self.at += 1
            return _PRIMARIES[token.text](self)
        if name in FUNCTIONS:
            self.at += 1
            return self.function(FUNCTIONS[name])
        if token.text in _GREEK:
            self.at += 1
            if self.next_is("'"):
                raise Unreadable("a prime")
            if name in ("Gamma", "zeta") and self.next_is("("):
                return self.function(name.lower())
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
            self.at += 1
            first, rest = token.text[0], token.text[1:]
            self.replace_last(token._replace(text=first), token._replace(text=rest, spaced=False))
            self.at += 1
            return number(first)
        if token.kind == "word" and not token.upright and token.text not in FUNCTIONS:
            self.at += 1
            return self.spread(token.text)
        if token.kind == "number":
            self.at += 1
            return number(decimal(token.text))
        return self.primary()

    def fraction(self):
        above = self.argument()
        below = self.argument()
        return divided(above, below)

    def root(self):
        degree = number(2)
        if self.accept("["):
            degree = scalar(self.sum())
            self.take("]")
        if self.next_is_number():  # \sqrt10 is what people write for the root of 10
            return ("root", number(decimal(self.take().text)), degree)
        return ("root", scalar(self.argument()), degree)

    def binomial(self):
        return ("binomial", scalar(self.argument()), scalar(self.argument()))

    def number_set(self):
        in_braces = self.accept("{")
        token = self.take()
        if in_braces:
            self.take("}")
        if token.text not in ("R", "Q", "Z", "N", "C"):
            raise Unreadable("a set")
        if token.text == "R" and self.next_is("^", "_"):
            self.at += 1
            in_braces = self.accept("{")
            self.take("+")
            if in_braces:
                self.take("}")
            return Group("brackets", (Quantity(number(0)), Quantity(("const", "inf"))), "()")
        if self.next_is("^", "_"):
            raise Unreadable("a set with an index")
        return NumberSet(token.text)

    def rounding(self, function: str, closing: str):
        inside = self.sum()
        self.take(closing)
        return ("fn", function, scalar(inside))

    def function(self, name: str):
        """A function with its power, its base and its argument."""
        power = None
        base = None
        while self.next_is("^", "_"):
            if self.take().text == "^":
                power = scalar(self.script())
            else:
                base = scalar(self.script())
        if base is not None and name != "log":
            raise Unreadable("a base")
        if power == ("neg", number(1)):
            if name not in _INVERSE:
                raise Unreadable("an inverse")
            name, power = _INVERSE[name], None
        arguments = self.arguments()
        if base is not None:
            arguments = (*arguments, base)
        value = ("fn", name, *arguments)
        return value if power is None else ("pow", value, power)

    def arguments(self) -> tuple:
        """(x, y), or the product of factors that follows a function's name."""
        if self.next_is("(", "[", "{"):
            inside = self.braces() if self.next_is("{") else self.bracketed()
            if isinstance(inside, Group) and inside.ends == "()":
                return tuple(scalar(item) for item in inside.items)
            return (scalar(inside),)
        if self.next_is(r"\{"):  # \max\{a, b\}
            inside = self.set()
            if isinstance(inside, Group) and inside.items:
                return tuple(map(scalar, inside.items))
            raise Unreadable("an argument")
        argument = self.signed_factor()
        while (token := self.peek()) is not None:
            if token.kind == "command" and token.text[1:] in FUNCTIONS:
                break
            if token.text in ("(", "|") or not self.starts_factor():
                break
            if token.kind == "word" and token.text in FUNCTIONS:
                break
            argument = multiplied(argument, self.factor())
        return (scalar(argument),)

    def series(self, operation: str):
        r"""\sum_{k=1}^{10} body as its terms; the body is the term that follows."""
        self.take("_")
        self.take("{")
        variable = self.take().text
        self.take("=")
        start = scalar(self.sum())
        self.take("}")
        self.take("^")
        end = scalar(self.script())
        return written_out(operation, variable, start, end, scalar(self.term()))

    def environment(self):
        r"""\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}."""
        name = self.environment_name()
        if name not in _MATRICES:
            raise Unreadable(name)
        if name == "array":
            self.skip("{", "}")
        rows = [self.row()]
        while self.accept(r"\\"):
            self.skip("[", "]")
            if not self.next_is(r"\end"):
                rows.append(self.row())
        self.take(r"\end")
        if self.environment_name() != name or len({len(row) for row in rows}) != 1:
            raise Unreadable("rows of different lengths")
        return Matrix(tuple(rows))

    def environment_name(self) -> str:
        self.take("{")
        name = self.take().text
        self.accept("*")
        self.take("}")
        return name

    def skip(self, opening: str, closing: str) -> None:
        """Leave out an argument, if there is one: {cc}, [2pt]."""
        if self.accept(opening):
            while self.take().text != closing:
                pass

    def row(self) -> tuple:
        cells = [scalar(self.sum())]
        while self.accept("&"):
            cells.append(scalar(self.sum()))
        return tuple(cells)


_PRIMARIES = {
    r"\frac": Expressions.fraction,
    r"\sqrt": Expressions.root,
    r"\binom": Expressions.binomial,
    r"\pi": lambda reader: ("const", "pi"),
    r"\infty": lambda reader: ("const", "inf"),
    r"\emptyset": lambda reader: Group("set", ()),
    r"\mathbb": Expressions.number_set,
    r"\R": lambda reader: NumberSet("R"),
    r"\begin": Expressions.environment,
    r"\sum": lambda reader: reader.series("add"),
    r"\prod": lambda reader: reader.series("mul"),
    r"\lfloor": lambda reader: reader.rounding("floor", r"\rfloor"),
    r"\lceil": lambda reader: reader.rounding("ceil", r"\rceil"),
}
