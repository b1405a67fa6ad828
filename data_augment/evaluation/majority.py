"""The answer of the majority, where answers of one value are one, however they are spelled."""

from collections import Counter
from collections.abc import Callable

from data_augment.pass_rates.journal import Sample
from math_agent.answers import is_correct


def same_answer(a: str, b: str) -> bool:
    """Whether the judge takes one for the other, in either direction."""
    return is_correct(rf"\boxed{{{a}}}", b) or is_correct(rf"\boxed{{{b}}}", a)


def majority_score(samples: list[Sample], same: Callable[[str, str], bool] = same_answer) -> float:
    """maj@k: the reward of the answer that most samples give.

    Samples without an answer have no vote; without any vote it is 0. Answers with equally many
    votes share: it is what a draw among them would give on average.
    """
    leaders = leading_answers(samples, same)
    if not leaders:
        return 0.0
    rewards = {sample.answer: sample.reward for sample in samples}  # the judge sees the box alone
    return sum(rewards[answer] for answer in leaders) / len(leaders)


def leading_answers(
    samples: list[Sample], same: Callable[[str, str], bool] = same_answer
) -> list[str]:
    """The answers with most votes, each in its most frequent spelling."""
    spellings = Counter(sample.answer for sample in samples if (sample.answer or "").strip())
    votes: Counter[str] = Counter()
    for spelling, count in spellings.most_common():
        known = next((answer for answer in votes if same(answer, spelling)), spelling)
        votes[known] += count
    most = max(votes.values(), default=0)
    return [answer for answer, count in votes.items() if count == most]
