r"""How an answer is written: LaTeX, Unicode and Markdown made one spelling, and cut into tokens.

Nothing here changes a value. What only decorates (bold, colour, \left, dollar signs around a
formula) goes; what has several spellings (×, \times; ½, \frac{1}{2}; U+202F, \,) gets one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple


class Token(NamedTuple):
    r"""A piece of an answer.

    `kind` is "number" (digits), "letter" (one), "word" (several letters), "command" (LaTeX, with
    its backslash) or "symbol". `upright` letters stood in \text, \mathrm or the like. `spaced`
    says whether white space stood before it.
    """

    kind: str
    text: str
    upright: bool = False
    spaced: bool = False


class Unreadable(Exception):
    """The answer is not mathematics that this package reads; it is compared as a text."""


# characters

_SPELLINGS = {  # LaTeX or ASCII: the characters that mean the same
    "-": "−–—‒﹣－",
    "": "\u200b\u200c\u200d\u2060\ufeff\u00ad",
    "'": "′’‘´",
    '"': "″“”",
    "/": "⁄∕",
    "|": "∣❘",
    ":": "∶：",
    ",": "，",
    ", ": "、",
    "; ": "；",
    ". ": "。",
    "μ": "µ",
    "L": "ℓ",
    "^\\circ ": "°º˚",
    "^\\circ C": "℃",
    "^\\circ F": "℉",
    " \\cdot ": "·⋅∙•",
    " \\times ": "×✕",
    " \\div ": "÷",
    " \\pm ": "±",
    " \\mp ": "∓",
    " \\sqrt ": "√",
    " \\sqrt[3] ": "∛",
    " \\infty ": "∞",
    " \\le ": "≤⩽",
    " \\ge ": "≥⩾",
    " \\ne ": "≠",
    " \\approx ": "≈",
    " \\equiv ": "≡",
    " \\in ": "∈",
    " \\notin ": "∉",
    " \\cup ": "∪",
    " \\cap ": "∩",
    " \\setminus ": "∖",
    " \\emptyset ": "∅⌀",
    " \\ldots ": "…⋯",
    " \\angle ": "∠",
    " \\triangle ": "△",
    " \\to ": "→",
    " \\langle ": "⟨",
    " \\rangle ": "⟩",
    " \\lfloor ": "⌊",
    " \\rfloor ": "⌋",
    " \\lceil ": "⌈",
    " \\rceil ": "⌉",
    " \\int ": "∫",
    " \\sum ": "∑",
    " \\prod ": "∏",
    " \\Omega ": "Ω",
    " \\mathrm{i} ": "ⅈ",
    " \\mathrm{e} ": "ⅇ",
    **{f" \\mathbb{{{letter}}} ": char for letter, char in zip("RZNQC", "ℝℤℕℚℂ", strict=True)},
}
_CHARACTERS = {char: spelled for spelled, chars in _SPELLINGS.items() for char in chars}
_GREEK_LETTERS = {
    char: unicodedata.name(char).split()[-1].lower().replace("lamda", "lambda")
    for char in "αβγδεζηθικλμνξοπρστφχψω"
} | {"ϕ": "phi"}
_GREEK_LETTERS |= {char.upper(): _GREEK_LETTERS[char].capitalize() for char in "γδθλπσφψω"}
_SCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣʸ]+|[₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₙₘₖᵢⱼₓ]+")


def _character(char: str) -> str:
    """The ASCII or LaTeX spelling of one character."""
    if char < "\x80":
        return char if char >= " " or char.isspace() else "\ufffd"  # a control character is none
    if char in _CHARACTERS:
        return _CHARACTERS[char]
    if char in _GREEK_LETTERS:
        return rf" \{_GREEK_LETTERS[char]} "
    if unicodedata.category(char) == "Zs":
        return " "
    compatible = unicodedata.normalize("NFKC", char)
    if "⁄" in compatible:  # ½
        numerator, denominator = compatible.split("⁄")
        return rf"\frac{{{numerator}}}{{{denominator}}}"
    if len(compatible) == 1 and compatible.isascii():  # full width, mathematical bold, ...
        return compatible
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    return char


def _script(run: re.Match) -> str:
    """Superscript or subscript characters as ^{} or _{}."""
    mark = "_" if unicodedata.normalize("NFD", run[0][0]) in "₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₙₘₖᵢⱼₓ" else "^"
    return f"{mark}{{{unicodedata.normalize('NFKC', run[0]).replace('−', '-')}}}"


def plain_characters(text: str) -> str:
    """`text` in ASCII and LaTeX, where its characters have such a spelling."""
    if text.isascii() and text.isprintable():
        return text
    text = _SCRIPTS.sub(_script, text)
    return "".join(map(_character, text))


# decoration

# JSON that was escaped twice: \\frac{1}{2}
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z$%\[\](){}!,;:])")
_SINGLE = re.compile(r"(?<!\\)\\(?:\\\\)*(?!\\)")
_FORMULA_MARKS = re.compile(r"(?<!\\)\\[\[\]()]")
_SIZES = re.compile(
    r"\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits"
    r"|Large|large|LARGE|huge|Huge|small|normalsize|bfseries|itshape|bf|rm|it|em|sf|tt"
    r"|hfill|centering|ensuremath|strut|null|relax|noindent)(?![A-Za-z])"
)
_COLOR = re.compile(
    r"\\(?:textcolor|color|colorbox)\s*(?:\[[A-Za-z]*\])?\{[A-Za-z0-9!., ]*\}"
    r"|\\hspace\*?\{[^{}]*\}|\\(?:hphantom|vphantom|phantom|label|tag)\{[^{}]*\}"
)
_MARKDOWN = re.compile(r"(\*\*\*|\*\*|\*|__|_|`|\")(.+)\1", re.DOTALL)


def undecorated(text: str) -> str:
    r"""`text` without what only decorates it: \left, colour, dollar signs, Markdown."""
    if _DOUBLED.search(text) and not _SINGLE.search(text):
        text = text.replace("\\\\", "\\")
    text = _FORMULA_MARKS.sub(" ", text)
    text = _COLOR.sub(" ", text)
    text = re.sub(r"(?<!\\)\{\s*\}(?=\s*[\^_])", "", text)  # 72{}^\circ
    text = re.sub(r"\\(?:left|right)\s*\.", "", text)
    text = _SIZES.sub("", text)
    text = re.sub(r"(?<=\s)!=", r"\\ne ", text)  # x != 3; n!=6 has a factorial
    text = text.strip()
    if bold := _MARKDOWN.fullmatch(text):
        text = bold[2]
    if len(re.findall(r"(?<!\\)\$", text)) % 2 == 0:
        text = re.sub(r"(?<!\\)\$", " ", text)
    text = text.strip()
    ending = re.fullmatch(r"(.*?)(?:[.。]|\\text\{\.\})+", text, re.DOTALL)
    if ending and not ending[1].endswith((r"\ldots", "...")) and not text.endswith("..."):
        text = ending[1].strip()
    return text


# digits in groups of three

_SPACE = r"(?:\s|~|\\[,;:! ]|\\quad|\\thinspace)"
# what cannot be mistaken for the comma of a list
_GROUP_MARK = "|".join(
    [
        r"\{,\}|\{\\[,;: ]\}|\\text\{,\}|\\mathord\{,\}",
        rf",{_SPACE}*\\!{_SPACE}*",
        rf"\\!,(?:\\!)?{_SPACE}*",
        r"\\[!,;: ]|~|\s|\\thinspace\s*",
    ]
)
_GROUPS = re.compile(
    rf"(?<![\d.,^_])[1-9]\d{{0,2}}(?:(?:{_GROUP_MARK})\d{{3}})+(?![\d/]|{_SPACE}*/)"
)
_COMMA_GROUPS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:(?:,|\{,\})\d{3})+(?![\d]|,\d)")


def joined_digits(text: str, commas: bool) -> str:
    """`text` with the digits of a number in one run: 32 768 and, with `commas`, 32,768."""
    if not re.search(r"\d\d\d", text):
        return text
    text = _GROUPS.sub(lambda number: re.sub(r"\D", "", number[0]), text)
    if commas:
        text = _COMMA_GROUPS.sub(lambda number: re.sub(r"\D", "", number[0]), text)
    return text


# tokens

_UPRIGHT_NAMES = """
text textbf textit textrm textnormal textsf texttt textup textsc mbox hbox fbox mathrm operatorname
operatorname* mathsf mathtt mathup rm unit si underline
"""
_UPRIGHT = frozenset(rf"\{name}" for name in _UPRIGHT_NAMES.split())
_STYLE_NAMES = """
mathbf mathit boldsymbol bm pmb mathnormal boxed mathord mathrel mathop
"""
_STYLE = frozenset(rf"\{name}" for name in _STYLE_NAMES.split())
_SYNONYMS = {  # a command or a character: the commands that mean the same
    r"\frac": r"\dfrac \tfrac \cfrac \nicefrac \sfrac",
    r"\binom": r"\dbinom \tbinom",
    r"\le": r"\leq \leqslant",
    r"\ge": r"\geq \geqslant",
    r"\ne": r"\neq \not=",
    "<": r"\lt",
    ">": r"\gt",
    ":": r"\colon \ratio",
    "*": r"\ast",
    "/": r"\div \slash",
    r"\emptyset": r"\varnothing",
    "|": r"\lvert \rvert \vert \mid",
    r"\{": r"\lbrace",
    r"\}": r"\rbrace",
    "[": r"\lbrack",
    "]": r"\rbrack",
    "(": r"\lparen",
    ")": r"\rparen",
    r"\setminus": r"\backslash \smallsetminus",
    r"\ldots": r"\dots \cdots \dotsc",
    r"\phi": r"\varphi",
    r"\epsilon": r"\varepsilon",
    r"\theta": r"\vartheta",
    r"\land": r"\wedge",
    r"\lor": r"\vee",
    r"\circ": r"\degree \degrees \textdegree",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    r"\$": r"\textdollar \mathdollar",
    "£": r"\pounds",
    "€": r"\euro",
    "i": r"\i",
    r"\R": r"\Reals \reals",
    r"\overline": r"\overbar \bar",
}
_SAME = {other: one for one, others in _SYNONYMS.items() for other in others.split()}
_TOKEN = re.compile(
    r"(?P<space>(?:\s|~|\\[,;:!> \n\t]|\\(?:quad|qquad|thinspace|enspace|medspace|nobreakspace)"
    r"(?![A-Za-z]))+)"
    r"|(?P<number>(?:\d+(?:\.(?:\d+|(?![.\d])))?|\.(?:\d+|(?=\s*\\(?:overline|bar|dot))))(?:[eE][+-]?\d+(?![A-Za-z\d.]))?)"
    r"|(?P<letters>[^\W\d_]+)"
    r"|(?P<command>\\[A-Za-z]+\*?|\\.)"
    r"|(?P<symbol>.)",
    re.DOTALL,
)


def tokens(text: str) -> list[Token]:
    """`text` in pieces. Raises Unreadable where a wrapper has no content."""
    found: list[Token] = []
    _tokenize(text, False, found)
    return found


def _tokenize(text: str, upright: bool, found: list[Token]) -> None:
    position = 0
    spaced = False
    while position < len(text):
        piece = _TOKEN.match(text, position)
        kind = piece.lastgroup
        position = piece.end()
        if kind == "space":
            spaced = True
            continue
        spelled = piece[0]
        if kind == "command":
            spelled = _SAME.get(spelled, spelled)
            if spelled in _UPRIGHT or spelled in _STYLE:
                position = _unwrap(text, position, spelled in _UPRIGHT or upright, spaced, found)
                spaced = spelled in _UPRIGHT
                continue
            kind = "command" if spelled[0] == "\\" else "symbol"
            if spelled.isalpha():
                kind = "letters"
        if kind == "letters":  # the reader decides which words are products of letters
            kind = "letter" if len(spelled) == 1 else "word"
        found.append(Token(kind, spelled, upright, spaced))
        spaced = False


def _unwrap(text: str, position: int, upright: bool, spaced: bool, found: list[Token]) -> int:
    """Take the tokens inside the braces of a wrapper; returns the position after them."""
    opening = re.compile(r"\s*\{").match(text, position)
    if opening is None:  # \mathbf x
        return position
    end = closing_brace(text, opening.end())
    if end is None:
        raise Unreadable(text)
    start = len(found)
    _tokenize(text[opening.end() : end], upright, found)
    if spaced and len(found) > start:
        found[start] = found[start]._replace(spaced=True)
    return end + 1


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def closing_brace(text: str, position: int) -> int | None:
    """The index of the brace that closes the group which opened before `position`."""
    depth = 1
    for brace in _BRACE.finditer(text, position):
        if brace[0] == "{":
            depth += 1
        elif brace[0] == "}":
            depth -= 1
            if depth == 0:
                return brace.start()
    return None


# texts


def in_one_spelling(text: str) -> str:
    r"""A formula that is not read, by its tokens: \int_{0}^{1} as \int_0^1."""
    pieces = []
    for token in tokens(text):
        if token.kind == "word" and not token.upright:
            pieces.extend(token.text)
        elif pieces[-1:] == [r"\frac"] and token.kind == "number" and token.text.isdecimal():
            pieces.extend(filter(None, (token.text[0], token.text[1:])))
        else:
            pieces.append(token.text)
    spelled = " ".join(pieces).rstrip(" .,")
    return re.sub(r"(?<!\S)\{ ([^\s{}]+) \}(?!\S)", r"\1", spelled)


_TEXT_WRAPPER = re.compile(
    r"\\(?:text(?:bf|it|rm|normal|sf|tt|up)?|mbox|math(?:rm|bf|it|sf|normal)|operatorname"
    r"|boldsymbol|bm|underline)\*?\s*\{([^{}]*)\}"
)


_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")


def as_text(text: str) -> str:
    """An answer that is compared letter by letter: without wrappers, outer marks and spaces.

    Case matters only in formulas: where there is a LaTeX command, a digit before a letter, or one
    letter in both cases and no word (R - r).
    """
    unwrapped = None
    while unwrapped != text:
        unwrapped, text = text, _TEXT_WRAPPER.sub(r"\1", text)
    text = re.sub(r"\\[,;:! ]|~|\\q?quad(?![A-Za-z])", " ", text)
    text = re.sub(r"\s+", " ", text)  # or two spaces between two numbers would go altogether
    text = re.sub(r"(?<!\w)\s+|\s+(?!\w)", "", text)
    text = re.sub(r"(\\[A-Za-z]+) (?=\d)", r"\1", text)
    text = re.sub(r"\s+", " ", text).lstrip().rstrip(" .,;:?")
    if re.search(r"\\|\d\s*[^\W\d_]", text):
        return text
    operation = re.search(r"[^\W\d_)][-+*/^=]|[-+*/^=][^\W\d_(]", text)
    if operation and not re.search(r"[^\W\d_]{3}", text):
        return text
    if not re.search(r"[^\W\d_]{3}", text) and set(text) & set(text.swapcase()) & _LETTERS:
        return text
    return text.casefold()
