"""The command: from run folders to table and figure, and every input that it refuses."""

import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image

from data_augment.figure.curves import COLUMNS, read
from plot_result import main
from safe_files import append_json_line


def write_run(folder, selector, seed=0, steps=6, offset=0.0, **settings):
    """A run's folder as main.py leaves it: config.yaml and the metrics of each role."""
    folder.mkdir(parents=True)
    taskset = {"path": "data/math", "task_selector": {**selector, "seed": seed}}
    buffer = {"explorer_input": {"taskset": taskset}, **settings}
    OmegaConf.save({"name": folder.name, "buffer": buffer}, folder / "config.yaml")

    def add(role, step, metrics, file="metrics.jsonl"):
        record = {"role": role, "step": step, "time": 0.0, "metrics": metrics}
        append_json_line(folder / file, record)

    add("explorer", 0, {"eval/heldout/accuracy/mean@4": 0.2 + offset})
    for step in range(1, steps + 1):
        rollouts = {"rollout/accuracy/mean": step / 10 + offset, "rollout/format_score/mean": 1.0}
        if step % 4 == 0:
            rollouts["eval/heldout/accuracy/mean@4"] = 0.2 + step / 20 + offset
        add("explorer", step, rollouts)
        tokens = 123_461  # the table file rounds it
        seconds = {"time/read_experience": 2.0, "time/train_step": 1.0}
        add("trainer", step, {"perf/total_num_tokens": tokens, **seconds})
    if "kwargs" in selector:
        add("selector", 1, {"selection/seconds": 0.003}, file="selector/metrics.jsonl")


@pytest.fixture
def runs(tmp_path):
    write_run(tmp_path / "runs/a", {"selector_type": "random"})
    write_run(tmp_path / "runs/b", {"selector_type": "random"}, seed=1, steps=4, offset=0.1)
    difficulty = {
        "selector_type": "task_selection.DifficultyBasedSelector",
        "kwargs": {"target_reward": 0.8},
    }
    write_run(tmp_path / "runs/c", difficulty)
    write_run(
        tmp_path / "runs/d", {**difficulty, "kwargs": {"target_reward": 0.8, "prior_strength": 4.0}}
    )
    return tmp_path


@pytest.fixture
def no_picture(monkeypatch):
    """For tests of what is printed: drawing takes a second or two."""
    draw = "data_augment.figure.drawing.draw"
    monkeypatch.setattr(draw, lambda curves, smooth, path: path.write_text("a figure"))


def test_curves_of_all_runs_in_one_tidy_table(runs):
    curves = read([str(runs / "runs")])
    assert list(curves.columns) == COLUMNS
    own = "difficulty_based, target 0.8"
    assert set(curves.selector) == {"random", own, f"{own}, prior 4"}
    assert set(curves.metric) == {
        *["rollout_accuracy", "eval_accuracy/heldout", "tokens", "wait_seconds", "train_seconds"],
        "selection_seconds",
    }
    one = curves[(curves.run == "b") & (curves.metric == "rollout_accuracy")]
    assert one.step.tolist() == [1, 2, 3, 4]
    assert one.value.tolist() == pytest.approx([0.2, 0.3, 0.4, 0.5])
    assert set(one.seed) == {1}


@pytest.mark.slow
def test_figure_from_runs_and_again_from_the_table(runs, capsys):
    figure, table = runs / "out/figure.png", runs / "out/curves.csv"
    assert main([str(runs / "runs"), "--output", str(figure), "--csv", str(table)]) == 0
    assert Image.open(figure).width > 1000
    first = capsys.readouterr().out.partition("\n")[2]
    assert "| random | 2 | 0.450 | 1 |" in first
    again = runs / "again.jpg"
    assert main([str(table), "--output", str(again)]) == 0
    assert capsys.readouterr().out.partition("\n")[2] == first, "to the last digit"
    assert Image.open(again).format == "JPEG"
    pd.testing.assert_frame_equal(read([str(table)]), read([str(runs / "runs")]), rtol=1e-5)


def test_after_the_demo_the_experiment_has_its_own_seeds_and_its_whole_length(
    runs, capsys, no_picture
):
    for seed in range(5):
        write_run(runs / f"x/comparison/random-{seed}", {"selector_type": "random"}, seed, steps=8)
        write_run(runs / f"x/comparison/shuffle-{seed}", {"selector_type": "shuffle"}, seed, 8)
    arguments = [str(runs / "x"), "--output", str(runs / "figure.png")]
    assert main(arguments) == 0
    before = rows(capsys.readouterr().out)
    demo = {"selector_type": "random"}
    write_run(runs / "x/laptop/demo", demo, seed=42, steps=4, offset=0.3, total_steps=4)
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "random; 4 steps" in output
    assert rows(output)["random"] == before["random"]
    assert rows(output)["shuffle"] == before["shuffle"]


@pytest.mark.slow
def test_a_run_cut_short_is_drawn_and_named_and_the_others_are_compared(runs, capsys):
    for seed in range(3):
        write_run(runs / f"x/random-{seed}", {"selector_type": "random"}, seed, steps=8)
        write_run(runs / f"x/shuffle-{seed}", {"selector_type": "shuffle"}, seed, steps=8)
    write_run(runs / "x/short", {"selector_type": "random"}, seed=9, steps=3)
    assert main([str(runs / "x"), "--output", str(runs / "figure.png")]) == 0
    output = capsys.readouterr().out
    assert "short ends at step 3" in output
    assert rows(output)["random"].startswith("| random | 3 | 0.600 ")


def rows(output):
    """The rows of the printed table by their selector."""
    lines = [line for line in output.splitlines() if line.startswith("| ")]
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines}


def test_a_broken_config_is_said_and_the_run_is_called_by_its_folder(runs, capsys, no_picture):
    (runs / "runs/a/config.yaml").write_text("a: [1")
    assert main([str(runs / "runs"), "--output", str(runs / "figure.png")]) == 0
    said = capsys.readouterr()
    assert str(runs / "runs/a/config.yaml") in said.err
    assert set(read([str(runs / "runs/a")]).selector) == {"a"}


def test_the_metrics_of_another_project_are_a_message(tmp_path, capsys):
    record = {"role": "trainer", "step": 1, "metrics": {"loss": 0.5}}
    append_json_line(tmp_path / "theirs/metrics.jsonl", record)
    assert main([str(tmp_path), "--output", str(tmp_path / "figure.png")]) == 2
    error = capsys.readouterr().err
    assert "theirs" in error and "rollout/accuracy/mean" in error


def test_a_run_without_metrics_is_said_and_the_others_are_drawn(runs, capsys):
    append_json_line(
        runs / "runs/young/metrics.jsonl", {"role": "trainer", "step": 0, "metrics": {}}
    )
    assert set(read([str(runs / "runs")]).run) == {"a", "b", "c", "d"}
    assert "young" in capsys.readouterr().err


def test_a_baseline_that_is_not_there_is_named_beside_those_that_are(runs, capsys, no_picture):
    arguments = [str(runs / "runs"), "--output", str(runs / "figure.png"), "--baseline", "nobody"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "'nobody'" in output and "'random'" in output


TABLE = "run,selector,seed,step,metric,value\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "columns missing: metric, run"),
        ("", "cannot be read"),
        (TABLE, "no rows"),
        (TABLE + "a,random,0,1,rollout_accuracy,high\n", "line 2: value"),
        (TABLE + "a,random,0,1,rollout_accuracy,\n", "line 2: value"),
        (TABLE + "a,random,0,first,rollout_accuracy,1\n", "line 2: step"),
        (TABLE + "a,random,x,1,rollout_accuracy,1\n", "line 2: seed"),
        (TABLE + "a,,0,1,rollout_accuracy,1\n", "line 2: nothing in the column selector"),
        (TABLE + "a,random,0,1,m,1\na,random,0,1,m,2\n", "two values"),
        (TABLE + "a,random,0,1,m,1,2,3,4\n", "more values"),
    ],
)
def test_a_damaged_table_is_one_message_and_leaves_the_figure(tmp_path, capsys, content, said):
    figure, table = tmp_path / "figure.jpg", tmp_path / "x.csv"
    figure.write_text("old")
    table.write_text(content)
    assert main([str(table), "--output", str(figure)]) == 2
    error = capsys.readouterr().err
    assert str(table) in error and said in error
    assert figure.read_text() == "old"


def test_a_selector_that_is_called_by_a_number_is_drawn(tmp_path):
    (tmp_path / "x.csv").write_text(
        TABLE + "1,2,0,1,rollout_accuracy,0.5\n1,2,0,2,rollout_accuracy,0.6\n"
    )
    assert main([str(tmp_path / "x.csv"), "--output", str(tmp_path / "figure.png")]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--smooth", "0"], "--smooth"),
        (["--smooth", "-3"], "--smooth"),
        (["--output", "figure.docx"], "--output"),
        (["--output", "figure"], "--output"),
        (["nowhere"], "nowhere"),
        (["nowhere.csv"], "nowhere.csv"),
    ],
)
def test_arguments_that_make_no_figure_are_one_message(runs, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(runs)
    (runs / "runs").rename(runs / "checkpoints")
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(runs.glob("*.jpg")) + list(runs.glob("figure*"))


def test_an_empty_folder_is_one_message_and_leaves_the_figure(tmp_path, capsys):
    figure = tmp_path / "figure.jpg"
    figure.write_text("old")
    assert main([str(tmp_path), "--output", str(figure)]) == 2
    assert "main.py" in capsys.readouterr().err
    assert figure.read_text() == "old"
