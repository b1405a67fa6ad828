"""Answers in many spellings, wrong ones and hostile ones, against the gold answer."""

import multiprocessing
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import math_agent.answers as answers
from math_agent.answers import boxed, gold_answer, is_correct
from math_agent.equality.checker_process import CPU_LIMIT, Checkers

CORRECT = [  # gold, content of the box
    # plain numbers
    ("18", "18"),
    ("1,000", "1000"),
    ("1000", "1,000"),
    ("1000", "1{,}000"),
    ("1000", r"1\,000"),
    ("1,234,567", r"1{,}234{,}567"),
    ("1,234,567", r"1\!,\!234\!,\!567"),
    ("18", r"\$18.00"),
    ("18", "$18$"),
    ("18", "€18"),
    ("18", r"18\text{ dollars}"),
    ("18", r"\text{18 dollars}"),
    ("18", "18 dollars"),
    ("18", r"18~\text{km}^2"),
    ("18", "18."),
    ("2.50", "2.5"),
    ("025", "25"),
    ("25", "025"),
    ("-3", "−3"),
    ("+5", "5"),
    ("0.5", ".5"),
    ("90", r"90^\circ"),
    ("90", "90°"),
    (r"90^{\circ}", "90"),
    ("18", r"18\%"),
    (r"12.5\%", "12.5"),
    ("0.125", r"12.5\%"),
    (r"50\%", r"\frac{1}{2}"),
    ("18", "18 percent"),
    # another spelling of the same value
    ("2.5", r"\frac{5}{2}"),
    (r"\frac{1}{2}", r"\frac12"),
    (r"\frac12", "0.5"),
    (r"\frac{1}{2}", r"\dfrac{1}{2}"),
    ("0.5", "1/2"),
    (r"-\frac{1}{2}", r"\frac{-1}{2}"),
    (r"\frac{1000}{3}", r"\frac{1,000}{3}"),
    (r"1000\pi", r"1{,}000\pi"),
    (r"\frac{\sqrt{3}}{2}", r"\frac{1}{2}\sqrt{3}"),
    (r"2\sqrt{2}", r"\sqrt{8}"),
    ("x^2+2x+1", "(x+1)^2"),
    ("5", "x = 5"),
    ("y=2x+1", "y = 1 + 2x"),
    (r"5 \text{ cm}^2", "5"),
    ("A", r"\textbf{A}"),
    ("A", "A."),
    ("A", r"\text{(A)}"),
    (r"\text{even}", "even"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix} 1 \\ 2 \end{bmatrix}"),
    # several values
    ("(3,5)", r"\left(3, 5\right)"),
    ("(1000,2)", "(1{,}000, 2)"),
    ("(100,200)", "(100, 200)"),
    (r"(-\infty, 3]", r"(-\infty,3]"),
    (r"\{1,2\}", r"\{2,1\}"),
    ("2, 3", "3, 2"),
    ("2, 3", r"2 \text{ and } 3"),
    ("100, 200", "100,200"),
    (r"2 \text{ or } 3", "3, 2"),
]

THEMSELVES = [  # golds in the manner of competition data
    *["1,080", r"\frac{\sqrt{3}}{2}", r"2\sqrt{2}", r"(-\infty, 3]", "x^2+2x+1", r"\text{even}"],
    *["A", r"-\frac{1}{2}", r"10\pi", r"\{1,2\}", r"5 \text{ cm}^2", r"90^\circ", "y=2x+1"],
    *[r"\begin{pmatrix}1\\2\end{pmatrix}", "2, 3", "11:30", r"0.\overline{45}", r"12.5\%"],
]

WRONG = [  # gold, content of the box
    ("18", "19"),
    ("18", "-18"),
    ("18", r"19\text{ dollars}"),
    ("18", ""),
    ("18", " "),
    ("18", "x"),
    ("18", "18x"),
    ("1000", "1,00"),
    ("35", "3 5"),
    ("35", "3,5"),
    (r"50\%", r"0.5\%"),
    (r"0.5\%", r"50\%"),
    ("0.33", r"\frac{1}{3}"),
    ("10000000000000000000", "10000000000000000001"),
    (r"\frac{1}{2}", r"\frac{2}{1}"),
    (r"\sqrt{2}", "1.41"),
    (r"\pi", "3.14"),
    ("x^2+2x+1", "(x+2)^2"),
    ("A", "B"),
    (r"\text{even}", r"\text{odd}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\3\end{pmatrix}"),
    # several candidates for one value
    ("3", "3 or 5"),
    ("5", "3 or 5"),
    ("5", "3, 5"),
    ("3", "3; 5"),
    ("3", r"3\text{ or }5"),
    ("3", r"3\text{ or 5}"),
    ("3", r"3\text{ or five}"),
    ("3", r"\text{3 or 5}"),
    ("5", r"x=3 \text{ or } x=5"),
    ("5", "x=3, x=5"),
    ("3", r"\pm 3"),
    ("5", r"\{3,5\}"),
    ("7", "3 & 7"),
    ("7", r"3 \\ 7"),
    ("100200", "(100,200)"),
    # other values, order or ends
    ("2, 3", "2"),
    ("2, 3", "2, 3, 4"),
    ("(3,5)", "(5,3)"),
    ("(5,3)", "(7,2)"),
    ("(3,5)", "[3,5]"),
    (r"(-\infty, 3]", r"(-\infty, 3)"),
]


@pytest.mark.parametrize(("gold", "box"), CORRECT)
def test_another_spelling_is_correct(gold, box):
    assert is_correct(rf"So the answer is \boxed{{{box}}}.", gold)


@pytest.mark.parametrize("gold", THEMSELVES)
def test_a_gold_answer_is_correct(gold):
    assert is_correct(rf"\boxed{{{gold}}}", gold)


@pytest.mark.parametrize(("gold", "box"), WRONG)
def test_another_value_is_wrong(gold, box):
    assert not is_correct(rf"So the answer is \boxed{{{box}}}.", gold)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (None, None),
        ("", None),
        ("The answer is 18. #### 18", None),
        (r"first \boxed{17}, then \boxed{18}", "18"),
        (r"\boxed{\frac{1}{\sqrt{2}}} and 3", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed {18}", "18"),
        (r"\boxed{\boxed{18}}", "18"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{]0, 1\}}", r"]0, 1\}"),
        (r"\boxed{17}, no: \boxed{18", None),
        (r"\boxed{}", ""),
        (r"\boxed 18", None),
    ],
)
def test_the_last_box_counts(text, content):
    assert boxed(text) == content


def test_text_outside_the_box_does_not_count():
    assert not is_correct("The answer is 18.", "18")
    assert not is_correct(r"The answer is 18: \boxed{19}, so $18$. #### 18", "18")
    assert not is_correct(r"\boxed{18} or rather \boxed{19}", "18")
    assert not is_correct(r"\boxed{}", "")


@pytest.mark.parametrize(
    ("answer", "gold"),
    [("2+2=4 #### 4\n#### 1,080 ", "1,080"), ("025", "025"), ("#### -3", "-3"), ("", "")],
)
def test_gold_answer(answer, gold):
    assert gold_answer(answer) == gold


def test_a_task_may_accept_several_answers():
    gold = gold_answer(r"It is a half. #### 0.5 ||| \text{one half}")
    assert is_correct(r"\boxed{\frac12}", gold)
    assert is_correct(r"\boxed{\text{One half}}", gold)
    assert not is_correct(r"\boxed{0.5, \text{one half}}", gold)
    assert is_correct(r"\boxed{|||x|-1|-2|}", "|||x|-1|-2|")  # without spaces it is absolute values


def test_a_plain_number_needs_no_process(monkeypatch):
    monkeypatch.setattr(answers, "checkers", None)
    assert is_correct(r"\boxed{1,080.00}", "1080")
    assert not is_correct(r"\boxed{$1,081$}", "1080")


# ------------------------------------------------------------------ hostile answers, threads, forks


def in_a_thread(function, *arguments):
    """Result and seconds of a call outside the main thread, as in a Ray actor."""
    result = []

    def call():
        start = time.monotonic()
        result.extend([function(*arguments), time.monotonic() - start])

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(timeout=60)
    return result


@pytest.mark.parametrize("box", ["9^{9^{9^{9^9}}}", "(" * 400 + "1" + ")" * 400])
def test_an_endless_answer_is_wrong_in_time_and_does_no_harm(box):
    assert is_correct(r"\boxed{\frac12}", "0.5")  # the process is running
    verdict, seconds = in_a_thread(is_correct, rf"\boxed{{{box}}}", "5")
    assert verdict is False
    assert seconds < CPU_LIMIT + 0.5
    assert in_a_thread(is_correct, r"\boxed{\frac12}", "0.5")[0] is True


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
    start = time.monotonic()
    assert not is_correct(text, "5")
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    "box",
    [r"\frac{1}{", "\x00", "\ud800x", "²", "1" + "\\" * 9, r"\frac{0}{0}", "\n", "5\n6", "٣x"],
)
def test_no_answer_raises(box):
    assert is_correct(rf"\boxed{{{box}}}", "x") is False


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


def test_a_forked_process_starts_its_own_process():
    assert is_correct(r"\boxed{\frac12}", "0.5")
    with multiprocessing.get_context("fork").Pool(1) as pool:  # its workers are daemonic
        (result,) = pool.map(grade_in_a_pool_worker, [r"\frac{2}{4}"])
    assert result == (True, True)


def test_without_a_process_it_says_so(monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")  # a command that ends at once
    monkeypatch.setattr(answers, "checkers", Checkers())
    with pytest.raises(RuntimeError, match="could not start"):
        is_correct(r"\boxed{\frac12}", "0.5")


def test_import_is_light():
    heavy = "{'agentscope', 'trinity', 'ray', 'torch', 'math_verify', 'sympy', 'mpmath'}"
    code = f"import math_agent.answers, math_agent, sys; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    root = Path(answers.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
