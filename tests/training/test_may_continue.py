"""A run goes on with what may change, and is not taken for another one with what may not."""

import re
import shutil
from pathlib import Path

import pytest

from data_augment.training.experiment_yaml import (
    compose,
    give_selector_its_folder,
    save,
    use_fixed_classes,
)
from main import main
from safe_files import REPO, append_json_line
from tests.conftest import write_taskset

pytestmark = pytest.mark.slow  # whole checks, again and again

DIFFICULTY = str(REPO / "config_difficulty.yaml")
SELECTOR = "buffer.explorer_input.taskset.task_selector"
PROFILES = ["cluster", "gpu1", "gpu1_lora", "gpu8"]


def begin(profile="gpu1", step=4):
    """A run of config_difficulty.yaml with a checkpoint of `step`, as main.py leaves it."""
    config = compose(DIFFICULTY, profile, [])
    use_fixed_classes(config)
    give_selector_its_folder(config)
    folder = save(config).parent
    if step:
        (folder / "latest_checkpointed_iteration.txt").write_text(str(step))
        update = {"role": "trainer", "step": step, "metrics": {"time/train_step": 1.0}}
        append_json_line(folder / "metrics.jsonl", update)
    return folder


def go_on(capsys, *overrides, profile="gpu1"):
    """(status, what was printed) of the same command with overrides and --check."""
    command = ["--config", DIFFICULTY, "--profile", profile, "--check", "--no-gpu-check"]
    status = main([*command, *overrides])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def cures(profile):
    """The settings that the head of a profile names for the case that memory runs out."""
    text = (REPO / f"profiles/{profile}.yaml").read_text()
    (advice,) = re.findall(r"# When memory runs out: (.*(?:\n# .*)*)", text)
    values = {"trainer.max_token_len_per_gpu": 4096, "model.max_response_tokens": 1536}
    found = []
    for key, value in re.findall(r"((?:trainer|model|explorer)\.[\w.]*\w)(?:=(\S+\w))?", advice):
        found.append(f"{key}={value or values[key]}")
    return found


@pytest.mark.parametrize("profile", PROFILES)
def test_a_run_out_of_memory_goes_on_with_the_cure_of_its_profile(workplace, capsys, profile):
    begin(profile)
    assert cures(profile)
    status, printed = go_on(capsys, *cures(profile), profile=profile)
    assert status == 0, printed
    assert "continues after step 4" in printed


@pytest.mark.parametrize(
    "override",
    [
        "buffer.total_steps=60",
        "trainer.save_interval=4",
        "trainer.optimizer_offload=false",
        "explorer.max_timeout=60",
        "explorer.rollout_model.gpu_memory_utilization=0.2",
        "monitor.monitor_type=wandb",
        "synchronizer.sync_timeout=99",
        "cluster.ray_address=auto",
        "buffer.explorer_input.eval_tasksets=[]",
        f"{SELECTOR}.kwargs.state_keep=9",
        "model.max_response_tokens=1024",
    ],
)
def test_what_does_not_make_the_run_may_change(workplace, capsys, override):
    begin()
    status, printed = go_on(capsys, override)
    assert status == 0, printed


@pytest.mark.parametrize(
    "override",
    [
        "algorithm.optimizer.lr=1e-5",
        "algorithm.kl_loss_fn=none",
        "buffer.batch_size=4",
        "explorer.rollout_model.seed=7",
        "model.lora_configs=[{name: a, lora_rank: 8}]",
        "model.model_path=Qwen/Qwen3-4B",
        "buffer.explorer_input.taskset.split=train[:20]",
        f"{SELECTOR}.kwargs.target_reward=0.5",
        f"{SELECTOR}.selector_type=random",
        f"{SELECTOR}.seed=7",
    ],
)
def test_what_makes_the_run_may_not(workplace, capsys, override):
    folder = begin()
    status, printed = go_on(capsys, override)
    assert status == 2
    key = override.partition("=")[0]
    assert re.search(rf"{key}.*the saved run has .*, this command .*name=Another", printed), printed
    (folder / "latest_checkpointed_iteration.txt").unlink()
    printed = go_on(capsys, override)[1]
    assert "another run" not in printed, "nothing was saved that could be continued"


def test_a_moved_folder_goes_on_and_another_one_does_not(workplace, capsys):
    begin()
    Path("data/math").rename("data/moved")
    moved = "buffer.explorer_input.taskset.path=data/moved"
    status, printed = go_on(capsys, moved)
    assert (status, "taken for the same" in printed) == (0, True)
    write_taskset(Path("data/math/train.parquet"), rows=44)
    status, printed = go_on(capsys, moved)
    assert (status, "buffer.explorer_input.taskset.path" in printed) == (2, True)


def test_a_folder_that_is_mounted_twice_goes_on(workplace, capsys):
    begin()
    shutil.copytree("model", "elsewhere/model")
    assert go_on(capsys, "model.model_path=elsewhere/model")[0] == 0
    Path("elsewhere/model/config.json").write_text('{"hidden_size": 8}')
    assert go_on(capsys, "model.model_path=elsewhere/model")[0] == 2


def test_the_other_name_of_the_selector_is_no_change(workplace, capsys):
    begin()
    text = Path(DIFFICULTY).read_text().replace("task_selector:", "data_selector:")
    Path("mine.yaml").write_text(text)
    command = ["--config", "mine.yaml", "--profile", "gpu1", "--check", "--no-gpu-check"]
    assert main(command) == 0
    assert "continues after step 4" in capsys.readouterr().out


def test_a_damaged_config_of_the_run_is_named(workplace, capsys):
    folder = begin()
    (folder / "config.yaml").write_text("a: [1")
    status, printed = go_on(capsys)
    assert (status, "config.yaml" in printed) == (2, True)
