"""The agent on a fake client, and the judge on what it says."""

import asyncio
import importlib.util
import inspect
import itertools
import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import math_agent
from math_agent import SYSTEM_PROMPT


class FakeClient:
    """Stands for the OpenAI client that Trinity puts into the chat model: records its requests."""

    def __init__(self, *messages, base_url="http://127.0.0.1:8000/v1"):
        self.base_url = base_url
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self.create))
        self.messages = list(messages)
        self.requests = []

    async def create(self, **request):
        from openai.types.chat import ChatCompletion

        self.requests.append(request)
        message = self.messages.pop(0) if len(self.messages) > 1 else self.messages[0]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
        return ChatCompletion.model_validate(
            {"id": "", "created": 0, "model": "m", "object": "chat.completion", "choices": [choice]}
        )


TOOL_CALL = {"id": "1", "type": "function", "function": {"name": "python", "arguments": "{}"}}


def rollout(*messages, answer="#### 18", **client):
    """Run the agent and the judge as Trinity's adapter does; returns requests, judgement."""
    from agentscope.model import OpenAIChatModel

    model = OpenAIChatModel(
        "m", api_key="EMPTY", stream=False, generate_kwargs={"temperature": 1.0}
    )
    model.client = FakeClient(*messages, **client)

    async def run():
        task = {"question": "How many?", "answer": answer}
        output = await math_agent.run_react_agent(task, model, auxiliary_models={})
        return await math_agent.gsm8k_judge(task, output.response, auxiliary_models={})

    return model.client.requests, asyncio.run(run())


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


@pytest.mark.parametrize(
    ("message", "format_score", "requests"),
    [
        ({"content": ""}, 0.0, 1),
        ({"content": None}, 0.0, 1),
        ({"content": "", "reasoning_content": r"\boxed{18} may be"}, 0.0, 1),
        ({"content": r"The answer is 18, \boxed{1"}, 0.0, 1),
        ({"content": r"\boxed{19}"}, 1.0, 1),
        ({"content": None, "tool_calls": [TOOL_CALL]}, 0.0, 11),  # max_iters and the summary
    ],
)
def test_a_failed_rollout_scores_zero(message, format_score, requests):
    asked, judgement = rollout(message)
    assert judgement.reward == 0.0
    assert judgement.metrics == {"accuracy": 0.0, "format_score": format_score}
    assert len(asked) == requests


def test_a_call_of_a_tool_that_does_not_exist_can_be_made_good():
    tool_call = {"content": None, "tool_calls": [TOOL_CALL]}
    requests, judgement = rollout(tool_call, {"content": r"\boxed{18}"})
    assert (len(requests), judgement.reward) == (2, 1.0)


def test_the_judge_takes_no_response_and_a_bare_or_numeric_gold():
    judge = math_agent.gsm8k_judge
    assert asyncio.run(judge({"answer": "18"}, None)).reward == 0.0
    assert rollout({"content": r"\boxed{18}"}, answer=18)[1].reward == 1.0


def test_a_slow_comparison_leaves_the_event_loop_free(monkeypatch):
    monkeypatch.setattr("math_agent.judge.is_correct", lambda text, gold: time.sleep(0.5) or True)

    async def both():
        judging = asyncio.create_task(math_agent.gsm8k_judge({"answer": "18"}, None))
        await asyncio.sleep(0.1)
        free = not judging.done()
        return free, (await judging).reward

    assert asyncio.run(both()) == (True, 1.0)


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
