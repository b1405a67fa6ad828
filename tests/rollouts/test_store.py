"""The data processor keeps what the agent wrote, whole, and never ends a training."""

import asyncio

import pytest
from trinity.common.experience import EID, Experience

from data_augment.rollouts.files import read_step, step_files
from data_augment.rollouts.store import RolloutStore
from laptop.arithmetic import END, build_tokenizer
from tests.conftest import write_taskset


class Letters:
    """A tokenizer with a token for each character; 0 is its end of text."""

    eos_token_id = 0

    def decode(self, ids):
        return "".join("<end>" if token == 0 else chr(token) for token in ids)


@pytest.fixture
def store(tmp_path):
    """A store as it is after `prepare`, with limits of 12 tokens a response and 40 in all."""
    store = RolloutStore(str(tmp_path / "rollouts"), "no model", {}, 12, 40)
    store.tokenizer = Letters()
    store.logger = Said()
    store.rows = [{"question": f"{i}+1=", "answer": f"so #### {i + 1}"} for i in range(5)]
    return store


class Said(list):
    """A logger that keeps its warnings."""

    warning = list.append


def call(prompt, wrote, ended=True, seen_by_judge=None, run=0, task=2, reward=1.0):
    """A call of the model, as Trinity records it; the judge sees what the server sends as text."""
    tokens = [ord(letter) for letter in prompt + wrote] + [0] * ended
    return Experience(
        eid=EID(batch=3, task=0, run=run),
        tokens=tokens,
        prompt_length=len(prompt),
        response_text=wrote if seen_by_judge is None else seen_by_judge,
        reward=reward,
        info={"task_index": {"taskset_id": 0, "index": task}, "model_version": 2},
    )


def kept(store, *calls):
    """The rollouts in the files after a batch went through the store."""
    batch = list(calls)
    handed_on, _ = asyncio.run(store.process(batch))
    assert handed_on is batch
    return [line for path in step_files(store.folder.parent).values() for line in read_step(path)]


def test_a_rollout_is_kept_with_question_answer_reward_and_what_the_judge_read(store):
    [rollout] = kept(store, call("2+1=", r"\boxed{3}"))
    turn = {"given": "2+1=", "wrote": r"\boxed{3}", "tokens": 10, "cut_off": False}
    assert rollout == {
        "step": 3,
        "task": 2,
        "run": 0,
        "question": "2+1=",
        "answer": "so #### 3",
        "reward": 1.0,
        "box": "3",
        "model_version": 2,
        "turns": [turn],
    }


def test_a_thought_is_kept_though_the_judge_did_not_see_it(store):
    """A server with a reasoning parser sends the thought apart, and no text where it was cut off."""
    thought = r"<think>\boxed{3}"
    [rollout] = kept(store, call("2+1=", thought, ended=False, seen_by_judge=""))
    assert rollout["box"] is None
    assert rollout["turns"][0]["wrote"] == thought


def test_of_the_prompt_of_a_later_turn_only_what_is_new_is_kept(store):
    first = call("2+1=", "look it up")
    second = call(
        "2+1=look it up<end>", "3"
    )  # Letters writes the end as one token, a prompt as text
    second = call("2+1=look it up" + chr(0) + "tool: 3\n", r"\boxed{3}")
    [rollout] = kept(store, first, second)
    assert [turn["given"] for turn in rollout["turns"]] == ["2+1=", "tool: 3\n"]
    assert [turn["wrote"] for turn in rollout["turns"]] == ["look it up", r"\boxed{3}"]
    assert rollout["box"] == "3"


@pytest.mark.parametrize(
    ("prompt", "wrote", "ended", "cut_off"),
    [
        ("2+1=", "x" * 12, False, True),
        ("2+1=", "x" * 11, True, False),  # an answer of full length, with its end
        ("2+1=", "x" * 11, False, False),  # ended by something else, a stop word
        ("p" * 30, "x" * 10, False, True),  # prompt and response fill the model's length
    ],
)
def test_cut_off_is_what_came_to_a_limit_without_an_end(store, prompt, wrote, ended, cut_off):
    [rollout] = kept(store, call(prompt, wrote, ended))
    assert rollout["turns"][0]["cut_off"] == cut_off


def test_rollouts_of_a_group_and_of_other_tasks_are_not_mixed_up(store):
    calls = [call("2+1=", "a"), call("2+1=", "b", run=1, reward=0.0)]
    other = call("4+1=", "c", task=4)
    other.eid.task = 1
    rollouts = kept(store, *calls, other)
    found = [(line["task"], line["run"], line["turns"][0]["wrote"]) for line in rollouts]
    assert found == [(2, 0, "a"), (2, 1, "b"), (4, 0, "c")]


def test_a_step_that_is_rolled_out_again_is_there_once(store):
    kept(store, call("2+1=", "before the kill"))
    [rollout] = kept(store, call("2+1=", "after it"))
    assert rollout["turns"][0]["wrote"] == "after it"


def test_a_full_disk_does_not_end_the_training(store):
    store.folder.write_text("a file where the folder should be")
    batch = [call("2+1=", "3")]
    assert asyncio.run(store.process(batch))[0] is batch
    [warning] = store.logger
    assert "step 3 were not kept" in warning


def test_tokenizer_and_taskset_are_those_of_the_yaml(tmp_path):
    build_tokenizer().save_pretrained(tmp_path / "model")
    taskset = write_taskset(tmp_path / "data/train.parquet", rows=5)
    where = {"path": str(taskset), "subset_name": None, "split": "train"}
    store = RolloutStore(str(tmp_path / "rollouts"), str(tmp_path / "model"), where)
    asyncio.run(store.prepare())
    one = call("2+2", "4")
    one.tokens = store.tokenizer(rf"2+2\boxed{{4}}{END}", return_tensors="pt")["input_ids"][0]
    one.prompt_length = 3
    [rollout] = kept(store, one)
    assert rollout["question"] == "2+2="
    assert (rollout["turns"][0]["given"], rollout["turns"][0]["wrote"]) == ("2+2", r"\boxed{4}")


def test_rollouts_are_kept_where_this_machine_does_not_have_the_taskset(tmp_path):
    build_tokenizer().save_pretrained(tmp_path / "model")
    where = {"path": str(tmp_path / "nowhere"), "subset_name": None, "split": "train"}
    store = RolloutStore(str(tmp_path / "rollouts"), str(tmp_path / "model"), where)
    store.logger = Said()
    asyncio.run(store.prepare())
    [warning] = store.logger
    assert "without question" in warning
    [rollout] = kept(store, call("2+1=", "3"))
    assert rollout["question"] is None and rollout["reward"] == 1.0
