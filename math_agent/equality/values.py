"""Whether two expressions have the same value: exactly where they are exact, else to many digits.

An expression is a tree of tuples (operation, *operands) with `("num", Fraction)`, `("name", str)`
and `("const", "pi" | "e" | "i" | "inf")` as its leaves. Integers and rationals of any size are
compared exactly. All else (radicals, logarithms, complex numbers) is evaluated twice, to p and to
2p bits, where p grows with the numbers in the two expressions; a difference is zero only if it
shrinks with the precision. Nothing is ever compared with an absolute tolerance: 1/2^97 is not 0.

Expressions with letters are the same if they are at several points (rational numbers), as two
polynomials are. All points are positive or all values real, so that sqrt(1/n) = 1/sqrt(n), while
|x| is not x.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

import mpmath
from mpmath import mp

MAX_BITS = 150_000  # of an exact integer
MAX_PRECISION = 24_000  # bits
MAX_DEPTH = 100  # of nested operations
MAX_TERMS = 20_000  # of a sum or product, times the size of a term
LEAST_PRECISION = 256  # bits; twice that decides


class NoValue(Exception):
    """The expression has no value that can be computed: a division by zero, too large, unknown."""


class NotRational(Exception):
    """The value is not rational, or is not known to be."""


def number(value: int | str | Fraction) -> tuple:
    """The leaf of a rational number."""
    return ("num", Fraction(value))


def names(node: tuple) -> frozenset[str]:
    """The letters of an expression."""
    if node[0] == "name":
        return frozenset([node[1]])
    if node[0] in ("sum", "prod"):
        _, variable, start, end, body = node
        return names(start) | names(end) | (names(body) - {variable})
    if node[0] in ("integral", "limit"):
        _, variable, *bounds, body = node
        return frozenset().union(*map(names, bounds)) | (names(body) - {variable})
    return frozenset().union(*(names(part) for part in node[1:] if isinstance(part, tuple)))


# exact values


def rational(node: tuple, point: dict[str, Fraction]) -> Fraction:
    """The exact value where it is rational. Raises NotRational or NoValue."""
    operation, *operands = node
    exact = _EXACT.get(operation)
    if exact is None:
        raise NotRational
    return exact(operands, point)


def _fits(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise NoValue("too large")
    return value


def _exact_name(operands: list, point: dict) -> Fraction:
    if operands[0] not in point:
        raise NoValue("a letter without a value")
    value = point[operands[0]]
    if not isinstance(value, Fraction):  # the variable of an integral
        raise NotRational
    return value


def _exact_add(operands: list, point: dict) -> Fraction:
    return _fits(sum((rational(operand, point) for operand in operands), Fraction(0)))


def _exact_mul(operands: list, point: dict) -> Fraction:
    product = Fraction(1)
    for operand in operands:
        product = _fits(product * rational(operand, point))
    return product


def _exact_div(operands: list, point: dict) -> Fraction:
    dividend, divisor = (rational(operand, point) for operand in operands)
    if divisor == 0:
        raise NoValue("a division by zero")
    return _fits(dividend / divisor)


def _exact_pow(operands: list, point: dict) -> Fraction:
    base, exponent = (rational(operand, point) for operand in operands)
    if exponent.denominator != 1:
        return _exact_root(base, exponent.denominator, principal=True) ** exponent.numerator
    if base == 0 and exponent <= 0:
        raise NoValue("zero to the power of zero or less")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) != 1 and base != 0 and abs(exponent) * bits > MAX_BITS:
        raise NoValue("too large")
    if abs(base) == 1:
        exponent %= 2
    return base ** int(exponent)


def _exact_root(value: Fraction, degree: int, principal: bool) -> Fraction:
    """The rational root. An odd root of a negative number is real, its power 1/3 is not."""
    if degree > MAX_BITS:
        raise NotRational
    if value < 0 and not principal and degree % 2:
        return -_exact_root(-value, degree, principal)
    if value < 0:
        raise NotRational
    return Fraction(_whole_root(value.numerator, degree), _whole_root(value.denominator, degree))


def _whole_root(value: int, degree: int) -> int:
    if value < 2:
        return value
    if degree == 2:
        root = math.isqrt(value)
    else:
        root = 1 << -(-value.bit_length() // degree)
        while True:  # Newton's method for integers
            smaller = ((degree - 1) * root + value // root ** (degree - 1)) // degree
            if smaller >= root:
                break
            root = smaller
    if root**degree != value:
        raise NotRational
    return root


def _exact_sqrt(operands: list, point: dict) -> Fraction:
    radicand, degree = (rational(operand, point) for operand in operands)
    if degree.denominator != 1 or degree < 1:
        raise NotRational
    return _exact_root(radicand, degree.numerator, principal=False)


def _whole(node: tuple, point: dict, largest: int) -> int:
    value = rational(node, point)
    if value.denominator != 1:
        raise NotRational
    if abs(value) > largest:
        raise NoValue("too large")
    return value.numerator


def _exact_factorial(operands: list, point: dict) -> Fraction:
    value = _whole(operands[0], point, 10_000)
    if value < 0:
        raise NoValue("the factorial of a negative number")
    return _fits(Fraction(math.factorial(value)))


def _exact_double_factorial(operands: list, point: dict) -> Fraction:
    value = _whole(operands[0], point, 10_000)
    if value < 0:
        raise NoValue("the factorial of a negative number")
    return _fits(Fraction(math.prod(range(value, 0, -2))))


def _exact_binomial(operands: list, point: dict) -> Fraction:
    above = _whole(operands[0], point, 10_000)
    below = _whole(operands[1], point, 10_000)
    if above < 0 or below < 0:
        raise NotRational
    return _fits(Fraction(math.comb(above, below)))


def _exact_sum(operands: list, point: dict) -> Fraction:
    return _fits(sum(map(Fraction, _terms(rational, operands, point)), Fraction(0)))


def _exact_product(operands: list, point: dict) -> Fraction:
    product = Fraction(1)
    for factor in _terms(rational, operands, point):
        product = _fits(product * factor)
    return product


def _terms(evaluate, operands: list, point: dict):
    """The terms of a finite sum or product, each by `evaluate`."""
    variable, start, end, body = operands
    first = _whole(start, point, 10**9)
    last = _whole(end, point, 10**9)
    if (last - first) * _size(body) > MAX_TERMS:
        raise NoValue("too many terms")
    for value in range(first, last + 1):
        yield evaluate(body, point | {variable: Fraction(value)})


def _depth(node: tuple) -> int:
    """How deep the operations of an expression are nested."""
    return 1 + max((_depth(part) for part in node[1:] if isinstance(part, tuple)), default=0)


def _size(node: tuple) -> int:
    """The number of operations of an expression; a sum in a sum is too large."""
    if node[0] in ("sum", "prod", "integral", "limit"):
        return MAX_TERMS
    return 1 + sum(_size(part) for part in node[1:] if isinstance(part, tuple))


def _exact_function(operands: list, point: dict) -> Fraction:
    name, *arguments = operands
    values = [rational(argument, point) for argument in arguments]
    if name in ("floor", "ceil", "abs") and len(values) == 1:
        function = {"floor": math.floor, "ceil": math.ceil, "abs": abs}[name]
        return Fraction(function(values[0]))
    if name in ("min", "max") and values:
        return {"min": min, "max": max}[name](values)
    if name in ("gcd", "lcm") and values and all(value.denominator == 1 for value in values):
        function = {"gcd": math.gcd, "lcm": math.lcm}[name]
        return _fits(Fraction(function(*(value.numerator for value in values))))
    if name == "log" and len(values) == 2:
        return _exact_logarithm(*values)
    raise NotRational


def _exact_logarithm(value: Fraction, base: Fraction) -> Fraction:
    """A logarithm that is a whole number or the negative of one."""
    if value <= 0 or base <= 1 or base.denominator != 1:
        raise NotRational
    if value < 1:
        return -_exact_logarithm(1 / value, base)
    guess = round(math.log2(value.numerator) / math.log2(base.numerator))
    if value.denominator != 1 or base**guess != value:
        raise NotRational
    return Fraction(guess)


_EXACT = {
    "num": lambda operands, point: operands[0],
    "name": _exact_name,
    "add": _exact_add,
    "neg": lambda operands, point: -rational(operands[0], point),
    "mul": _exact_mul,
    "div": _exact_div,
    "pow": _exact_pow,
    "root": _exact_sqrt,
    "factorial": _exact_factorial,
    "double factorial": _exact_double_factorial,
    "binomial": _exact_binomial,
    "sum": _exact_sum,
    "prod": _exact_product,
    "fn": _exact_function,
    "percent": lambda operands, point: rational(operands[0], point) / 100,
}


# values to many digits


def approximate(node: tuple, point: dict[str, Fraction]):
    """The value as an mpf or mpc at the precision in force. Raises NoValue."""
    try:
        value = _numeric(node, point)
    except (
        ArithmeticError,
        ValueError,
        TypeError,
        mpmath.libmp.NoConvergence,
        NotRational,
    ) as error:
        raise NoValue(str(error)) from None
    if isinstance(value, mpmath.mpc) and value.imag == 0:
        value = value.real
    if not mpmath.isfinite(value):
        raise NoValue("not finite")
    return value


def _numeric(node: tuple, point: dict):
    try:
        exact = rational(node, point)
    except NotRational:
        pass
    else:
        return mpmath.mpf(exact.numerator) / exact.denominator
    operation, *operands = node
    if operation == "const":
        return _constant(operands[0])
    if operation == "name":
        return point[operands[0]]
    if operation in ("sum", "prod"):
        terms = list(_terms(_numeric, operands, point))
        return mpmath.fsum(terms) if operation == "sum" else mpmath.fprod(terms)
    if operation in ("integral", "limit"):
        return _calculus(operation, operands, point)
    if operation == "fn":
        return _function(operands[0], [_numeric(operand, point) for operand in operands[1:]])
    if operation not in _NUMERIC:
        raise NoValue(operation)
    return _NUMERIC[operation](*(_numeric(operand, point) for operand in operands))


def _constant(name: str):
    if name == "inf":
        raise NoValue("infinity")
    return {"pi": +mp.pi, "e": +mp.e, "i": mpmath.mpc(0, 1)}[name]


def _small(value, bits: int):
    """`value`, if its magnitude is such that a power or an exponential of it can be computed."""
    if value and max(mpmath.mag(mpmath.re(value)), mpmath.mag(mpmath.im(value))) > bits:
        raise NoValue("too large")
    return value


def _power(base, exponent):
    if base == 0 and mpmath.re(exponent) <= 0:
        raise NoValue("zero to the power of zero or less")
    return mpmath.power(base, _small(exponent, 4000))


def _root(radicand, degree):
    if mpmath.im(radicand) == 0 and mpmath.re(radicand) < 0 and degree > 1 and degree % 2 == 1:
        return -mpmath.power(-radicand, 1 / degree)
    return mpmath.power(radicand, 1 / degree)


def _binomial(above, below):
    return mpmath.binomial(_small(above, 64), _small(below, 64))


_NUMERIC = {
    "add": lambda *terms: mpmath.fsum(terms),
    "neg": lambda value: -value,
    "mul": lambda *factors: mpmath.fprod(factors),
    "div": lambda dividend, divisor: dividend / divisor,
    "pow": _power,
    "root": _root,
    "factorial": lambda value: mpmath.factorial(_small(value, 64)),
    "double factorial": lambda value: mpmath.fac2(_small(value, 64)),
    "binomial": _binomial,
    "percent": lambda value: value / 100,
    "degree": lambda value: value * mp.pi / 180,
}

_FUNCTIONS = {
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "cot": mpmath.cot,
    "sec": mpmath.sec,
    "csc": mpmath.csc,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arccot": mpmath.acot,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "exp": mpmath.exp,
    "ln": mpmath.log,
    "log": mpmath.log10,
    "lg": mpmath.log10,
    "abs": abs,
    "floor": lambda value: mpmath.floor(_real(value)),
    "ceil": lambda value: mpmath.ceil(_real(value)),
    "min": lambda *values: min(map(_real, values)),
    "max": lambda *values: max(map(_real, values)),
    "re": mpmath.re,
    "im": mpmath.im,
    "conjugate": mpmath.conj,
}


def _real(value):
    if mpmath.im(value) != 0:
        raise NoValue("not real")
    return mpmath.re(value)


def _function(name: str, arguments: list):
    if name == "log" and len(arguments) == 2:
        return mpmath.log(arguments[0]) / mpmath.log(arguments[1])
    if name not in _FUNCTIONS:
        raise NoValue(name)
    if name in ("exp", "sinh", "cosh", "tanh", "sin", "cos", "tan", "cot", "sec", "csc"):
        _small(arguments[0], 4000)
    return _FUNCTIONS[name](*arguments)


def _calculus(operation: str, operands: list, point: dict):
    """A definite integral or a limit, to some 15 digits of the working precision."""
    variable, *bounds, body = operands
    if _size(body) > 100:
        raise NoValue("too large")

    def function(value):
        return _numeric(body, point | {variable: value})

    bounds = [_bound(bound, point) for bound in bounds]
    if operation == "integral":
        return mpmath.quad(function, bounds)
    return mpmath.limit(function, bounds[0])


def _bound(node: tuple, point: dict):
    if node == ("const", "inf"):
        return mpmath.inf
    if node == ("neg", ("const", "inf")):
        return -mpmath.inf
    return _numeric(node, point)


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


def nearly_same_value(one: tuple, other: tuple) -> bool:
    """Whether two numbers differ by less than one in a hundred, as a number and its rounding."""
    if names(one) or names(other):
        return False
    try:
        difference, scale = _difference(one, other, {}, LEAST_PRECISION)
    except (NoValue, RecursionError):
        return False
    return abs(difference) <= scale / 100


def _with_constants_of(one: tuple, other: tuple) -> tuple:
    """`other` with the constants of integration in the case of `one`: + c as + C, c_1 as C_1."""
    own, others = names(one), names(other)
    swapped = {name: name.swapcase() for name in others if re.fullmatch(r"[cC](_\d)?", name)}
    if not swapped or own & set(swapped) or not set(swapped.values()) <= own:
        return other
    return _renamed(other, swapped)


def _renamed(node: tuple, new_names: dict[str, str]) -> tuple:
    if node[0] == "name":
        return ("name", new_names.get(node[1], node[1]))
    return tuple(_renamed(part, new_names) if isinstance(part, tuple) else part for part in node)


def _same_at(one: tuple, other: tuple, point: dict) -> bool:
    """Whether the values at a point are the same."""
    try:
        return rational(one, point) == rational(other, point)
    except NotRational:
        pass
    if _has_calculus(one) or _has_calculus(other):
        return _nearly_same_at(one, other, point)
    bits = LEAST_PRECISION + _bits(one, point) + _bits(other, point)
    if bits > MAX_PRECISION:
        raise NoValue("too many digits")
    first, scale = _difference(one, other, point, bits)
    noise = mpmath.ldexp(scale, -bits)
    if abs(first) > mpmath.ldexp(noise, bits // 2) and scale > mpmath.ldexp(1, -bits // 2):
        return False
    second, _ = _difference(one, other, point, 2 * bits)
    return abs(second) <= mpmath.ldexp(max(abs(first), noise), -bits // 2)


def _has_calculus(node: tuple) -> bool:
    """Whether an integral or a limit is in an expression."""
    if node[0] in ("integral", "limit"):
        return True
    return any(_has_calculus(part) for part in node[1:] if isinstance(part, tuple))


def _nearly_same_at(one: tuple, other: tuple, point: dict) -> bool:
    """Whether two values agree in 12 digits: an integral or a limit is not known to more."""
    difference, scale = _difference(one, other, point, 80)
    return difference == 0 or abs(difference) < scale * 1e-12


def _difference(one: tuple, other: tuple, point: dict, bits: int):
    """The difference of two values and the larger of them, at a precision of `bits`."""
    with mpmath.workprec(bits):
        one_value = approximate(one, point)
        other_value = approximate(other, point)
        return one_value - other_value, max(abs(one_value), abs(other_value))


def _bits(node: tuple, point: dict) -> int:
    """The bits of all rational numbers in an expression."""
    try:
        value = rational(node, point)
    except (NotRational, NoValue):
        pass
    else:
        return value.numerator.bit_length() + value.denominator.bit_length()
    return sum(_bits(part, point) for part in node[1:] if isinstance(part, tuple))


_POSITIVE = [Fraction(n, d) for n, d in ((13, 7), (29, 11), (17, 23), (47, 19), (5, 31), (71, 13))]
_NEGATIVE = [Fraction(n, d) for n, d in ((-11, 7), (23, 17), (-19, 29), (37, 11), (-3, 13))]


def points(letters: list[str]) -> tuple[list[dict], list[dict]]:
    """Points with positive coordinates, and points with coordinates of both signs."""
    positive = [
        {
            letter: _POSITIVE[(shift + 2 * k) % 6] + Fraction(k, 41)
            for k, letter in enumerate(letters)
        }
        for shift in range(5)
    ]
    mixed = [
        {letter: _NEGATIVE[(shift + k) % 5] - Fraction(k, 43) for k, letter in enumerate(letters)}
        for shift in range(5)
    ]
    return positive, mixed


def _same_everywhere(one: tuple, other: tuple, letters: list[str]) -> bool:
    positive, mixed = points(letters)
    usable = 0
    for point in positive:
        try:
            if not _same_at(one, other, point):
                return False
        except NoValue:
            continue
        usable += 1
    for point in mixed:
        try:
            if _are_real(one, other, point) and not _same_at(one, other, point):
                return False
        except NoValue:
            continue
    return usable >= 2


def _are_real(one: tuple, other: tuple, point: dict) -> bool:
    values = (approximate(one, point), approximate(other, point))
    return all(abs(mpmath.im(value)) <= abs(value) * mpmath.mpf(2) ** -30 for value in values)


def ratio_of(one: tuple, other: tuple) -> int:
    """The sign of the constant that `one` is times `other`, for two expressions with letters.

    0 where there is no such constant, or no letter. 2x-4 is a positive multiple of x-2.
    """
    letters = sorted(names(one) | names(other))
    if not letters:
        return 0
    positive, mixed = points(letters)
    ratio = None
    usable = 0
    for point in positive + mixed:
        try:
            above = approximate(one, point)
            below = approximate(other, point)
        except (NoValue, RecursionError):
            continue
        if not below or not above:
            return 0
        found = ("div", _at(one, point), _at(other, point))
        if ratio is None:
            ratio = found
            sign = 1 if mpmath.re(above / below) > 0 else -1
        else:
            try:
                if not _same_at(ratio, found, {}):
                    return 0
            except (NoValue, RecursionError):
                return 0
        usable += 1
    return sign if usable >= 3 else 0


def _at(node: tuple, point: dict) -> tuple:
    """The expression with numbers in place of its letters."""
    if node[0] == "name":
        return ("num", point[node[1]]) if node[1] in point else node
    return tuple(_at(part, point) if isinstance(part, tuple) else part for part in node)


def is_zero(node: tuple) -> bool:
    """Whether an expression without letters is zero."""
    return same_value(node, number(0))


def order(one: tuple, other: tuple) -> int:
    """-1, 0 or 1 as the first real value is less than, equal to or more than the second.

    Raises NoValue for letters and complex numbers.
    """
    if names(one) or names(other):
        raise NoValue("a letter without a value")
    if _same_at(one, other, {}):
        return 0
    with mpmath.workprec(2 * LEAST_PRECISION):
        difference = approximate(one, {}) - approximate(other, {})
        return 1 if _real(difference) > 0 else -1
