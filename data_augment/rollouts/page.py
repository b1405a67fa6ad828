"""Rollouts as one HTML page, which a browser opens without a network.

The texts of a task in a step are one compressed piece, unpacked when a reader opens it. So the page
is there at once, however long the texts are, and nothing in a text can be taken for HTML. Browsers
since 2023 can unpack (DecompressionStream).
"""

import base64
import gzip
import json
from collections import defaultdict
from pathlib import Path

from data_augment.rollouts.choice import groups, length, was_cut_off
from math_agent.answers import gold_answer

LARGEST = 5_000_000  # bytes of a page
SHORT = 80  # characters of a question in the list


def as_page(name: str, rollouts) -> str:
    """The page of some rollouts; what does not fit is left out, evenly over the steps, and said.

    Args:
        name: of the run.
        rollouts: as choice.py gives them, those of a task and step one after another.
    """
    entries = []
    texts = []
    questions = {}
    for group in groups(rollouts):
        first = group[0]
        questions[first["task"]] = (first["question"] or "")[:SHORT]
        entries.append(entry(group))
        texts.append(packed(group))
    template = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
    data = {"run": name, "questions": questions, "groups": entries}
    room = LARGEST - len(template) - len(as_json(data))
    steps = [group["step"] for group in entries]
    for index in fitting(steps, texts, room):
        entries[index]["texts"] = texts[index]
    return template.replace("DATA", as_json(data), 1)


def entry(group: list[dict]) -> dict:
    """What the list shows of a task in a step; `texts` is added where they fit."""
    return {
        "step": group[0]["step"],
        "task": group[0]["task"],
        "rewards": group[0]["rewards"],
        "predicted": group[0]["predicted"],
        "shown": len(group),
        "longest": max(length(rollout) for rollout in group),
        "cut": sum(was_cut_off(rollout) for rollout in group),
    }


def packed(group: list[dict]) -> str:
    """Question, gold answer and rollouts of a task in a step: JSON, gzip, base64."""
    kept = ("run", "reward", "box", "turns")
    content = {
        "question": group[0]["question"],
        "gold": gold_answer(group[0]["answer"] or ""),
        "rollouts": [{key: rollout[key] for key in kept} for rollout in group],
    }
    return base64.b64encode(gzip.compress(json.dumps(content).encode(), mtime=0)).decode()


def fitting(steps: list[int], texts: list[str], room: int) -> list[int]:
    """The indices of the texts that fit into `room` characters together.

    The first of each step come first, then the second of each, and so on, so that every step has
    about as many.
    """
    earlier = defaultdict(int)  # step -> texts of it that came already
    ranked = []
    for index, step in enumerate(steps):
        ranked.append((earlier[step], index))
        earlier[step] += 1
    kept = []
    for _, index in sorted(ranked):
        size = len(texts[index]) + len(', "texts": ""')
        if size <= room:
            room -= size
            kept.append(index)
    return kept


def as_json(data) -> str:
    r"""JSON that may stand inside a <script>: "<" is \u003c there."""
    return json.dumps(data).replace("<", "\\u003c")
