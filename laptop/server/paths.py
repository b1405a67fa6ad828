"""From the names that clients give to paths on disk, which never leave the server's two folders.

A model is a folder under --models, named by its relative path or its absolute one. A snapshot is a
file under --state, named by Tinker's URI: tinker://RUN/weights/NAME (with the optimizer) or
tinker://RUN/sampler_weights/NAME. A session is an empty file, so that it outlives a restart.
"""

import os
import re
from pathlib import Path

from laptop.server.errors import BadRequest, NotFound

SESSION = re.compile("[0-9a-f]{32}")
# No name starts with a dot, and none holds a slash, a backslash or a control character.
SNAPSHOT = re.compile(
    r"tinker://([0-9a-f]{32})/(weights|sampler_weights)/([^./\\\0-\x1f][^/\\\0-\x1f]*)"
)
NAME_BYTES = 200  # of a snapshot; file systems take 255 with the suffix


def model_names(models: Path) -> list[str]:
    """The folders under `models` that hold a model, by their paths relative to it."""
    configs = models.rglob("config.json")
    return sorted(config.parent.relative_to(models).as_posix() for config in configs)


def model_folder(models: Path, name: str) -> Path:
    """The folder of a model, by its name or its absolute path.

    Raises:
        BadRequest: it is outside `models`.
        NotFound: it holds no model.
    """
    try:
        folder = (models / name).resolve(strict=True)  # an absolute name stands for itself
    except (OSError, ValueError):  # it does not exist, is too long, or has a NUL in it
        folder = None
    if folder is not None and not folder.is_relative_to(models):
        raise BadRequest(f"model {name!r} is outside {models}")
    if folder in (None, models) or not (folder / "config.json").is_file():
        choices = ", ".join(model_names(models))
        raise NotFound(f"no model {name!r}; there are: {choices}")
    return folder


def snapshot_file(state: Path, uri: str) -> Path:
    """The file of a tinker:// URI, whether or not it exists.

    Raises:
        BadRequest: it is no such URI, or leads outside `state`.
    """
    match = SNAPSHOT.fullmatch(uri)
    if match is None:
        raise BadRequest(f"{uri!r} is not tinker://RUN/weights|sampler_weights/NAME")
    run, kind, name = match.groups()
    if len(os.fsencode(name)) > NAME_BYTES:
        raise BadRequest(f"{uri!r}: the name of the snapshot is longer than {NAME_BYTES} bytes")
    file = state / run / kind / f"{name}.safetensors"
    if not file.resolve().is_relative_to(state):  # a folder was replaced by a link
        raise BadRequest(f"{uri!r} is outside {state}")
    return file


def session_file(state: Path, session_id: str) -> Path:
    """The file that stands for a client's session.

    Raises:
        NotFound: no id of ours.
    """
    if not SESSION.fullmatch(session_id):
        raise NotFound(f"unknown session_id {session_id!r}")
    return state / "sessions" / session_id
