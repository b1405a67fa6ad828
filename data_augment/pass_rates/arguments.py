"""Arguments that say how a model is sampled, and their types. Light, as `--help` imports it."""

import math
import os
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
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


def add_sampling_arguments(parser: ArgumentParser, samples: int) -> None:
    """The options of the commands that sample; `samples` of each row are the default."""
    parser.add_argument(
        "--samples",
        type=count,
        default=samples,
        help="of each row and model (default: %(default)s)",
    )
    parser.add_argument(
        "--choices",
        type=count,
        default=1,
        help="samples that share a request (n): fewer requests and prompts, where the server "
        "knows n (default: %(default)s)",
    )
    parser.add_argument("--temperature", type=number(0), default=1.0, help="default: %(default)s")
    parser.add_argument("--top-p", type=number(0, 1), default=1.0, help="default: %(default)s")
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--max-tokens",
        type=count,
        default=16384,
        help="of a response; take training's max_response_tokens (default: %(default)s)",
    )
    length.add_argument(
        "--max-completion-tokens",
        type=count,
        metavar="MAX_TOKENS",
        help="the same under its new name, for servers that refuse max_tokens (OpenAI's)",
    )
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        help="each sample sends one of its own, drawn from this; none: no seeds, for a server "
        "that refuses them or, as vLLM, is slower with them (default: %(default)s)",
    )
    parser.add_argument(
        "--concurrency", type=count, default=64, help="requests in flight at a URL (default: 64)"
    )
    add_server_arguments(parser)


def add_server_arguments(parser: ArgumentParser) -> None:
    """The options of all commands that ask a server."""
    parser.add_argument(
        "--timeout", type=number(0), default=600, help="seconds of a request (default: 600)"
    )
    parser.add_argument(
        "--api-key-env",
        metavar="VARIABLE",
        help="environment variable that holds the servers' key (default: no key is sent)",
    )


def request_fields(args: Namespace) -> dict:
    """The fields of every request that the sampling arguments stand for."""
    limit = "max_completion_tokens" if args.max_completion_tokens else "max_tokens"
    return {
        "temperature": args.temperature,
        "top_p": args.top_p,
        limit: getattr(args, limit),
    }


def read_key(variable: str | None, parser: ArgumentParser) -> str | None:
    """The servers' key from the environment, without the newline that a file of it often has."""
    if not variable:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        parser.error(f"--api-key-env: the variable {variable} is not set")
    if not (key.isascii() and key.isprintable()):
        parser.error(f"--api-key-env: the key in {variable} has characters that no header can hold")
    return key
