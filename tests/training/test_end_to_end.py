"""The real chain on a tiny model: dataset, Ray, ReAct rollouts, judge, feedback, selector, update.

Slow (minutes): a tiny base model is made, laptop/server.py runs, and main.py is called as a user
calls it. One server and one model serve all tests; faults.py has both.
"""

import json
import subprocess
import urllib.request

import numpy as np
import pyarrow.parquet as pq
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from data_augment.figure.curves import read
from data_augment.files import REPO
from laptop.pretrain import pass_rates
from tests.training.faults import Laptop, torture

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    laptop = Laptop(tmp_path_factory.mktemp("laptop"))
    yield laptop
    laptop.close()


def call(command, status=0):
    done = subprocess.run(command, cwd=REPO, text=True, capture_output=True, timeout=400)
    assert done.returncode == status, done.stdout + done.stderr
    return done


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


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("config_random.yaml", "Random-Selector"),
        ("config_difficulty.yaml", "Difficulty-Based-Selector"),
    ],
)
def test_both_experiments_train_evaluate_and_say_so(laptop, config, name):
    done = call(laptop.command(config))
    run = laptop.run_dir(name)
    assert "Trained 3 of 3 steps" in done.stdout
    assert "step    3/3   rollout accuracy" in done.stdout
    assert "eval/heldout/accuracy/mean@1" in done.stdout
    assert len(done.stdout.splitlines()) < 40, "a person must be able to follow it"

    curves = read([str(run)])
    assert curves[curves.metric == "rollout_accuracy"].step.tolist() == [1, 2, 3]
    assert curves[curves.metric == "eval_accuracy/heldout"].step.tolist() == [0, 3]
    assert (run / "latest_checkpointed_iteration.txt").read_text() == "3"
    assert (run / "config.yaml").exists()
    assert "All 3 steps are trained already" in call(laptop.command(config)).stdout


@pytest.mark.parametrize(
    "kind", ["sequential", "shuffle", "offline_easy2hard", "examples.my_selector.VarianceSelector"]
)
def test_the_other_selectors_are_swapped_by_one_line(laptop, kind):
    swap = {"buffer.explorer_input.taskset.task_selector.selector_type": kind}
    short = {"buffer.total_steps": 2, "explorer.eval_on_startup": False, "name": kind}
    done = call(laptop.command("config_random.yaml", **swap, **short))
    assert f"selector    {kind}" in done.stdout
    assert "Trained 2 of 2 steps" in done.stdout
    state = json.loads((laptop.run_dir(kind) / "explorer_meta.json").read_text())
    assert state["taskset_states"][0]["current_index"] == 2 * 8


def test_training_changed_the_weights(laptop):
    run = laptop.run_dir("Random-Selector")
    saved = [run / f"global_step_{step}/remote_checkpoint_path.txt" for step in (2, 3)]
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


def test_feedback_reached_the_selector(laptop):
    run = laptop.run_dir("Difficulty-Based-Selector")
    state = json.loads((run / "explorer_meta.json").read_text())["taskset_states"][0]
    assert state["current_index"] == 3 * 8
    assert state["updates"] == 3
    assert state["cap_coef"] is not None


def test_broken_trainer_is_exit_1_with_its_error(laptop):
    run = laptop.run_dir("Broken")
    run.mkdir(parents=True)
    (run / "global_step_1").write_text("a file where the trainer wants to make a folder")
    done = call(laptop.command("config_random.yaml", name="Broken"), status=1)
    assert "training broke off at step" in done.stderr
    assert "FileExistsError" in done.stderr
    assert str(run / "log") in done.stderr


def test_two_kills_are_survived(laptop):
    report = torture(laptop, kills=2, seed=33, steps=6)  # the driver, then the server
    assert len(report) == 2
