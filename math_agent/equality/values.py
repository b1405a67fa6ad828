"""Whether two expressions have the same value: exactly where they are exact, else to many digits.

An expression is a tree of tuples (operation, *operands) with `("num", Fraction)`, `("name", str)`
and `("const", "pi" | "e" | "i" | "inf")` as its leaves. Rationals of any size are compared exactly.
All else (radicals, logarithms, complex numbers) is evaluated twice, to p and to 2p bits, where p
grows with the numbers in the two expressions; a difference is zero only if it shrinks with the
precision. Nothing is ever compared with an absolute tolerance: 1/2^97 is not 0.

Expressions with letters are the same if they are at several points (rational numbers), as two
polynomials are. All points are positive or all values real, so that sqrt(1/n) = 1/sqrt(n), while
|x| is not x.
"""

from __future__ import annotations

import re
from fractions import Fraction

import mpmath

from math_agent.equality.operations import EXACT, NUMERIC, NoValue, fits

MAX_PRECISION = 24_000  # bits
MAX_DEPTH = 100  # of nested operations
LEAST_PRECISION = 256  # bits; twice that decides


def number(value: int | str | Fraction) -> tuple:
    """The leaf of a rational number."""
    return ("num", Fraction(value))


def names(node: tuple) -> frozenset[str]:
    """The letters of an expression."""
    if node[0] == "name":
        return frozenset([node[1]])
    return frozenset().union(*(names(part) for part in node[1:] if isinstance(part, tuple)))


def replaced(node: tuple, new: dict[str, tuple]) -> tuple:
    """An expression with trees in the place of letters; the i of a series is read as a constant."""
    if node[0] in ("name", "const"):
        return new.get(node[1], node)
    return tuple(replaced(part, new) if isinstance(part, tuple) else part for part in node)


# the value at a point


class _Evaluation:
    """Values at one point: a Fraction where rational, else an mpf or mpc at the current precision.

    point: a Fraction for each letter. bits: those of all rationals that were rounded on the way.
    """

    def __init__(self, point: dict[str, Fraction]) -> None:
        self.point = point
        self.bits = 0

    def of(self, node: tuple):
        operation, *operands = node
        if operation == "num":
            return operands[0]
        if operation == "name":
            return self.point[operands[0]]
        if operation == "const":
            return _constant(operands[0])
        if operation == "fn":
            operation, *operands = operands
        values = [self.of(operand) for operand in operands]
        if operation in EXACT and all(isinstance(value, Fraction) for value in values):
            exact = EXACT[operation](*values)
            if exact is not None:
                return fits(exact)
        return NUMERIC[operation](*map(self.rounded, values))

    def rounded(self, value):
        """A value as an mpf or mpc."""
        if not isinstance(value, Fraction):
            return value
        self.bits += value.numerator.bit_length() + value.denominator.bit_length()
        return mpmath.mpf(value.numerator) / value.denominator


def _constant(name: str):
    if name == "inf":
        raise NoValue("infinity")
    return {"pi": +mpmath.pi, "e": +mpmath.e, "i": mpmath.mpc(0, 1)}[name]


def _values(nodes: tuple, point: dict, bits: int) -> tuple[list, int]:
    """The values of expressions at a precision of `bits`, and the bits of what was rounded.

    Raises NoValue.
    """
    evaluation = _Evaluation(point)
    try:
        with mpmath.workprec(bits):
            values = [evaluation.of(node) for node in nodes]
            if not all(isinstance(value, Fraction) for value in values):
                values = [evaluation.rounded(value) for value in values]
    except (ArithmeticError, ValueError, TypeError, KeyError, mpmath.libmp.NoConvergence) as error:
        raise NoValue(str(error)) from None
    if not all(isinstance(value, Fraction) or mpmath.isfinite(value) for value in values):
        raise NoValue("not finite")
    return values, evaluation.bits


def rational(node: tuple, point: dict[str, Fraction]) -> Fraction | None:
    """The value where it is rational and known to be; else None. Raises NoValue."""
    ((value,), _) = _values((node,), point, LEAST_PRECISION)
    return value if isinstance(value, Fraction) else None


# comparison


def same_value(one: tuple, other: tuple) -> bool:
    """Whether two expressions have the same value, for all values of their letters.

    What cannot be computed is the same only as its own tree.
    """
    other = _with_constants_of(one, other)
    if one == other:
        return True
    if max(_depth(one), _depth(other)) > MAX_DEPTH:
        return False
    letters = sorted(names(one) | names(other))
    try:
        if not letters:
            return _same_at(one, other, {})
        return _same_everywhere(one, other, letters)
    except (NoValue, RecursionError):
        return False


def _depth(node: tuple) -> int:
    """How deep the operations of an expression are nested."""
    return 1 + max((_depth(part) for part in node[1:] if isinstance(part, tuple)), default=0)


def _with_constants_of(one: tuple, other: tuple) -> tuple:
    """`other` with the constants of integration in the case of `one`: + c as + C, c_1 as C_1."""
    own, others = names(one), names(other)
    swapped = {name: name.swapcase() for name in others if re.fullmatch(r"[cC](_\d)?", name)}
    if own & set(swapped) or not set(swapped.values()) <= own:
        return other
    return replaced(other, {name: ("name", new) for name, new in swapped.items()})


def _same_at(one: tuple, other: tuple, point: dict) -> bool:
    """Whether the values at a point are the same."""
    (left, right), bits = _values((one, other), point, LEAST_PRECISION)
    if isinstance(left, Fraction):
        return left == right
    bits += LEAST_PRECISION
    if bits > MAX_PRECISION:
        raise NoValue("too many digits")
    first, scale = _difference(one, other, point, bits)
    noise = mpmath.ldexp(scale, -bits)
    if abs(first) > mpmath.ldexp(noise, bits // 2) and scale > mpmath.ldexp(1, -bits // 2):
        return False
    second, _ = _difference(one, other, point, 2 * bits)
    return abs(second) <= mpmath.ldexp(max(abs(first), noise), -bits // 2)


def _difference(one: tuple, other: tuple, point: dict, bits: int):
    """The difference of two values and the larger of them, at a precision of `bits`."""
    (left, right), _ = _values((one, other), point, bits)
    with mpmath.workprec(bits):
        return left - right, max(abs(left), abs(right))


# Where expressions are compared: fractions without a meaning, whole numbers where a letter is one.
_POSITIVE = [Fraction(n, d) for n, d in ((13, 7), (29, 11), (17, 23), (47, 19), (5, 31), (71, 13))]
_NEGATIVE = [Fraction(n, d) for n, d in ((-11, 7), (23, 17), (-19, 29), (37, 11), (-3, 13))]
_WHOLE = (7, 4, 9, 12, 5, 10, 3, 8, 11, 6, 2, 13)
_WHOLE_LETTERS = frozenset("nmkjlpqrNMK")
_OF_WHOLE = frozenset(["gcd", "lcm"])
_OF_STEPS = frozenset(["floor", "ceil", "signs"])


def _operations(node: tuple) -> frozenset[str]:
    """The operations and functions of an expression; "signs" is (-1)^n."""
    own = [node[1] if node[0] == "fn" else node[0]]
    if node[0] == "pow" and node[1][0] == "neg":
        own.append("signs")
    parts = (part for part in node[1:] if isinstance(part, tuple))
    return frozenset(own).union(*map(_operations, parts))


def _whole_letters(one: tuple, other: tuple) -> frozenset[str]:
    """The letters that can only be whole numbers: n where it is rounded, both of gcd(a, b)."""
    operations = _operations(one) | _operations(other)
    letters = names(one) | names(other)
    if operations & _OF_WHOLE:
        return letters
    return letters & _WHOLE_LETTERS if operations & _OF_STEPS else frozenset()


def points(
    letters: list[str], whole: frozenset[str] = frozenset()
) -> tuple[list[dict], list[dict]]:
    """Points with positive coordinates, and points with coordinates of both signs.

    whole: the letters that stand for positive whole numbers.
    """
    positive, mixed = [], []
    for shift in range(12 if whole else 5):
        positive.append({})
        mixed.append({})
        for k, letter in enumerate(letters):
            if letter in whole:
                step = (1, 5, 7, 11)[k % 4]  # all values, in another order
                value = Fraction(_WHOLE[(step * shift + k) % 12])
                positive[-1][letter] = mixed[-1][letter] = value
                continue
            positive[-1][letter] = _POSITIVE[(shift + 2 * k) % 6] + Fraction(k, 41)
            mixed[-1][letter] = _NEGATIVE[(shift + k) % 5] - Fraction(k, 43)
    return positive, mixed


def _same_everywhere(one: tuple, other: tuple, letters: list[str]) -> bool:
    positive, mixed = points(letters, _whole_letters(one, other))
    at_real, at_complex = [], []  # verdicts, by whether both values are real
    for point in positive:
        try:
            verdicts = at_real if _are_real(one, other, point) else at_complex
            verdicts.append(_same_at(one, other, point))
        except NoValue:
            continue
        if not all(at_real):
            return False
    # Where real values can be compared, those on other branches do not count: ln(1 - x).
    decisive = at_real if len(at_real) >= 2 else at_real + at_complex
    for point in mixed:
        try:
            if _are_real(one, other, point) and not _same_at(one, other, point):
                return False
        except NoValue:
            continue
    return len(decisive) >= 2 and all(decisive)


def _are_real(one: tuple, other: tuple, point: dict) -> bool:
    values, _ = _values((one, other), point, LEAST_PRECISION)
    return all(abs(mpmath.im(value)) <= abs(value) * mpmath.mpf(2) ** -30 for value in values)


def nearly_same_value(one: tuple, other: tuple) -> bool:
    """Whether two numbers differ by less than one in a hundred, as a number and its rounding."""
    if names(one) or names(other):
        return False
    try:
        difference, scale = _difference(one, other, {}, LEAST_PRECISION)
    except (NoValue, RecursionError):
        return False
    return abs(difference) <= scale / 100


def ratio_of(one: tuple, other: tuple) -> int:
    """The sign of the constant that `one` is times `other`, for two expressions with letters.

    0 where there is no such constant, or no letter. 2x-4 is a positive multiple of x-2.
    """
    letters = sorted(names(one) | names(other))
    positive, mixed = points(letters)
    ratios = []
    for point in positive + mixed if letters else []:
        try:
            (above, below), _ = _values((one, other), point, LEAST_PRECISION)
        except (NoValue, RecursionError):
            continue
        if not below or not above:
            return 0
        sign = 1 if mpmath.re(above / below) > 0 else -1
        at = {letter: ("num", value) for letter, value in point.items()}
        ratios.append(("div", replaced(one, at), replaced(other, at)))
    if len(ratios) < 3 or not all(same_value(ratios[0], ratio) for ratio in ratios):
        return 0
    return sign


def order(one: tuple, other: tuple) -> int:
    """-1, 0 or 1 as the first real value is less than, equal to or more than the second.

    Raises NoValue for letters and complex numbers.
    """
    if _same_at(one, other, {}):
        return 0
    difference, _ = _difference(one, other, {}, 2 * LEAST_PRECISION)
    if mpmath.im(difference) != 0:
        raise NoValue("not real")
    return 1 if mpmath.re(difference) > 0 else -1
