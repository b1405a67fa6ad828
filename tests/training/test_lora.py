"""A LoRA adapter that is trained is also what the rollouts come from."""

import asyncio
import inspect
from types import SimpleNamespace

import httpx
import openai
import pytest
from omegaconf import OmegaConf

from data_augment.training import lora
from data_augment.training.experiment_yaml import compose, with_defaults
from data_augment.training.launch import plug_in
from data_augment.training.lora import adapter_folder, adapter_name, from_adapter
from safe_files import REPO, append_json_line

RANDOM = str(REPO / "config_random.yaml")


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    monkeypatch.setattr(lora, "servers_told", set())


class Server:
    """vLLM's server, as far as adapters go: loads each name once and refuses the second time."""

    def __init__(self):
        self.adapters = {}
        self.requests = 0

    async def post(self, path, cast_to, body):
        self.requests += 1
        assert path == "/load_lora_adapter"
        if body["lora_name"] in self.adapters:
            raise refusal(f"The lora adapter '{body['lora_name']}' has already been loaded.")
        if "missing" in body["lora_path"]:
            raise refusal("No adapter found for " + body["lora_path"])
        self.adapters[body["lora_name"]] = body["lora_path"]
        return cast_to("Success")


def refusal(message):
    answer = httpx.Response(400, request=httpx.Request("POST", "http://127.0.0.1/v1"))
    return openai.BadRequestError(message, response=answer, body=None)


def model_of(server):
    """What the tuner hands an agent: a model whose name is the path of the bare model."""
    client = SimpleNamespace(base_url="http://127.0.0.1:8000/v1/", post=server.post)
    return SimpleNamespace(client=client, model_name="/models/base")


async def agent(task, model, auxiliary_models=None):
    return task["question"], model.model_name, auxiliary_models


def rollouts(workflow, server, many):
    async def run():
        return await asyncio.gather(
            *(workflow(task={"question": i}, model=model_of(server)) for i in range(many))
        )

    return asyncio.run(run())


def test_each_rollout_asks_for_the_adapter_and_not_for_the_model_under_it():
    server = Server()
    answers = rollouts(from_adapter(agent, "adapter", "/run/dummy_lora"), server, 8)
    assert answers == [(i, "adapter", None) for i in range(8)]
    assert server.adapters == {"adapter": "/run/dummy_lora"}


def test_a_process_asks_once_and_does_not_mind_that_another_one_came_first(monkeypatch):
    server = Server()
    rollouts(from_adapter(agent, "adapter", "/a"), server, 1)
    rollouts(from_adapter(agent, "adapter", "/a"), server, 3)  # the next task
    assert server.requests == 1
    monkeypatch.setattr(lora, "servers_told", set())  # another process
    assert rollouts(from_adapter(agent, "adapter", "/b"), server, 1) == [(0, "adapter", None)]
    assert server.adapters == {"adapter": "/a"}


def test_an_adapter_that_the_server_cannot_load_is_an_error_of_the_rollout():
    with pytest.raises(openai.BadRequestError, match="missing"):
        rollouts(from_adapter(agent, "adapter", "/missing"), Server(), 1)


def test_the_tuner_still_sees_the_parameters_of_the_agent():
    assert list(inspect.signature(from_adapter(agent, "a", "/a")).parameters) == [
        "task",
        "model",
        "auxiliary_models",
    ]


def test_the_profile_with_lora_serves_its_adapter_without_a_cache_of_older_ones(workplace):
    config = compose(RANDOM, "gpu1_lora", [])
    plug_in(config)
    rollout = with_defaults(config).explorer.rollout_model
    assert adapter_name(config) == "adapter"
    assert rollout.enable_runtime_lora_updating
    assert not rollout.enable_prefix_caching


@pytest.mark.parametrize("profile", ["gpu1", "gpu8", "laptop", "tinker"])
def test_profiles_without_an_adapter_for_vllm_are_left_as_they_are(workplace, profile):
    config = compose(RANDOM, profile, [])
    plug_in(config)
    assert adapter_name(config) is None
    assert "enable_prefix_caching" not in config.explorer.rollout_model


def test_a_run_that_goes_on_begins_with_the_adapter_of_its_checkpoint(tmp_path):
    rollout = OmegaConf.create({"lora_modules": [{"lora_path": "/run/dummy_lora"}]})
    trinity = SimpleNamespace(explorer=SimpleNamespace(rollout_model=rollout))
    assert adapter_folder(tmp_path, trinity) == "/run/dummy_lora"
    metrics = {"time/train_step": 1.0}
    line = {"role": "trainer", "step": 4, "time": 0.0, "metrics": metrics}
    append_json_line(tmp_path / "metrics.jsonl", line)
    (tmp_path / "global_step_4/actor").mkdir(parents=True)
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("4")
    assert adapter_folder(tmp_path, trinity) == str(tmp_path / "global_step_4/actor/lora_adapter")
