"""The exported folder holds the model that was trained: same logits, same words, and its origin."""

import shutil

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from data_augment.export.__main__ import main
from safe_files import append_json_line
from tests.evaluation.conftest import write_run
from tests.laptop.test_engine import make_model
from tests.laptop.test_server import connect, serving, train

pytestmark = [
    pytest.mark.slow,  # it imports torch, peft and the models of transformers
    pytest.mark.filterwarnings("ignore:.*tie_word_embeddings.*"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*save_embedding_layers.*"),
]
PROMPT = torch.tensor([[3, 12, 4, 14]])


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model whose head is tied to its embedding."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def http(base, tmp_path_factory):
    with serving(base.parent, tmp_path_factory.mktemp("state")) as http:
        yield http


def logits(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        return model(input_ids=PROMPT).logits


def point_to(run, base, **tinker):
    """Let a run's merged YAML name this base model and server."""
    import json

    config = json.loads((run / "config.yaml").read_text())
    config["model"] = {"model_path": str(base), "tinker": tinker}
    (run / "config.yaml").write_text(json.dumps(config))
    return run


@pytest.fixture
def tinker_run(http, base, tmp_path):
    """A run of which the server has the snapshot of step 20."""
    training = connect(http).create_lora_training_client("tiny", rank=4, seed=1)
    train(training, 3)
    path = training.save_state(f"step 20 of {tmp_path.name}").result().path
    run = point_to(write_run(tmp_path / "run", step=20), base, base_url=str(http.base_url))
    (run / "global_step_20/remote_checkpoint_path.txt").write_text(path)
    return run


def verl_run(tmp_path, base):
    """A run with verl, of which actor/huggingface has all but the weights."""
    run = point_to(write_run(tmp_path / "run", step=20, tinker=False), base)
    actor = run / "global_step_20/actor"
    shutil.copytree(base, actor / "huggingface", ignore=shutil.ignore_patterns("*.safetensors"))
    return run, actor


def test_a_snapshot_is_merged_into_its_base(http, tinker_run):
    assert main([str(tinker_run)]) == 0
    folder = tinker_run / "exported/step-20"
    policy = http.service.policy(
        (tinker_run / "global_step_20/remote_checkpoint_path.txt").read_text()
    )
    with torch.inference_mode():
        expected = policy.merged()(input_ids=PROMPT).logits
        base = policy.base.model(input_ids=PROMPT).logits
    assert torch.allclose(logits(folder), expected, atol=1e-5)
    assert not torch.allclose(base, expected, atol=1e-2)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template == policy.base.tokenizer.chat_template
    assert tokenizer.eos_token_id == policy.base.tokenizer.eos_token_id


def test_the_card_says_where_the_model_comes_from(tinker_run, tmp_path):
    for step, accuracy in ((0, 0.25), (20, 0.5), (40, 0.75)):
        metrics = {"eval/heldout/accuracy/mean@4": accuracy}
        line = {"role": "explorer", "step": step, "metrics": metrics}
        append_json_line(tinker_run / "metrics.jsonl", line)
    assert main([str(tinker_run), "--output", str(tmp_path / "mine")]) == 0
    card = (tmp_path / "mine/README.md").read_text()
    assert "| selector | difficulty_based, target 0.8 |" in card
    assert "| dataset | data/math, split train |" in card
    assert "| 20 | heldout, mean@4 | 0.500 |" in card
    assert "0.750" not in card  # the run went on after this checkpoint


def test_the_folder_of_verl_is_copied(tmp_path, base):
    run, actor = verl_run(tmp_path, base)
    trained = make_model(tmp_path / "trained", seed=5)
    shutil.copy(trained / "model.safetensors", actor / "huggingface")
    assert main([str(run)]) == 0
    assert torch.equal(logits(run / "exported/step-20"), logits(trained))


def test_shards_are_put_together(tmp_path, base):
    run, actor = verl_run(tmp_path, base)
    trained = AutoModelForCausalLM.from_pretrained(make_model(tmp_path / "trained", seed=5))
    torch.save(trained.state_dict(), actor / "model_world_size_1_rank_0.pt")
    (actor / "fsdp_config.json").write_text('{"FSDP_version": 2, "world_size": 1}')
    assert main([str(run)]) == 0
    tensors = load_file(run / "exported/step-20/model.safetensors")
    expected = trained.model.embed_tokens.weight.bfloat16()
    assert torch.equal(tensors["model.embed_tokens.weight"], expected)
    assert torch.allclose(logits(run / "exported/step-20"), logits(tmp_path / "trained"), atol=0.1)


def write_adapter(folder, base, **options):
    """A LoRA adapter that changes something, as verl leaves it in actor/lora_adapter."""
    model = AutoModelForCausalLM.from_pretrained(base)
    adapted = get_peft_model(model, LoraConfig(r=2, init_lora_weights=False, **options))
    adapted.save_pretrained(folder)
    with torch.inference_mode():
        return adapted(input_ids=PROMPT).logits


def test_the_adapter_of_verl_is_merged(tmp_path, base):
    run, actor = verl_run(tmp_path, base)
    expected = write_adapter(actor / "lora_adapter", base, target_modules="all-linear")
    assert main([str(run)]) == 0
    assert torch.allclose(logits(run / "exported/step-20"), expected, atol=1e-4)


def test_a_tied_head_with_an_adapter_leaves_the_embedding_alone(tmp_path, base):
    run, actor = verl_run(tmp_path, base)
    write_adapter(actor / "lora_adapter", base, target_modules=["lm_head"])
    assert main([str(run)]) == 0
    tensors = load_file(run / "exported/step-20/model.safetensors")
    before = load_file(base / "model.safetensors")["model.embed_tokens.weight"]
    assert torch.equal(tensors["model.embed_tokens.weight"], before)
    assert not torch.allclose(tensors["lm_head.weight"], before, atol=1e-2)


def test_an_adapter_of_another_model_is_refused(tmp_path, base, capsys):
    run, actor = verl_run(tmp_path, base)
    deeper = make_model(tmp_path / "deeper", num_hidden_layers=3)
    write_adapter(actor / "lora_adapter", deeper, target_modules=["q_proj"])
    assert main([str(run)]) == 2
    assert "has no place" in capsys.readouterr().err
    assert list((run / "exported").iterdir()) == []


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("http://127.0.0.1:1", "no server answers"),
        (None, "is at hosted Tinker"),
        ("other", "does not give it"),
    ],
)
def test_a_server_without_the_weights_is_said(http, base, tmp_path, capsys, server, said):
    url = str(http.base_url) if server == "other" else server
    run = point_to(write_run(tmp_path / "run"), base, base_url=url)
    assert main([str(run)]) == 2
    assert said in capsys.readouterr().err
    assert list((run / "exported").iterdir()) == []


def test_nothing_is_overwritten(tinker_run, tmp_path, capsys):
    assert main([str(tinker_run), "--output", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err
