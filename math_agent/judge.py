r"""The judge: the reward of a response, 1.0 for a right final answer and 0.0 otherwise.

The last `\boxed{}` of the response is compared with the gold answer by answers.py; nothing outside
it counts. A task with several accepted answers lists them in its `answer` with " ||| " between them
("#### 18 ||| 18.5"; ALTERNATIVES in answers.py): each of them is right.

Put your own in its place; the signature is the tuner's (`agentscope.tuner`, judge_func).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from math_agent.answers import boxed, gold_answer, is_correct

if TYPE_CHECKING:
    from agentscope.message import Msg
    from agentscope.tuner import JudgeOutput


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

    if auxiliary_models:
        raise ValueError(
            f"gsm8k_judge uses no auxiliary models, got {sorted(auxiliary_models)}: "
            "remove explorer.auxiliary_models from the YAML"
        )
    text = response.get_text_content() if response is not None else None
    gold = gold_answer(str(task["answer"]))
    # in a thread, so that a slow comparison does not hold up the other rollouts of this event loop
    accuracy = float(await asyncio.to_thread(is_correct, text, gold))
    format_score = float(boxed(text) is not None)
    return JudgeOutput(
        reward=accuracy, metrics={"accuracy": accuracy, "format_score": format_score}
    )
