"""A run of the laptop's experiment in one process: selector, rollouts, GRPO, evaluation.

The selector is made from the merged YAML; adapter, sampler and AdamW are those of laptop/server.
What it leaves out of the chain that main.py runs:

    1. Trinity, Ray, HTTP and the agent. A reply is right when it is the right response to the
       letter, and PPO's ratio is 1: each batch is trained on once, by the weights that made it.
    2. The KL term, whose coefficient is 0.001.
    3. Sampling at the evaluation. The accuracy is the mean likelihood of the right responses to the
       held-out problems, so that it has no noise of its own.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import datasets
import numpy as np
import torch
from omegaconf import OmegaConf
from tinker.types import AdamParams
from trinity.buffer.selector import SELECTORS
from trinity.common.config import DataSelectorConfig

from laptop.arithmetic import encoded_pairs
from laptop.demo import DATA
from laptop.oracle import OracleSelector
from laptop.server.likelihood_routes import likelihoods_of
from laptop.server.policy import BaseModel, Lora
from laptop.server.sampling import SampleJob, SamplingParams, decode
from laptop.server.training_run import TrainingRun


@dataclass
class Problems:
    """Rows of a dataset, and the token ids of each prompt and of its right response."""

    rows: object  # datasets.Dataset
    pairs: list[tuple[list[int], list[int]]]


def load_laptop() -> tuple[BaseModel, Problems, Problems]:
    """The base model, the tasks with their pass rates, and the held-out problems."""
    torch.set_num_threads(1)
    base = BaseModel("base", DATA / "models/base")
    parts = []
    for folder, split in (("math", "train"), ("heldout", "test")):
        rows = datasets.load_dataset(str(DATA / folder), split=split)
        parts.append(Problems(rows, encoded_pairs(rows, base.tokenizer.encode)))
    return base, *parts


def make_selector(config, pool: Problems, policy: TrainingRun):
    """The selector of the YAML; the oracle asks the policy itself and not the server."""
    node = config.buffer.explorer_input.taskset.task_selector
    settings = DataSelectorConfig(**OmegaConf.to_container(node))
    source = SimpleNamespace(dataset=pool.rows, dataset_size=len(pool.rows))
    selector = SELECTORS.get(settings.selector_type)(source, settings)
    if isinstance(selector, OracleSelector):
        selector.ask = lambda: likelihoods_of(policy, pool.pairs)
    return selector


def train(config, base: BaseModel, pool: Problems, held_out: Problems) -> list[tuple]:
    """Train an adapter; returns its curves, (step, metric, value), by plot_result.py's names."""
    tinker = config.model.tinker
    policy = TrainingRun("trial", base, Lora(tinker.rank, True, True, True), tinker.seed)
    selector = make_selector(config, pool, policy)
    adam = AdamParams(
        learning_rate=config.algorithm.optimizer.lr,
        beta1=0.9,
        beta2=0.999,
        weight_decay=0.01,
        grad_clip_norm=1.0,
    )
    steps = config.buffer.total_steps
    points = []
    for step in range(1, steps + 1):
        if (step - 1) % config.explorer.eval_interval == 0:
            points.append(evaluation(step - 1, policy, held_out))
        tasks = [int(i) for i in selector.get_indices(config.buffer.batch_size)]
        pairs = [pool.pairs[i] for i in tasks]
        replies = roll_out(policy, pairs, config.algorithm.repeat_times, [tinker.seed, step])
        rewards = grade(pairs, replies)
        data = with_advantages(pairs, replies, rewards)
        if data:
            policy.forward(data, backward=True)
            policy.step(adam)
        rates = rewards.mean(axis=1)
        selector.feedback(tasks, rates.tolist())
        points.append((step, "effective_task_ratio", np.mean((rates > 0) & (rates < 1))))
        points.append((step, "rollout_accuracy", rates.mean()))
    points.append(evaluation(steps, policy, held_out))
    return points


def evaluation(step: int, policy: TrainingRun, held_out: Problems) -> tuple:
    return step, "eval_accuracy/heldout", np.mean(likelihoods_of(policy, held_out.pairs))


def roll_out(policy, pairs: list, rollouts: int, seed: list[int]) -> list[list[list[int]]]:
    """The tokens of each reply to each prompt, at temperature 1."""
    seeds = np.random.default_rng(seed).integers(2**32, size=len(pairs))
    jobs = []
    for (question, _), job_seed in zip(pairs, seeds, strict=True):
        params = SamplingParams(n=rollouts, max_tokens=16, seed=int(job_seed))
        jobs.append(SampleJob(policy, question, params))
    decode(jobs)
    return [[reply["tokens"] for reply in job.result["sequences"]] for job in jobs]


def grade(pairs: list, replies: list) -> np.ndarray:
    """1.0 for each reply that is the right response, [tasks, rollouts]."""
    rewards = []
    for (_, right), group in zip(pairs, replies, strict=True):
        rewards.append([float(reply == right) for reply in group])
    return np.array(rewards)


def with_advantages(pairs: list, replies: list, rewards: np.ndarray) -> list[tuple]:
    """(tokens, targets, weights) of each reply of a group whose rewards differ.

    As Trinity 0.6.0 does with multi_step_grpo and Tinker: advantages over the group's standard
    deviation, the mean over a reply's tokens, then over all replies of the step.
    """
    data = []
    for (question, _), group, scores in zip(pairs, replies, rewards, strict=True):
        if scores.min() == scores.max():
            continue
        advantages = (scores - scores.mean()) / (scores.std(ddof=1) + 1e-6)
        for reply, advantage in zip(group, advantages, strict=True):
            weight = float(advantage) / len(reply) / rewards.size
            weights = [0.0] * (len(question) - 1) + [weight] * len(reply)
            tokens = question + reply
            data.append((tokens[:-1], tokens[1:], weights))
    return data
