r"""Whether the final answer of a response has the value of the gold answer, however it is spelled.

    boxed         the content of the last \boxed{}
    gold_answer   the gold answer in a task's `answer`
    is_correct    the verdict

Plain numbers and equal spellings are judged here, all else by the rooms in equality/, in a process
with a limit on its CPU time.

All verdicts are ours; math-verify 0.9.0 takes no part. Alone it will not do: it skips what it
cannot read (3 minus five is 3, 52_8 is 52_{10}), reads words as products of letters (BAC is CAB),
compares floats with an absolute tolerance (1/2^97 is 1/2^96), and does not know 2 1/3,
0.\overline{45} or 4.5e33. An integral or a limit equals only itself.
"""

from __future__ import annotations

import re
from decimal import Decimal

from math_agent.equality.checker_process import checkers
from math_agent.equality.spelling import closing_brace

MAX_ANSWER = 1000  # characters; a longer box is wrong unread
ALTERNATIVES = " ||| "  # between the accepted gold answers of one task; the spaces are part of it

_BOX = re.compile(r"\\boxed\s*\{")
_PLAIN_NUMBER = re.compile(
    r"\s*\$?([+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?)\$?\s*\.?\s*", re.ASCII
)


def gold_answer(answer: str) -> str:
    """What follows the last "####" of a GSM8K answer; the whole string where there is none.

    A task with several accepted answers has them all here: "reasoning #### 18 ||| 18.5".
    """
    return answer.rpartition("####")[2].strip()


def boxed(text: str | None) -> str | None:
    r"""The content of the last `\boxed{}` of `text`; None without one, or if it never closes."""
    text = text or ""
    opening = _BOX.match(text, max(text.rfind(r"\boxed"), 0))
    if opening is None:
        return None
    end = closing_brace(text, opening.end())
    return None if end is None else text[opening.end() : end]


def is_correct(text: str | None, gold: str) -> bool:
    r"""Whether the last `\boxed{}` of `text` holds the value of `gold`, however it is spelled.

    `gold` may hold several accepted answers with ALTERNATIVES between them ("18 ||| 18.5"): each
    of them is right. The rules, one choice each where people differ, are in matching.py.

    Never raises on any `text`. A plain number takes some microseconds, all else a millisecond or
    few, and 2 seconds of CPU time at worst. Safe in threads and in forked processes. Raises
    RuntimeError where the process that compares cannot be started at all.
    """
    answer = boxed(text)
    if answer is None or len(answer) > MAX_ANSWER or not answer.strip():
        return False
    return any(_accepts(alternative, answer) for alternative in gold.split(ALTERNATIVES))


def _accepts(gold: str, answer: str) -> bool:
    """Whether the content of a box is right for one accepted answer."""
    number = _PLAIN_NUMBER.fullmatch(answer)
    gold_number = _PLAIN_NUMBER.fullmatch(gold)
    if number and gold_number:
        return _decimal(number[1]) == _decimal(gold_number[1])
    if answer.strip() == gold.strip():
        return True
    return checkers.says_the_same(gold, answer)


def _decimal(number: str) -> Decimal:
    return Decimal(number.replace(",", ""))
