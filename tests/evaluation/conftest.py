"""The fake server of the pass rates, a held-out taskset, and the command run against both."""

import json

import pytest

import evaluate
from data_augment.pass_rates import endpoints, workers
from safe_files import append_json_line
from tests.conftest import write_taskset
from tests.pass_rates.conftest import serve  # noqa: F401 (a fixture)

ROWS = 6


@pytest.fixture
def heldout(tmp_path, monkeypatch):
    """A folder with test.parquet of ROWS sums of two kinds; journals go to the test's own folder."""
    monkeypatch.setattr(endpoints, "BACKOFF", 0.01)
    monkeypatch.setattr(workers, "RAMP", 0)
    monkeypatch.chdir(tmp_path)
    kinds = ["small", "small", "large", "large", "large", "large"]
    return write_taskset(tmp_path / "data/heldout/test.parquet", ROWS, kind=kinds)


def score(heldout, server, *options, models=("base",)):
    """Run the command with a model of each name at `server`."""
    specs = [f"--model={name}={name}-model@{server.url}" for name in models]
    return evaluate.main([str(heldout), *specs, "--samples=4", *options])


def row_of(text, name):
    """The cells of the first line of a table that starts with `name`, as (value, low, high)."""
    line = next(line for line in text.splitlines() if line.startswith(f"{name}  "))
    numbers = line.removeprefix(name).replace("[", " ").replace("]", " ").replace(",", " ")
    values = [float(number) for number in numbers.split()]
    return [tuple(values[i : i + 3]) for i in range(0, len(values), 3)]


def write_run(folder, step=20, tinker=True, base_url="http://127.0.0.1:1"):
    """A run's folder with checkpoints of half of `step` and of `step`, as Trinity leaves them."""
    config = {
        "project": "P",
        "name": "N",
        "model": {"model_path": "base", "tinker": {"base_url": base_url} if tinker else {}},
        "buffer": {
            "explorer_input": {
                "taskset": {
                    "path": "data/math",
                    "task_selector": {
                        "selector_type": "task_selection.DifficultyBasedSelector",
                        "kwargs": {"target_reward": 0.8},
                    },
                }
            }
        },
    }
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    for saved in (step // 2, step):
        checkpoint = folder / f"global_step_{saved}"
        if tinker:
            checkpoint.mkdir()
            address = f"tinker://{'0' * 32}/weights/state-{saved}"
            (checkpoint / "remote_checkpoint_path.txt").write_text(address)
        else:
            (checkpoint / "actor").mkdir(parents=True)
        update = {"role": "trainer", "step": saved, "metrics": {"time/train_step": 1.0}}
        append_json_line(folder / "metrics.jsonl", update)
    (folder / "latest_checkpointed_iteration.txt").write_text(str(step))
    return folder
