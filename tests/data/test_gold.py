r"""Gold answers: out of their containers, in a spelling that the judge reads, or none."""

import pytest

from data_augment.data.gold import BLANK, NONE, PROSE, SEVERAL, read_gold
from math_agent.answers import is_correct


@pytest.mark.parametrize(
    ("value", "response"),
    [
        ("1+1 = <<1+1=2>>2\n#### 2", "2"),
        ("9 (apples)", "9"),
        ("18 (US dollars)", "18"),
        ("The answer is 18.", "18"),
        ("So, the final answer is: $18$", "18"),
        ("Answer: **18**", "18"),
        ("2 + 2 = 4\n#### 4\nThe answer is: 4", "4"),
        ("We compute.\nThe answer is 7.", "7"),
        ("So we get 8. The answer is: 8", "8"),
        ("The answer is 5.\nThe answer is: $5.5$", "5.5"),
        ("Answer:\n$$\n18\n$$", "18"),
        ("\\[18\\]", "18"),
        ("\\( 18 \\)", "18"),
        ("$$\\frac{1}{2}$$", "0.5"),
        ("= 18", "18"),
        ("approximately 3.14", "3.14"),
        ("≈ 3.14", "3.14"),
        ("4.5e33", "4.5 \\cdot 10^{33}"),
        ("-1.5E-30", "-1.5 \\cdot 10^{-30}"),
        ("1e-6", "10^{-6}"),
        ("2e3", "2000"),
        ("3 1/2", "\\frac{7}{2}"),
        ("-3 1/2", "-3.5"),
        ("½", "0.5"),
        ("3½", "3.5"),
        ("−5", "-5"),
        ("√2", "\\sqrt{2}"),
        ("2√(10)", "2\\sqrt{10}"),
        ("(-∞, 2]", "(-\\infty, 2]"),
        ("[0, \\\\frac{1}{2}]", "[0, 0.5]"),
        ("We get $\\boxed{\\frac{1}{2}}$.", "0.5"),
        ("First \\boxed{1}, so \\boxed{2}", "2"),
        ('{"ground_truth": "5", "style": "rule"}', "5"),
        ("{'ground_truth': '5', 'style': 'rule'}", "5"),
        ('["9.6\\n"]', "9.6"),
        ("['7']", "7"),
        ('["\\\\frac{1}{2}"]', "0.5"),
        ('["\\frac{1}{2}"]', "0.5"),
        ("['\\\\sqrt{2}']", "\\sqrt{2}"),
        ('["3\\, \\theta"]', "3\\theta"),
        ("[5]", "5"),
        ('"5"', "5"),
        (["9.6\n"], "9.6"),
        ([["7"]], "7"),
        ({"style": "rule", "ground_truth": ["7", None]}, "7"),
        ({"value": "7"}, "7"),
        (142.0, "142"),
        (0.5, "\\frac12"),
        (1e33, "10^{33}"),
        (10**40 + 7, "1" + "0" * 39 + "7"),
        (True, "True"),
        ([{"from": "human", "value": "q"}, {"from": "gpt", "value": "so \\boxed{7}"}], "7"),
    ],
)
def test_a_right_response_is_right_for_the_gold_answer(value, response):
    gold, fault = read_gold(value)
    assert fault is None
    assert is_correct(f"\\boxed{{{response}}}", gold), gold


@pytest.mark.parametrize(
    "gold",
    ["7", "007", "-3", "\\frac{1}{2}", "[0, 1]", "(1, 2)", "\\{1, 2\\}", "1, 2", "x = 5", "A", "(B)", "Yes",
     "5 (mod 7)", "3 \\pmod{7}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", "no solution", "DNE", "undefined",
     "\\emptyset", "∅", "18 ||| 18.5", "f(x) = 2 (x)", "$a$ and $b$", "the triangle is isosceles",
     "2(a-b)", "2(pi)", "\\frac{1}{2}(ab)", "9 (million)", "9 (apples)"],
)  # fmt: skip
def test_mathematics_stays_as_it_is(gold):
    assert read_gold(gold) == (gold, None)


@pytest.mark.parametrize(
    "value",
    ["proof", "Proof.", "notfound", "Not found", "N/A", "n/a.", "\\text{N/A}", "nan", "NaN", "null", "None",
     "...", "…", "?", "-", "--", "unknown", "\\text{None}", "see solution", "your answer", "$Answer",
     "<answer>", "\\boxed{\\text{proof}}", '["proof"]', ["notfound"]],
)  # fmt: skip
def test_what_is_no_answer_is_dropped_though_the_judge_would_accept_it(value):
    assert read_gold(value)[1] == NONE


@pytest.mark.parametrize(
    "value",
    [None, "", "  ", "#### ", "\\boxed{}", "[]", [], [None], '[""]', {}, "{}", "\u200b", "$$"],
)
def test_an_empty_answer_is_dropped_as_blank(value):
    assert read_gold(value)[1] == BLANK


def test_a_solution_without_its_answer_marked_is_dropped_as_prose():
    solution = "We add the two numbers and then divide the sum by the third one to see it."
    assert read_gold(solution)[1] == PROSE
    assert read_gold(solution + " \\boxed{7}") == ("7", None)


def test_several_answers_are_dropped_or_joined_as_told():
    several = ["2", "$3$"]
    assert read_gold(several) == ("2, 3", SEVERAL)
    assert read_gold(several, "all") == ("2, 3", None)
    assert read_gold(several, "any") == ("2 ||| 3", None)
    assert is_correct("\\boxed{3}", "2 ||| 3")
    assert read_gold(["2", "2"]) == ("2", None)
