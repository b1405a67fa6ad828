"""How main.py ends: exit 0 only where all planned steps were trained, and one message where not."""

import signal
import time
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from data_augment.errors import BadInput
from data_augment.training import launch
from data_augment.training.ray_cluster import check_address, check_gpus, worker_env
from safe_files import append_json_line

pytestmark = pytest.mark.slow  # imports agentscope

STEPS = 3


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of three steps without Ray; `train` takes what stands in for `tune`."""
    folder = tmp_path / "project/name"
    trinity = SimpleNamespace(
        buffer=SimpleNamespace(batch_size=8),
        algorithm=SimpleNamespace(repeat_times=8),
        explorer=SimpleNamespace(over_rollout=SimpleNamespace(ratio=0.0)),
        ray_namespace=str(folder),
    )
    yaml = {"checkpoint_root_dir": str(tmp_path), "project": "project", "name": "name", "model": {}}
    monkeypatch.setattr(launch, "trinity_config", lambda config: trinity)
    monkeypatch.setattr(launch, "connect_ray", lambda config, env: tmp_path / "worker-*")
    monkeypatch.setattr(launch, "end_leftovers", lambda namespace: None)

    def train(tune):
        monkeypatch.setattr("agentscope.tuner.tune", tune)
        return launch.train(OmegaConf.create(yaml), STEPS)

    return SimpleNamespace(train=train, folder=folder)


def trainer(folder, steps, broken=""):
    """What Trinity's trainer leaves: metrics of each step, an error, a checkpoint all the same."""
    for step in range(1, steps + 1):
        update = {"time/train_step": 1.0}
        line = {"role": "trainer", "step": step, "time": 0.0, "metrics": update}
        append_json_line(folder / "metrics.jsonl", line)
    if broken:
        text = f"ERROR 11-22 [x.py:1] Error in Trainer:\r\nERROR 11-22 [x.py:1] {broken}\n"
        (folder / "log/trainer.log").write_text(text)
        steps += 1
    (folder / f"global_step_{steps}/actor").mkdir(parents=True)
    (folder / "latest_checkpointed_iteration.txt").write_text(str(steps))


SUCCESS = SimpleNamespace(success=True, error=None)  # also where a loop broke off


def test_all_steps_trained_is_exit_0_and_the_same_command_trains_no_more(run, capsys):
    def tune(workflow_func, judge_func, config_path):
        trainer(run.folder, STEPS)
        return SUCCESS

    assert run.train(tune) == 0
    assert f"Trained {STEPS} of {STEPS} steps" in capsys.readouterr().out
    assert run.train(None) == 0
    assert "trained already" in capsys.readouterr().out


@pytest.mark.parametrize("trained", [0, STEPS - 1])
def test_a_step_that_raised_is_exit_1_though_trinity_saved_a_checkpoint_of_it(run, capsys, trained):
    def tune(**_):
        trainer(run.folder, trained, broken="ValueError: no such thing")
        return SUCCESS

    assert run.train(tune) == 1
    error = capsys.readouterr().err
    assert "at step 0 of 3" in error
    assert "ValueError: no such thing (trainer.log)" in error


def test_a_set_up_that_failed_is_exit_1_with_the_error_that_tune_returned(run, capsys):
    def tune(**_):
        text = "Traceback:\nAttributeError: no attribute 'x'\n"
        return SimpleNamespace(
            error=SimpleNamespace(type_name="AttributeError", message="", traceback_text=text)
        )

    assert run.train(tune) == 1
    assert "AttributeError: no attribute 'x'" in capsys.readouterr().err


def test_a_model_without_text_ends_the_run_with_the_advice(run, capsys):
    def tune(**_):
        line = {
            "role": "explorer",
            "step": 1,
            "time": 0.0,
            "metrics": {"rollout/has_text/mean": 0.0},
        }
        append_json_line(run.folder / "metrics.jsonl", line)
        signal.pause()  # until it is interrupted

    assert run.train(tune) == 1
    assert "reasoning_parser" in capsys.readouterr().err


def test_a_trainer_that_waited_for_lost_rollouts_is_told_apart_from_other_timeouts(run, capsys):
    """With sync_style fixed the explorer waits for weights, the trainer for a whole batch."""

    def tune(**_):
        trainer(run.folder, 1)
        line = {"role": "explorer", "step": 2, "time": 0.0, "metrics": {"rollout/ended/sum": 61.0}}
        append_json_line(run.folder / "metrics.jsonl", line)
        error = SimpleNamespace(type_name="TimeoutError", message="", traceback_text="TimeoutError")
        return SimpleNamespace(success=False, error=error)

    assert run.train(tune) == 1
    assert "3 of the 64 rollouts of step 2 were lost (TimeoutError)" in capsys.readouterr().err


@pytest.fixture
def foreground():
    """A shell starts its background jobs with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_no_failure_of_the_run(run, foreground):
    def tune(**_):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run.train(tune)


def test_what_breaks_off_after_ctrl_c_is_no_failure_of_the_run(run, foreground):
    """Trinity ends its parts one after the other, and one of them misses another."""

    def tune(**_):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            break_off(run.folder)
            raise

    with pytest.raises(KeyboardInterrupt):
        run.train(tune)


def test_ctrl_c_after_the_run_broke_off_hides_no_error(run, foreground, capsys):
    def tune(**_):
        break_off(run.folder)
        signal.raise_signal(signal.SIGINT)

    assert run.train(tune) == 1
    assert "ValueError: this" in capsys.readouterr().err


def break_off(folder):
    """What Trinity's explorer leaves; main.py looks once a second."""
    line = "ERROR 11-22 [explorer.py:308] "
    (folder / "log/explorer.log").write_text(f"{line}Error in Explorer:\n{line}ValueError: this\n")
    time.sleep(1.2)


def test_two_starts_of_one_run_do_not_meet(run):
    def tune(**_):
        with pytest.raises(BadInput, match=r"another main\.py"):
            run.train(None)
        trainer(run.folder, STEPS)
        return SUCCESS

    assert run.train(tune) == 0


def test_an_address_with_nothing_behind_it_is_a_message_at_once():
    """Ray 2.60 itself waits ten minutes and more."""
    with pytest.raises(BadInput, match=r"no cluster answers at 127.0.0.1:9 .*ray start --head"):
        check_address("127.0.0.1:9")
    for no_port in (None, "auto", "local", "ray://127.0.0.1:9"):
        check_address(no_port)


def gpus(mode="both", nodes=1, per_node=8):
    return SimpleNamespace(
        mode=mode,
        cluster=SimpleNamespace(node_num=nodes, gpu_per_node=per_node),
        model=SimpleNamespace(tinker=SimpleNamespace(enable=False)),
        explorer=SimpleNamespace(rollout_model=SimpleNamespace(engine_type="vllm")),
    )


def test_too_few_gpus_are_a_message_where_trinity_would_wait_for_ever():
    check_gpus(gpus(), 8)
    with pytest.raises(BadInput, match="has 4 GPUs, this run asks for 8"):
        check_gpus(gpus(), 4)
    check_gpus(gpus("colocate", per_node=1), 2)
    with pytest.raises(BadInput, match="--num-gpus=2"):
        check_gpus(gpus("colocate", per_node=1), 1)


def test_trainer_and_engine_of_one_gpu_are_shown_the_same_one(monkeypatch):
    colocate = OmegaConf.create({"mode": "colocate", "model": {}})
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert worker_env(colocate)["CUDA_VISIBLE_DEVICES"] == "0"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    assert worker_env(colocate)["CUDA_VISIBLE_DEVICES"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in worker_env(OmegaConf.create({"model": {}}))
