"""Whether a command may continue the run that stands in its folder.

The same project, group and name mean the same folder, and a run there with a checkpoint goes on
from it. What makes it that run may not have changed; everything else may, so that a run which ran
out of memory goes on with smaller batches on the GPU, on another machine, or for more steps.
"""

import filecmp
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.training.experiment_yaml import (
    TASKSET,
    plain,
    read_yaml,
    run_folder,
    selector_node,
    with_defaults,
)
from data_augment.training.plan import Plan
from data_augment.training.resume import checkpointed_step

# What makes a run that run: model, data, algorithm, batch, selector, seeds, adapter.
MAY_NOT_CHANGE = (
    "model.model_path",
    "model.lora_configs",
    "model.tinker.enable",
    "model.tinker.rank",
    "model.tinker.seed",
    "model.tinker.train_attn",
    "model.tinker.train_mlp",
    "model.tinker.train_unembed",
    f"{TASKSET}.path",
    f"{TASKSET}.split",
    f"{TASKSET}.subset_name",
    f"{TASKSET}.format",
    f"{TASKSET}.task_selector",  # under either of its names
    "algorithm",
    "buffer.batch_size",
    "buffer.train_batch_size",
    "explorer.rollout_model.seed",
    "trainer.trainer_type",
)
FOLDERS = ("model.model_path", f"{TASKSET}.path")
SELECTOR_FILES = ("state_dir", "state_keep")  # of the selector's kwargs: where it writes


def check_run_folder(config, plan: Plan) -> None:
    """A run of the same name continues; one with another model, data, ... is another run."""
    folder = run_folder(config)
    step = checkpointed_step(folder)
    plan.fact("run", f"{folder}{f' (continues after step {step})' if step else ''}")
    check_writable(folder, plan)
    saved = folder / "config.yaml"
    if not step or not saved.exists():
        return
    try:
        before = what_makes_the_run(with_defaults(read_yaml(saved)))
    except BadInput as error:
        plan.error(str(saved), f"the settings of the run that stands there: {error}", "Fix it")
        return
    now = what_makes_the_run(with_defaults(config))
    differ = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if key in FOLDERS and was_moved(str(old), str(new)):
            plan.note(key, f"the saved run has {old}, this command {new}: taken for the same")
        else:
            differ.append(f"{key}: the saved run has {old}, this command {new}")
    if differ:
        more = f"; {len(differ) - 3} more" if len(differ) > 3 else ""
        plan.error(
            str(folder),
            f"another run stands there ({'; '.join(differ[:3])}{more})",
            "Continue it with its own settings, or give this one another name: name=Another",
        )


def check_writable(folder: Path, plan: Plan) -> None:
    """The folder can be made: the nearest one that exists is a folder, and writable."""
    import os

    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        plan.error(
            "checkpoint_root_dir",
            f"{folder} cannot be made: {existing} is no folder that can be written",
            "Name another: checkpoint_root_dir=...",
        )


def what_makes_the_run(settings) -> dict:
    """The settings of MAY_NOT_CHANGE by dotted key.

    Args:
        settings: a configuration with defaults (experiment_yaml.with_defaults).
    """
    from omegaconf import OmegaConf

    found = {key: OmegaConf.select(settings, key) for key in MAY_NOT_CHANGE}
    found[f"{TASKSET}.task_selector"] = selector_node(settings)
    leaves = {}
    for key, value in found.items():
        leaves |= flatten(plain(value) if OmegaConf.is_config(value) else value, f"{key}.")
    ignored = tuple(f"{TASKSET}.task_selector.kwargs.{name}" for name in SELECTOR_FILES)
    return {key: value for key, value in leaves.items() if key not in ignored}


def flatten(node, prefix: str = "") -> dict:
    """Leaves of nested dicts and lists by dotted key."""
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    else:
        return {prefix.rstrip("."): node}
    leaves = {}
    for key, value in items:
        leaves |= flatten(value, f"{prefix}{key}.")
    return leaves


def was_moved(old: str, new: str) -> bool:
    """Whether `new` may be the folder that was at `old`: the same files, or the old one is gone."""
    before, now = Path(old), Path(new)
    if not before.is_absolute() or not now.is_dir():
        return False
    return not before.exists() or same_files(before, now)


def same_files(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files; one mounted at two places does."""
    names = [sorted(path.name for path in folder.iterdir()) for folder in (one, other)]
    if names[0] != names[1]:
        return False
    _, differ, unreadable = filecmp.cmpfiles(one, other, names[0])  # by size and time, then bytes
    return not differ and all((one / name).is_dir() for name in unreadable)
