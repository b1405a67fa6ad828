"""The memory that --check shows is what torch, transformers and peft report, on small shapes."""

import json

import pytest
import torch
import transformers

from data_augment.training import gpu_memory
from data_augment.training.experiment_yaml import compose, with_defaults
from main import main
from safe_files import REPO

pytestmark = pytest.mark.slow  # torch, transformers and peft

SMALL = dict(
    hidden_size=64,
    num_hidden_layers=3,
    num_attention_heads=8,
    num_key_value_heads=2,
    intermediate_size=160,
    vocab_size=500,
)
MODELS = [  # model_type, what its config.json adds
    ("qwen3", dict(head_dim=16, tie_word_embeddings=True)),
    ("qwen3", dict(head_dim=16, tie_word_embeddings=False)),
    ("qwen2", dict(tie_word_embeddings=False)),
    ("llama", dict(tie_word_embeddings=False)),
    ("mistral", dict(tie_word_embeddings=False, head_dim=8)),
    ("qwen3_moe", dict(head_dim=16, num_experts=6, moe_intermediate_size=48, tie_word_embeddings=False)),
]  # fmt: skip
QWEN3_06B = dict(
    model_type="qwen3",
    hidden_size=1024,
    num_hidden_layers=28,
    num_attention_heads=16,
    num_key_value_heads=8,
    head_dim=128,
    intermediate_size=3072,
    vocab_size=151936,
    tie_word_embeddings=True,
)


def on_meta(config: dict):
    """The model of a config.json without memory for its weights."""
    config = dict(config)
    hf_config = transformers.AutoConfig.for_model(config.pop("model_type"), **config)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(hf_config)


def count(parameters) -> int:
    return sum(parameter.numel() for parameter in parameters)


@pytest.mark.parametrize(("kind", "extra"), MODELS)
def test_weights_are_those_of_transformers(kind, extra):
    config = {"model_type": kind, **SMALL, **extra}
    expected = count(on_meta(config).parameters())
    assert gpu_memory.read_model(config).parameters == pytest.approx(expected, rel=0.02)


def test_the_default_model_has_0_6_billion_weights():
    expected = count(on_meta(QWEN3_06B).parameters())
    assert gpu_memory.read_model(QWEN3_06B).parameters == pytest.approx(expected, rel=0.001)


def test_an_adapter_is_that_of_peft():
    from peft import LoraConfig, get_peft_model

    config = {"model_type": "qwen3", **SMALL, "head_dim": 16, "tie_word_embeddings": True}
    with torch.device("meta"):
        adapted = get_peft_model(on_meta(config), LoraConfig(r=4, target_modules="all-linear"))
    expected = count(p for p in adapted.parameters() if p.requires_grad)
    assert gpu_memory.read_model(config).adapter_parameters(4) == expected


def test_cache_of_a_token_is_that_of_a_real_cache():
    config = {"model_type": "qwen3", **SMALL, "head_dim": 16, "tie_word_embeddings": True}
    config_object = transformers.AutoConfig.for_model(**config)
    model = transformers.AutoModelForCausalLM.from_config(config_object).to(torch.bfloat16)
    tokens = 10
    cache = model(torch.ones(1, tokens, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert gpu_memory.read_model(config).cache_of_a_token == held / tokens


def test_trainer_holds_weights_gradients_and_adams_moments_in_float32(workplace):
    config = {"model_type": "qwen3", **SMALL, "head_dim": 16, "tie_word_embeddings": True}
    module = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.for_model(**config)
    ).float()
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(1, 4, dtype=torch.long)).logits.sum().backward()
    optimizer.step()
    moments = sum(
        value.nbytes
        for state in optimizer.state.values()
        for value in state.values()
        if value.dim()
    )
    parts = gpu_memory.trainer_parts(gpu_memory.read_model(config), settings("gpu8"))
    gpus = 4
    weights = sum(p.nbytes for p in module.parameters())
    gradients = sum(p.grad.nbytes for p in module.parameters())
    assert parts["weights"] == pytest.approx(weights / gpus, rel=0.02)
    assert parts["gradients"] == pytest.approx(gradients / gpus, rel=0.02)
    assert parts["optimizer"] == pytest.approx(moments / gpus, rel=0.02)


def test_gradient_checkpoints_are_what_torch_keeps():
    """The inputs of the layers, in bfloat16, as with verl's gradient checkpointing."""
    config = {"model_type": "qwen3", **SMALL, "num_hidden_layers": 40, "head_dim": 16}
    hf_config = transformers.AutoConfig.for_model(**config)
    module = transformers.AutoModelForCausalLM.from_config(hf_config).to(torch.bfloat16)
    module.gradient_checkpointing_enable()
    module.train()
    kept = {}

    def keep(tensor):
        kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    tokens = 128
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module.model(torch.ones(1, tokens, dtype=torch.long), use_cache=False)
    weights = {p.data_ptr() for p in module.parameters()}
    held = sum(size for pointer, size in kept.items() if pointer not in weights)
    model = gpu_memory.read_model(config)
    estimate = 2 * tokens * model.hidden * (model.layers + 4)
    assert estimate == pytest.approx(held, rel=0.15)


def settings(profile, *overrides):
    config = str(REPO / "config_difficulty.yaml")
    return with_defaults(compose(config, profile, list(overrides)))


def need(profile, *overrides) -> float:
    """GiB of a trainer GPU for Qwen3-0.6B."""
    model = gpu_memory.read_model(QWEN3_06B)
    return sum(gpu_memory.trainer_parts(model, settings(profile, *overrides)).values()) / 2**30


def test_the_profiles_fit_the_gpus_that_they_name(workplace):
    assert need("gpu8") < 80 * 0.95
    assert need("cluster") < need("gpu8")
    assert need("gpu1") < 24 * 0.75
    assert need("gpu1_lora") < 16 * 0.75


def test_the_cures_help(workplace):
    assert need("gpu8", "trainer.max_token_len_per_gpu=24576") < 0.6 * need("gpu8")
    assert need("gpu1", "trainer.optimizer_offload=false") > need("gpu1") + 4
    assert need("gpu1", "algorithm.entropy_loss_fn=none") < need("gpu1") - 4


def check(capsys, monkeypatch, card, *overrides):
    """What --check prints for Qwen3-0.6B on one GPU of `card` GiB."""
    monkeypatch.setattr(gpu_memory, "gpu_memory", lambda: [card * 2**30])
    command = ["--config", str(REPO / "config_random.yaml"), "--profile", "gpu1"]
    assert main([*command, "--check", "--no-gpu-check", *overrides]) == 0
    return capsys.readouterr().out


def test_a_smaller_card_is_a_note_with_the_setting_that_fits(workplace, capsys, monkeypatch):
    (workplace / "model/config.json").write_text(json.dumps(QWEN3_06B))
    assert "may run out" not in check(capsys, monkeypatch, 24)
    small = check(capsys, monkeypatch, 16)
    assert "may run out" in small
    tokens = small.partition("trainer.max_token_len_per_gpu=")[2].split()[0]
    cure = f"trainer.max_token_len_per_gpu={tokens}"
    assert int(tokens) >= 4096
    assert "may run out" not in check(capsys, monkeypatch, 16, cure)


def test_a_model_of_unknown_sizes_is_no_error(workplace, capsys, monkeypatch):
    assert "not estimated" in check(capsys, monkeypatch, 24)
