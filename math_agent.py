r"""The agent that solves a maths problem and the judge that grades it, for `agentscope.tuner`.

Put your own in the place of either; the signatures are the tuner's. The reward is 1.0 for a right
final answer and 0.0 otherwise: the last `\boxed{}` of the response is compared with the gold answer
by `answers.py`, and nothing outside it counts.
"""

from __future__ import annotations

import asyncio
import os
from itertools import count
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from answers import boxed, gold_answer, is_correct

if TYPE_CHECKING:
    from agentscope.message import Msg
    from agentscope.model import ChatModelBase
    from agentscope.tuner import JudgeOutput, WorkflowOutput

SYSTEM_PROMPT = (
    "You are an agent specialized in solving math problems. Please solve the math problem given "
    r"to you step by step. You should return your final answer within \boxed{}."
)


async def run_react_agent(
    task: dict, model: ChatModelBase, auxiliary_models: dict | None = None
) -> WorkflowOutput:
    """Let a ReAct agent without tools answer `task["question"]`; its last message is the response.

    Raises ValueError where auxiliary models are configured: this agent has no use for them.
    """
    from agentscope.agent import ReActAgent
    from agentscope.formatter import OpenAIChatFormatter
    from agentscope.message import Msg
    from agentscope.tuner import WorkflowOutput

    _refuse(auxiliary_models, "run_react_agent")
    _seed_tinker(model, task["question"])
    agent = ReActAgent(
        name="react_agent",
        sys_prompt=SYSTEM_PROMPT,
        model=model,
        formatter=OpenAIChatFormatter(),
    )
    agent.set_console_output_enabled(False)
    response = await agent.reply(msg=Msg("user", task["question"], role="user"))
    return WorkflowOutput(response=response)


_rollouts = count()  # of this process


def _seed_tinker(model: ChatModelBase, question: str) -> None:
    """Give this rollout a sampling seed of its own where the engine would repeat one.

    Trinity 0.6.0, TinkerModel: without a seed each request gets `rollout_model.seed` (42), so all
    rollouts of a task are identical and no advantage is left. Its client carries Tinker's public
    address even when the server is a local one. Other engines draw afresh; on vLLM a seed per
    request would only slow the sampler.

    The seed follows from ROLLOUT_SEED (see cluster.py), the question and the rollouts so far in
    this process; which process gets a task depends on who is idle. Without ROLLOUT_SEED it is
    random.
    """
    client = getattr(model, "client", None)
    host = urlsplit(str(getattr(client, "base_url", ""))).hostname or ""
    if host.endswith(".thinkingmachines.dev"):
        run = os.environ.get("ROLLOUT_SEED")
        source = Random(f"{run} {question} {next(_rollouts)}") if run else Random()
        model.generate_kwargs["seed"] = source.getrandbits(31)


def _refuse(auxiliary_models: dict | None, function: str) -> None:
    if auxiliary_models:
        raise ValueError(
            f"math_agent.{function} uses no auxiliary models, got {sorted(auxiliary_models)}: "
            "remove explorer.auxiliary_models from the YAML"
        )


async def gsm8k_judge(
    task: dict, response: Msg | None, auxiliary_models: dict | None = None
) -> JudgeOutput:
    r"""Grade a response against `task["answer"]` ("reasoning #### gold", or the gold answer alone).

    The reward is the metric `accuracy`, 1.0 or 0.0. `format_score` says whether the response ends
    on a closed `\boxed{}` (1.0 or 0.0); it is only reported. A response without text, as after a
    thought that was cut off, is a failed rollout, not an error: it scores 0.0.

    Raises ValueError where auxiliary models are configured.
    """
    from agentscope.tuner import JudgeOutput

    _refuse(auxiliary_models, "gsm8k_judge")
    text = response.get_text_content() if response is not None else None
    gold = gold_answer(str(task["answer"]))
    # in a thread, so that a slow comparison does not hold up the other rollouts of this event loop
    accuracy = float(await asyncio.to_thread(is_correct, text, gold))
    format_score = float(boxed(text) is not None)
    return JudgeOutput(
        reward=accuracy, metrics={"accuracy": accuracy, "format_score": format_score}
    )
