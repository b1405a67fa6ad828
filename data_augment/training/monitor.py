"""The curves of a run as JSON lines, through Trinity's own plug for monitors.

`monitor.monitor_type` takes a dotted path. `insert_monitor` puts `MetricsFile` there, around the
monitor that the YAML names, so that nothing changes for TensorBoard, wandb, mlflow or SwanLab. Each
call of `log` adds one line to `<run>/metrics.jsonl`:

    {"role": "trainer", "step": 7, "time": 1764081000.1, "metrics": {"time/train_step": 8.2, ...}}

A step has several lines: the explorer's rollouts, an evaluation, the trainer's update. The last is
the proof that a step was trained (resume.py). Trinity flushes TensorBoard files every two minutes;
these lines are there at once, so that progress.py and plot_result.py read them.
"""

import copy
import math
import time
from pathlib import Path

from safe_files import append_json_line

METRICS_FILE = "metrics.jsonl"
MONITOR_TYPE = "data_augment.training.monitor.MetricsFile"


def insert_monitor(config) -> None:
    """Set `monitor.monitor_type` of a merged YAML to MetricsFile, which wraps the monitor named."""
    from omegaconf import OmegaConf

    monitor = config.get("monitor") or {}
    wrapped = monitor.get("monitor_type") or "tensorboard"
    if wrapped == MONITOR_TYPE:  # a YAML that was saved beside a run
        return
    arguments = {"monitor_type": wrapped, "monitor_args": monitor.get("monitor_args")}
    OmegaConf.update(config, "monitor.monitor_type", MONITOR_TYPE, force_add=True)
    OmegaConf.update(config, "monitor.monitor_args", arguments, merge=False, force_add=True)


class MetricsFile:
    """A monitor for Trinity (its `Monitor` class): one JSON line, then the one it wraps.

    Args:
        role: name of the actor that logs: explorer or trainer.
        config: Trinity's Config; its monitor_args name the monitor to wrap, and its arguments.
    """

    def __init__(self, project: str, group: str, name: str, role: str, config) -> None:
        from trinity.utils.monitor import MONITOR

        self.role = "trainer" if role == config.trainer.name else "explorer"
        self.path = Path(config.checkpoint_job_dir, METRICS_FILE)
        arguments = config.monitor.monitor_args
        self.is_mlflow = arguments["monitor_type"] == "mlflow"
        wrapped = MONITOR.get(arguments["monitor_type"])
        config = copy.deepcopy(config)
        config.monitor.monitor_type = arguments["monitor_type"]
        config.monitor.monitor_args = arguments["monitor_args"] or wrapped.default_args()
        self.wrapped = wrapped(project=project, group=group, name=name, role=role, config=config)

    def log(self, data: dict, step: int, commit: bool = False) -> None:
        record = {"role": self.role, "step": step, "time": time.time(), "metrics": numbers(data)}
        append_json_line(self.path, record)
        self.wrapped.log(mlflow_names(data) if self.is_mlflow else data, step, commit=commit)

    def log_table(self, table_name: str, experiences_table, step: int) -> None:
        self.wrapped.log_table(table_name, experiences_table, step)

    def close(self) -> None:
        self.wrapped.close()

    @classmethod
    def default_args(cls) -> dict:
        return {"monitor_type": "tensorboard", "monitor_args": None}


def mlflow_names(data: dict) -> dict:
    """MLflow 3 refuses "<" and ">" in a name, and trinity-rft 0.6.0 has "selection/<1_ratio"."""
    return {key.replace("<", "below_").replace(">", "above_"): data[key] for key in data}


def numbers(data: dict) -> dict[str, float]:
    """The finite numbers among metrics, scalars of numpy and torch included.

    JSON has no NaN: a metric that is none at a step is left out of its line.
    """
    found = {}
    for name, value in data.items():
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, int | float) and math.isfinite(value):
            found[name] = float(value)
    return found
