"""The agent and its judge as a workflow of Trinity, for `trinity run --config`.

`main.py` hands `tune` the two functions, and `tune` puts them into the configuration by an adapter
of Trinity's. A YAML cannot hold functions: there this class stands for them, by its dotted path.
"""

import dataclasses

from trinity.common.workflows.agentscope_workflow import AgentScopeWorkflowAdapterV1

from data_augment.training.rollout_count import counted
from math_agent import gsm8k_judge, run_react_agent


class MathWorkflow(AgentScopeWorkflowAdapterV1):
    """One rollout of `run_react_agent`, judged by `gsm8k_judge`."""

    def __init__(self, *, task, model, auxiliary_models=None) -> None:
        functions = {"workflow_func": counted(run_react_agent), "judge_func": gsm8k_judge}
        task = dataclasses.replace(task, workflow_args=task.workflow_args | functions)
        super().__init__(task=task, model=model, auxiliary_models=auxiliary_models)
