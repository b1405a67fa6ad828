"""The ReAct agent that solves a math problem, one rollout a call.

Put your own in its place; the signature is the tuner's (`agentscope.tuner`, workflow_func). It must
call the model exactly once in each rollout: Trinity 0.6.0 trains a step on a fixed number of calls.
"""

from __future__ import annotations

import os
from itertools import count
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from agentscope.model import ChatModelBase
    from agentscope.tuner import WorkflowOutput

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

    if auxiliary_models:
        raise ValueError(
            f"run_react_agent uses no auxiliary models, got {sorted(auxiliary_models)}: "
            "remove explorer.auxiliary_models from the YAML"
        )
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

    The seed follows from ROLLOUT_SEED (see ray_cluster.py), the question and the rollouts so far in
    this process; which process gets a task depends on who is idle. Without ROLLOUT_SEED it is
    random.
    """
    client = getattr(model, "client", None)
    host = urlsplit(str(getattr(client, "base_url", ""))).hostname or ""
    if host.endswith(".thinkingmachines.dev"):
        run = os.environ.get("ROLLOUT_SEED")
        source = Random(f"{run} {question} {next(_rollouts)}") if run else Random()
        model.generate_kwargs["seed"] = source.getrandbits(31)
