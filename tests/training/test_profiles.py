"""Every shipped experiment runs on every shipped machine, as far as Trinity's validators can tell."""

import json

import pytest
import tinker

from data_augment.errors import BadInput
from data_augment.training.checks import check
from data_augment.training.experiment_yaml import (
    REPO,
    compose,
    give_trainer_patience,
    trinity_config,
    use_fixed_classes,
    with_defaults,
)
from data_augment.training.reasoning import choose_reasoning_parser

pytestmark = pytest.mark.slow  # Trinity's own validators

EXPERIMENTS = sorted(path.name for path in REPO.glob("config_*.yaml"))
PROFILES = sorted(path.stem for path in (REPO / "profiles").glob("*.yaml"))


def test_all_are_here():
    assert EXPERIMENTS == ["config_difficulty.yaml", "config_features.yaml", "config_random.yaml"]
    assert PROFILES == ["cluster", "gpu1", "gpu1_lora", "gpu8", "laptop", "tinker"]


class FakeTinker:
    """Stands for tinker.ServiceClient: it serves whatever model is asked for."""

    def __init__(self, base_url=None):
        pass

    def get_server_capabilities(self):
        return self

    @property
    def supported_models(self):
        return [self]

    model_name = None


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_trinity_accepts_the_merged_yaml(workplace, monkeypatch, experiment, profile):
    monkeypatch.setattr("tinker.ServiceClient", FakeTinker)
    # Trinity makes an adapter of this model's shape for the LoRA profile.
    sizes = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, vocab_size=8)
    heads = dict(num_attention_heads=1, num_key_value_heads=1, head_dim=8)
    (workplace / "model/config.json").write_text(
        json.dumps({"model_type": "qwen3", **sizes, **heads})
    )
    config = compose(str(REPO / experiment), profile, [])
    assert config.explorer.rollout_model.get("reasoning_parser") in ("auto", None)
    choose_reasoning_parser(config, with_defaults(config))
    assert config.explorer.rollout_model.get("reasoning_parser") in ("deepseek_r1", None)
    monkeypatch.setattr(FakeTinker, "model_name", config.model.model_path)
    use_fixed_classes(config)
    checked = trinity_config(config)
    assert checked.algorithm.repeat_times == 8
    assert checked.buffer.train_batch_size == 8 * config.buffer.batch_size
    if profile in ("gpu8", "cluster"):
        total = config.cluster.node_num * config.cluster.gpu_per_node
        assert checked.cluster.trainer_gpu_num + checked.cluster.rollout_gpu_num == total
    if profile in ("laptop", "tinker"):
        assert checked.synchronizer.sync_method.value == "memory"
    if profile == "gpu1_lora":
        assert checked.explorer.rollout_model.enable_lora
        assert checked.synchronizer.sync_method.value == "checkpoint"


def test_a_tinker_server_that_refuses_the_key_is_one_message(workplace, monkeypatch):
    def refuse(**arguments):
        raise tinker.TinkerError("Error code: 401")

    monkeypatch.setattr("tinker.ServiceClient", refuse)
    config = compose(str(REPO / "config_random.yaml"), "laptop", [])
    with pytest.raises(BadInput, match="Trinity refuses the configuration: Error code: 401"):
        trinity_config(config)


def test_the_trainer_waits_as_long_as_an_evaluation_and_a_batch_may_take(workplace):
    config = compose(str(REPO / "config_random.yaml"), "gpu8", ["explorer.max_timeout=5000"])
    give_trainer_patience(config)
    buffer = trinity_config(config).buffer.trainer_input.experience_buffer
    assert (buffer.max_read_timeout, buffer.storage_type) == (2 * 3 * 5000, "queue")
    give_trainer_patience(config)  # one that was given, or saved beside the run, stays
    assert with_defaults(config).buffer.trainer_input.experience_buffer.max_read_timeout == 30000


@pytest.mark.parametrize("profile", ["cluster", "gpu1", "gpu1_lora", "gpu8"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_gpu_profiles_pass_the_checks_without_a_gpu(workplace, experiment, profile):
    config = compose(str(REPO / experiment), profile, [])
    use_fixed_classes(config)
    assert check(config, gpu_check=False).steps > 0


def test_hosted_tinker_passes_the_checks_with_a_key(workplace, monkeypatch):
    monkeypatch.setenv("TINKER_API_KEY", "tml-fake")
    assert check(compose(str(REPO / "config_difficulty.yaml"), "tinker", [])).steps == 5
