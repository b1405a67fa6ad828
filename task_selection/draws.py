"""What a selector believed of the tasks that it drew, for data_augment/rollouts.

`<state_dir>/draws.jsonl` has a line for each draw:

    {"step": 7, "tasks": [12, 803, ...], "predicted": [0.79, 0.83, ...]}

Pass rates are predicted at the draw, before any rollout of the batch. A step that is drawn again
after a resume adds a line, and the later line holds (data_augment/training/resume.py drops the
earlier one). A line of 16 tasks takes some 250 bytes.
"""

from pathlib import Path

from safe_files import append_json_line


def write_draw(folder: Path, step: int, drawn, predicted) -> None:
    """Add the draw of a step: tasks `drawn` [B], the pass rates `predicted` [B] for them."""
    record = {
        "step": step,
        "tasks": [int(index) for index in drawn],
        "predicted": [round(float(rate), 4) for rate in predicted],
    }
    append_json_line(folder / "draws.jsonl", record)
