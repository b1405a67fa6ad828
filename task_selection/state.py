"""What the state of a selector needs: arrays as JSON text, the dataset it belongs to, its copies.

Trinity 0.6.0 keeps a selector's state in a JSON file, `explorer_meta.json`, which it overwrites in
place at every weight sync. A copy of each state goes to `state_dir`, from where a run that was cut
short is brought back to the step of its weights (data_augment/training/resume.py).
"""

import base64
import hashlib
import io
import json
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from safe_files import write_whole


def pack_arrays(**arrays: np.ndarray) -> str:
    """Arrays as text for JSON, exact to the bit: a compressed .npz file in base64."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return base64.b64encode(file.getvalue()).decode("ascii")


def unpack_arrays(text: str) -> dict[str, np.ndarray]:
    """The arrays that `pack_arrays` was given, by name. Raises ValueError on damaged text."""
    try:
        with np.load(io.BytesIO(base64.b64decode(text, validate=True))) as file:
            return {name: file[name] for name in file.files}
    except (TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"arrays cannot be read ({type(error).__name__}: {error})") from error


def fingerprint(feature_keys: list[str], features: np.ndarray) -> dict:
    """What must be equal for a state to fit a dataset: rows, names and contents of its features."""
    return {
        "rows": len(features),
        "feature_keys": list(feature_keys),
        "digest": hashlib.sha256(features.tobytes()).hexdigest()[:16],
    }


def refuse_other_dataset(saved: dict, own: dict) -> None:
    """Raises ValueError where a saved fingerprint is not the present dataset's."""
    differences = [
        f"{key}: the saved state has {saved.get(key)!r}, this dataset {value!r}"
        for key, value in own.items()
        if saved.get(key) != value
    ]
    if differences:
        raise ValueError(
            f"the saved selector state belongs to another dataset ({'; '.join(differences)}): "
            "give the run back its dataset and feature_keys, or start a run with another name"
        )


@contextmanager
def refuse_damaged(state_dir: Path | None):
    """Raises ValueError, with the way out, where the block cannot read a saved state."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"the saved selector state is damaged ({type(error).__name__}: {error}): put a "
            f"state of {state_dir or 'a backup'} into explorer_meta.json"
        ) from error


def write_state(folder: Path, state: dict, keep: int) -> None:
    """Write `<current_index>.json` whole or not at all, and keep the `keep` files last written."""
    write_whole(folder / f"{state['current_index']}.json", json.dumps(state))
    # By time and not by number: after a rewind the lower numbers are the newer files.
    written = sorted(folder.glob("[0-9]*.json"), key=lambda file: file.stat().st_mtime_ns)
    for stale in written[:-keep]:
        stale.unlink()
