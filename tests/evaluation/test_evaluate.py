"""evaluate.py: what it prints is what was sampled, and no sample is asked for twice."""

import random

import pytest

import evaluate
from tests.evaluation.conftest import ROWS, row_of, score
from tests.pass_rates.conftest import completion, question_of, right, solve


def rewards(model, samples=4):
    """What `solve` gives: the rewards of each row, sample by sample."""
    rows = []
    for row in range(ROWS):
        request = {"model": model, "messages": [{"role": "user", "content": f"{row}+{row}="}]}
        own = []
        for sample in range(samples):
            request["seed"] = random.Random(f"0 {row} {sample}").getrandbits(31)
            text = solve(request)["choices"][0]["message"]["content"]
            own.append(text == rf"\boxed{{{2 * row}}}")
        rows.append(own)
    return rows


def mean(rows):
    return sum(map(sum, rows)) / sum(map(len, rows))


def test_two_models_are_scored_and_compared(heldout, serve, capsys):
    assert score(heldout, serve(), models=("base", "trained")) == 0
    text = capsys.readouterr().out
    base, trained, gain = row_of(text, "mean@4")
    a, b = rewards("base-model"), rewards("trained-model")
    assert base[0] == pytest.approx(mean(a), abs=1e-3)
    assert trained[0] == pytest.approx(mean(b), abs=1e-3)
    assert gain[0] == pytest.approx(mean(b) - mean(a), abs=1e-3)
    assert gain[1] < gain[0] < gain[2]
    assert row_of(text, "pass@4")[0][0] == pytest.approx(sum(map(any, a)) / ROWS, abs=1e-3)
    assert row_of(text, "cut off")[0][0] == 0


def test_a_better_model_is_told_from_a_worse_one(heldout, serve, capsys):
    def answer(request, before):
        return right(request) if request["model"] == "trained-model" else completion("dunno")

    assert score(heldout, serve(answer), models=("base", "trained")) == 0
    _, _, (gain, low, high) = row_of(capsys.readouterr().out, "maj@4")
    assert gain == high == 1
    assert low > 0


def test_a_stopped_evaluation_goes_on(heldout, serve, capsys):
    server = serve(lambda request, before: solve(request) if before < 10 else (500, {}, b"dead"))
    assert score(heldout, server, "--concurrency=2") == 1
    assert "The same command goes on" in capsys.readouterr().err
    server.answer = lambda request, before: solve(request)
    assert score(heldout, server, "--concurrency=2") == 0
    assert "10 of 24 samples were there already" in capsys.readouterr().out
    assert set(server.answered.values()) == {1}
    assert score(heldout, server) == 0
    assert len(set(server.answered)) == sum(server.answered.values()) == 24


def test_more_samples_are_added_to_those_that_are_there(heldout, serve, capsys):
    server = serve()
    assert score(heldout, server) == 0
    assert score(heldout, server, "--samples=8") == 0
    assert "24 of 48 samples were there already" in capsys.readouterr().out
    assert set(server.answered.values()) == {1}


def test_other_settings_are_another_evaluation(heldout, serve, capsys):
    server = serve()
    assert score(heldout, server) == 0
    assert score(heldout, server, "--temperature=0.6") == 0
    assert "0 of 24 samples were there already" in capsys.readouterr().out
    assert len(list((heldout.parent.parent / "evaluations").iterdir())) == 2


def test_a_problem_that_lost_a_sample_is_left_out_for_all_models(heldout, serve, capsys):
    def refuses_one_row(request, before):
        too_long = question_of(request) == "1+1=" and request["model"] == "trained-model"
        return (400, {}, b"too long") if too_long else right(request)

    assert score(heldout, serve(refuses_one_row), models=("base", "trained")) == 0
    text = capsys.readouterr().out
    assert "1 of 6 problems are left out" in text
    assert "5 problems" in text
    assert row_of(text, "mean@4")[0][0] == 1


def test_without_a_whole_problem_there_is_no_score(heldout, serve, capsys):
    def one_sample(request, before):
        return right(request) if before < 3 else (400, {}, b"too long")

    assert score(heldout, serve(one_sample), "--limit=1", "--concurrency=1") == 1
    assert "no problem has all samples" in capsys.readouterr().err


def test_responses_cut_off_are_counted(heldout, serve, capsys):
    cut = completion("So it is", finish="length")
    silent = completion(None, finish="length", reasoning_content="hm")
    answers = [cut, silent, right, right]
    server = serve(
        lambda request, before: (
            answer if isinstance(answer := answers[before % 4], dict) else answer(request)
        )
    )
    assert score(heldout, server, "--concurrency=1") == 0
    assert row_of(capsys.readouterr().out, "cut off")[0][0] == 0.5


def test_each_value_of_a_column_has_its_scores(heldout, serve, capsys):
    assert score(heldout, serve(), "--by=kind") == 0
    text = capsys.readouterr().out
    own = rewards("base-model")
    small, large = text.partition("small: 2 problems")[2].split("large: 4 problems")
    assert row_of(small, "mean@4")[0][0] == pytest.approx(mean(own[:2]), abs=1e-3)
    assert row_of(large, "mean@4")[0][0] == pytest.approx(mean(own[2:]), abs=1e-3)


def test_each_problem_has_its_line(heldout, serve, capsys):
    assert score(heldout, serve(lambda request, _: right(request)), "--by=problem") == 0
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if "3+3=" in line)
    assert line.split()[:2] == ["3", "1.00"]
    assert line.split()[-3:] == ["6", "6", "3+3="]  # the majority, the gold answer, the question


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--by=level"], "--by level: no such column; there are: problem, question, answer"),
        (["--split=train"], "no split train"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(heldout, serve, capsys, options, said):
    server = serve()
    assert score(heldout, server, *options) == 2
    assert said in capsys.readouterr().err
    assert not server.requests


@pytest.mark.parametrize("model", ["base", "=model@http://127.0.0.1:1/v1", "base="])
def test_a_model_without_a_name_is_refused(heldout, capsys, model):
    with pytest.raises(SystemExit) as refused:
        evaluate.main([str(heldout), "--model", model])
    assert refused.value.code == 2
    assert "expected NAME=MODEL" in capsys.readouterr().err
