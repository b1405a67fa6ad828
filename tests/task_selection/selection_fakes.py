"""A small pool of tasks with two references, selectors over it, and a simulated policy."""

from types import SimpleNamespace

import numpy as np
import torch
from datasets import Dataset
from trinity.common.config import DataSelectorConfig
from trinity.common.experience import EID, Experience

import task_selection

PAPER = {"m": 8, "lamb": 0.1, "rho": 0.1, "target_reward": 0.5, "tau": 0, "do_sample": True}


def references(tasks=300, seed=0):
    """Pass rates of two references, 16 samples a task, and the policy's true ones."""
    rng = np.random.default_rng(seed)
    ability = rng.beta(0.5, 0.6, tasks)
    weak, strong = rng.binomial(16, 0.6 * ability) / 16, rng.binomial(16, ability**0.6) / 16
    return {"weak": weak.tolist(), "strong": strong.tolist()}, ability


def selector(columns=None, keys=("weak", "strong"), module=task_selection, **kwargs):
    columns = columns or references()[0]
    dataset = Dataset.from_dict(columns)
    source = SimpleNamespace(dataset=dataset, dataset_size=len(dataset))
    config = DataSelectorConfig(feature_keys=list(keys), kwargs={**PAPER, **kwargs})
    return module.DifficultyBasedSelector(source, config)


def step(chosen_by, ability, rng, batch_size=16):
    """One training step: a draw, eight simulated rollouts a task, feedback. The batch drawn."""
    batch = chosen_by.get_indices(batch_size).tolist()
    chosen_by.feedback(batch, (rng.binomial(8, ability[batch]) / 8).tolist())
    return batch


def posterior(of):
    estimator = of.diff_estimator
    return estimator.alphas.tobytes(), estimator.betas.tobytes(), estimator.cap_coef, estimator.rho


def experience(index, run, reward, step=0, task=0):
    eid = EID(batch=1, task=task, run=run, step=step)
    info = {"task_index": {"taskset_id": 0, "index": index}}
    return Experience(eid=eid, tokens=torch.zeros(2), prompt_length=1, reward=reward, info=info)
