"""plot_result.py --selection: what the selectors believed and drew, from the files of their runs."""

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from data_augment.figure.selection import (
    calibration,
    calibration_error,
    read,
    tasks_by_times,
    times_drawn,
)
from plot_result import main
from safe_files import append_json_line


def write_update(run, step, predicted, observed, **metrics):
    record = {
        "role": "selector",
        "step": step,
        "metrics": {f"selection/{name}": value for name, value in metrics.items()},
        "predicted": predicted,
        "observed": observed,
    }
    append_json_line(run / "selector/metrics.jsonl", record)


def write_draw(run, step, tasks):
    append_json_line(
        run / "selector/draws.jsonl",
        {"step": step, "tasks": tasks, "predicted": [0.5] * len(tasks)},
    )


def write_run(run, seed=0, steps=4, target=0.8):
    """A run's folder: its YAML, a metric of the rollouts, and what its selector wrote."""
    kwargs = {"target_reward": target}
    selector = {"selector_type": "difficulty_based", "seed": seed, "kwargs": kwargs}
    taskset = {"path": "data/math", "task_selector": selector}
    run.mkdir(parents=True)
    OmegaConf.save({"buffer": {"explorer_input": {"taskset": taskset}}}, run / "config.yaml")
    rollouts = {"rollout/accuracy/mean": 0.5}
    append_json_line(
        run / "metrics.jsonl", {"role": "explorer", "step": 1, "time": 0.0, "metrics": rollouts}
    )
    for step in range(1, steps + 1):
        write_draw(run, step, [step, step + 1])
        write_update(
            run,
            step,
            [0.25, 0.75],
            [0.0, 1.0],
            expected_pass_rate=0.3 + step / 100,
            solved_ratio=0.1,
            hopeless_ratio=0.25,
            never_selected_ratio=0.9,
            predicted_pass_rate_error=0.25,
            seconds=0.01,
        )
    return run


@pytest.mark.slow
def test_a_figure_and_a_row_for_each_selector(tmp_path, capsys, monkeypatch):
    for seed in range(3):
        write_run(tmp_path / f"runs/a{seed}", seed)
    write_run(tmp_path / "runs/b", target=0.5)
    monkeypatch.chdir(tmp_path)
    assert main(["runs", "--selection"]) == 0
    assert Image.open("selection.jpg").width > 1000
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| diff")]
    assert len(rows) == 2
    assert "| 3 | 0.31 -> 0.34 | 10% | 25% | 90% | 2 times | 0.250 |" in rows[1]


def test_after_a_kill_no_step_is_in_the_figure_twice(tmp_path):
    """The resumed run does steps 3 and 4 again; 5, of the lost branch, never comes again."""
    run = write_run(tmp_path / "a", steps=5)
    for step in (3, 4):
        write_draw(run, step, [70, 71])
        write_update(run, step, [0.5], [0.375], expected_pass_rate=0.9)
    beliefs = read([str(tmp_path)])
    curve = beliefs.curves[beliefs.curves.metric == "expected_pass_rate"]
    assert curve.step.tolist() == [1, 2, 3, 4]
    assert curve.value.tolist() == pytest.approx([0.31, 0.32, 0.9, 0.9])
    assert beliefs.results.observed.tolist() == [0.0, 1.0, 0.0, 1.0, 0.375, 0.375]
    assert times_drawn(run / "selector/draws.jsonl") == {1: 1, 2: 2, 3: 1, 70: 2, 71: 2}


def test_the_calibration_of_a_selector_that_is_right_lies_on_the_diagonal(tmp_path):
    rng = np.random.default_rng(0)
    run = write_run(tmp_path / "a", steps=0)
    for step in range(1, 101):
        predicted = rng.random(64)
        observed = rng.binomial(8, predicted) / 8
        write_update(run, step, predicted.tolist(), observed.tolist(), expected_pass_rate=0.5)
    results = read([str(tmp_path)]).results
    deciles = calibration(results)
    assert len(deciles) == 10 and deciles.tasks.sum() == 6400
    inside = (deciles.low <= deciles.predicted) & (deciles.predicted <= deciles.high)
    assert inside.sum() >= 8
    assert calibration_error(results) < 0.02
    too_high = results.assign(predicted=np.minimum(results.predicted + 0.2, 1.0))
    assert calibration_error(too_high) > 0.15
    last = results.assign(predicted=np.tile([0.95, 1.0], 3200))
    assert calibration(last).tasks.tolist() == [6400], "1.0 is no decile of its own"


def test_tasks_are_counted_by_how_often_they_were_drawn_in_one_run(tmp_path):
    for seed in range(2):
        run = write_run(tmp_path / f"a{seed}", seed, steps=1)  # tasks 1 and 2
        for step in range(2, 7):
            write_draw(run, step, [1])
    drawn = read([str(tmp_path)]).drawn
    assert drawn[drawn.task == 1].times.tolist() == [6, 6]
    assert tasks_by_times(drawn) == [1, 0, 0, 1, 0, 0]


def test_selectors_that_wrote_no_predictions_are_left_out_and_said(tmp_path, capsys):
    write_run(tmp_path / "a")
    write_run(tmp_path / "random", steps=0)
    old = {"role": "selector", "step": 1, "metrics": {"selection/never_selected_ratio": 0.9}}
    earlier = write_run(tmp_path / "earlier-version", steps=0)
    append_json_line(earlier / "selector/metrics.jsonl", old)
    assert set(read([str(tmp_path)]).curves.run) == {"a"}
    said = capsys.readouterr().err
    assert "random" in said and "earlier-version" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs"], "difficulty_based"),
        (["curves.csv"], "folders of runs"),
        (["runs", "--csv", "x.csv"], "--csv"),
        (["runs", "--output", "figure.docx"], "--output"),
    ],
)
def test_what_makes_no_figure_is_one_message(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs/random", steps=0)
    assert main([*arguments, "--selection"]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("*.jpg"))
