"""The real chain on a tiny model: dataset, Ray, ReAct rollouts, judge, feedback, selector, update.

Slow (minutes): a tiny base model is made, the laptop's server runs, and main.py is called as a user
calls it, four times: a difficulty_based run that is cut short by a power failure and goes on to its
end, and a run with a selector of one's own that goes on after its trainer broke. What the kill of
one process alone does is in faults.py.
"""

import json
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from data_augment.rollouts.choice import rollouts_of, stored_steps
from data_augment.training.resume import checkpointed_step
from laptop.pretrain import pass_rates
from math_agent.answers import gold_answer, is_correct
from safe_files import REPO, read_json
from tests.training.faults import (
    BATCH,
    Laptop,
    actors,
    check_restart,
    expected_state,
    explored,
    wait_until,
)

pytestmark = pytest.mark.slow
STEPS = 4  # saved at 2 and 4
PATIENCE = 240  # seconds; a start or an end that takes longer is a hang


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    laptop = Laptop(tmp_path_factory.mktemp("laptop"))
    laptop.drivers = []
    yield laptop
    for driver in laptop.drivers:
        driver.kill()  # nothing, where it has ended
    laptop.close()


class Driver:
    """main.py in the background, and what it prints."""

    def __init__(self, laptop, config, **overrides):
        self.run = laptop.run_dir(overrides["name"])
        step, state = expected_state(self.run)
        self.printed = laptop.folder / f"{overrides['name']}-{time.time_ns()}.txt"
        with open(self.printed, "w") as file:
            command = laptop.command(config, **overrides)
            self.process = subprocess.Popen(command, cwd=REPO, stdout=file, stderr=file)
        laptop.drivers.append(self.process)
        if state is not None:
            check_restart(self.run, self.process, step, state)

    def wait_for_step(self, step):
        wait_until(lambda: explored(self.run) >= step, self.process, PATIENCE)

    def kill(self):
        workers = actors(self.process)
        self.process.kill()
        self.process.wait()
        assert psutil.wait_procs(workers, timeout=60)[1] == [], "Ray outlived its driver"

    def end(self):
        """Wait for its end; returns exit status and output."""
        return self.process.wait(PATIENCE), self.printed.read_text()


@pytest.fixture(scope="module")
def difficulty(laptop):
    """A run that is cut short at step 3 and goes on; its folder, exit status and last output."""
    plan = {"name": "difficulty", "buffer.total_steps": STEPS, "explorer.eval_interval": STEPS}
    driver = Driver(laptop, "config_difficulty.yaml", **plan)
    driver.wait_for_step(3)
    laptop.listening = listening(psutil.Process(driver.process.pid))
    laptop.server.kill()
    driver.kill()
    laptop.server.wait()
    laptop.serve()
    step, state = expected_state(driver.run)
    assert step == 2, "the weights of step 2 were saved"
    assert state is not None
    status, output = Driver(laptop, "config_difficulty.yaml", **plan).end()
    return driver.run, status, output


def listening(driver: psutil.Process) -> set[str]:
    """The addresses at which main.py, Ray and what they started listen."""
    return {
        socket.laddr.ip.removeprefix("::ffff:")
        for process in [driver, *driver.children(recursive=True)]
        for socket in process.net_connections("tcp")
        if socket.status == psutil.CONN_LISTEN
    }


def test_nothing_listens_to_other_machines(laptop, difficulty):
    """Ray by itself listens on all interfaces."""
    assert laptop.listening == {"127.0.0.1"}


@pytest.mark.parametrize("name", ["weak", "strong"])
def test_measured_pass_rates_are_those_of_direct_sampling(laptop, name):
    """4 samples through agent, judge and HTTP against 64 from the model: within binomial error."""
    tasks = pq.read_table(laptop.folder / "math/train.parquet").to_pylist()
    model = AutoModelForCausalLM.from_pretrained(laptop.folder / "models" / name).eval()
    tokenizer = AutoTokenizer.from_pretrained(laptop.folder / "models" / name)
    direct = np.array(pass_rates(model, tokenizer, tasks, 64, 1, lambda n: None))
    measured = np.array([task[f"{name}_pass_rate"] for task in tasks])
    error = np.sqrt((direct * (1 - direct) * (1 / 4 + 1 / 64)).sum()) / len(tasks)
    assert 0.02 < direct.mean() < 0.5
    assert abs(measured.mean() - direct.mean()) < 3.5 * error
    assert measured[direct == 0].mean() < 0.02
    assert np.corrcoef(measured, direct)[0, 1] > 0.3  # of 120 tasks; 0 if the rows were mixed up


def test_the_same_command_brings_a_run_that_was_cut_short_to_its_end(difficulty):
    """It goes on at the step of the weights, with the posterior of that step: see check_restart."""
    run, status, output = difficulty
    assert status == 0, output
    assert f"{STEPS} of {STEPS} steps" in output
    assert "heldout" in output
    assert len(output.splitlines()) < 45, "a person must be able to follow it"
    assert checkpointed_step(run) == STEPS
    assert (run / "config.yaml").exists()


def test_feedback_reached_the_selector(difficulty):
    state = read_json(difficulty[0] / "explorer_meta.json")["taskset_states"][0]
    assert state["current_index"] == STEPS * BATCH
    assert state["updates"] == STEPS
    assert state["cap_coef"] is not None


def test_curves_are_those_of_one_run_though_it_was_started_twice(difficulty, tmp_path):
    csv = tmp_path / "curves.csv"
    command = [sys.executable, "plot_result.py", str(difficulty[0]), "--csv", str(csv)]
    command += ["--output", str(tmp_path / "figure.jpg")]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    curves = pd.read_csv(csv)
    steps = {metric: rows.step.tolist() for metric, rows in curves.groupby("metric")}
    assert steps["rollout_accuracy"] == [*range(1, STEPS + 1)]
    assert steps["eval_accuracy/heldout"] == [0, STEPS]


def test_what_the_agent_wrote_is_there_once_though_the_run_was_started_twice(difficulty):
    """With the reward of what the judge read, and what the selector believed of the task."""
    run = difficulty[0]
    assert stored_steps(run) == [*range(1, STEPS + 1)]
    rollouts = list(rollouts_of(run, stored_steps(run)))
    assert len(rollouts) == STEPS * BATCH * 8
    assert {len(rollout["rewards"]) for rollout in rollouts} == {8}
    for rollout in rollouts:
        box, gold = rollout["box"], gold_answer(rollout["answer"])
        assert rollout["reward"] == is_correct(rf"\boxed{{{box}}}" if box else None, gold)
        assert rollout["question"] in rollout["turns"][0]["given"]
        assert 0 <= rollout["predicted"] <= 1
    assert 0 < sum(rollout["reward"] for rollout in rollouts) < len(rollouts)


def test_training_changed_the_weights(laptop, difficulty):
    saved = [
        difficulty[0] / f"global_step_{step}/remote_checkpoint_path.txt" for step in (2, STEPS)
    ]
    models = ["base", *(path.read_text() for path in saved)]
    answers = [logprobs(laptop, model) for model in models]
    assert answers[0] != answers[1] != answers[2]


def logprobs(laptop, model):
    """Log-probabilities of the most likely answer to a question under saved weights."""
    question = {"role": "user", "content": "12+3"}
    body = {"model": model, "messages": [question], "temperature": 0, "logprobs": True}
    request = urllib.request.Request(
        f"{laptop.url}/v1/chat/completions",
        json.dumps(body | {"max_tokens": 4}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = json.load(answer)["choices"][0]["logprobs"]["content"]
    return [token["logprob"] for token in content]


def test_a_broken_trainer_is_exit_1_with_its_error_and_a_selector_of_ones_own_goes_on(laptop):
    """The trainer cannot save step 2; its error and where to read on are on the terminal."""
    kind = "examples.my_selector.VarianceSelector"
    swap = {"buffer.explorer_input.taskset.task_selector.selector_type": kind, "name": "own"}
    plan = {"buffer.total_steps": 3, "explorer.eval_on_startup": False}
    plan["explorer.runner_per_model"] = 1
    run = laptop.run_dir("own")
    run.mkdir(parents=True)
    obstacle = run / "global_step_2"
    obstacle.write_text("a file where the trainer makes a folder")
    status, output = Driver(laptop, "config_random.yaml", **swap, **plan).end()
    assert status == 1, output
    assert kind in output
    assert "FileExistsError" in output
    assert str(run / "log") in output

    obstacle.unlink()
    status, output = Driver(laptop, "config_random.yaml", **swap, **plan).end()
    assert status == 0, output
    assert "3 of 3 steps" in output
    state = read_json(run / "explorer_meta.json")["taskset_states"][0]
    assert state["current_index"] == 3 * BATCH
