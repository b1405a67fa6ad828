"""A snapshot: the tensors of an adapter in one safetensors file that never changes.

The header says what the adapter belongs to: {"base_model": name, "lora": shape of the adapter,
"optimizer": whether AdamW's state is in the file}. Parameters have the names that peft gives them;
the state of AdamW is under "adam.KEY/PARAMETER".
"""

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from laptop.server.errors import BadRequest, NotFound
from safe_files import write_whole


def write_snapshot(file: Path, tensors: dict[str, Tensor], about: dict, overwrite: bool) -> None:
    """Write a snapshot whole or not at all.

    Raises:
        BadRequest: the file exists and is not to be overwritten.
    """
    if file.exists() and not overwrite:
        raise BadRequest(f"snapshot {file.stem!r} exists, and snapshots do not change")
    metadata = {"tinker": json.dumps(about)}
    write_whole(file, lambda temporary: save_file(tensors, temporary, metadata=metadata))


def read_header(file: Path) -> dict:
    """What the snapshot belongs to, without its tensors.

    Raises:
        NotFound: the file does not exist.
    """
    if not file.is_file():
        raise NotFound(f"no snapshot {file.stem!r} in {file.parent}; was it deleted?")
    with safe_open(file, framework="numpy") as tensors:
        return json.loads(tensors.metadata()["tinker"])


def read_adapter(file: Path) -> dict[str, Tensor]:
    """The parameters of the adapter alone."""
    return {name: tensor for name, tensor in load_file(file).items() if "/" not in name}


def read_optimizer(file: Path) -> dict[str, dict[str, Tensor]]:
    """The state of AdamW, by parameter and key; empty where the snapshot has none."""
    state: dict[str, dict[str, Tensor]] = {}
    for name, tensor in load_file(file).items():
        key, slash, parameter = name.partition("/")
        if slash:
            state.setdefault(parameter, {})[key.removeprefix("adam.")] = tensor
    return state
