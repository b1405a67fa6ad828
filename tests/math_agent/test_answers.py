"""Which text of a response counts, what a gold answer is, and what needs no process."""

import subprocess
import sys
from pathlib import Path

import pytest

from math_agent import answers
from math_agent.answers import boxed, gold_answer, is_correct


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


@pytest.mark.parametrize("box", ["", " ", r"\,", "{}", "$$", r"\text{}"])
@pytest.mark.parametrize("gold", ["", "18", r"\emptyset", "0"])
def test_an_empty_box_is_never_right(box, gold):
    assert not is_correct(rf"\boxed{{{box}}}", gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [("2+2=4 #### 4\n#### 1,080 ", "1,080"), ("025", "025"), ("#### -3", "-3"), ("", "")],
)
def test_gold_answer(answer, gold):
    assert gold_answer(answer) == gold


def test_a_task_may_accept_several_answers():
    gold = gold_answer(r"It is a half. #### 0.5 ||| \text{no idea}")
    assert is_correct(r"\boxed{\frac12}", gold)
    assert is_correct(r"\boxed{\text{No idea}}", gold)
    assert not is_correct(r"\boxed{0.5, \text{no idea}}", gold)
    assert not is_correct(r"\boxed{0.5 ||| 0.7}", gold)
    assert is_correct(r"\boxed{|||x|-1|-2|}", "|||x|-1|-2|")  # without spaces: absolute values


def test_a_plain_number_needs_no_process(monkeypatch):
    monkeypatch.setattr(answers, "checkers", None)
    assert is_correct(r"\boxed{1,080.00}", "1080")
    assert not is_correct(r"\boxed{$1,081$}", "1080")
    assert not is_correct(r"\boxed{10000000000000000001}", "10000000000000000000")


def test_import_is_light():
    heavy = "{'agentscope', 'trinity', 'ray', 'torch', 'sympy', 'mpmath'}"
    code = (
        "import math_agent.answers, math_agent, sys; "
        f"sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    )
    root = Path(answers.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
