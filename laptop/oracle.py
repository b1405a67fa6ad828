"""The ceiling of the comparison: a selector that knows the policy's true pass rates.

An answer of the laptop's models is right when it is one response to the letter, so the pass rate of
a task is the likelihood of that response, and the server computes it for all tasks in one forward
pass. No real selector can know it. The draw is that of task_selection.FeatureBasedSelector.
"""

import json
import os
import urllib.request

import numpy as np
import ray
from trinity.manager.synchronizer import Synchronizer

from laptop.arithmetic import build_tokenizer, encoded_pairs
from task_selection import FeatureBasedSelector

BASE = "base"  # the server's name of the model before the first step


class OracleSelector(FeatureBasedSelector):
    """Draws by p (1 - p), where p is the true pass rate under the weights of this step."""

    def __init__(self, data_source, config) -> None:
        super().__init__(data_source, config)
        pairs = encoded_pairs(data_source.dataset, build_tokenizer().encode)
        self.prompts = [question for question, _ in pairs]
        self.responses = [right for _, right in pairs]
        self.true_rates = np.full(self.n, 0.5)

    def pass_rates(self, rng) -> np.ndarray:
        self.true_rates = np.clip(self.ask(), 1e-9, 1 - 1e-9)
        return self.true_rates

    def ask(self) -> np.ndarray:
        """The likelihood of each task's right response, [n]."""
        request = {"model": newest_weights(), "prompts": self.prompts, "responses": self.responses}
        return likelihoods(request)

    def predict(self, indices) -> np.ndarray:
        return self.true_rates[indices]


def newest_weights() -> str:
    """The server's name of the weights that the next rollouts are sampled from."""
    synchronizer = Synchronizer.get_actor(namespace=ray.get_runtime_context().namespace)
    uri, _ = ray.get(synchronizer.get_model_state_dict.remote())
    return uri or BASE


def likelihoods(request: dict) -> np.ndarray:
    """The server's likelihood of each response, [n]."""
    url = os.environ["TINKER_BASE_URL"]  # Trinity sets it for its processes
    body = json.dumps(request).encode()
    headers = {"Content-Type": "application/json"}
    post = urllib.request.Request(f"{url}/laptop/likelihoods", body, headers)
    with urllib.request.urlopen(post, timeout=120) as reply:
        return np.array(json.load(reply)["likelihoods"])
