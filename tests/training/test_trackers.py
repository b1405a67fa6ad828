"""W&B, MLflow and SwanLab behind our monitor: the real clients, each in its offline mode.

wandb comes with trinity-rft. MLflow and SwanLab do not; their tests run where they are installed
(pip install mlflow swanlab).
"""

import json
import struct
import time
from pathlib import Path

import pandas as pd
import pytest
from trinity.common.config import load_config
from trinity.utils.monitor import MONITOR

from data_augment.training.experiment_yaml import compose, save
from data_augment.training.launch import plug_in
from safe_files import REPO, read_json_lines

pytestmark = pytest.mark.slow  # the clients start processes of their own

CURVE = {
    "rollout/accuracy/mean": 0.25,
    "eval/heldout/accuracy/mean@4": 0.5,
    "experience_pipeline/selection/<1_ratio": 0.75,
}


@pytest.fixture
def monitor(workplace):
    """Makes the monitor of a role as Trinity does, from the YAML that main.py runs."""

    def make(role, *overrides):
        merged = compose(str(REPO / "config_random.yaml"), "gpu8", list(overrides))
        plug_in(merged)
        config = load_config(save(merged))
        config.checkpoint_job_dir = config.get_checkpoint_job_dir()
        return MONITOR.get(config.monitor.monitor_type)(
            project=config.project, group=config.group, name=config.name, role=role, config=config
        )

    return make


def train(monitor):
    """What the explorer or the trainer logs in two steps."""
    for step in (1, 2):
        monitor.log(CURVE, step=step)
    monitor.log_table("rollout_examples", pd.DataFrame({"reward": [0.0, 1.0]}), 2)
    monitor.close()


def check_own_file(run):
    lines = read_json_lines(Path(run, "metrics.jsonl"))
    assert [line["metrics"] for line in lines] == [CURVE, CURVE]


RUN = "checkpoints/Data-Augmentation/Random-Selector"


def test_wandb_offline(monitor, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    train(monitor("explorer", "monitor.monitor_type=wandb"))
    check_own_file(RUN)
    (file,) = Path("wandb").glob("offline-run-*/run-*.wandb")
    # wandb's own process writes the file, and on a busy machine it is not done when the run is.
    deadline = time.monotonic() + 60
    while len(wandb_history(file)) < 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert wandb_history(file)[:2] == [{"_step": 1, **CURVE}, {"_step": 2, **CURVE}]


def wandb_history(file):
    """The metrics of a run's file, a dict for each step, as `wandb sync` would send them."""
    steps = []
    for record in wandb_records(file.read_bytes()):
        if record.WhichOneof("record_type") == "history":
            items = {}
            for item in record.history.item:
                items[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)
            steps.append({name: items[name] for name in ("_step", *CURVE)})
    return steps


def wandb_records(data):
    """The records of a .wandb file (wandb 0.31): LevelDB's log format behind 7 bytes of header."""
    from wandb.proto.wandb_internal_pb2 import Record

    block = 32768
    position = 7
    whole = b""
    while position + 7 <= len(data):
        left_in_block = block - position % block
        if left_in_block < 7:  # no room for a head
            position += left_in_block
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)  # after a checksum
        whole += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield Record.FromString(whole)
            whole = b""


def test_mlflow_in_a_local_folder(monitor):
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{Path.cwd()}/mlflow.db"
    train(
        monitor("trainer", "monitor.monitor_type=mlflow", f"monitor.monitor_args={{uri: '{uri}'}}")
    )
    check_own_file(RUN)
    client = mlflow.MlflowClient(uri)
    (experiment,) = client.search_experiments(filter_string="name = 'Data-Augmentation'")
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "eval/heldout/accuracy/mean_at_4")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.5)]


def test_swanlab_offline(monitor, monkeypatch):
    pytest.importorskip("swanlab")
    monkeypatch.setenv("SWANLAB_API_KEY", "none")
    train(
        monitor("explorer", "monitor.monitor_type=swanlab", "monitor.monitor_args={mode: offline}")
    )
    check_own_file(RUN)
    assert list(Path("swanlog").glob("run-*")), "a run to be sent with `swanlab sync`"
