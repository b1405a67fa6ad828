"""The first rollouts of a run that goes on come from the weights of its checkpoint."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
from trinity.common.constants import RunningStatus
from trinity.manager.synchronizer import Synchronizer

from tests.task_selection.trinity_in_process import import_without_vllm

CHECKPOINT = 4


class Handle:
    """A Ray handle of an object in this process."""

    def __init__(self, actor):
        self.actor = actor

    def __getattr__(self, name):
        return SimpleNamespace(remote=getattr(self.actor, name))


class Engine:
    """A rollout engine: knows the version of the weights that it was told to load."""

    version = 0

    async def sync_model_weights(self, version, method, timeout):
        self.version = version


@pytest.fixture(scope="module")
def explorer_class():
    return import_without_vllm("data_augment.training.explorer").Explorer


async def trinitys_synchronizer(patience):
    """Trinity's own, as it is when explorer and trainer are ready, without its housekeeping."""
    synchronizer = Synchronizer.__new__(Synchronizer)
    settings = SimpleNamespace(sync_timeout=patience, sync_method="memory")
    synchronizer.config = SimpleNamespace(synchronizer=settings, checkpoint_job_dir="/run")
    synchronizer.logger = logging.getLogger("synchronizer")
    synchronizer.explorer_status_counts = {RunningStatus.REQUIRE_SYNC: 0}
    synchronizer._ready_condition = asyncio.Condition()
    synchronizer.model_version = 0
    await synchronizer.set_explorer_status(RunningStatus.RUNNING)
    await synchronizer.set_trainer_status(RunningStatus.RUNNING)
    return synchronizer


def explorer_at(step, explorer_class, synchronizer):
    """An explorer before its first sync, without Ray, tasks or monitor."""

    async def save_checkpoint():
        pass

    explorer = explorer_class.__new__(explorer_class)
    explorer.config = synchronizer.config
    explorer.logger = synchronizer.logger
    explorer.synchronizer = Handle(synchronizer)
    explorer.models = [Engine()]
    explorer.rollout_coordinator = None
    explorer.use_nccl_sync = False
    explorer.model_version = -1
    explorer.explore_step_num = step
    explorer.save_checkpoint = save_checkpoint
    return explorer


async def first_sync(explorer_class, step, trainer_hands_over=True, patience=30):
    """The version that the engine has after the first sync; the trainer is the slower one."""
    synchronizer = await trinitys_synchronizer(patience)
    explorer = explorer_at(step, explorer_class, synchronizer)
    sync = asyncio.create_task(explorer.sync_weight())
    await asyncio.sleep(0.2)
    if trainer_hands_over:
        await synchronizer.set_model_state_dict({}, CHECKPOINT)
    await asyncio.wait_for(sync, patience + 1)
    return explorer.models[0].version


def test_a_run_that_goes_on_rolls_out_from_its_checkpoint_and_not_from_the_bare_model(
    explorer_class,
):
    assert asyncio.run(first_sync(explorer_class, CHECKPOINT)) == CHECKPOINT


def test_a_new_run_waits_for_nobody(explorer_class):
    assert asyncio.run(first_sync(explorer_class, 0, trainer_hands_over=False)) == 0


def test_a_trainer_that_hands_nothing_over_ends_the_wait(explorer_class):
    with pytest.raises(TimeoutError, match="weights of the checkpoint"):
        asyncio.run(first_sync(explorer_class, CHECKPOINT, False, patience=0.3))


def test_the_launcher_of_trinity_starts_this_explorer(explorer_class, monkeypatch):
    trinitys = import_without_vllm("trinity.explorer.explorer")
    monkeypatch.setattr(trinitys, "Explorer", trinitys.Explorer)  # put back afterwards
    import_without_vllm("data_augment.training.explorer").use_this_explorer()
    assert trinitys.Explorer is explorer_class
    assert explorer_class.__name__ == "Explorer"  # the name of the process in `ps`
