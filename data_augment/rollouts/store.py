"""A data processor for Trinity that keeps what the agent wrote, for show_rollouts.py.

Trinity 0.6.0 can keep the experiences itself (`save_input`), but not what a reader needs. Its
database holds token ids and log-probabilities, its JSON lines hold `message.content`, in which a
thinking model's thoughts are missing. Neither has question or gold answer.
"""

import asyncio
from collections import defaultdict
from pathlib import Path

from trinity.buffer.operators.experience_operator import ExperienceOperatorV1
from trinity.utils.log import get_logger

from data_augment.rollouts.files import thin_out, write_step
from math_agent.answers import boxed

LIMIT = 10**9  # bytes of a run's folder; see thin_out


class RolloutStore(ExperienceOperatorV1):
    """Writes the rollouts of each step to a file and hands them on as they came.

    A full disk, or a taskset that this machine does not have, is a warning in the log and no end of
    the training.

    Args:
        folder: the run's folder of rollouts.
        model_path: of the tokenizer, which turns all that was sampled back into text.
        taskset: path, split and subset_name of the training data.
        max_response_tokens, max_model_len: limits of a response, and of prompt and response
            together; a response that reaches one without an end was cut off. None: no such limit.
    """

    def __init__(
        self,
        folder: str,
        model_path: str,
        taskset: dict,
        max_response_tokens: int | None = None,
        max_model_len: int | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.model_path = model_path
        self.taskset = taskset
        self.max_response_tokens = max_response_tokens or float("inf")
        self.max_model_len = max_model_len or float("inf")
        self.logger = get_logger("rollout_store")

    async def prepare(self) -> None:
        from transformers import AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(self.model_path)
        self.rows = self._load_taskset()

    def _load_taskset(self):
        """The training data as Trinity reads it, or nothing where this machine does not have it."""
        import datasets

        try:
            return datasets.load_dataset(
                self.taskset["path"],
                name=self.taskset["subset_name"],
                split=self.taskset["split"],
            )
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            self.logger.warning(f"rollouts are kept without question and gold answer: {error}")
            return []

    async def process(self, exps):
        if exps:
            # In a thread: the event loop of this process hands out the next tasks meanwhile.
            await asyncio.to_thread(self._keep, exps)
        return exps, {}

    def _keep(self, exps) -> None:
        """Write the file of the step: one line for each rollout, a turn for each experience."""
        rollouts = defaultdict(list)
        for exp in exps:
            rollouts[exp.eid.task, exp.eid.run].append(exp)
        tasks = {exp.info["task_index"]["index"] for exp in exps}
        rows = {task: self.rows[task] for task in tasks if task < len(self.rows)}
        records = [self._record(turns, rows) for turns in rollouts.values()]
        step = exps[0].eid.batch
        try:
            write_step(self.folder, step, records)
            thin_out(self.folder, LIMIT)
        except OSError as error:
            self.logger.warning(f"the rollouts of step {step} were not kept: {error}")

    def _record(self, exps, rows: dict[int, dict]) -> dict:
        """A rollout as files.py describes it.

        Args:
            exps: its calls of the model, in order.
            rows: rows of the taskset by their index.
        """
        last = exps[-1]
        task = last.info["task_index"]["index"]
        row = rows.get(task, {})
        return {
            "step": last.eid.batch,
            "task": task,
            "run": last.eid.run,
            "question": row.get("question"),
            "answer": row.get("answer"),
            "reward": float(last.reward),
            # The judge sees this text: a server with a reasoning parser leaves the thoughts out.
            "box": boxed(last.response_text),
            "model_version": last.info["model_version"],
            "turns": self._turns(exps),
        }

    def _turns(self, exps) -> list[dict]:
        turns = []
        seen = ""  # by the model, up to the end of its last response
        for exp in exps:
            tokens = exp.tokens.tolist()
            response = tokens[exp.prompt_length :]
            prompt = self.tokenizer.decode(tokens[: exp.prompt_length])
            ended = response[-1:] == [self.tokenizer.eos_token_id]
            at_a_limit = (
                len(response) >= self.max_response_tokens or len(tokens) >= self.max_model_len
            )
            turns.append(
                {
                    "given": prompt[common_length(seen, prompt) :],
                    "wrote": self.tokenizer.decode(response[:-1] if ended else response),
                    "tokens": len(response),
                    "cut_off": at_a_limit and not ended,
                }
            )
            seen = prompt + self.tokenizer.decode(response)
        return turns


def common_length(one: str, other: str) -> int:
    """The number of characters at the start of two texts that are equal."""
    for position, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return position
    return min(len(one), len(other))
