import asyncio
import json

import numpy as np
import pytest
from datasets import Dataset
from trinity.buffer.reader.file_reader import FileReader
from trinity.common.config import DataSelectorConfig, StorageConfig


@pytest.fixture
def open_reader(tmp_path):
    """Opens Trinity's own reader, which finds the selector by its dotted path, on 60 tasks."""
    rates = [0.0] * 20 + [0.5] * 20 + [1.0] * 20
    table = {"question": list(map(str, range(60))), "answer": ["1"] * 60, "p": rates}
    Dataset.from_dict(table).to_parquet(str(tmp_path / "train.parquet"))
    selector = DataSelectorConfig("examples.my_selector.VarianceSelector", feature_keys=["p"])
    config = StorageConfig(
        name="tasks",
        path=str(tmp_path),
        split="train",
        batch_size=8,
        total_steps=1000,
        default_workflow_type="math_workflow",
        data_selector=selector,
        enable_progress_bar=False,
    )
    return lambda: FileReader(config)


def read(reader):
    return [task.index["index"] for task in asyncio.run(reader.read(8))]


def test_draws_where_the_reward_varies(open_reader):
    reader = open_reader()
    drawn = np.concatenate([read(reader) for _ in range(50)])
    # Weights .26 for the middle twenty, .01 for the rest; without replacement a little less.
    assert np.mean((drawn >= 20) & (drawn < 40)) > 0.85


def test_feedback_moves_the_draw_and_nan_does_not(open_reader):
    reader = open_reader()
    for _ in range(20):
        reader.feedback(indices=list(range(20, 40)), values=[1.0] * 20)
        reader.feedback(indices=[0, 1], values=[0.5, float("nan")])
    drawn = np.concatenate([read(reader) for _ in range(50)]).tolist()
    assert drawn.count(0) > 40
    assert drawn.count(1) < 25


def test_resumes_with_the_batch_that_was_due(open_reader):
    live = open_reader()
    live.load_state_dict({"current_index": 0})
    first = read(live)
    live.feedback(indices=first, values=[0.9] * 8)
    resumed = open_reader()
    resumed.load_state_dict(json.loads(json.dumps(live.state_dict())))
    assert resumed.state_dict() == live.state_dict()
    following = read(live)
    assert following != first
    assert read(resumed) == following
