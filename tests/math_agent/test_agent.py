"""The agent: what it asks for, and with which seed."""

import asyncio
import importlib.util
import inspect
import itertools
import re
from pathlib import Path

import pytest

import math_agent
from math_agent import SYSTEM_PROMPT
from tests.math_agent.rollouts import TOOL_CALL, rollout

pytestmark = pytest.mark.slow  # imports agentscope


def test_a_rollout_asks_once_sends_nothing_unneeded_and_prints_nothing(capsys):
    requests, judgement = rollout({"content": r"9 + 9 is \boxed{18}"})
    (request,) = requests
    assert set(request) == {"model", "messages", "stream", "temperature"}  # no tools, no seed
    system, user = request["messages"]
    assert system["content"] == [{"type": "text", "text": SYSTEM_PROMPT}]
    assert user["content"] == [{"type": "text", "text": "How many?"}]
    assert judgement.reward == 1.0
    assert judgement.metrics == {"accuracy": 1.0, "format_score": 1.0}
    assert capsys.readouterr().out == ""


def test_the_prompt_promises_what_there_is():
    assert r"\boxed{}" in SYSTEM_PROMPT
    assert not re.search(r"\{\{|tool|python|code", SYSTEM_PROMPT, re.IGNORECASE)


def test_a_call_of_a_tool_that_does_not_exist_can_be_made_good():
    tool_call = {"content": None, "tool_calls": [TOOL_CALL]}
    requests, judgement = rollout(tool_call, {"content": r"\boxed{18}"})
    assert (len(requests), judgement.reward) == (2, 1.0)


def test_each_rollout_on_tinker_has_a_seed_of_its_own_that_follows_from_the_runs(monkeypatch):
    source = Path(importlib.util.find_spec("trinity").origin).parent
    source = (source / "common/models/tinker_model.py").read_text()
    (address,) = re.findall(r'return "(https://\S+)"', source)

    def seeds(run):
        monkeypatch.setattr("math_agent.agent._rollouts", itertools.count())
        monkeypatch.setenv("ROLLOUT_SEED", run)
        message = {"content": r"\boxed{18}"}
        return [rollout(message, base_url=f"{address}/v1")[0][0]["seed"] for _ in range(8)]

    drawn = [seeds("1"), seeds("2"), seeds(""), seeds("")]
    assert seeds("1") == drawn[0]
    assert len({seed for run in drawn for seed in run}) == 32
    assert all(0 <= seed < 2**31 for run in drawn for seed in run)


@pytest.mark.parametrize("function", [math_agent.run_react_agent, math_agent.gsm8k_judge])
def test_auxiliary_models_are_refused(function):
    task = {"question": "How many?", "answer": "18"}
    with pytest.raises(ValueError, match=f"{function.__name__} uses no auxiliary models.*'critic'"):
        asyncio.run(function(task, None, {"critic": object()}))


def test_the_tuner_accepts_both_functions():
    from agentscope.tuner._config import check_judge_function, check_workflow_function

    check_workflow_function(math_agent.run_react_agent)
    check_judge_function(math_agent.gsm8k_judge)
    for function in (math_agent.run_react_agent, math_agent.gsm8k_judge):
        assert inspect.signature(function).parameters["auxiliary_models"].default is None
