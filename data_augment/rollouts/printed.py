"""Rollouts on a terminal."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from data_augment.rollouts.choice import groups, length, pass_rate, was_cut_off
from math_agent.answers import gold_answer

# What a model writes may hold control characters, which would steer the terminal: shown as signs.
SIGNS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
SIGNS |= dict.fromkeys(range(0x7F, 0xA0), 0xFFFD)


def terminal() -> Console:
    """A console that takes nothing in a text for a command of rich's."""
    return Console(markup=False, highlight=False, emoji=False)


def print_rollouts(console: Console, rollouts: list[dict]) -> None:
    """Print each task once, and under it its rollouts."""
    for group in groups(rollouts):
        print_task(console, group[0])
        for rollout in group:
            print_rollout(console, rollout)


def print_task(console: Console, rollout: dict) -> None:
    console.rule(f"step {rollout['step']}, task {rollout['task']}", align="left")
    print_field(console, "question", rollout["question"] or "not known")
    print_field(console, "gold answer", gold_answer(rollout["answer"] or "not known"))
    rewards = " ".join(f"{reward:g}" for reward in rollout["rewards"])
    print_field(console, "rewards", f"{rewards}   pass rate {rates(rollout)}")


def rates(rollout: dict) -> str:
    observed = f"{pass_rate(rollout):.2f}"
    if rollout["predicted"] is None:
        return observed
    return f"{observed}, predicted when it was drawn {rollout['predicted']:.2f}"


def print_rollout(console: Console, rollout: dict) -> None:
    """Its reward, what the judge read, and each turn of the agent."""
    console.print()
    head = Text(f"rollout {rollout['run']}: reward {rollout['reward']:g}, ", style="bold")
    head.append("nothing in a box" if rollout["box"] is None else f"box {visible(rollout['box'])}")
    head.append(f", {length(rollout)} tokens")
    if was_cut_off(rollout):
        head.append(", cut off", style="red")
    console.print(head)
    for number, turn in enumerate(rollout["turns"], start=1):
        if number > 1:  # what came between: a tool's result, a hint
            print_text(console, f"given before turn {number}", turn["given"], "dim")
        title = f"turn {number}" if len(rollout["turns"]) > 1 else ""
        print_text(console, title, turn["wrote"], "green" if rollout["reward"] > 0 else "yellow")


def print_text(console: Console, title: str, text: str, style: str) -> None:
    if title:
        console.print(Text(title, style="bold"))
    console.print(Padding(Text(visible(text), style=style), (0, 0, 0, 2)))


def print_field(console: Console, name: str, value: str) -> None:
    console.print(Text(f"{name:<12}", style="bold") + Text(visible(value)))


def visible(text: str) -> str:
    return text.translate(SIGNS)
