"""Curves reach metrics.jsonl and the monitor that the YAML names."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from trinity.utils.monitor import MONITOR

from data_augment.training.monitor import MONITOR_TYPE, MetricsFile, insert_monitor
from data_augment.training.rollout_count import counted
from safe_files import read_json_lines


class Recorder:
    """A monitor of somebody's own; keeps what it is given."""

    made = None

    def __init__(self, project, group, name, role, config):
        Recorder.made = self
        self.config = config
        self.logged = []

    def log(self, data, step, commit=False):
        self.logged.append((step, data))

    def log_table(self, table_name, experiences_table, step):
        self.logged.append((step, table_name))

    def close(self):
        self.logged.append("closed")

    @classmethod
    def default_args(cls):
        return {"uri": "default"}


NAME = f"{__name__}.Recorder"


def make(tmp_path, role="explorer", **monitor):
    """The monitor that Trinity makes for a role from a merged YAML."""
    config = OmegaConf.create({"monitor": {"monitor_type": NAME} | monitor})
    insert_monitor(config)
    arguments = OmegaConf.to_container(config.monitor.monitor_args)
    trinity = SimpleNamespace(
        monitor=SimpleNamespace(monitor_type=MONITOR_TYPE, monitor_args=arguments),
        trainer=SimpleNamespace(name="trainer"),
        checkpoint_job_dir=str(tmp_path),
    )
    return MetricsFile(project="p", group="g", name="n", role=role, config=trinity)


def test_a_call_is_one_line_and_goes_on_to_the_monitor_of_the_yaml(tmp_path):
    monitor = make(tmp_path)
    data = {"a": 1, "b": np.float32(0.5), "c": torch.tensor(2.0), "d": float("nan"), "e": "text"}
    monitor.log(data, step=3)
    monitor.close()
    (line,) = read_json_lines(tmp_path / "metrics.jsonl")
    assert line["role"] == "explorer"
    assert line["step"] == 3
    assert line["time"] > 1e9
    assert line["metrics"] == {"a": 1.0, "b": 0.5, "c": 2.0}
    assert Recorder.made.logged == [(3, data), "closed"]


def test_mlflow_gets_names_that_it_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(MONITOR, "get", {"mlflow": Recorder}.get)
    data = {"selection/<1_ratio": 0.5, "selection/>0_ratio": 1.0}
    make(tmp_path, monitor_type="mlflow").log(data, 1)
    (line,) = read_json_lines(tmp_path / "metrics.jsonl")
    assert line["metrics"] == data
    expected = {"selection/below_1_ratio": 0.5, "selection/above_0_ratio": 1.0}
    assert Recorder.made.logged == [(1, expected)]


def test_explorer_and_trainer_share_the_file(tmp_path):
    make(tmp_path, "explorer").log({"a": 1}, 1)
    make(tmp_path, "trainer").log({"a": 1}, 1)
    roles = [line["role"] for line in read_json_lines(tmp_path / "metrics.jsonl")]
    assert roles == ["explorer", "trainer"]


@pytest.mark.parametrize(
    ("given", "seen"), [({}, {"uri": "default"}), ({"monitor_args": {"uri": "x"}}, {"uri": "x"})]
)
def test_the_wrapped_monitor_gets_the_arguments_of_the_yaml(tmp_path, given, seen):
    make(tmp_path, **given)
    assert Recorder.made.config.monitor.monitor_args == seen
    assert Recorder.made.config.monitor.monitor_type == NAME


def test_a_yaml_without_a_monitor_keeps_trinitys_default(tmp_path):
    config = OmegaConf.create({})
    insert_monitor(config)
    assert config.monitor.monitor_args.monitor_type == "tensorboard"
    again = config.copy()
    insert_monitor(again)
    assert again == config


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("12", 1.0),
        ([{"type": "thinking", "thinking": "Hm"}], 0.0),
        (None, 0.0),
    ],
)
def test_a_rollout_is_counted_and_says_whether_it_has_text(content, text):
    from agentscope.message import Msg

    response = None if content is None else Msg("a", content, "assistant")
    assert counted_metrics(response) == {"mine": 0.5, "ended:sum": 1.0, "has_text": text}


@pytest.mark.slow
@pytest.mark.parametrize(("response", "text"), [(" ", 0.0), ("12", 1.0)])
def test_a_response_that_is_a_plain_text_is_one_too(response, text):
    assert counted_metrics(response)["has_text"] == text


def counted_metrics(response):
    """The metrics of a rollout of an agent that says `response`."""
    from agentscope.tuner import WorkflowOutput

    async def agent(task, model):
        return WorkflowOutput(response=response, metrics={"mine": 0.5})

    return asyncio.run(counted(agent)(task={}, model=None)).metrics
