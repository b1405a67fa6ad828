"""Progress and errors are read from logs as trinity-rft 0.6.0 writes them."""

import io
import signal
import subprocess
import sys
from functools import partial

from data_augment.training.run_log import Follower, last_error

EXPLORER = (
    "INFO 11-22 18:00:01 [monitor.py:96] Step 3: {'rollout/model_version': 2, "
    "'rollout/accuracy/mean': 0.4375, 'rollout/accuracy/max': 1.0}\n"
)
EVAL = (
    "INFO 11-22 18:00:02 [monitor.py:96] Step 3: {'eval/heldout/accuracy/mean@4': 0.25, "
    "'eval/heldout/accuracy/std@4': 0.1, 'time/eval': 2.5}\n"
)
TRAINER = (
    "INFO 11-22 18:00:03 [monitor.py:96] Step 3: {'time/train_step': 0.41, 'actor/kl': 1.2e-05}\n"
)
BROKEN = (
    "ERROR 11-22 18:00:04 [trainer.py:131] Error in Trainer:\r\n"
    "ERROR 11-22 18:00:04 [trainer.py:131] Traceback (most recent call last):\r\n"
    "ERROR 11-22 18:00:04 [trainer.py:131]   File x\r\n"
    "ERROR 11-22 18:00:04 [trainer.py:131] RuntimeError: out of patience\r\n"
    "ERROR 11-22 18:00:04 [trainer.py:131] \n"
)


def follow(tmp_path, *pieces):
    """What a Follower prints when the logs grow by these (name, text) pieces."""
    out = io.StringIO()
    follower = Follower(tmp_path, steps=10, out=out)
    for name, text in pieces:
        with open(tmp_path / name, "a") as log:
            log.write(text)
        follower.read()
    return out.getvalue(), follower


def test_a_line_for_each_training_step_and_evaluation(tmp_path):
    printed, _ = follow(tmp_path, ("explorer.log", EXPLORER + EVAL), ("trainer.log", TRAINER))
    lines = printed.splitlines()
    assert lines[0].split() == ["step", "3/10", "eval/heldout/accuracy/mean@4", "0.250"]
    assert lines[1].split()[:5] == ["step", "3/10", "rollout", "accuracy", "0.44"]
    assert len(lines) == 2


def test_pace_counts_from_the_first_step_seen(tmp_path, monkeypatch):
    clock = iter([100.0, 106.0])
    monkeypatch.setattr("data_augment.training.run_log.time.monotonic", lambda: next(clock))
    later = TRAINER.replace("Step 3", "Step 6")
    printed, _ = follow(tmp_path, ("trainer.log", TRAINER), ("trainer.log", later))
    assert "2.0 s/step   0:00:08 left" in printed  # 6 s for 3 steps, 4 to go


def test_half_written_line_waits_for_its_end(tmp_path):
    half = len(EXPLORER) // 2
    printed, _ = follow(
        tmp_path,
        ("explorer.log", EVAL[:half]),
        ("explorer.log", EVAL[half:]),
    )
    assert printed.count("0.250") == 1


def test_earlier_start_is_passed_over(tmp_path):
    (tmp_path / "explorer.log").write_text(EVAL)
    assert follow(tmp_path, ("explorer.log", EXPLORER))[0] == ""


def test_broken_loop_interrupts_the_driver_until_it_ends(tmp_path):
    """In the background of a shell, where SIGINT is ignored; the first waits on for its peer."""
    script = f"""
import sys, time
from pathlib import Path
from data_augment.training import run_log
run_log.GRACE = 1.0
interrupts = 0
with run_log.Follower(Path({str(tmp_path)!r}), 10, sys.stdout) as follower:
    print("ready", flush=True)
    while interrupts < 2:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            interrupts += 1
print(follower.failed, interrupts, follower.error)
"""
    ignore = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, preexec_fn=ignore
    ) as driver:
        assert driver.stdout.readline() == "ready\n"
        (tmp_path / "trainer.log").write_text(BROKEN)
        assert driver.stdout.readline() == "True 2 RuntimeError: out of patience (trainer.log)\n"
    assert driver.returncode == 0


def test_last_error_is_the_exception(tmp_path):
    (tmp_path / "trainer.log").write_text(TRAINER + BROKEN + TRAINER)
    assert last_error(tmp_path) == "RuntimeError: out of patience (trainer.log)"
    assert last_error(tmp_path / "nowhere") == "no error stands in the logs"
