"""Questions: which two are the same."""

import polars as pl
import pytest

from data_augment.data.questions import same_question, same_questions, without_instructions


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


DAPO = (
    "Solve the following math problem step by step. The last line of your response should be of "
    "the form Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n"
)


@pytest.mark.parametrize(
    "template",
    [
        "{} Please output the final answer within \\boxed{{}}.",
        "{}\nLet's think step by step and output the final answer within \\boxed{{}}.",
        "{}\nPlease reason step by step, and put your final answer in $\\boxed{{}}$.",
        "{} Your final answer should be enclosed in \\boxed{{your answer}}",
        "{} Return your final answer within \\boxed{{}}.",
        "{}\nReturn your final answer within \\boxed{{}}",
        "{} Make sure to put your answer (and only answer) inside \\boxed{{}}.",
        "{} (Put your final answer within \\boxed{{}}.)",
        "{} Output the final answer in \\boxed{{...}}.",
        "{} Please put your final answer within \\boxed{{{{}}}}.",
        "{} Please think step by step, then write the final answer within \\boxed{{}} at the end.",
        "Put your final answer in \\boxed{{}}. {}",
        "Present the answer in LaTeX format: \\boxed{{Your answer}}\n{}",
        "Please put your final answer within \\boxed{{}}.\n{} Please reason step by step.",
        '{} Let\'s think step by step and output the final answer after "####".',
        "{} Enclose your final answer in <answer> and </answer> tags.",
        "{} Think step by step.",
        "{}\n请逐步推理，并将最终答案放在 \\boxed{{}} 中。",
        DAPO + '{}\n\nRemember to put your answer on its own line after "Answer:".',
        DAPO
        + '{}\n\nRemember to put your answer on its own line after "Answer:", and you do not need to use a \\boxed command.',
        "Solve the following problem:\n{}",
        "Question: {}\nAnswer:",
        "You FIRST think about the reasoning process as an internal monologue and then provide the final answer. The reasoning process MUST BE enclosed within <think> </think> tags. The final answer MUST BE put in \\boxed{{}}. {}",
    ],
)
@pytest.mark.parametrize("question", ["What is $x$?", "Compute $\\frac{1}{2} + 3$."])
def test_an_instruction_around_a_question_goes(template, question):
    assert stripped(template.format(question)) == question


@pytest.mark.parametrize(
    "question",
    [
        "Fill in $1+\\boxed{}=3$.",
        "Give the answer to $\\boxed{} + 3 = 5$.",
        "Give the answer to \\boxed{} + 3 = 5.",
        "Write the answer to 3 + 4 in \\boxed{}.",
        "Write the answer as \\boxed{a+b}.",
        "Write the result of $3+4$ in the box: $\\boxed{}$.",
        "Put the right sign in \\boxed{}: 3 \\boxed{} 4.",
        "In the equation $\\boxed{} \\times 3 = 12$, put the answer in the box.",
        "What can you put in \\boxed{}?",
        "A robot moves step by step. It thinks. Where is it?",
        "Each student must write their answer in a box. If 5 students write it, how many?",
        "Solve the following equation: $x=1$.",
        "Show that the answer is 5.",
        "Please give the answer in simplest form.",
        "The answer must be an integer. Find it.",
        "Größe in m² \u2013 naïve π?",
    ],
)
def test_mathematics_is_not_taken_for_an_instruction(question):
    assert stripped(question) == question


def test_an_instruction_in_the_sentence_of_the_question_leaves_the_question():
    assert stripped("Solve for x and put your answer in \\boxed{}.") == "Solve for x"
    assert stripped("Compute 3 + 4 Let's think step by step.") == "Compute 3 + 4"


def stripped(question):
    return without_instructions(pl.Series([question])).item()
