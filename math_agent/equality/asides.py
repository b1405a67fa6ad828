r"""What stands beside a formula: k \in \mathbb{Z}, (mod 7), a second equation.

The reader knows formulas alone. Here a declaration is taken off, a congruence gets one spelling,
and equations side by side get a comma between them.
"""

from __future__ import annotations

import re

# declarations

_OF_NUMBERS = r"(?:(?:real|positive|natural|rational|whole|numbers?)\s+)*"
_DECLARED = re.compile(
    r"(?P<body>.+?)(?:[,;\s~(]|\\[,;: ]|\\q?quad(?![A-Za-z]))+"
    r"(?:(?:where|with)\s+)?"
    r"(?P<all>(?:for\s+)?(?:all|any|every|each|some)\s+|for\s+|\\forall\s*)?"
    rf"{_OF_NUMBERS}(?P<whole>integers?\s+)?(?P<letter>[A-Za-z])\s*"
    r"(?P<domain>\\in\s*\\mathbb\s*\{?(?P<set>[ZNRQ])\}?(?:[\^_]\{?(?P<mark>[+*>=0]+)\}?)?"
    r"|is\s+(?:an|any)\s+integer)?\s*\)?",
    re.DOTALL,
)


def declared(text: str) -> tuple[str, str, str]:
    r"""(x = k\pi, k, Z) of "x = k\pi, k \in \mathbb{Z}"; (x, x, "") of "x for all x".

    The letter is "" where nothing is declared. An inequality is never left without its domain.
    """
    words = re.sub(r"\\(?:text|mbox|mathrm)\s*\{([^{}]*)\}", r" \1 ", text)
    found = _DECLARED.fullmatch(words.strip())
    if found is None or not (found["domain"] or found["whole"] or found["all"]):
        return text, "", ""
    body, letter = found["body"], found["letter"]
    if re.search(r"[<>]|\\(?:[lg]eq?|neq?|lt|gt|in)(?![A-Za-z])", body):
        return text, "", ""
    if not (found["domain"] or found["whole"] or "=" in body) or not _letter(letter).search(body):
        return text, "", ""
    is_integer = found["whole"] or (found["domain"] or "").startswith("is")
    domain = "Z" if is_integer else f"{found['set'] or ''}{found['mark'] or ''}"
    return body, letter, domain


def _letter(letter: str) -> re.Pattern:
    """Where a letter stands alone, which is no part of a word or of a command."""
    return re.compile(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z])")


def renamed(text: str, old: str, new: str) -> str:
    """`text` with another letter for `old`, if that is not in use."""
    return text if _letter(new).search(text) else _letter(old).sub(new, text)


# congruences

_MOD_IN_TEXT = re.compile(r"\\(?:text|mathrm|operatorname)\s*\{(\s*\(?\s*mod[^{}]*)\}")
_MOD = r"(?:\\[bp]?mod(?![A-Za-z])|(?<![A-Za-z\\])mod(?![A-Za-z]))\s*(?:\{\s*(\w+)\s*\}|(\w+))"
_MODULUS = re.compile(rf"\(\s*{_MOD}\s*\)|{_MOD}")


def with_modulus(text: str) -> str:
    r"""`text` with the modulus of a congruence as \pmod{7}: (mod 7), \bmod 7, \pmod 7."""
    if r"\equiv" not in text:
        return text
    text = re.sub(r"(?<=\w)\\[ ,;:](?=\s*\(|\\)", " ", _MOD_IN_TEXT.sub(r" \1 ", text))
    return _MODULUS.sub(lambda found: rf"\pmod{{{''.join(filter(None, found.groups()))}}}", text)


# equations side by side

_GAP = r"(?:\s|~|\\[,;: ])"
_NEXT_EQUATION = re.compile(
    rf"(?:{_GAP}*(?:\\q?quad(?![A-Za-z])|\\\\)(?:{_GAP}|\\q?quad(?![A-Za-z]))*"
    rf"|(?<=\d){_GAP}+(?![mshgLNJWVACFK]\b))"
    r"(?=(?:[A-Za-z]|\\[a-z]+|[A-Z]{2,3})(?:_\w|_\{\w+\})?\s*=)"
)


def with_commas(text: str) -> str:
    r"""`text` with a comma between "x = 1 \quad y = 2", which is not x = 1y = 2."""
    if text.count("=") < 2 or r"\begin" in text:
        return text

    def comma(gap: re.Match) -> str:
        before = text[: gap.start()].rstrip(" }")
        joined = before.endswith((",", ";", "and", "or"))
        return gap[0] if joined or "=" not in before else ", "

    return _NEXT_EQUATION.sub(comma, text)
