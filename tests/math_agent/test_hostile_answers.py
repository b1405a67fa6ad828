"""A thousand answers of a grammar that look for holes: none raises, none hangs, none is paid."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from math_agent import answers
from math_agent.answers import is_correct

pytestmark = pytest.mark.slow  # thousands of answers

# no answer of the grammar has one of these values but by naming it
GOLDS = [r"\frac{7919}{7907}", r"7919\sqrt{7907}", "(7919, 7907)", "x > 7919", "QZXW", "7919"]

SMALL_ANSWERS = (
    r"0.5|.5|1e3|1e-9|2 1/3|3\frac12|0.\overline{45}|½|\pi|e|i|\mathrm{e}|\mathrm{i}|x|y|n|\infty"
    r"|\emptyset|-1|30^\circ|20\%|52_8|five|\text{no}|BAC|\$|{}|9:45|3:2|x^2|\sin x|\sqrt{2}"
    r"|\begin{pmatrix}1\\2\end{pmatrix}|\text{ cm}|apples|\ldots|∞|√2|2³"
)
TOKENS = (
    r"( ) [ ] { } \{ \} \left( \right) | \| , ; : . ! ' ^ _ + - * / = < > \le \ne \in \cup \cap "
    r"\setminus \pm \mp \cdot \times \frac \sqrt \binom \sum_{k=1}^{9} \int_0^1 \lim_{x\to0} \sin "
    r"\log_2 \ln \text{ \text{and} \mathbf{ \boxed{ \begin{matrix} \end{matrix} & \\ \, \! \quad ~ "
    r"$ $$ ** ` # \# % \% ^\circ dx \overline{ \dot \color{red} \phantom{ \cancel{ \mathbb{R} and or"
    " to per million thirds half dozen minus times factorial choose cm cm^2 km/h degrees"
)
SMALL = st.integers(0, 999).map(str) | st.sampled_from(SMALL_ANSWERS.split("|"))
PIECES = st.sampled_from(TOKENS.split())


def larger(parts):
    """Answers that are built of others."""
    return st.one_of(
        st.builds("{}{}".format, parts, parts),
        st.builds("{} {}".format, parts, parts),
        st.builds(r"\frac{{{}}}{{{}}}".format, parts, parts),
        st.builds("({})^{{{}}}".format, parts, parts),
        st.builds("{}, {}".format, parts, parts),
        st.builds(r"\left[{}, {}\right)".format, parts, parts),
        st.builds(r"\{{x | {} < x\}}".format, parts),
        st.builds(r"\sqrt[{}]{{{}}}".format, parts, parts),
        st.builds(r"\text{{{}}}".format, parts),
        st.builds("{} = {}".format, parts, parts),
        st.builds(lambda part, times: part * times, parts, st.integers(2, 60)),
        st.builds(lambda part, times: "(" * times + part + ")" * times, parts, st.integers(2, 60)),
        st.builds(
            lambda part, times: (part + "^{") * times + "2" + "}" * times, parts, st.integers(2, 30)
        ),
    )


ANSWERS = st.recursive(SMALL | PIECES | st.text(max_size=5), larger, max_leaves=12)

# what turns a right answer into another one: {gold} with something beside it
HEDGED_ANSWERS = (
    r"{gold} or {other}|{gold} and {other}|{gold}, {other}|{other}, {gold}|{gold}; {other}"
    r"|\{{{gold}, {other}\}}|({gold}, {other})|[{gold}, {other}]|{gold} \text{{ or }} {other}"
    r"|{gold} million|{gold} thousand|{gold} thirds|{gold} dozen|{gold} minus one|{gold} or so"
    r"|{gold} times two|{gold} maybe|not {gold}|{gold} is wrong|{gold} ({other})|{gold} {other}"
    r"|{gold} + {other}|{gold} \cdot {other}|({gold})^{{{other}}}|{gold} = {other}|{other} = {gold}"
    r"|\pm {gold}|{gold} \pm {other}|\sqrt{{{gold}}}|-{gold}|\frac{{{gold}}}{{{other}}}|{gold}!"
    r"|{gold}\mathrm{{i}}|{gold}x|{gold}_{{8}}|x \ge {gold}|x \ne {gold}|\cancel{{{gold}}} {other}"
    r"|{gold} \text{{ below zero}}|{gold} & {other}|{gold} \\ {other}|{gold} : {other}"
    r"|{gold} \cup {other}|x^2 = {gold}x|x = {gold} \text{{ or }} x = {other}"
)
HEDGES = st.sampled_from(HEDGED_ANSWERS.split("|"))
OTHERS = st.sampled_from(["2", "17", r"\frac{3}{5}", r"\sqrt{3}", "2.5", "33", r"\pi", "4i"])


def examples(count: int):
    """So many examples, the same in every run; with how long they take judged elsewhere."""
    checks = list(HealthCheck)
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=checks,
    )


@pytest.fixture(scope="module", autouse=True)
def nothing_reaches_the_time_limit():
    """No process is ended in these tests, as one would be that computes for too long."""
    assert is_correct(r"\boxed{\frac12}", "0.5")
    before = {process._process.pid for process in answers.checkers._idle}
    yield
    assert {process._process.pid for process in answers.checkers._idle} == before


@examples(400)
@given(ANSWERS, st.sampled_from(GOLDS))
def test_an_answer_that_is_built_at_random_is_not_paid(answer, gold):
    assert is_correct(rf"\boxed{{{answer}}}", gold) is False


@examples(400)
@given(HEDGES, OTHERS, st.sampled_from(GOLDS))
def test_a_right_answer_with_something_beside_it_is_not_paid(hedge, other, gold):
    assert is_correct(rf"\boxed{{{hedge.format(gold=gold, other=other)}}}", gold) is False


@examples(200)
@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12), st.integers(-60, 60))
def test_numbers_are_compared_exactly_whatever_their_size(above, below, exponent):
    gold = rf"\frac{{{above}}}{{{below}}} \cdot 10^{{{exponent}}}"
    same = rf"\frac{{{3 * above}}}{{{3 * below}}} \times {{10}}^{{{exponent}}}"
    near = rf"\frac{{{above * 10**40 + 1}}}{{{below * 10**40}}} \cdot 10^{{{exponent}}}"
    assert is_correct(rf"\boxed{{{same}}}", gold)
    assert not is_correct(rf"\boxed{{{near}}}", gold)
