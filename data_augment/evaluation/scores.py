"""The scores of each problem from its samples: mean@k, pass@k, maj@k, and the share cut off."""

from math import comb
from typing import NamedTuple

import numpy as np

from data_augment.evaluation.majority import majority_score
from data_augment.pass_rates.journal import Sample

RIGHT = 1.0  # the reward from which a sample counts as right for pass@k
CUT_OFF = ("length", "no text")  # a thought that is cut off leaves no text


class Score(NamedTuple):
    """One kind of score.

    Fields:
        name: mean@8, pass@4, ...
        values: [problems] each in [0, 1].
        samples: independent samples behind each value.
    """

    name: str
    values: np.ndarray
    samples: float


def score_problems(problems: list[list[Sample]]) -> list[Score]:
    """All scores of a model.

    Args:
        problems: the samples of each problem, equally many.
    """
    k = len(problems[0])
    rewards = np.array([[sample.reward for sample in samples] for samples in problems])
    right = (rewards >= RIGHT).sum(axis=1)
    scores = [Score(f"mean@{k}", rewards.mean(axis=1), k)]
    for tries in numbers_of_tries(k):
        values = [pass_at(tries, int(count), k) for count in right]
        scores.append(Score(f"pass@{tries}", np.array(values), k / tries))
    if k > 1:
        majorities = [majority_score(samples) for samples in problems]
        scores.append(Score(f"maj@{k}", np.array(majorities), 1))
    cut = [np.mean([sample.finish in CUT_OFF for sample in samples]) for samples in problems]
    scores.append(Score("cut off", np.array(cut), k))
    return scores


def numbers_of_tries(k: int) -> list[int]:
    """2, 4, 8, ... and k itself; pass@1 is the mean."""
    tries = []
    number = 2
    while number < k:
        tries.append(number)
        number *= 2
    return [*tries, k] if k > 1 else []


def pass_at(tries: int, right: int, samples: int) -> float:
    """The chance that one of so many tries at least is right: 1 - C(n - c, k) / C(n, k).

    It is the share of all choices of k of the n samples that hold one of the c right ones, which is
    unbiased (Chen et al., 2021, arXiv 2107.03374); 1 - (1 - c/n)^k is not.
    """
    return 1 - comb(samples - right, tries) / comb(samples, tries)
