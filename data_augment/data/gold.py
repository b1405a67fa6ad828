r"""The gold answer in a spelling that the judge reads, or the reason why there is none."""

import re
from decimal import Decimal
from fractions import Fraction

from data_augment.data.containers import gold_texts
from math_agent.answers import ALTERNATIVES, boxed, gold_answer

BLANK = "gold answer missing or blank"
NONE = "gold answer that is none (proof, notfound, N/A)"
PROSE = r"gold answer is prose without \boxed{} or ####"
SEVERAL = "several gold answers (see --several-answers)"

NOT_ANSWERS = {
    *("proof", "proofs", "prove", "proved", "proven", "proof omitted", "see proof", "qed", "q.e.d"),
    *("notfound", "not found", "not_found", "no answer", "noanswer", "no answer found", "missing"),
    *("n/a", "na", "nan", "none", "null", "unknown", "tbd", "todo", "error", "omitted"),
    *("not available", "not applicable", "not provided", "not given", "unanswerable"),
    *("see solution", "see the solution", "solution"),
    # what an instruction has in the place of an answer
    *("answer", "your answer", "the answer", "final answer", "your final answer", "answer here"),
}
MOST_WORDS = 9  # of three letters or more: "the triangle is isosceles" is an answer, a page is none

# Most golds of most datasets: a number, fraction or root, which needs no second look.
PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?|-?\d*\\(?:frac|sqrt)\{\w+\}(?:\{\w+\})?")
MARKS_ALONE = re.compile(r"[\s.?!…_*/()–—-]*")
WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox)\s*\{([^{}]*)\}")
WRAPPERS = [("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)"), ("**", "**"), ("`", "`")]
SAYS = (
    r"(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:(?:final|correct)\s+)?ans(?:wer)?\.?"
    r"\s*(?:is|:|=)\s*:?\s*"
)
ANSWER_IS = re.compile(rf"{SAYS}(\S.*)", re.I | re.DOTALL)
# 2\nThe answer is: 2
ENDS_WITH_ANSWER = re.compile(rf".*[.\n]\s*{SAYS}(\S[^\n]*)", re.I | re.DOTALL)
ABOUT = re.compile(r"(?:=|≈|\\approx(?![a-z])|(?:approximately|approx\.?|about)\s)\s*(?=\S)", re.I)
SCIENTIFIC = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))e([+-]?\d{1,4})", re.I)
MIXED = re.compile(r"([+-]?)\s*(\d+)\s+(\d+)\s*/\s*(\d+)")  # 3 1/2
UNICODE_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5"}
UNICODE_FRACTIONS |= {"⅖": "2/5", "⅗": "3/5", "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8"}
UNICODE_FRACTIONS |= {"⅜": "3/8", "⅝": "5/8", "⅞": "7/8"}
UNICODE_MIXED = re.compile(rf"([+-]?)(\d*)\s*([{''.join(UNICODE_FRACTIONS)}])")
ROOT = re.compile(r"√\s*(?:(\d+|[A-Za-z])|[({]([^(){}]*)[)}])")
SIGNS = {"−": "-", "∞": r"\infty ", "\u00a0": " ", "\u200b": "", "\ufeff": ""}


def read_gold(value, several: str = "drop") -> tuple[str | None, str | None]:
    """(gold answer, None), or (what stands there, the reason why it is none), of any value.

    Args:
        several: what more than one answer means: "any" of them is right (ALTERNATIVES stands
            between them), "all" of them are one list ("2, 3"), or "drop" the row.
    """
    if isinstance(value, str):
        if PLAIN.fullmatch(value):
            return value, None
        value = gold_answer(value)
        if ALTERNATIVES in value:
            value = value.split(ALTERNATIVES)
            several = "any"
    golds = [plain_spelling(text) for text in gold_texts(value)]
    golds = list(dict.fromkeys(gold for gold in golds if gold))
    if not golds:
        return None, BLANK
    shown = ", ".join(golds)
    if any(is_no_answer(gold) for gold in golds):
        return shown, NONE
    if any(len(WORD.findall(gold)) > MOST_WORDS for gold in golds):
        return shown, PROSE
    if len(golds) == 1:
        return golds[0], None
    if several == "any":
        return ALTERNATIVES.join(golds), None
    if several == "all":
        return shown, None
    return shown, SEVERAL


def is_no_answer(gold: str) -> bool:
    """Whether a text stands where an answer should, but is none: marks alone, "proof", "N/A"."""
    if MARKS_ALONE.fullmatch(gold):
        return True
    bare = TEXT_COMMAND.sub(r"\1", gold).strip(" .?!()[]{}<>$\\*\"'").lower()
    return bare in NOT_ANSWERS


def plain_spelling(text: str) -> str:
    r"""An answer without what stands around it, in a notation that models know from LaTeX.

    "The answer is $18$." is 18, "4.5e33" 4.5 \times 10^{33}, "3 1/2" \frac{7}{2}.
    """
    if r"\boxed" in text:
        inside = boxed(text)
        text = text if inside is None else inside
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    text = without_wrappers(halved_backslashes(text))
    said = ENDS_WITH_ANSWER.fullmatch(text) or ANSWER_IS.fullmatch(text)
    if said:
        text = without_wrappers(said[1])
    text = ABOUT.sub("", text, count=1) if ABOUT.match(text) else text
    text = ROOT.sub(lambda root: rf"\sqrt{{{root[1] or root[2]}}}", text)
    return number_spelling(text)


def number_spelling(text: str) -> str:
    """A number in scientific notation, or a mixed one, as LaTeX; any other text as it is."""
    scientific = SCIENTIFIC.fullmatch(text)
    if scientific:
        plain = f"{Decimal(text):f}"
        return plain if len(plain) <= 20 else rf"{scientific[1]} \times 10^{{{int(scientific[2])}}}"
    mixed = MIXED.fullmatch(text)
    if mixed and int(mixed[4]):
        value = int(mixed[2]) + Fraction(int(mixed[3]), int(mixed[4]))
    else:
        mixed = UNICODE_MIXED.fullmatch(text)
        if not mixed:
            return text
        value = int(mixed[2] or 0) + Fraction(UNICODE_FRACTIONS[mixed[3]])
    sign = "-" if mixed[1] == "-" else ""
    if value.denominator == 1:
        return f"{sign}{value}"
    return rf"{sign}\frac{{{value.numerator}}}{{{value.denominator}}}"


def without_wrappers(text: str) -> str:
    r"""A text without the pairs of $, \[ \], ** around the whole of it, and its last stop."""
    before = None
    while text != before:
        before = text
        text = text.strip()
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1]
        for left, right in WRAPPERS:
            if len(text) < len(left + right):
                continue
            inside = text[len(left) : -len(right)]
            is_wrapped = text.startswith(left) and text.endswith(right)
            if is_wrapped and left not in inside and right not in inside:
                text = inside
    return text


def halved_backslashes(text: str) -> str:
    r"""LaTeX that was escaped twice (every \ is \\, as in "\\frac") with single backslashes."""
    escaped_command = re.search(r"\\\\[A-Za-z]", text)
    single = re.search(r"(?<!\\)\\(?:\\\\)*(?!\\)", text)
    if escaped_command and not single:
        return text.replace("\\\\", "\\")
    return text
