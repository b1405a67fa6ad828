r"""Whether a final answer has the value of the gold answer, however it is spelled.

Plain numbers are compared here; all else goes to math-verify, in a process of its own that the
kernel ends after `TIME_LIMIT` seconds: `\boxed{9^{9^{9}}}` never returns, and math-verify's own
alarm works in the main thread only, where a Ray actor does not grade.

Run as a command, this file is that process: [gold, answer] a line in, true or false a line out.

    echo '["0.5", "\\frac12"]' | python answers.py
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from decimal import Decimal

TIME_LIMIT = 2.0  # seconds of wall-clock time for one comparison by math-verify
MAX_ANSWER = 1000  # characters; a longer box is wrong unread
ALTERNATIVES = " ||| "  # between the accepted gold answers of one task; the spaces are part of it


def gold_answer(answer: str) -> str:
    """What follows the last "####" of a GSM8K answer; the whole string where there is none.

    A task with several accepted answers has them all here: "reasoning #### 18 ||| 18.5".
    """
    return answer.rpartition("####")[2].strip()


def boxed(text: str | None) -> str | None:
    r"""The content of the last `\boxed{}` of `text`; None without one, or if it never closes."""
    text = text or ""
    opening = re.compile(r"\\boxed\s*\{").match(text, max(text.rfind(r"\boxed"), 0))
    if opening is None:
        return None
    depth = 1
    for token in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, opening.end()):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return text[opening.end() : token.start()]
    return None


def is_correct(text: str | None, gold: str) -> bool:
    r"""Whether the last `\boxed{}` of `text` holds the value of `gold`, however it is spelled.

    Thousands separators, currency, degrees, units and the percent sign do not matter (12.5% is
    right for 12.5 and for 0.125). Several values are right only where gold lists the same ones;
    the order matters in brackets ("(2, 3)") and not without ("2, 3"). `gold` may hold several
    accepted answers with ALTERNATIVES between them ("18 ||| 18.5"): each of them is right.

    Never raises on any `text`. A plain number takes some 20 microseconds, math-verify 2 to 10
    milliseconds and `TIME_LIMIT` at worst, besides a second to load it when it is first asked or
    was ended. Safe in threads, which take turns, and in forked processes. Raises RuntimeError
    where math-verify cannot be started at all.
    """
    answer = boxed(text)
    if answer is None or len(answer) > MAX_ANSWER:
        return False
    return any(_accepts(alternative, answer) for alternative in gold.split(ALTERNATIVES))


def _accepts(gold: str, answer: str) -> bool:
    """Whether the content of a box has the value of one accepted answer."""
    if _squash(answer) == _squash(gold):
        return bool(answer.strip())
    (gold, gold_percents), (answer, percents) = _PERCENT.subn("", gold), _PERCENT.subn("", answer)
    gold, answer = _clean(gold), _clean(answer)
    if _same(gold, answer):
        return True
    if percents and not gold_percents and (number := _number(answer)) is not None:
        return _same(gold, f"{number / 100:f}")
    if gold_percents and not percents and (number := _number(gold)) is not None:
        return _same(f"{number / 100:f}", answer)
    return False


# Spellings that math-verify 0.9.0 misjudges (the tests name them), and the plain number.
_PERCENT = re.compile(r"\\?%|\\text\{\s*percent\s*\}|\s*\bpercent\b")
_SIGNS = re.compile(r"\\!|\\?\$|[€£]|\^\{?\\circ\}?|\\degree|°")
_TEXT_WITH_DIGITS = re.compile(r"\\(?:text|textbf|mathrm|mbox)\{([^{}]*\d[^{}]*)\}")
_THIN_SEPARATOR = re.compile(r"(?<=\d)(?:\{,\}|\\[,; ])(?=\d{3}(?!\d))")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
_ALTERNATIVE = re.compile(r"(?<![A-Za-z])(?:and|or)(?![A-Za-z])")
_NUMBER = re.compile(
    r"([+-]?\s*(?:\d+\.?\d*|\.\d+))"
    r"(?:\s*(?:\\[,; ])?\s*\\(?:text|mathrm|mbox)\{[^{}]*\}(?:\^\{?\d\}?)?|(?:\s+[A-Za-z]{3,})+)?"
)


def _clean(answer: str) -> str:
    """`answer` without what carries no value."""
    answer = _SIGNS.sub("", answer.replace("~", " "))
    answer = _TEXT_WITH_DIGITS.sub(r" \1 ", answer)
    answer = _THIN_SEPARATOR.sub("", answer)
    if not re.search(r"[(\[]|\\\{", answer):  # (100,200) is a pair
        answer = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), answer)
    return answer.strip().removesuffix(".").strip()


def _squash(answer: str) -> str:
    """`answer` without white space, except between digits ("3 5" is not 35)."""
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", answer.strip())


def _number(answer: str) -> Decimal | None:
    """The value of a cleaned answer that is a decimal number, with or without a unit."""
    number = _NUMBER.fullmatch(answer)
    return Decimal("".join(number[1].split())) if number else None


def _same(gold: str, answer: str) -> bool:
    """Whether two cleaned answers have the same value."""
    if _ALTERNATIVE.search(answer) and not ("," in gold or _ALTERNATIVE.search(gold)):
        return False  # math-verify takes the second half of 3\text{ or five} for a unit
    gold_number, number = _number(gold), _number(answer)
    if gold_number is not None and number is not None:
        return gold_number == number
    return _math_verify.same(gold, answer)


# math-verify, in its own process


class _MathVerify:
    """This file run as a command: started at the first question, started anew when it died.

    A subprocess and not multiprocessing: Ray's and pytest's main modules are not imported again,
    and it may be started from a daemonic pool worker.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None

    def same(self, gold: str, answer: str) -> bool:
        """Ask; an answer that kills the process (time limit, stack) is not the same."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            verdict = self._ask(json.dumps([gold, answer]))
            if not verdict:
                self._stop()
            return verdict == "true"

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the caller; the process ends with its stdin
        )
        if self._ask('["1", "1"]') != "true":
            self._stop()
            raise RuntimeError(
                f"answers.py: {sys.executable} could not start math-verify to grade an answer "
                "(its error is above); install it: pip install math-verify"
            )

    def _ask(self, question: str) -> str:
        try:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self._process.stdout.readline().strip()

    def _stop(self) -> None:
        self._process.kill()
        self._process.communicate()  # reaps it and closes the pipes
        self._process = None


_math_verify = _MathVerify()
# a forked child must not read its parent's verdicts, nor inherit a lock that a thread held
os.register_at_fork(after_in_child=_math_verify.__init__)


def _serve() -> None:
    """Answer [gold, answer] lines on stdin with true or false until stdin closes."""
    verdicts, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no verdict
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, even inside one long C call
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])  # a mask outlives exec
    signal.alarm(60)  # for the imports
    from math_verify import LatexExtractionConfig, parse, verify

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own alarm is off
    # the box as a whole; by default any number in a box that does not parse would do ("3 & 7")
    config = [LatexExtractionConfig(boxed_match_priority=0)]

    def read(answer: str) -> list:
        return parse(
            rf"\boxed{{{answer}}}", config, extraction_mode="first_match", parsing_timeout=None
        )

    read("1")  # compiles its patterns and grammar, outside the time limit
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT)
        gold, answer = json.loads(line)
        verdict = verify(read(gold), read(answer), timeout_seconds=None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(verdict), file=verdicts, flush=True)


if __name__ == "__main__":
    _serve()
