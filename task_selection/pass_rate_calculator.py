"""The data processor that tells the selector how often each task of a batch was solved."""

import trinity.buffer.operators.mappers.pass_rate_calculator as trinity_calculator
from trinity.common.constants import SELECTOR_METRIC


class PassRateCalculator(trinity_calculator.PassRateCalculator):
    """Trinity's pass rates and `selection/*_ratio` metrics, with each run counted once.

    A run's reward is that of its last experience: its outcome. AgentScope workflows give every
    step of a run the same one.
    """

    def process(self, exps):
        if not exps:  # every run of the batch was lost: nothing to say, rather than NaN
            return exps, {}
        # Trinity 0.6.0 reads `sequential` without a selector: its tasks have no taskset_id, and the
        # selector's part stays in the metrics, where the monitor raises NotImplementedError.
        selected = "taskset_id" in exps[0].info.get("task_index", {})
        outcomes = {}  # tasks drawn twice in a batch differ in eid.task, which rid holds
        for exp in exps:
            task = {"taskset_id": 0, "index": exp.eid.task} | exp.info.get("task_index", {})
            exp.info["task_index"] = task
            outcomes[task["taskset_id"], task["index"], exp.eid.rid] = exp
        _, metrics = super().process(list(outcomes.values()))
        if not selected:
            del metrics[SELECTOR_METRIC]
        return exps, metrics
