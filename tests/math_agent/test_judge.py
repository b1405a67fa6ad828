"""The judge: reward and metrics of what the agent said."""

import asyncio
import time

import pytest

import math_agent
from tests.math_agent.rollouts import TOOL_CALL, rollout

pytestmark = pytest.mark.slow  # imports agentscope


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


def test_each_accepted_answer_of_a_task_is_paid():
    for box, reward in (("0.5", 1.0), (r"\frac12", 1.0), ("2", 1.0), ("3", 0.0)):
        content = rf"\boxed{{{box}}}"
        assert rollout({"content": content}, answer="#### 0.5 ||| 2")[1].reward == reward
