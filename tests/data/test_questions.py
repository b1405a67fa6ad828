"""Questions: which two are the same."""

import polars as pl
import pytest

from data_augment.data.questions import same_question, same_questions


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is $x$=2?", "is x = 2"),
        ("Is \\(x\\)\n= 2 ?", "Is x=2?"),
        ("Cafe\u0301", "café"),
        ("What is 1+1? Put your final answer within \\boxed{}.", "What is 1+1?"),
    ],
)
def test_a_question_is_recognised_in_another_spelling(one, other):
    assert len(set(same_questions([one, other]))) == 1
    column = pl.DataFrame({"q": [one, other]}).select(same_question(pl.col("q")))["q"]
    assert column.to_list() == same_questions([one, other])


def test_questions_that_differ_in_mathematics_stay_apart():
    questions = ["x = 2", "x = -2", "x = 2+1", "x = 2²", "x = 22", "x = 2.5", "(x = 2)", "x = 2y"]
    assert len(set(same_questions(questions))) == len(questions)
