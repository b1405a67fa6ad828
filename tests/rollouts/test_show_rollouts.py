"""`python show_rollouts.py` as a user calls it."""

from pathlib import Path

import pytest

from show_rollouts import main
from tests.rollouts.runs import group, turn, write_run


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of two steps: task 4 went from wrong to right, task 7 was cut off."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    long = [turn("on and on", cut_off=True)]
    return write_run(
        tmp_path / "checkpoints/project/name",
        group(1, 4, [0, 0], wrote="first guess", box=None),
        group(2, 4, [1, 1], wrote="now I know"),
        group(2, 7, [0, 1], turns=long),
        predicted={2: {4: 0.42, 7: 0.5}},
    )


def shown(capsys, *arguments):
    assert main([*map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_without_arguments_the_last_step_of_the_only_run_is_shown(run, capsys):
    output = shown(capsys)
    for expected in (
        "question 4",
        "gold 4",
        "now I know",
        "0.42",
        "question 7",
        "cut off",
        "box 1",
    ):
        assert expected in output
    assert "first guess" not in output
    assert "4 of 4" in output


@pytest.mark.parametrize(
    ("arguments", "seen", "unseen"),
    [
        (["--step", 1], ["first guess"], ["now I know"]),
        (["--task", 4], ["first guess", "now I know"], ["question 7"]),
        (["--reward", 0], ["on and on"], ["now I know"]),
        (["--cut-off"], ["on and on"], ["now I know"]),
        (["--longest", "--limit", 1], ["first guess"], ["now I know", "on and on"]),
    ],
)
def test_a_filter_shows_what_it_says(run, capsys, arguments, seen, unseen):
    output = shown(capsys, run, *arguments)
    assert all(text in output for text in seen)
    assert not any(text in output for text in unseen)


def test_a_limit_says_how_many_are_left(run, capsys):
    assert "1 of 4" in shown(capsys, run, "--limit", 1)


def test_a_limit_below_one_is_refused(run, capsys):
    assert main([str(run), "--limit", "-1"]) == 2
    assert "--limit: a number from 1" in capsys.readouterr().err


def test_learned_shows_one_task_wrong_and_then_right(run, capsys):
    output = shown(capsys, run, "--learned")
    assert output.index("first guess") < output.index("now I know")
    assert output.count("rollout 0") == 2
    assert "on and on" not in output


def test_a_small_rise_is_not_called_learning(tmp_path, capsys):
    run = write_run(tmp_path, group(1, 4, [0, 0, 0, 1]), group(2, 4, [0, 0, 1, 1]))
    assert "chance" in shown(capsys, run, "--learned")


def test_a_run_without_a_learned_task_says_so(tmp_path, capsys):
    run = write_run(tmp_path, group(1, 4, [1]), group(2, 5, [1]))
    assert "no example" in shown(capsys, run, "--learned")


def test_what_a_model_wrote_does_not_steer_the_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    hostile = "[bold]\x1b[2J\x1b]0;title\x07[/bold] :smile: \x9b31m"
    rollouts = group(1, 4, [0], question=hostile, answer=hostile, box=hostile, wrote=hostile)
    output = shown(capsys, write_run(tmp_path / "the [b]run[/b]", rollouts))
    assert "the [b]run[/b]" in output
    assert not set(output) & {"\x1b", "\x07", "\x9b"}
    assert output.count("[bold]") == 4
    assert ":smile:" in output


def test_html_is_a_page_of_all_steps(run, capsys):
    assert "page.html" in shown(capsys, run, "--html", "page.html")
    page = Path("page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert '"step": 1' in page and '"step": 2' in page


def test_html_of_a_filter_has_that_alone(run, capsys):
    shown(capsys, run, "--html", "page.html", "--step", 1)
    assert '"step": 2' not in Path("page.html").read_text()


def test_several_runs_are_named_and_none_is_chosen(run, capsys):
    write_run(run.parent / "other", group(1, 4, [0]))
    assert main([]) == 2
    error = capsys.readouterr().err
    assert "checkpoints/project/other" in error and "name one" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "nowhere"), (["checkpoints", "--step", "9"], "steps 1 to 2")],
)
def test_bad_input_is_one_message_and_exit_2(run, capsys, arguments, message):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_run_that_kept_no_rollouts_says_why(tmp_path, capsys):
    (tmp_path / "metrics.jsonl").write_text("")
    assert main([str(tmp_path)]) == 2
    assert "no rollouts are kept" in capsys.readouterr().err
