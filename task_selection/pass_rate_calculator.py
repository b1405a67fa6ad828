"""The operator that tells the selector how often each task of a batch was solved."""

from collections import defaultdict

import trinity.buffer.operators.mappers.pass_rate_calculator as trinity_calculator
from trinity.common.constants import SELECTOR_METRIC


class PassRateCalculator(trinity_calculator.PassRateCalculator):
    """Trinity's pass rates, with each run counted once and a lost rollout counted as a failure.

    A run's reward is that of its last experience: its outcome. AgentScope workflows give every
    step of a run the same one. Trinity averages over experiences, so that a run of five steps
    counts five times.

    A rollout is lost when it raised or timed out, after Trinity's retries; with it Trinity 0.6.0
    drops the runs of the group that were still to come. No experience of it gets here. Counting
    only the others would make long tasks look easier than they are, and would draw tasks that
    never finish again and again, each time at the cost of a whole timeout. So a task's pass rate is
    its sum of rewards over `repeat_times`. A task of which every rollout was lost is unknown here;
    the selector, which drew it, counts it as failed (DifficultyBasedSelector.feedback).

    Metrics: Trinity's `selection/*_ratio`, over the rollouts that came back, because these are
    what is trained on, and `selection/lost_rollouts`, the number of rollouts lost in the step.
    In the explorer's metrics it is named `experience_pipeline/selection/lost_rollouts`. A step of
    which every rollout was lost never gets here and has no such metric.

    Args:
        repeat_times: rollouts of each task (algorithm.repeat_times); None: as many as the largest
            group of the batch has.
        batch_size: tasks of each step (buffer.batch_size); None: as many as have an experience.
    """

    def __init__(self, repeat_times: int | None = None, batch_size: int | None = None) -> None:
        super().__init__()
        self.repeat_times = repeat_times
        self.batch_size = batch_size

    def process(self, exps):
        if not exps:
            return exps, {}
        # Trinity 0.6.0 reads `sequential` without a selector: its tasks have no taskset_id, and the
        # selector's part stays in the metrics, where the monitor raises NotImplementedError.
        has_selector = "taskset_id" in exps[0].info.get("task_index", {})

        groups = defaultdict(dict)  # one for each task of the batch: run -> its last experience
        for exp in exps:
            without_selector = {"taskset_id": 0, "index": exp.eid.task}
            task_index = without_selector | exp.info.get("task_index", {})
            exp.info["task_index"] = task_index
            group = groups[task_index["taskset_id"], task_index["index"], exp.eid.tid]
            group[exp.eid.rid] = exp
        last_experiences = [exp for runs in groups.values() for exp in runs.values()]
        _, metrics = super().process(last_experiences)

        repeat_times = self.repeat_times or max(len(runs) for runs in groups.values())
        batch_size = self.batch_size or len(groups)
        lost = batch_size * repeat_times - len(last_experiences)
        metrics["selection/lost_rollouts"] = float(max(lost, 0))
        if has_selector:
            metrics[SELECTOR_METRIC] = _pass_rates(groups, repeat_times)
        else:
            del metrics[SELECTOR_METRIC]
        return exps, metrics


def _pass_rates(groups: dict, repeat_times: int) -> dict:
    """Feedback by taskset: {taskset_id: {"indices": [...], "values": [...]}}.

    A task that was drawn twice for a batch has two groups, and one pass rate over both.
    """
    rewards = defaultdict(float)  # (taskset_id, index) -> sum of rewards
    rollouts = defaultdict(int)  # (taskset_id, index) -> their number, with the lost ones
    for (taskset_id, index, _), runs in groups.items():
        rewards[taskset_id, index] += sum(exp.reward for exp in runs.values())
        rollouts[taskset_id, index] += max(repeat_times, len(runs))

    feedback = {}
    for (taskset_id, index), total in rewards.items():
        taskset = feedback.setdefault(taskset_id, {"indices": [], "values": []})
        taskset["indices"].append(index)
        taskset["values"].append(float(total / rollouts[taskset_id, index]))
    return feedback
