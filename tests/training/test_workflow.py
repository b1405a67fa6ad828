"""`trinity run --config` on the YAML of `main.py --print-config`: Trinity finds all that it names."""

import asyncio
from types import SimpleNamespace

import pytest
from agentscope.message import Msg
from agentscope.tuner import WorkflowOutput
from trinity.buffer.operators import EXPERIENCE_OPERATORS
from trinity.buffer.selector import SELECTORS
from trinity.common.config import load_config
from trinity.common.experience import Experience
from trinity.common.workflows import WORKFLOWS, Task
from trinity.utils.monitor import MONITOR

from main import main
from safe_files import REPO
from tests.task_selection.trinity_in_process import trinitys_coordinator

pytestmark = pytest.mark.slow  # imports agentscope


@pytest.fixture
def workflow():
    trinitys_coordinator()  # imports what needs vLLM's names
    from data_augment.training import workflow

    return workflow


@pytest.fixture
def printed(workflow, workplace, capsys):
    """The printed YAML as Trinity's own loader and validators take it."""
    config = str(REPO / "config_difficulty.yaml")
    assert main(["--config", config, "--profile", "gpu8", "--no-gpu-check", "--print-config"]) == 0
    (workplace / "whole.yaml").write_text(capsys.readouterr().out)
    return load_config("whole.yaml").check_and_update()


def test_every_class_that_the_printed_yaml_names_is_found(workflow, printed):
    training, *evaluations = [
        *printed.buffer.explorer_input.tasksets,
        *printed.buffer.explorer_input.eval_tasksets,
    ]
    for taskset in (training, *evaluations):
        assert WORKFLOWS.get(taskset.default_workflow_type) is workflow.MathWorkflow
    assert SELECTORS.get(training.data_selector.selector_type).__module__.startswith("task_sel")
    calculator, store = printed.data_processor.experience_pipeline.operators
    assert EXPERIENCE_OPERATORS.get(calculator.name).__module__.startswith("task_selection")
    assert EXPERIENCE_OPERATORS.get(store.name).__name__ == "RolloutStore"
    assert MONITOR.get(printed.monitor.monitor_type).__name__ == "MetricsFile"


class Model:
    """Trinity's wrapper of a model, as far as the workflow asks it."""

    def get_openai_async_client(self):
        return SimpleNamespace(model_path="somewhere")

    def extract_experience_from_history(self):
        return [Experience(tokens=[1, 2], prompt_length=1)]


@pytest.mark.parametrize(("answer", "reward"), [("7", 1.0), ("8", 0.0)])
def test_the_workflow_is_the_agent_and_the_judge(workflow, monkeypatch, printed, answer, reward):
    async def agent(task, model):
        return WorkflowOutput(response=Msg("a", rf"\boxed{{{answer}}}", "assistant"))

    monkeypatch.setattr(workflow, "run_react_agent", agent)
    taskset = printed.buffer.explorer_input.tasksets[0]
    task = Task(
        workflow=WORKFLOWS.get(taskset.default_workflow_type),
        rollout_args=taskset.rollout_args,
        raw_task={"question": "3+4", "answer": "#### 7"},
    )
    (experience,) = asyncio.run(task.to_workflow(Model()).run_async())
    assert experience.reward == reward
    assert experience.metrics["ended:sum"] == 1.0
    assert task.workflow_args == {}, "Trinity sends the task on: it holds no functions"
