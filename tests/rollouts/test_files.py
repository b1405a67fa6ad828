"""The files of a run's rollouts: readable after a kill, each step once, bounded."""

from data_augment.rollouts.files import (
    forget_rollouts,
    read_step,
    step_files,
    thin_out,
    write_step,
)
from tests.rollouts.runs import group, rollout, write_run


def test_what_was_written_is_read_whatever_the_text_holds(tmp_path):
    text = "3 < 4\r\n\u2028 \x1b[31m 数学 \ud83d \x00"
    write_step(tmp_path / "rollouts", 7, [rollout(7, 1, wrote=text)])
    [read] = read_step(step_files(tmp_path)[7])
    assert read["turns"][0]["wrote"] == text


def test_a_damaged_file_is_left_out_with_a_warning(tmp_path, capsys):
    run = write_run(tmp_path, group(1, 5, [0, 1]), group(2, 6, [0, 1]))
    path = step_files(run)[1]
    path.write_bytes(path.read_bytes()[:-9])
    assert read_step(path) == []
    assert str(path) in capsys.readouterr().err


def test_after_a_rewind_the_steps_of_the_abandoned_branch_are_gone(tmp_path):
    run = write_run(tmp_path, *(group(step, 5, [0]) for step in range(1, 13)))
    forget_rollouts(run, 9)
    assert list(step_files(run)) == list(range(1, 10))


def test_a_folder_that_grows_too_large_keeps_its_ends_and_every_second_step_between(tmp_path):
    run = write_run(tmp_path, *(group(step, 5, [0]) for step in range(1, 11)))
    size = sum(path.stat().st_size for path in step_files(run).values())
    thin_out(run / "rollouts", size)
    assert len(step_files(run)) == 10
    thin_out(run / "rollouts", size - 1)
    assert list(step_files(run)) == [1, 3, 5, 7, 9, 10]
    thin_out(run / "rollouts", 1)
    assert list(step_files(run)) == [1, 10]
