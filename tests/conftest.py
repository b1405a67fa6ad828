"""Small inputs that several tests share; each is what a user could have on disk."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def write_taskset(path, rows=40, **columns):
    """A GSM8K-format parquet of sums with two pass-rate columns; `columns` replace or (None) drop."""
    table = {
        "question": [f"{i}+{i}=" for i in range(rows)],
        "answer": [f"#### {2 * i}" for i in range(rows)],
        "qwen2.5_7b_pass_rate": [(i % 9) / 8 for i in range(rows)],
        "qwen3_30b_pass_rate": [max(i % 9, 4) / 8 for i in range(rows)],
    } | columns
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({k: v for k, v in table.items() if v is not None}), path)
    return path.parent


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the two default datasets and a model folder; the current directory of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRINITY_MODEL_PATH", str(tmp_path / "model"))
    for name in ("RAY_ADDRESS", "TINKER_API_KEY", "TRINITY_CHECKPOINT_ROOT_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    write_taskset(tmp_path / "data/math/train.parquet")
    write_taskset(
        tmp_path / "data/aime24/test.parquet",
        rows=3,
        question=["What is 2^10?", "What is 3^4?", "What is 5^3?"],
    )
    return tmp_path
