"""The scores as tables: of all problems, of each value of a column, of each problem.

Brackets hold 95 % intervals (figure/intervals.py). The problems are the unit: they say what to
expect on other problems such as these. All models are compared on the same problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_augment.evaluation.majority import leading_answers
from data_augment.evaluation.scores import Score, score_problems
from data_augment.figure.intervals import difference_interval, share_interval
from math_agent.answers import gold_answer

if TYPE_CHECKING:
    from data_augment.pass_rates.journal import Sample

SHOWN = 60  # characters of a question

Problems = list["list[Sample]"]  # the samples of each problem


def report(models: dict[str, Problems], groups: dict[str, list[int]]) -> None:
    """Print the scores of all problems, then those of each group.

    Args:
        models: by name; the same problems for each, with equally many samples.
        groups: the numbers of the problems in each group.
    """
    scores = {name: score_problems(problems) for name, problems in models.items()}
    count = len(next(iter(models.values())))
    print_table(f"{count:,} problems", scores)
    for group, chosen in groups.items():
        print_table(f"{group}: {len(chosen):,} problems", choose(scores, chosen))


def choose(scores: dict[str, list[Score]], chosen: list[int]) -> dict[str, list[Score]]:
    """The scores of some of the problems."""
    return {
        name: [score._replace(values=score.values[chosen]) for score in own]
        for name, own in scores.items()
    }


def print_table(title: str, scores: dict[str, list[Score]]) -> None:
    """A line for each score: each model, then each model less the first one."""
    first, *others = scores
    header = [title, *scores, *[f"{name} - {first}" for name in others]]
    rows = []
    for i, base in enumerate(scores[first]):
        cells = [share(own[i]) for own in scores.values()]
        cells += [difference(scores[name][i], base) for name in others]
        rows.append([base.name, *cells])
    print()
    print_aligned([header, *rows])


def share(score: Score) -> str:
    low, high = share_interval(score.values, score.samples)
    return f"{score.values.mean():.3f} {bracket(low, high, '.3f')}"


def difference(own: Score, base: Score) -> str:
    differences = own.values - base.values
    low, high = difference_interval(differences, own.samples)
    return f"{differences.mean():+.3f} {bracket(low, high, '+.3f')}"


def bracket(low: float, high: float, form: str) -> str:
    return "" if np.isnan(low) else f"[{low:{form}}, {high:{form}}]"


def report_each_problem(models: dict[str, Problems], tasks: list[dict], rows: list[int]) -> None:
    """Print a line for each problem: how many samples are right, the majority, the gold answer.

    Args:
        models: as for `report`.
        tasks: question and answer of each row of the taskset.
        rows: the rows of the problems.
    """
    lines = [["row", *[part for name in models for part in (name, "majority")], "gold", "question"]]
    for i, row in enumerate(rows):
        line = [str(row)]
        for problems in models.values():
            rewards = [sample.reward for sample in problems[i]]
            low, high = share_interval(rewards, 1)
            line.append(f"{np.mean(rewards):.2f} {bracket(low, high, '.2f')}")
            line.append(one_line(" or ".join(leading_answers(problems[i])) or "none"))
        line.append(one_line(gold_answer(str(tasks[row]["answer"]))))
        line.append(one_line(str(tasks[row]["question"])))
        lines.append(line)
    print()
    print_aligned(lines)


def one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def print_aligned(lines: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())
