"""The weights that a run saved: which step, and where they are.

A run is a folder of main.py with its merged YAML (config.yaml). Its checkpoints are
global_step_N/: with verl the weights themselves (actor/), with Tinker the address of a snapshot on
the server that trained it.
"""

from functools import cached_property
from pathlib import Path

from data_augment.errors import BadInput

HOSTED = (
    "To take them away: pip install tinker-cookbook, then weights.download and "
    "weights.build_hf_model (https://tinker-docs.thinkingmachines.ai/cookbook/deployment/export-hf)"
)


class Checkpoint:
    """A checkpoint of a run.

    Attributes:
        run: the run's folder.
        step: the training step whose weights it holds.
        folder: run/global_step_N.
    """

    def __init__(self, run: Path, step: int):
        self.run = run
        self.step = step
        self.folder = run / f"global_step_{step}"

    @cached_property
    def config(self) -> dict:
        """The run's merged YAML."""
        from omegaconf import OmegaConf

        return OmegaConf.to_container(OmegaConf.load(self.run / "config.yaml"), resolve=True)

    @property
    def base_model(self) -> str:
        """Folder or Hub id of the model that the run started from."""
        return self.config["model"]["model_path"]

    @property
    def tinker_path(self) -> str | None:
        """tinker://RUN/weights/NAME, the address of the snapshot; None where verl trained."""
        file = self.folder / "remote_checkpoint_path.txt"
        return file.read_text(encoding="utf-8").strip() if file.is_file() else None

    @property
    def tinker_server(self) -> str | None:
        """Base address of the run's own Tinker server; None for the hosted service."""
        return self.config["model"].get("tinker", {}).get("base_url")


def is_run(path: Path) -> bool:
    """Whether `path` is a run's folder, or a checkpoint in one (RUN/global_step_N)."""
    run = path.parent if path.name.startswith("global_step_") else path
    return (run / "config.yaml").is_file()


def find_checkpoint(path: Path, step: int | None = None) -> Checkpoint:
    """The checkpoint of a run at a step; the newest one by default.

    Args:
        path: the run's folder, or RUN/global_step_N.

    Raises:
        BadInput: no run, no such checkpoint, or one of a step that was never trained.
    """
    from data_augment.training.resume import checkpointed_step, saved_steps, trained_steps

    name = path.resolve().name
    if name.startswith("global_step_") and name.removeprefix("global_step_").isdecimal():
        step = int(name.removeprefix("global_step_"))
        path = path.resolve().parent
    if not (path / "config.yaml").is_file():
        raise BadInput(f"{path}: no run of main.py (no config.yaml in it)")
    newest = checkpointed_step(path)
    if not newest:
        raise BadInput(f"{path}: no checkpoint yet. The run saves one every trainer.save_interval")
    if step is None:
        return Checkpoint(path, newest)
    steps = [saved for saved in saved_steps(path) if saved in trained_steps(path)]
    if step not in steps:
        choices = ", ".join(map(str, steps))
        raise BadInput(f"{path}: no checkpoint of step {step}; there are: {choices}")
    return Checkpoint(path, step)
