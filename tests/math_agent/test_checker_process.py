"""The processes that compare: endless and broken answers, threads, forks."""

import multiprocessing
import sys
import threading
import time

import pytest

from math_agent import answers
from math_agent.answers import is_correct
from math_agent.equality import checker_process
from math_agent.equality.checker_process import Checkers


def process_ids() -> set[int]:
    return {process._process.pid for process in answers.checkers._idle}


ENDLESS = [
    "9^{9^{9^{9^9}}}",
    "(10^{100})!",
    r"\exp(\exp(\exp(100)))",
    r"\sin(10^{1000000})",
    r"\sum_{a=1}^{1000}\sum_{b=1}^{1000}\sum_{c=1}^{1000}1",
    r"\binom{10^{9}}{10^{8}}",
    r"\int_0^1\int_0^1\int_0^1 xyz dx dy dz",
    "(" * 400 + "1" + ")" * 400,
    r"\sqrt{" * 100 + "2" + "}" * 100,
    "5" + "!" * 500,
    "((3!)!)!",
    "2^{" * 100 + "2" + "}" * 100,
    "1e999999999",
    ",".join("1" * 400),
    r"\{x|" * 100,
    r"\text{" * 100 + "5" + "}" * 100,
    "1 000" * 190,
    "five " * 190,
    r"\pm 1" * 190,
    "(1,2)" + r"\cup(3,4)" * 100,
]


def test_no_answer_reaches_the_time_limit():
    assert is_correct(r"\boxed{\frac12}", "0.5")
    before = process_ids()
    paid = [box for box in ENDLESS if is_correct(rf"\boxed{{{box}}}", r"\frac{7919}{7907}")]
    assert paid == []
    assert process_ids() == before  # a process that reached it would have been ended


@pytest.mark.parametrize(
    "text",
    [
        rf"\boxed{{{'1' * 100_000}}}",
        rf"\boxed{{{'{' * 50_000}5{'}' * 50_000}}}",
        r"\boxed{" * 20_000,
        rf"\boxed{{{'x+' * 50_000}1}}",
    ],
)
def test_a_huge_answer_is_wrong_at_once(text):
    start = time.process_time()
    assert not is_correct(text, "5")
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "box",
    [
        *[r"\frac{1}{", r"\frac", r"\sqrt[", r"\left(", r"\begin{", r"\begin{pmatrix}", r"\text{5"],
        *["\x00", "\ud800x", "²", "1" + "\\" * 9, r"\frac{0}{0}", "\n", "5\n6", "٣x", "\u202e5"],
    ],
)
def test_no_answer_raises(box):
    assert is_correct(rf"\boxed{{{box}}}", "x") is False


PATCH = """
import time
import math_agent.equality.matching as matching
honest = matching.says_the_same
def says_the_same(gold, answer):
    while answer == "endless":
        pass
    if answer == "waiting":  # as on a machine where others compute
        time.sleep(1)
    return honest(gold, answer)
matching.says_the_same = says_the_same
"""


@pytest.fixture
def slow_answers(monkeypatch):
    """New processes in which "endless" computes for ever, as after a bug, and "waiting" waits."""
    command = checker_process._COMMAND.replace(
        "from math_agent", f"exec({PATCH!r}); from math_agent"
    )
    monkeypatch.setattr(checker_process, "_COMMAND", command)
    monkeypatch.setattr(checker_process, "CPU_LIMIT", 0.5)
    monkeypatch.setattr(answers, "checkers", Checkers())


def test_an_endless_answer_is_wrong_and_does_no_harm(slow_answers):
    assert not is_correct(r"\boxed{endless}", "5")
    assert is_correct(r"\boxed{\frac12}", "0.5")


def test_an_honest_answer_does_not_wait_behind_an_endless_one(slow_answers):
    ended = []
    endless = threading.Thread(
        target=lambda: ended.append(("endless", is_correct(r"\boxed{endless}", "5")))
    )
    honest = threading.Thread(
        target=lambda: ended.append(("honest", is_correct(r"\boxed{\frac12}", "0.5")))
    )
    warm = [threading.Thread(target=is_correct, args=(r"\boxed{\frac12}", "2")) for _ in range(2)]
    for thread in warm:
        thread.start()
    for thread in warm:
        thread.join()
    endless.start()
    time.sleep(0.05)
    honest.start()
    endless.join()
    honest.join()
    assert ended == [("honest", True), ("endless", False)]


def test_the_wait_on_a_busy_machine_does_not_count(slow_answers):
    assert is_correct(r"\boxed{waiting}", r"\text{Waiting}")


def test_threads_get_their_own_verdicts():
    questions = [(rf"\boxed{{\frac{{{n}}}{{2}}}}", str(n / 2 + n % 2)) for n in range(1, 41)]
    verdicts = {}

    def grade(number):
        verdicts[number] = is_correct(*questions[number])

    threads = [threading.Thread(target=grade, args=[n]) for n in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [verdicts[n] for n in range(40)] == [n % 2 == 0 for n in range(1, 41)]


def grade_in_a_pool_worker(box):
    unshared = not answers.checkers._idle
    return unshared, is_correct(rf"\boxed{{{box}}}", "0.5")


def test_a_forked_process_starts_its_own():
    assert is_correct(r"\boxed{\frac12}", "0.5")
    with multiprocessing.get_context("fork").Pool(1) as pool:  # its workers are daemonic
        (result,) = pool.map(grade_in_a_pool_worker, [r"\frac{2}{4}"])
    assert result == (True, True)


def test_without_a_process_it_says_so(monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")  # a command that ends at once
    monkeypatch.setattr(answers, "checkers", Checkers())
    with pytest.raises(RuntimeError, match="could not start"):
        is_correct(r"\boxed{\frac12}", "0.5")
