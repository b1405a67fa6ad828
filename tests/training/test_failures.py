"""The reason that main.py gives when a run breaks off, from logs as Trinity and vLLM write them."""

import signal
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pytest

from data_augment.training.failures import RunLogs, explain, last_exception
from safe_files import REPO

INFO = "INFO 11-22 18:00:03 [monitor.py:96] Step 3: {'time/train_step': 0.41}\n"
BOX = (
    "ERROR 11-22 18:00:00 [config_validator.py:1394] \r\n"
    "ERROR 11-22 18:00:00 [config_validator.py:1394] ╔══════════════════════╗\r\n"
    "ERROR 11-22 18:00:00 [config_validator.py:1394] ║   NO GPU DETECTED    ║\r\n"
    "ERROR 11-22 18:00:00 [config_validator.py:1394] ╚══════════════════════╝\n"
)
TRAINER = (
    "ERROR 11-22 18:00:04 [trainer.py:131] Error in Trainer:\r\n"
    "ERROR 11-22 18:00:04 [trainer.py:131] Traceback (most recent call last):\r\n"
    "ERROR 11-22 18:00:04 [trainer.py:131]   File x\r\n"
    "ERROR 11-22 18:00:04 [trainer.py:131] torch.OutOfMemoryError: out of memory\r\n"
    "ERROR 11-22 18:00:04 [trainer.py:131] \n"
)
SET_UP = (
    "ERROR 11-22 18:00:04 [launcher.py:296] Explorer or Trainer failed:\r\n"
    "ERROR 11-22 18:00:04 [launcher.py:296] ray.exceptions.RayTaskError(RuntimeError): ray::x\r\n"
    "ERROR 11-22 18:00:04 [launcher.py:296] RuntimeError: Engine core initialization failed. "
    "See root cause above. Failed core proc(s): {}\n"
)
ENGINE = (
    "(EngineCore pid=77) ERROR 11-22 18:00:02 [core.py:1100] ValueError: no start token\n"
    "(EngineCore pid=77) Process EngineCore:\n"
    "(vLLMRolloutModel pid=7) RuntimeError: Engine core initialization failed. "
    "See root cause above.\n"
)
LOST = (
    "ERROR 11-22 18:00:05 [scheduler.py:377] Task 0 failed: The actor died unexpectedly.\n"
    "WARNING 11-22 18:00:36 [scheduler.py:298] Runner 0 failed to run task at batch_id 7: "
    "{'question': 'Is ValueError: a name?'}\n"
    "INFO 11-22 18:00:36 [scheduler.py:303] Runner 0 restarted.\n"
)


@pytest.fixture
def run(tmp_path):
    """`<run>/log` before a start; `write` adds to a log, `why` is what the terminal shows."""
    log_dir, ray_dir = tmp_path / "log", tmp_path / "session/logs"
    log_dir.mkdir()
    ray_dir.mkdir(parents=True)
    logs = RunLogs(log_dir)

    def write(name, text):
        with open(log_dir / name, "a", newline="") as log:
            log.write(text)
        logs.read()

    def why(error=None):
        return explain(error, logs, ray_dir / "worker-*-01000000-*")

    return SimpleNamespace(log_dir=log_dir, ray_dir=ray_dir, logs=logs, write=write, why=why)


def test_a_broken_loop_is_noticed_and_named_with_its_exception(run):
    run.write("explorer.log", INFO)
    assert run.logs.broken_in is None
    run.write("trainer.log", TRAINER + INFO)
    assert run.logs.broken_in.name == "trainer.log"
    run.write("explorer.log", TRAINER.replace("Error in Trainer", "x").replace("Memory", "Time"))
    assert run.why() == "torch.OutOfMemoryError: out of memory (trainer.log)"


def test_a_failure_of_the_set_up_is_noticed(run):
    run.write("driver.log", BOX)
    assert run.logs.broken_in is None
    run.write("driver.log", SET_UP)
    assert run.logs.broken_in.name == "driver.log"


def test_a_task_lost_with_its_process_ends_the_wait_of_its_batch(run):
    """Trinity would wait an hour for it and break off then."""
    run.write("explorer_rollout_coordinator.log", LOST)
    assert run.logs.broken_in.name == "explorer_rollout_coordinator.log"
    assert "a process that rolls out died, and a task of step 7 was lost" in run.why()


def test_a_lost_task_that_the_run_can_do_without_does_not_end_it(run):
    run.write("explorer_rollout_coordinator.log", LOST.replace("batch_id 7", "batch_id 8/heldout"))
    assert run.logs.broken_in is None
    run.logs.needs_all_tasks = False  # explorer.over_rollout
    run.write("explorer_rollout_coordinator.log", LOST)
    assert run.logs.broken_in is None


def test_an_error_of_an_earlier_start_is_not_the_reason(tmp_path):
    (tmp_path / "trainer.log").write_text(TRAINER)
    logs = RunLogs(tmp_path)
    logs.read()
    assert logs.broken_in is None
    assert "no error" in explain(None, logs, tmp_path / "worker-*")


def test_a_box_of_trinity_is_never_the_reason(run):
    run.write("driver.log", BOX)
    assert "no error" in run.why()
    run.write("trainer.log", TRAINER)
    assert "OutOfMemoryError" in run.why()


def test_an_engine_that_does_not_start_is_explained_by_the_log_of_its_ray_worker(run):
    run.write("driver.log", SET_UP)
    ours = run.ray_dir / "worker-ab-01000000-7.err"
    ours.write_text(ENGINE)
    (run.ray_dir / "worker-cd-02000000-8.err").write_text("KeyError: of somebody else's job\n")
    assert run.why() == f"ValueError: no start token ({ours})"


def test_what_tune_returns_goes_before_the_logs(run):
    run.write("trainer.log", TRAINER)
    text = (
        "Traceback\n  File y\nray.exceptions.RayTaskError(KeyError): ray::z\nKeyError: 'answer'\n"
    )
    error = SimpleNamespace(type_name="RayTaskError(KeyError)", message="", traceback_text=text)
    assert run.why(error) == "KeyError: 'answer'"
    error.traceback_text = "RuntimeError: See root cause above.\n"
    assert run.why(error) == "torch.OutOfMemoryError: out of memory (trainer.log)"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("AssertionError", "AssertionError"),
        ("pydantic_core._pydantic_core.ValidationError: 1 error", None),
        ("INFO 11-22 18:00:03 [x.py:1] Error: counted 3", ""),
        ("the rollouts end in an Error: not an exception", ""),
        ("asyncio.exceptions.TimeoutError", None),
    ],
)
def test_only_lines_that_are_an_exception_count(line, expected):
    assert last_exception(["x", line, "y"]) == (line if expected is None else expected)


@pytest.mark.slow
def test_a_broken_loop_interrupts_the_driver_until_it_ends(tmp_path):
    """In the background of a shell, where SIGINT is ignored; the first waits on for its peer."""
    script = f"""
import sys, time
from pathlib import Path
from data_augment.training import watch
from data_augment.training.failures import RunLogs
from data_augment.training.progress import Progress
watch.GRACE = 1.0
folder = Path({str(tmp_path)!r})
interrupts = 0
progress = Progress(folder / "metrics.jsonl", 10, 64, sys.stdout)
with watch.Watch(progress, RunLogs(folder)) as watching:
    print("ready", flush=True)
    while interrupts < 2:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            interrupts += 1
print(watching.broken, interrupts)
"""
    assert (
        interrupted(script, ignore_sigint=True, then=lambda _: write_trainer(tmp_path)) == "True 2"
    )


@pytest.mark.slow
def test_ctrl_c_is_repeated_while_trinity_waits_for_its_peer(tmp_path):
    script = f"""
import sys, time
from pathlib import Path
from data_augment.training import watch
from data_augment.training.failures import RunLogs
from data_augment.training.progress import Progress
watch.GRACE = 1.0
folder = Path({str(tmp_path)!r})
progress = Progress(folder / "metrics.jsonl", 10, 64, sys.stdout)
try:
    with watch.Watch(progress, RunLogs(folder)) as watching:
        print("ready", flush=True)
        try:
            time.sleep(60)
        finally:
            time.sleep(60)
except KeyboardInterrupt:
    print(watching.broken, watching.ctrl_c)
"""
    ctrl_c = partial(subprocess.Popen.send_signal, sig=signal.SIGINT)
    assert interrupted(script, ignore_sigint=False, then=ctrl_c) == "False True"


def write_trainer(folder):
    (folder / "trainer.log").write_text(TRAINER)


def interrupted(script, ignore_sigint, then):
    """The last line of a script that says "ready", and has something done to it then."""
    handler = signal.SIG_IGN if ignore_sigint else signal.default_int_handler
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPO,
        preexec_fn=partial(signal.signal, signal.SIGINT, handler),
    ) as driver:
        assert driver.stdout.readline() == "ready\n"
        then(driver)
        line = driver.stdout.readline().strip()
    assert driver.returncode == 0
    return line
