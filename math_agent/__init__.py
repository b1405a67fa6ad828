r"""The agent that solves a math problem and the judge that grades it, for `agentscope.tuner`.

Put your own in the place of either: the signatures are the tuner's.

    agent.py     run_react_agent(task, model) -> the agent's last message
    judge.py     gsm8k_judge(task, response) -> reward 1.0 or 0.0
    answers.py   when an answer is right; ALTERNATIVES (" ||| ") stands between the accepted answers
                 of one task
    equality/    the machinery behind it
"""

from math_agent.agent import SYSTEM_PROMPT, run_react_agent
from math_agent.judge import gsm8k_judge

__all__ = ["SYSTEM_PROMPT", "gsm8k_judge", "run_react_agent"]
