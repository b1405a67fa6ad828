"""From TensorBoard files to table and figure, for runs of any number, length and selector."""

import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from data_augment.figure.curves import COLUMNS, read
from plot_result import main


def write_run(folder, selector, seed=0, steps=6, offset=0.0):
    """A run's folder as Trinity leaves it: config.yaml and TensorBoard files of the explorer."""
    folder.mkdir(parents=True)
    chosen = {"task_selector": {**selector, "seed": seed}}
    OmegaConf.save({"buffer": {"explorer_input": {"taskset": chosen}}}, folder / "config.yaml")
    with SummaryWriter(folder / "monitor/tensorboard/explorer") as writer:
        for step in range(1, steps + 1):
            writer.add_scalar("rollout/accuracy/mean", step / 10 + offset, step)
            writer.add_scalar("rollout/format_score/mean", 1.0, step)
        writer.add_scalar("eval/heldout/accuracy/mean@4", 0.2 + offset, 0)
        writer.add_scalar("eval/heldout/accuracy/mean@4", 0.4 + offset, 4)
    with SummaryWriter(folder / "monitor/tensorboard/trainer") as writer:
        for step in range(1, steps + 1):
            writer.add_scalar("perf/total_num_tokens", 123_461, step)  # the table file rounds it
            writer.add_scalar("time/read_experience", 2.0, step)
            writer.add_scalar("time/train_step", 1.0, step)
    if "kwargs" in selector:
        with SummaryWriter(folder / "selector") as writer:
            writer.add_scalar("selection/seconds", 0.003, 1)


@pytest.fixture
def runs(tmp_path):
    write_run(tmp_path / "runs/a", {"selector_type": "random"})
    write_run(tmp_path / "runs/b", {"selector_type": "random"}, seed=1, steps=4, offset=0.1)
    mended = {
        "selector_type": "task_selection.DifficultyBasedSelector",
        "kwargs": {"target_reward": 0.8},
    }
    write_run(tmp_path / "runs/c", mended)
    write_run(
        tmp_path / "runs/d", {**mended, "kwargs": {"target_reward": 0.8, "prior_strength": 4.0}}
    )
    return tmp_path


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


def test_step_trained_twice_counts_once_with_its_later_value(runs):
    with SummaryWriter(runs / "runs/a/monitor/tensorboard/explorer") as writer:
        writer.add_scalar("rollout/accuracy/mean", 0.99, 6)
    curves = read([str(runs / "runs/a")])
    last = curves[(curves.metric == "rollout_accuracy") & (curves.step == 6)]
    assert last.value.tolist() == pytest.approx([0.99])


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


def test_nothing_to_draw_is_one_message_and_leaves_the_figure(tmp_path, capsys):
    figure = tmp_path / "figure.jpg"
    figure.write_text("old")
    assert main([str(tmp_path), "--output", str(figure)]) == 2
    assert "no run there yet" in capsys.readouterr().err
    assert figure.read_text() == "old"
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert main([str(tmp_path / "x.csv"), "--output", str(figure)]) == 2
    assert "columns missing: metric, run" in capsys.readouterr().err
