"""The words that have a meaning in an answer: numbers, operations, functions."""

from __future__ import annotations

from math_agent.equality import units
from math_agent.equality.spelling import Token

_DIGITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_TEENS = "fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
CARDINALS = {word: value for value, word in enumerate(f"{_DIGITS} {_TEENS}".split())}
CARDINALS |= {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}

SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}
SCALES |= {f"{word}s": value for word, value in SCALES.items()}

_ORDINALS = {
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "twelfth": 12,
    "hundredth": 100,
    "thousandth": 1000,
    "millionth": 10**6,
}
PARTS = {"half": 2, "halves": 2} | _ORDINALS
PARTS |= {f"{word}s": value for word, value in _ORDINALS.items()}

PERCENT_WORDS = frozenset(["percent", "percentage", "pct"])
SEPARATOR_WORDS = frozenset(["and", "or"])

_OPERATIONS = """
plus minus times over divided by multiplied factorial choose mod modulo below above less more than
least most negative positive squared cubed root power to about around maybe perhaps
approximately not and or but if from without base double triple twice thrice remainder infinity pi
out only except
"""
# words that change the value of the number before them, so that they are never a unit
VALUE_WORDS = frozenset([*CARDINALS, *SCALES, *PARTS, *PERCENT_WORDS, *_OPERATIONS.split()])

_FUNCTIONS = """
sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arccot exp ln log lg
min max gcd lcm floor ceil abs
"""
FUNCTIONS = {name: name for name in _FUNCTIONS.split()} | {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "arctg": "arctan",
    "tg": "tan",
    "ctg": "cot",
    "cosec": "csc",
    "Re": "re",
    "Im": "im",
}

# words of two letters that would otherwise be products, and what they would be the same as
_SHORT_WORDS = """
no on is it if in as at am an do go he me my of or so to up us we by be ok oh hi ha
si ti fi ni sa ta ma na od og eh em ym fo ro os ot pu su ew yb eb ko ho ah ih
"""
_SHORT = frozenset(_SHORT_WORDS.split())


def is_product(token: Token) -> bool:
    """Whether a word alone is a product of letters (xy, abc) and not a text (BAC, no, dog)."""
    word = token.text
    if token.upright or not word.islower() or not word.isascii():
        return False
    if word in _SHORT or word in FUNCTIONS or units.measure(word) is not None:
        return False
    if len(word) == 3:
        letters = set(word)
        return letters <= set("abc") or letters <= set("xyz") or not letters & set("aeiouy")
    return len(word) == 2
