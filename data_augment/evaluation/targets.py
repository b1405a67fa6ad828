"""Which model is meant: on a server, a checkpoint of a run, or a folder that no server serves yet.

MODEL@URL[,URL]    the model's name on its server, as in measure_pass_rates.py
URL                the one model of that server
RUN                the newest checkpoint of a run that Tinker trained, on the run's own server;
                   RUN/global_step_20 is an older one
RUN@URL            the same on another server, as after `make demo`, whose server ended with it
FOLDER             a model folder. Nothing here serves it, but the message says what does
"""

import json
import re
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

from data_augment.addresses import open_url
from data_augment.checkpoints import HOSTED, find_checkpoint, is_run
from data_augment.errors import BadInput

SERVED = re.compile(r"(.+?)@(https?://[^\s,@]+(?:,https?://[^\s,@]+)*)")
ADDRESS = re.compile(r"https?://[^\s,@]+")
PATIENCE = 30  # seconds for a server to name its models


class Served(NamedTuple):
    """A model on servers: its name there, and their base addresses, which mostly end in /v1."""

    model: str
    urls: list[str]


def find_served(target: str) -> Served:
    """The model on its servers that one of the five forms above stands for.

    Raises:
        BadInput: none serves it; the message says how to serve it.
    """
    match = SERVED.fullmatch(target)
    if match:
        urls = [url.rstrip("/") for url in match[2].split(",")]
        return Served(name_on_server(match[1]), urls)
    if ADDRESS.fullmatch(target):
        url = target.rstrip("/")
        return Served(only_model(url), [url])
    path = Path(target)
    if not path.is_dir():
        raise BadInput(
            f"{target}: expected MODEL@URL, a URL, a run or a model folder, "
            "e.g. Qwen/Qwen3-0.6B@http://localhost:8000/v1"
        )
    if not is_run(path):
        raise BadInput(how_to_serve(path))
    checkpoint = find_checkpoint(path)
    if checkpoint.tinker_path is None:
        raise BadInput(
            f"{target}: no server serves this checkpoint. Turn it into a model folder: "
            f"python -m data_augment.export {target}"
        )
    if checkpoint.tinker_server is None:
        raise BadInput(f"{target}: its weights are at hosted Tinker. {HOSTED}")
    return Served(checkpoint.tinker_path, [f"{checkpoint.tinker_server}/v1"])


def name_on_server(model: str) -> str:
    """A model's name as its server knows it: a run stands for its newest snapshot."""
    path = Path(model)
    if not path.is_dir() or not is_run(path):
        return model
    return find_checkpoint(path).tinker_path or model


def only_model(url: str) -> str:
    """The name of the only model of a server. Raises BadInput where there are more, or none."""
    try:
        with open_url(f"{url}/models", PATIENCE) as answer:
            names = [model["id"] for model in json.load(answer)["data"]]
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{url}: does not say which models it has ({error})") from None
    if len(names) != 1:
        raise BadInput(f"{url}: name one of its models, MODEL@URL; it has {', '.join(names)}")
    return names[0]


def how_to_serve(folder: Path) -> str:
    name = folder.resolve().name
    return (
        f"{folder}: a folder, and no server of it is named. Start one and give its address, "
        f"{name}@http://127.0.0.1:8000/v1:\n"
        f"  on a GPU    vllm serve {folder} --served-model-name {name} --port 8000 "
        "--generation-config vllm\n"  # else its top_k and temperature are the folder's own
        "              (a model that thinks aloud: add --reasoning-parser deepseek_r1)\n"
        f"  on a CPU    python -m laptop.server --models {folder.parent} --port 8000"
    )
