"""What a person sees while a run goes on, from the lines that our monitor writes."""

import io
import json

import pytest

from data_augment.training.progress import Progress
from safe_files import append_json_line

BATCH = {"rollout/accuracy/mean": 0.4375, "rollout/ended/sum": 64.0, "rollout/has_text/mean": 1.0}
EVALUATION = {"eval/heldout/accuracy/mean@4": 0.25, "eval/heldout/accuracy/std@4": 0.1}
UPDATE = {"time/train_step": 0.41, "actor/kl": 1.2e-05}


class Run:
    """A metrics file that grows, and what Progress prints of it."""

    def __init__(self, folder):
        self.file = folder / "metrics.jsonl"
        self.out = io.StringIO()

    def start(self):
        self.progress = Progress(self.file, steps=10, rollouts=64, out=self.out)
        return self

    def log(self, role, step, metrics, time=0.0):
        record = {"role": role, "step": step, "time": time, "metrics": metrics}
        append_json_line(self.file, record)

    def lines(self):
        self.progress.read()
        return self.out.getvalue().splitlines()


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path).start()


def test_a_line_for_each_training_step_and_evaluation(run):
    run.log("explorer", 3, BATCH)
    run.log("explorer", 3, EVALUATION)
    run.log("explorer", 3, {"explore/time/sync_interval": 3.0})
    run.log("trainer", 3, {"time/sync_weight": 0.1})
    run.log("trainer", 3, UPDATE)
    evaluation, update = run.lines()
    assert evaluation.split() == ["step", "3/10", "eval/heldout/accuracy/mean@4", "0.250"]
    assert update.split() == ["step", "3/10", "rollout", "accuracy", "0.44"]


def test_pace_and_time_left_come_from_the_times_in_the_file(run):
    run.log("trainer", 3, UPDATE, time=1000.0)
    run.log("trainer", 6, UPDATE, time=1006.0)
    assert "2.0 s/step   0:00:08 left" in run.lines()[-1]


def test_lost_rollouts_are_counted_at_their_step(run):
    run.log("explorer", 3, BATCH | {"rollout/ended/sum": 61.0})
    run.log("explorer", 4, BATCH)
    (lost,) = run.lines()  # before the step is trained, for the trainer may wait for them
    assert lost.split() == ["step", "3/10", "3", "of", "64", "rollouts", "lost"]
    assert "3 of the 64 rollouts of step 3" in run.progress.starved()
    run.log("trainer", 3, UPDATE)
    run.log("trainer", 4, UPDATE)
    assert not any("lost" in line for line in run.lines()[1:])
    assert run.progress.starved() == ""


def test_a_batch_of_which_no_rollout_ended_is_lost_whole(run):
    run.log("explorer", 3, {"rollout/finished_task_count": 8.0})
    (lost,) = run.lines()
    assert "64 of 64 rollouts lost" in lost


def test_a_trainer_ahead_of_the_explorer_stops_the_run(run):
    """As with an agent that calls the model three times a rollout."""
    run.log("trainer", 5, UPDATE)  # the explorer's line of an earlier start is not read
    run.log("explorer", 6, BATCH)
    run.log("trainer", 6, UPDATE)
    run.log("trainer", 7, UPDATE)  # its line may come before that of the explorer
    run.lines()
    assert run.progress.problem == ""
    run.log("trainer", 8, UPDATE)
    run.lines()
    assert "the trainer is at step 8, but only 6 batches were rolled out" in run.progress.problem


def test_an_explorer_that_runs_ahead_gives_each_step_its_own_accuracy(run):
    for step, accuracy in [(3, 0.1), (4, 0.2), (5, 0.3)]:
        run.log("explorer", step, {"rollout/accuracy/mean": accuracy})
    run.log("trainer", 3, UPDATE)
    run.log("trainer", 4, UPDATE)
    assert [line.split()[4] for line in run.lines()] == ["0.10", "0.20"]


def test_an_earlier_start_is_passed_over(tmp_path):
    run = Run(tmp_path)
    run.log("explorer", 3, EVALUATION)
    assert run.start().lines() == []


def test_a_line_in_the_making_waits_for_its_end_and_a_torn_one_is_skipped(run):
    line = json.dumps({"role": "explorer", "step": 3, "time": 0.0, "metrics": EVALUATION})
    with open(run.file, "a") as file:
        file.write('{"role": "expl\n' + line[:20])
    assert run.lines() == []
    with open(run.file, "a") as file:
        file.write(line[20:] + "\n")
    assert len(run.lines()) == 1


@pytest.mark.parametrize(
    "metrics", [{"rollout/has_text/mean": 0.0}, {"eval/heldout/has_text/mean@8": 0.0}]
)
def test_a_model_whose_text_is_all_taken_for_a_thought_stops_the_run(run, metrics):
    run.log("explorer", 1, metrics)
    run.lines()
    assert "reasoning_parser" in run.progress.problem


def test_one_batch_without_text_after_others_with_text_stops_nothing(run):
    run.log("explorer", 0, {"eval/heldout/has_text/mean@8": 0.01})
    run.log("explorer", 1, {"rollout/has_text/mean": 0.0})
    run.lines()
    assert run.progress.problem == ""
