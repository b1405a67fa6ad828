"""The same command goes on where it was stopped, and never mixes measurements."""

import json
import multiprocessing
import os
import signal
import time
from hashlib import sha256

import pytest

from data_augment.pass_rates.journal import Journal, journal_path
from math_agent import SYSTEM_PROMPT
from tests.conftest import write_taskset
from tests.pass_rates.conftest import (
    ROWS,
    UNDISTURBED,
    columns,
    completion,
    expected,
    measure,
    solve,
)

pytestmark = pytest.mark.slow  # whole measurements against a server


def test_killed_again_and_again(taskset, serve):
    server = serve(seconds=0.02)
    both = ["weak", "strong"]
    in_flight = 3
    for _ in range(3):
        done = sum(server.answered.values())
        child = multiprocessing.get_context("fork").Process(
            target=measure,
            args=(taskset, server, "--concurrency=3"),
            kwargs={"models": both},
            daemon=True,
        )
        child.start()
        deadline = time.monotonic() + 20
        while sum(server.answered.values()) < done + 5 and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        time.sleep(0.1)  # until the server has answered what was in flight
    assert 15 <= sum(server.answered.values()) < 2 * 4 * ROWS
    assert measure(taskset, server, "--concurrency=3", models=both) == 0
    assert columns(taskset) == UNDISTURBED
    assert columns(taskset, "strong") == (expected("strong-model"), [4] * ROWS)
    assert sum(server.answered.values()) <= 2 * 4 * ROWS + 3 * in_flight


def test_a_torn_line_is_dropped(taskset, serve):
    measure(taskset, serve())
    journal = taskset / ".train.weak.journal"
    journal.write_bytes(journal.read_bytes()[:-9])
    server = serve()
    assert measure(taskset, server) == 0
    assert len(server.requests) == 1
    assert columns(taskset) == UNDISTURBED
    assert all(json.loads(line) for line in journal.read_text().splitlines())


def test_more_samples_ask_for_the_new_ones_alone(taskset, serve):
    server = serve()
    measure(taskset, server)
    assert measure(taskset, server, "--samples=6") == 0
    assert columns(taskset) == (expected(samples=6), [6] * ROWS)
    assert len(server.requests) == 6 * ROWS
    assert measure(taskset, server, "--samples=4") == 0
    assert columns(taskset) == UNDISTURBED


def test_a_journal_of_an_earlier_release_goes_on(taskset, serve):
    """As its lines have always been; one sample is missing."""
    tasks = [{"question": f"{row}+{row}=", "answer": f"#### {2 * row}"} for row in range(ROWS)]
    settings = {
        "model": "weak-model",
        "temperature": 1.0,
        "top_p": 1.0,
        "max_tokens": 16384,
        "seed": 0,
        "prompt": SYSTEM_PROMPT,
        "dataset": sha256(json.dumps(tasks).encode()).hexdigest(),
    }
    lines = [settings]
    for row in range(ROWS):
        for sample in range(4):
            lines.append({"row": row, "sample": sample, "reward": 1.0, "finish": "stop"})
    journal = "".join(json.dumps(line) + "\n" for line in lines[:-1])
    (taskset / ".train.weak.journal").write_text(journal)
    server = serve(lambda request, before: completion(r"\boxed{wrong}"))
    assert measure(taskset, server) == 0
    assert len(server.requests) == 1
    assert columns(taskset) == ([1.0] * (ROWS - 1) + [0.75], [4] * ROWS)


@pytest.mark.parametrize(
    "change",
    ["--temperature=0.5", "--seed=1", "--max-completion-tokens=9", "prompt", "dataset", "model"],
)
def test_other_settings_are_refused(taskset, serve, capsys, monkeypatch, change):
    server = serve()
    measure(taskset, server)
    options = [change] if change.startswith("--") else []
    models = ["weak"]
    if change == "prompt":
        monkeypatch.setattr("math_agent.SYSTEM_PROMPT", "Guess.")
    elif change == "dataset":
        write_taskset(taskset / "train.parquet", ROWS, answer=["#### 1"] * ROWS)
    elif change == "model":
        options = [f"--model=weak=another@{server.url}"]
        models = []
    journal = (taskset / ".train.weak.journal").read_bytes()
    asked = len(server.requests)
    assert measure(taskset, server, *options, models=models) == 2
    said = capsys.readouterr().err
    key = change.lstrip("-").split("=")[0].replace("-", "_")
    assert f"measured with other settings ({key}: the journal has " in said
    assert (taskset / ".train.weak.journal").read_bytes() == journal
    assert len(server.requests) == asked


def test_a_start_that_measured_nothing_binds_to_nothing(taskset, serve):
    def no_such_model_at_first(request, before):
        return solve(request) if before else (404, {}, b"no such model")

    server = serve(no_such_model_at_first)
    assert measure(taskset, server, "--temperature=2", "--concurrency=1") == 2
    assert measure(taskset, server, "--temperature=1") == 0


def test_two_measurements_of_one_column_at_once(taskset, serve, capsys):
    with Journal(journal_path(taskset / "train.parquet", "weak"), {}):
        assert measure(taskset, serve()) == 2
        assert "another measurement is writing it" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["\0\0", "[]", '{"row": 0}', "7"])
def test_a_damaged_journal_is_named(taskset, capsys, line):
    journal = taskset / ".train.weak.journal"
    journal.write_text(f"{{}}\n{line}\n{line}\n")
    assert measure(taskset, "http://h/v1") == 2
    assert str(journal) in capsys.readouterr().err
    assert journal.read_text() == f"{{}}\n{line}\n{line}\n"
