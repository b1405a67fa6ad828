"""Each score is the number that its name stands for."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from data_augment.evaluation.majority import majority_score
from data_augment.evaluation.scores import numbers_of_tries, pass_at, score_problems
from data_augment.pass_rates.journal import Sample


def samples(*answers, gold="1", finish="stop"):
    """Samples with these answers, of which those equal to `gold` are right."""
    return [Sample(float(answer == gold), finish, answer) for answer in answers]


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_pass_at_k_is_the_share_of_all_choices_that_hold_a_right_one(n):
    for right in range(n + 1):
        rewards = [1] * right + [0] * (n - right)
        for k in range(1, n + 1):
            choices = list(combinations(rewards, k))
            share = sum(any(choice) for choice in choices) / len(choices)
            assert pass_at(k, right, n) == pytest.approx(share)


@pytest.mark.parametrize(("n", "k"), [(8, 1), (8, 4), (32, 8), (32, 32)])
@pytest.mark.parametrize("p", [0.0, 0.03, 0.5, 1.0])
def test_pass_at_k_is_right_on_average_over_all_that_could_be_sampled(n, k, p):
    chances = [comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    expected = sum(chance * pass_at(k, c, n) for c, chance in enumerate(chances))
    assert expected == pytest.approx(1 - (1 - p) ** k)


def test_scores_of_a_model():
    problems = [
        samples("1", "1", "2", "3"),
        samples("2", "2", "2", "1"),
        samples("2", "2", "2", "2", finish="length"),
        [Sample(0.0, "no text", None)] * 4,
    ]
    scores = {score.name: score for score in score_problems(problems)}
    assert list(scores) == ["mean@4", "pass@2", "pass@4", "maj@4", "cut off"]
    assert scores["mean@4"].values.tolist() == [0.5, 0.25, 0, 0]
    assert scores["pass@2"].values.tolist() == pytest.approx([5 / 6, 0.5, 0, 0])
    assert scores["pass@4"].values.tolist() == [1, 1, 0, 0]
    assert scores["maj@4"].values.tolist() == [1, 0, 0, 0]
    assert scores["cut off"].values.tolist() == [0, 0, 1, 1]


def test_a_judge_with_parts_of_a_point_counts_full_points_for_pass_at_k():
    scores = {s.name: s for s in score_problems([[Sample(0.5, "stop", "3")] * 2])}
    assert scores["mean@2"].values.tolist() == [0.5]
    assert scores["pass@2"].values.tolist() == [0]


def test_one_sample_has_a_mean_and_no_majority():
    names = [score.name for score in score_problems([samples("1")])]
    assert names == ["mean@1", "cut off"]


def test_the_tries_that_are_shown_end_with_all_samples():
    assert numbers_of_tries(32) == [2, 4, 8, 16, 32]
    assert numbers_of_tries(6) == [2, 4, 6]


def test_spellings_of_one_value_vote_together():
    half = [Sample(1.0, "stop", answer) for answer in (r"\frac12", "0.5", "1/2")]
    others = samples("2", "2", "3")
    assert majority_score(half + others) == 1.0
    assert majority_score([*half[:1], *others]) == 0.0


def test_a_sample_without_an_answer_has_no_vote():
    silent = [Sample(0.0, "no text", None), Sample(0.0, "stop", " ")] * 3
    assert majority_score([*silent, *samples("1")]) == 1.0
    assert majority_score(silent) == 0.0


def test_answers_with_equally_many_votes_share():
    assert majority_score(samples("1", "2")) == 0.5
    assert majority_score(samples("1", "2", "3")) == pytest.approx(1 / 3)


def test_the_majority_is_what_a_count_by_hand_finds():
    rng = np.random.default_rng(0)
    for _ in range(50):
        drawn = [str(answer) for answer in rng.integers(1, 4, size=7)]
        counts = {answer: drawn.count(answer) for answer in drawn}
        leaders = [answer for answer, count in counts.items() if count == max(counts.values())]
        expected = leaders.count("1") / len(leaders)
        assert majority_score(samples(*drawn)) == pytest.approx(expected)
