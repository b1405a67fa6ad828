"""A task selector of one's own: tasks drawn in proportion to p (1 - p), the reward's variance.

GRPO learns nothing from a group whose rewards are all equal, and least where p is near 0 or 1.
Name it in the YAML, beside the operator that sends it pass rates:

    data_processor: {experience_pipeline: {operators: [{name: pass_rate_calculator}]}}
    buffer:
      explorer_input:
        taskset:
          task_selector:
            selector_type: examples.my_selector.VarianceSelector
            feature_keys: [qwen2.5_7b_pass_rate]  # p before a task's first visit
            kwargs: {smoothing: 0.5}  # weight of the newest pass rate, in (0, 1]
"""

import numpy as np
from trinity.buffer.selector.selector import BaseSelector


class VarianceSelector(BaseSelector):
    def __init__(self, data_source, config):
        super().__init__(data_source, config)
        self.pass_rates = np.array(data_source.dataset[config.feature_keys[0]][:], dtype=float)
        self.smoothing = config.kwargs.get("smoothing", 0.5)
        self.visited = set()  # only these differ from the column, so only these are saved
        self.current_index = 0  # tasks drawn so far

    def get_indices(self, batch_size, return_extra_info=False):
        # Seeded by position: the batch after a resume is the one that was due.
        rng = np.random.default_rng([self.config.seed, self.current_index])
        self.current_index += batch_size
        weights = self.pass_rates * (1 - self.pass_rates) + 0.01  # no task is out for ever
        return rng.choice(len(weights), batch_size, replace=False, p=weights / weights.sum())

    def feedback(self, indices, values):
        for index, value in zip(indices, values, strict=True):
            if 0 <= value <= 1:  # false for NaN, too
                self.pass_rates[index] += self.smoothing * (value - self.pass_rates[index])
                self.visited.add(int(index))

    def state_dict(self):  # JSON: its keys are text
        visited = {str(i): float(self.pass_rates[i]) for i in sorted(self.visited)}
        return {"current_index": self.current_index, "pass_rates": visited}

    def load_state_dict(self, state_dict):  # of a new run: {"current_index": 0}
        self.current_index = state_dict["current_index"]
        for index, value in state_dict.get("pass_rates", {}).items():
            self.pass_rates[int(index)] = value
            self.visited.add(int(index))
