"""Bring a run that was cut short into one piece before it starts again.

trinity-rft 0.6.0 saves the explorer (its step, the selector's state) at every weight sync, but the
weights only every `trainer.save_interval` steps. After a kill at step 137 the weights are those of
step 100 while the explorer goes on at 137: the batches between are never trained on, the posterior
holds answers of weights that are gone, and at the end the trainer waits for batches that do not
come. It raises its step before the work of a step and saves in the end whatever happened: after an
error in step 58 there is a "checkpoint of step 58" with the weights of step 57. Nor does it write
any of its state files atomically. `align` puts all of this right, from what is on disk:

    metrics.jsonl                       one line of the trainer for each step that it trained
    latest_checkpointed_iteration.txt   step of the weights; what the trainer resumes from
    latest_state_dict_iteration.txt     step of the weights last handed to the explorer
    explorer_meta.json                  step of the explorer, state of its selector
    selector/<tasks drawn>.json         each state of the selector (task_selection)
    selector/metrics.jsonl              what the selector was told at each step
    selector/draws.jsonl                what it drew at each step, and what it believed of it
    rollouts/<step>.jsonl.gz            what the agent wrote
"""

import json
import re
from pathlib import Path

from data_augment.rollouts.files import forget_rollouts
from data_augment.training.monitor import METRICS_FILE
from data_augment.training.progress import TRAINED
from safe_files import read_json, read_json_lines, write_whole

POINTER = "latest_checkpointed_iteration.txt"


def checkpointed_step(run_dir: Path) -> int:
    """Step of the newest checkpoint that was trained, 0 without one: what a run resumes from.

    A whole checkpoint has been pointed at (Trinity writes the pointer last), and the trainer wrote
    the metrics of its step.
    """
    pointer = run_dir / POINTER
    if not pointer.exists():
        return 0
    trained = trained_steps(run_dir)
    pointed = read_int(pointer)
    if pointed in trained:
        return pointed
    # The step raised, or a kill came while the pointer was written: the newest one before it.
    saved = [step for step in saved_steps(run_dir) if pointed is None or step < pointed]
    return max((step for step in saved if step in trained), default=0)


def trained_steps(run_dir: Path) -> set[int]:
    """Steps with the trainer's own metrics: it writes none for a step that raised."""
    return {
        line["step"]
        for line in read_json_lines(run_dir / METRICS_FILE)
        if line["role"] == "trainer" and TRAINED in line["metrics"]
    }


def saved_steps(run_dir: Path) -> list[int]:
    """Steps with a folder that holds weights, or (Tinker) their address."""
    weights = [
        *run_dir.glob("global_step_*/actor"),
        *run_dir.glob("global_step_*/remote_checkpoint_*"),
    ]
    # A copy that somebody kept, global_step_100_old, is none.
    found = (re.fullmatch(r"global_step_(\d+)", path.parent.name) for path in weights)
    return sorted({int(name[1]) for name in found if name})


def align(run_dir: Path, batch_size: int) -> str:
    """Set everything to the step of the weights; returns what was done to the explorer, or "".

    Args:
        run_dir: the run's folder; one that does not exist or never got to a step is left alone.
        batch_size: tasks drawn at each step (buffer.batch_size).
    """
    step = checkpointed_step(run_dir)
    align_pointers(run_dir, step)
    forget_metrics(run_dir / METRICS_FILE, step)
    forget_metrics(run_dir / "selector/metrics.jsonl", step)
    forget_metrics(run_dir / "selector/draws.jsonl", step)
    forget_rollouts(run_dir, step)
    done = align_explorer(run_dir, step, batch_size)
    for drawn, path in selector_states(run_dir / "selector").items():
        if drawn > step * batch_size:
            path.unlink()
    return done


def align_pointers(run_dir: Path, step: int) -> None:
    handed_out = run_dir / "latest_state_dict_iteration.txt"
    if handed_out.exists() and read_int(handed_out) != step:
        handed_out.unlink()  # else the trainer takes the weights of a lost step for its own
    if step:
        write_whole(run_dir / POINTER, str(step))
    else:
        (run_dir / POINTER).unlink(missing_ok=True)


def forget_metrics(path: Path, step: int) -> None:
    """Drop the lines of later steps from a file of curves: those steps are trained again."""
    lines = read_json_lines(path)
    kept = [line for line in lines if line["step"] <= step]
    if len(kept) < len(lines):
        write_whole(path, "".join(json.dumps(line) + "\n" for line in kept))


def align_explorer(run_dir: Path, step: int, batch_size: int) -> str:
    meta = run_dir / "explorer_meta.json"
    explorer = read_json(meta)
    if not meta.exists() or (explorer and explorer.get("latest_iteration") == step):
        return ""
    reached = f"step {explorer['latest_iteration']}" if explorer else "an unreadable state"
    if step == 0:
        meta.unlink()
        return (
            f"explorer rewound from {reached} to the start: no step with a checkpoint was trained"
        )
    drawn = step * batch_size
    latest = (explorer or {}).get("taskset_states", [{}])[0]
    state = saved_state(run_dir / "selector", drawn) or latest
    moved = {"latest_iteration": step, "taskset_states": [{**state, "current_index": drawn}]}
    write_whole(meta, json.dumps(moved))
    line = f"explorer rewound from {reached} to step {step}, that of the weights"
    has_memory = len(state) > 1  # more than an index
    if has_memory and state["current_index"] != drawn:
        line += f"; its selector remembers step {state['current_index'] // batch_size}"
    return line


def selector_states(folder: Path) -> dict[int, Path]:
    """The saved states of a selector by the number of tasks drawn until then."""
    return {int(f.stem): f for f in folder.glob("*.json") if re.fullmatch(r"\d+", f.stem)}


def saved_state(folder: Path, drawn: int) -> dict | None:
    """The newest readable state that a selector saved after at most `drawn` tasks."""
    files = selector_states(folder)
    for index in sorted(files, reverse=True):
        if index <= drawn and (state := read_json(files[index])):
            return state
    return None


def read_int(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
