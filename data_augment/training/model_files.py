"""The small files of a model, its configuration and its tokenizer, from a folder or the Hub."""

import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def read_config(model_path: str) -> dict | None:
    """config.json of the model, its text part where it has several; None where there is none."""
    path = find_file(model_path, "config.json")
    if path is None:
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return config.get("text_config", config) if isinstance(config, dict) else None


def load_tokenizer(model_path: str):
    """The model's tokenizer with its chat template; None where none is to be had.

    PreTrainedTokenizerFast reads any tokenizer.json, and takes 1 s where AutoTokenizer takes 4,
    because it does without torch.
    """
    found = [find_file(model_path, name) for name in TOKENIZER_FILES]
    if found[0] is None:
        return None
    from transformers import PreTrainedTokenizerFast

    try:
        return PreTrainedTokenizerFast.from_pretrained(found[0].parent)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_file(model_path: str, name: str) -> Path | None:
    """A file of the model: in its folder, in the cache of the Hub, or downloaded into that."""
    if Path(model_path).is_dir():
        path = Path(model_path, name)
        return path if path.is_file() else None
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(model_path, name)
        if isinstance(cached, str):
            return Path(cached)
        if cached is not None or not hub_answers():  # known to be missing, or out of reach
            return None
        return Path(hf_hub_download(model_path, name))
    except (OSError, ValueError):  # errors of the Hub are OSErrors, a bad name is a ValueError
        return None


def hub_answers() -> bool:
    """Whether the Hub can be reached: huggingface_hub tries for 48 s before it says so."""
    if os.environ.get("HF_HUB_OFFLINE"):
        return False
    url = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    if os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY"):
        return True  # the proxy may reach what this machine cannot
    try:
        port = url.port or (443 if url.scheme == "https" else 80)
        socket.create_connection((url.hostname, port), timeout=3).close()
    except OSError:
        return False
    return True
