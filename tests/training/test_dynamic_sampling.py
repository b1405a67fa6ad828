"""Trinity's filters of groups without a signal, behind the pass-rate calculator."""

import asyncio

import pytest
from trinity.buffer.operators import create_operators
from trinity.common.config import OperatorConfig
from trinity.common.constants import SELECTOR_METRIC

from tests.task_selection.selection_fakes import experience

CALCULATOR = OperatorConfig(name="task_selection.PassRateCalculator")
FILTERS = ["dapo_dynamic_sampling", "reward_std_filter"]


def process(operators):
    """A batch of three tasks, always, sometimes and never solved, through the operators."""
    rewards = {10: [1.0] * 4, 11: [1.0, 0.0, 0.0, 0.0], 12: [0.0] * 4}
    batch = [
        experience(index, run, reward, task=index)
        for index, group in rewards.items()
        for run, reward in enumerate(group)
    ]
    metrics = {}
    for operator in create_operators(operators, {}):
        batch, found = asyncio.run(operator.process(batch))
        metrics |= found
    trained_on = {exp.info["task_index"]["index"] for exp in batch}
    told = metrics[SELECTOR_METRIC][0]
    return trained_on, dict(zip(told["indices"], told["values"], strict=True))


@pytest.mark.parametrize("name", FILTERS)
def test_calculator_then_filter_trains_on_mixed_groups_and_tells_the_selector_of_all(name):
    trained_on, told = process([CALCULATOR, OperatorConfig(name=name)])
    assert trained_on == {11}
    assert told == {10: 1.0, 11: 0.25, 12: 0.0}


@pytest.mark.parametrize("name", FILTERS)
def test_filter_then_calculator_hides_the_solved_and_the_hopeless_from_the_selector(name):
    """So that it draws them again and again; --check refuses this order."""
    _, told = process([OperatorConfig(name=name), CALCULATOR])
    assert told == {11: 0.25}
