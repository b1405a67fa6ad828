"""A line for a person at each training step and each evaluation, from `<run>/metrics.jsonl`."""

import json
import re
from pathlib import Path

from data_augment.training.follow import NewLines, size
from data_augment.training.rollout_count import ENDED, HAS_TEXT

TRAINED = "time/train_step"  # the trainer writes it for each step that did not raise
FINISHED = "rollout/finished_task_count"  # the explorer writes it for each batch
ACCURACY = "rollout/accuracy/mean"
EVALUATED = re.compile(r"eval/.+/accuracy/mean@\d+")

TOO_MANY_RESPONSES = (
    "the trainer is at step {trained}, but only {explored} batches were rolled out: a rollout gave "
    "more than one response to train on, and a run of this pack cannot be continued then. Let the "
    "agent call the model once a rollout"
)
NO_TEXT = (
    "no response of the first {batch} has any text, so that every reward is 0. Either the model "
    "never closes its thought and explorer.rollout_model.reasoning_parser takes all of it for one "
    "(remove the parser), or every response is cut off inside its thought (raise "
    "model.max_response_tokens)"
)


class Progress:
    """Prints the lines that come; `problem` says why it makes no sense to go on.

    Args:
        metrics_file: `<run>/metrics.jsonl`; what stands in it already belongs to an earlier start.
        steps: planned number of training steps.
        rollouts: planned number of rollouts a step, batch_size x repeat_times.
        out: stream of the lines.
    """

    def __init__(self, metrics_file: Path, steps: int, rollouts: int, out) -> None:
        self.lines = NewLines(metrics_file, size(metrics_file))
        self.steps = steps
        self.rollouts = rollouts
        self.out = out
        self.problem = ""
        self.seen_text = False
        self.explored_step = 0  # the last one of the explorer, 0 before the first
        self.accuracy: dict[int, float] = {}  # of steps that the explorer has done
        self.lost: dict[int, int] = {}  # rollouts, of steps that were not trained yet
        self.first: tuple[int, float] | None = None  # step and time of the first one trained

    def read(self) -> None:
        for line in self.lines.read():
            try:
                record = json.loads(line)
            except ValueError:  # torn by a kill
                continue
            if record["role"] == "explorer":
                self.explored(record["step"], record["metrics"])
            elif TRAINED in record["metrics"]:
                self.trained(record["step"], record["time"])

    def explored(self, step: int, metrics: dict[str, float]) -> None:
        """A batch of rollouts, an evaluation, or a line of timings alone."""
        self.look_for_text(metrics)
        self.explored_step = max(self.explored_step, step)
        if ACCURACY in metrics:
            self.accuracy[step] = metrics[ACCURACY]
        ended = 0 if FINISHED in metrics else self.rollouts  # no rollout of the batch ended
        lost = self.rollouts - int(metrics.get(ENDED, ended))
        if lost > 0:
            self.lost[step] = lost
            self.say(step, f"{lost} of {self.rollouts} rollouts lost")
        for name, value in metrics.items():
            if EVALUATED.fullmatch(name):
                self.say(step, f"{name} {value:.3f}")

    def look_for_text(self, metrics: dict[str, float]) -> None:
        shares = {name: value for name, value in metrics.items() if HAS_TEXT in name.split("/")}
        if self.seen_text or not shares:
            return
        self.seen_text = any(shares.values())
        if not self.seen_text:
            evaluation = any(name.startswith("eval/") for name in shares)
            self.problem = NO_TEXT.format(batch="evaluation" if evaluation else "batch")

    def starved(self) -> str:
        """What the trainer lacks, where a batch that it waits for lost rollouts; else ""."""
        if not self.lost:
            return ""
        step = min(self.lost)
        return f"{self.lost[step]} of the {self.rollouts} rollouts of step {step} were lost"

    def trained(self, step: int, at: float) -> None:
        if step > self.explored_step + 1 > 1:
            self.problem = TOO_MANY_RESPONSES.format(trained=step, explored=self.explored_step)
        text = f"rollout accuracy {self.accuracy.pop(step, float('nan')):.2f}"
        self.lost.pop(step, None)
        self.say(step, text + self.pace(step, at))

    def pace(self, step: int, at: float) -> str:
        if self.first is None:
            self.first = (step, at)
            return ""
        first_step, first_at = self.first
        seconds = (at - first_at) / max(step - first_step, 1)
        left = round(seconds * (self.steps - step))
        return f"   {seconds:.1f} s/step   {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"

    def say(self, step: int, text: str) -> None:
        print(f"step {step:>4}/{self.steps}   {text}", file=self.out, flush=True)
