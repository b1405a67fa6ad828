"""The operations of expressions: exact on rational numbers where they can be, else with mpmath."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath

MAX_BITS = 150_000  # of an exact number
MAX_WHOLE = 10_000  # of a factorial and of a binomial coefficient


class NoValue(Exception):
    """The expression has no value that can be computed: a division by zero, too large, unknown."""


def fits(value: Fraction) -> Fraction:
    if _bits(value) > MAX_BITS:
        raise NoValue("too large")
    return value


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


# Exact, on Fractions: None where the result is not rational, or not known to be.


def _exact_product(*factors: Fraction) -> Fraction:
    product = Fraction(1)
    for factor in factors:
        product = fits(product * factor)
    return product


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        if base < 0:  # the principal root is complex
            return None
        base = _exact_root(base, Fraction(exponent.denominator))
        return None if base is None else _exact_power(base, Fraction(exponent.numerator))
    if base == 0 and exponent <= 0:
        raise NoValue("zero to the power of zero or less")
    if abs(base) == 1:
        return base ** (exponent.numerator % 2)
    if base and abs(exponent) * _bits(base) > MAX_BITS:
        raise NoValue("too large")
    return base**exponent.numerator


def _exact_root(radicand: Fraction, degree: Fraction) -> Fraction | None:
    """An odd root of a negative number is real."""
    if degree.denominator != 1 or not 1 <= degree <= MAX_BITS:
        return None
    if radicand < 0:
        positive = _exact_root(-radicand, degree) if degree % 2 else None
        return None if positive is None else -positive
    above = _whole_root(radicand.numerator, degree.numerator)
    below = _whole_root(radicand.denominator, degree.numerator)
    return None if above is None or below is None else Fraction(above, below)


def _whole_root(value: int, degree: int) -> int | None:
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
    return root if root**degree == value else None


def _exact_factorial(value: Fraction) -> Fraction | None:
    if value.denominator != 1:
        return None
    if not 0 <= value <= MAX_WHOLE:
        raise NoValue("the factorial of a negative or large number")
    return Fraction(math.factorial(value.numerator))


def _exact_binomial(above: Fraction, below: Fraction) -> Fraction | None:
    if above.denominator != 1 or below.denominator != 1 or above < 0 or below < 0:
        return None
    if max(above, below) > MAX_WHOLE:
        raise NoValue("too large")
    return Fraction(math.comb(above.numerator, below.numerator))


def _exact_logarithm(value: Fraction, base: Fraction) -> Fraction | None:
    """A logarithm that is a whole number or the negative of one."""
    if value <= 0 or base <= 1 or base.denominator != 1:
        return None
    if value < 1:
        inverse = _exact_logarithm(1 / value, base)
        return None if inverse is None else -inverse
    guess = round(math.log2(value.numerator) / math.log2(base.numerator))
    return Fraction(guess) if base**guess == value else None


def _of_integers(function):
    """math.gcd or math.lcm for Fractions."""

    def exact(*values: Fraction) -> Fraction | None:
        if not values or any(value.denominator != 1 for value in values):
            return None
        return Fraction(function(*(value.numerator for value in values)))

    return exact


EXACT = {
    "add": lambda *terms: sum(terms),
    "neg": lambda value: -value,
    "mul": _exact_product,
    "div": lambda dividend, divisor: dividend / divisor,
    "percent": lambda value: value / 100,
    "pow": _exact_power,
    "root": _exact_root,
    "factorial": _exact_factorial,
    "binomial": _exact_binomial,
    "abs": abs,
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
    "min": min,
    "max": max,
    "gcd": _of_integers(math.gcd),
    "lcm": _of_integers(math.lcm),
    "log": lambda value, base=Fraction(10): _exact_logarithm(value, base),
}


# To the current precision, on mpf and mpc.


def _small(value, bits: int = 4000):
    """`value`, if its magnitude is such that a power or an exponential of it can be computed."""
    if value and max(mpmath.mag(mpmath.re(value)), mpmath.mag(mpmath.im(value))) > bits:
        raise NoValue("too large")
    return value


def _of_small(function):
    return lambda value: function(_small(value))


def _real(value):
    if mpmath.im(value) != 0:
        raise NoValue("not real")
    return mpmath.re(value)


def _power(base, exponent):
    if base == 0 and mpmath.re(exponent) <= 0:
        raise NoValue("zero to the power of zero or less")
    return mpmath.power(base, _small(exponent))


def _root(radicand, degree):
    if mpmath.im(radicand) == 0 and mpmath.re(radicand) < 0 and degree > 1 and degree % 2 == 1:
        return -mpmath.power(-radicand, 1 / degree)
    return mpmath.power(radicand, 1 / degree)


NUMERIC = {
    "add": lambda *terms: mpmath.fsum(terms),
    "neg": lambda value: -value,
    "mul": lambda *factors: mpmath.fprod(factors),
    "div": lambda dividend, divisor: dividend / divisor,
    "percent": lambda value: value / 100,
    "degree": lambda value: value * mpmath.pi / 180,
    "pow": _power,
    "root": _root,
    "factorial": lambda value: mpmath.factorial(_small(value, 64)),
    "binomial": lambda above, below: mpmath.binomial(_small(above, 64), _small(below, 64)),
    "abs": abs,
    "floor": lambda value: mpmath.floor(_real(value)),
    "ceil": lambda value: mpmath.ceil(_real(value)),
    "min": lambda *values: min(map(_real, values)),
    "max": lambda *values: max(map(_real, values)),
    "re": mpmath.re,
    "im": mpmath.im,
    "sin": _of_small(mpmath.sin),
    "cos": _of_small(mpmath.cos),
    "tan": _of_small(mpmath.tan),
    "cot": _of_small(mpmath.cot),
    "sec": _of_small(mpmath.sec),
    "csc": _of_small(mpmath.csc),
    "sinh": _of_small(mpmath.sinh),
    "cosh": _of_small(mpmath.cosh),
    "tanh": _of_small(mpmath.tanh),
    "gamma": lambda value: mpmath.gamma(_small(value, 8)),
    "zeta": lambda value: mpmath.zeta(_small(value, 8)),
    "exp": _of_small(mpmath.exp),
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arccot": mpmath.acot,
    "ln": mpmath.log,
    "lg": mpmath.log10,
    "log": lambda value, base=10: mpmath.log(value) / mpmath.log(base),
}
