"""The types of measure_pass_rates.py's arguments. Light, as `--help` imports it."""

import math
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import NamedTuple

MODEL = re.compile(r"(\w[\w.-]*)=(.+?)@(https?://[^\s,@]+(?:,https?://[^\s,@]+)*)")


class ModelSpec(NamedTuple):
    """A model to measure: the name of its columns, its name on its servers, their addresses."""

    name: str
    model: str
    urls: list[str]


def model_spec(text: str) -> ModelSpec:
    """Parse NAME=MODEL@URL[,URL]."""
    match = MODEL.fullmatch(text)
    if not match:
        raise ArgumentTypeError(
            "expected NAME=MODEL@URL, e.g. weak=Qwen/Qwen2.5-7B-Instruct@http://localhost:8000/v1 "
            "(a URL holds no key or password, see --api-key-env)"
        )
    name, model, urls = match.groups()
    return ModelSpec(name, model, [url.rstrip("/") for url in urls.split(",")])


def count(text: str) -> int:
    """Parse a whole number from 1."""
    value = int(text)
    if value < 1:
        raise ArgumentTypeError(f"{text}: expected a whole number from 1")
    return value


def number(least: float, most: float = math.inf) -> Callable[[str], float]:
    """The type of a finite number between two others."""

    def parse(text: str) -> float:
        value = float(text)
        if not least <= value <= most or math.isinf(value):
            raise ArgumentTypeError(f"{text}: expected a number from {least:g} to {most:g}")
        return value

    parse.__name__ = "number"  # for argparse's message
    return parse


def seed(text: str) -> int | None:
    """Parse a whole number, or none."""
    return None if text == "none" else int(text)
