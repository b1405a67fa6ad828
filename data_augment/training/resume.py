"""Bring a run that was cut short into one piece before it starts again.

trinity-rft 0.6.0 saves the explorer (its step, the selector's state) at every weight sync, but the
weights only every `trainer.save_interval` steps. After a kill at step 137 the weights are those of
step 100 while the explorer goes on at 137: the batches between are never trained on, the posterior
holds answers of weights that are gone, and at the end the trainer waits for batches that do not
come. Nor does it write any of its state files atomically. `align` mends both, from what is on disk:

    latest_checkpointed_iteration.txt   step of the weights; what the trainer resumes from
    latest_state_dict_iteration.txt     step of the weights last handed to the explorer
    explorer_meta.json                  step of the explorer, state of its selector
    selector/<tasks drawn>.json         each state of the selector (task_selection.py)
"""

import json
import re
from pathlib import Path

from data_augment.files import read_json, write_whole


def checkpointed_step(run_dir: Path) -> int:
    """Step of the newest whole checkpoint, 0 where there is none: what training resumes from."""
    pointer = run_dir / "latest_checkpointed_iteration.txt"  # written last, so all else is whole
    if not pointer.exists():
        return 0
    if (step := read_int(pointer)) is not None:
        return step
    # Killed while it wrote the pointer: the newest folder that holds weights, or their address.
    weights = [
        *run_dir.glob("global_step_*/actor"),
        *run_dir.glob("global_step_*/remote_checkpoint_*"),
    ]
    return max((int(path.parent.name.removeprefix("global_step_")) for path in weights), default=0)


def align(run_dir: Path, batch_size: int) -> str:
    """Set explorer and selector to the step of the weights; returns what was done, or "".

    Args:
        run_dir: the run's folder; one that does not exist or never got to a step is left alone.
        batch_size: tasks drawn at each step (buffer.batch_size).
    """
    step = checkpointed_step(run_dir)
    handed_out = run_dir / "latest_state_dict_iteration.txt"
    if handed_out.exists() and read_int(handed_out) != step:
        handed_out.unlink()  # else the trainer takes the weights of a lost step for its own
    if step:
        write_whole(run_dir / "latest_checkpointed_iteration.txt", str(step))
    meta = run_dir / "explorer_meta.json"
    explorer = read_json(meta)
    if not meta.exists() or (explorer and explorer.get("latest_iteration") == step):
        return ""
    reached = f"step {explorer['latest_iteration']}" if explorer else "an unreadable state"
    if step == 0:
        meta.unlink()
        return f"explorer rewound from {reached} to the start: no checkpoint was saved yet"
    drawn = step * batch_size
    latest = (explorer or {}).get("taskset_states", [{}])[0]
    state = saved_state(run_dir / "selector", drawn) or latest
    write_whole(
        meta,
        json.dumps(
            {"latest_iteration": step, "taskset_states": [{**state, "current_index": drawn}]}
        ),
    )
    line = f"explorer rewound from {reached} to step {step}, that of the weights"
    if len(state) > 1 and state["current_index"] != drawn:  # more than an index: it has a memory
        line += f"; its selector remembers step {state['current_index'] // batch_size}"
    return line


def saved_state(folder: Path, drawn: int) -> dict | None:
    """The newest readable state that a selector saved after at most `drawn` tasks."""
    files = {int(f.stem): f for f in folder.glob("*.json") if re.fullmatch(r"\d+", f.stem)}
    states = (read_json(files[index]) for index in sorted(files, reverse=True) if index <= drawn)
    return next(filter(None, states), None)


def read_int(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
