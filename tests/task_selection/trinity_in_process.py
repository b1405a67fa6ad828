"""Trinity 0.6.0 in one process: its reader, scheduler, runner and operators, no Ray and no model.

What is Trinity's own: the configuration's validators, TasksetScheduler and FileReader, Scheduler,
RunnerWrapper (retries, timeouts), WorkflowRunner, RolloutCoordinator, ExperiencePipeline. What is
not: Ray, whose actors are plain objects here, and the workflow, whose rollouts follow a script.
"""

import asyncio
import importlib
import sys
from importlib.util import find_spec
from types import SimpleNamespace
from typing import ClassVar

import torch
import yaml
from datasets import Dataset
from trinity.common.config import StorageConfig, load_config
from trinity.common.config_validator import AlgorithmConfigValidator, BufferConfigValidator
from trinity.common.experience import Experience
from trinity.common.workflows.workflow import Workflow

from safe_files import REPO

TASKS = 60
BATCH_SIZE = 6
REPEAT_TIMES = 4
WEAK, STRONG = "qwen2.5_7b_pass_rate", "qwen3_30b_pass_rate"


def trinitys_coordinator():
    """Trinity's RolloutCoordinator class."""
    return import_without_vllm("trinity.explorer.rollout_coordinator").RolloutCoordinator


def import_without_vllm(module: str):
    """Import a module that takes names of vLLM and does not use them here."""
    if find_spec("vllm"):
        return importlib.import_module(module)
    stand_in = str(REPO / "data_augment/training/no_vllm")
    sys.path.append(stand_in)
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(stand_in)
        for name in [name for name in sys.modules if name.split(".")[0] == "vllm"]:
            del sys.modules[name]  # no other test shall take it for vLLM


def write_tasks(folder, **columns) -> None:
    """A small taskset, `folder`/data/train.parquet; `columns` replace the usual ones."""
    table = {
        "question": [f"task {i}" for i in range(TASKS)],
        "answer": ["1"] * TASKS,
        WEAK: [(i % 5) / 8 for i in range(TASKS)],
        STRONG: [(3 + i % 5) / 8 for i in range(TASKS)],
    }
    (folder / "data").mkdir(exist_ok=True)
    Dataset.from_dict({**table, **columns}).to_parquet(str(folder / "data/train.parquet"))


def checked_config(folder, selector: dict, operators=("task_selection.PassRateCalculator",)):
    """A configuration after Trinity's validators; only `task_selector` differs between selectors."""
    write_tasks(folder)
    taskset = {
        "name": "tasks",
        "path": str(folder / "data"),
        "split": "train",
        "default_workflow_type": "math_workflow",
        "format": {"prompt_key": "question", "response_key": "answer"},
        "task_selector": selector,
    }
    settings = {
        "algorithm": {"algorithm_type": "multi_step_grpo", "repeat_times": REPEAT_TIMES},
        "buffer": {
            "batch_size": BATCH_SIZE,
            "total_steps": 40,
            "explorer_input": {"taskset": taskset},
        },
        "data_processor": {
            "experience_pipeline": {
                "operators": [{"name": name} for name in operators],
                "save_input": False,
            }
        },
        "explorer": {"runner_per_model": 2, "max_retry_times": 1, "max_timeout": 1},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    config = load_config(str(path))
    config.checkpoint_job_dir = str(folder / "run")
    AlgorithmConfigValidator().validate(config)
    BufferConfigValidator().validate(config)
    for operator in config.data_processor.experience_pipeline.operators:
        if operator.name == "task_selection.PassRateCalculator":
            operator.args = {"repeat_times": REPEAT_TIMES, "batch_size": BATCH_SIZE}
    config.buffer.trainer_input.experience_buffer = StorageConfig(
        name="trained",
        storage_type="file",
        schema_type="experience",
        path=str(folder / "trained.jsonl"),
        wrap_in_ray=False,
    )
    return config


class ScriptedWorkflow(Workflow):
    """A rollout that does what `fates` says of its task: a reward, "raises" or "hangs".

    "third raises" solves the task, but the third rollout of a group raises; "half" solves it in
    every second rollout.
    """

    is_async = True
    fates: ClassVar[dict] = {}  # index of the task -> fate
    calls: ClassVar[dict] = {}  # index of the task -> rollouts of its group begun so far

    async def run_async(self):
        index = self.task.index["index"]
        fate = self.fates.get(index, 1.0)
        call = self.calls.get(index, 0)
        self.calls[index] = call + 1
        if fate == "hangs":
            await asyncio.sleep(60)
        if fate == "raises" or (fate == "third raises" and call == 2):
            self.calls[index] = 0  # Trinity begins the group again
            raise RuntimeError("the rollout's own error")
        reward = float(call % 2) if fate == "half" else float(fate == 1.0 or fate == "third raises")
        return [Experience(tokens=torch.zeros(2), prompt_length=1, reward=reward)]


class LocalRay:
    """What Trinity's scheduler uses of `ray`; an actor is an object of this process."""

    def remote(self, cls):
        def create(*args):
            return LocalActor(cls(*args))

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=create))

    def get_runtime_context(self):
        return SimpleNamespace(namespace="local")

    def kill(self, actor):
        pass

    def cancel(self, reference, force=False):
        reference.cancel()


class LocalActor:
    def __init__(self, instance):
        self._instance = instance

    def __getattr__(self, name):
        async def call(*args, **kwargs):
            if name == "__ray_ready__":
                return True
            return await getattr(self._instance, name)(*args, **kwargs)

        return SimpleNamespace(remote=lambda *a, **k: asyncio.ensure_future(call(*a, **k)))


class NoModel:
    """Stands for Trinity's Allocator and for the model that it hands out."""

    model_version = 0

    def __init__(self, *_):
        pass

    def get_model(self, *_):
        return self

    async def prepare(self):
        pass

    async def clean_workflow_state(self):
        pass

    async def get_workflow_state(self):
        return {}

    def clone_with_isolated_history(self):
        return self

    @property
    def model_version_async(self):
        async def version():
            return self.model_version

        return version()


class InProcess:
    """An explorer's steps: read tasks, roll them out, process the experiences, feed back."""

    def __init__(self, config, taskset, monkeypatch):
        self.coordinator = trinitys_coordinator()
        monkeypatch.setattr("trinity.explorer.scheduler.ray", LocalRay())
        monkeypatch.setattr("trinity.explorer.workflow_runner.Allocator", NoModel)
        monkeypatch.setattr("trinity.common.models.allocator.Allocator", NoModel)
        # A Ray actor's process has one logger for all; this process goes on to other tests.
        monkeypatch.setattr("trinity.utils.log._ray_logger", None)
        self.config = config
        self.taskset = taskset

    def steps(self, number: int, fate) -> list[tuple[list[int], dict]]:
        """Runs `number` steps; (indices of the tasks drawn, metrics) of each.

        Args:
            fate: function from a drawn batch (list of indices) to the fates of its tasks (dict).
        """
        return asyncio.run(self._steps(number, fate))

    async def _steps(self, number, fate):
        coordinator = self.coordinator(self.config)
        await coordinator.prepare()
        done = []
        for step in range(1, number + 1):
            tasks = await self.taskset.read()
            batch = [task.index["index"] for task in tasks]
            ScriptedWorkflow.fates = fate(batch)
            ScriptedWorkflow.calls = {}
            for task in tasks:
                task.workflow = ScriptedWorkflow
            await coordinator.submit_batch(batch_id=step, tasks=tasks, batch_type="train")
            result = await coordinator.finalize_train_batch(step)
            metrics = dict(result["metrics"])
            self.taskset.feedback(result["metrics"])  # takes the selector's part out
            done.append((batch, metrics))
        await coordinator.shutdown()
        return done
