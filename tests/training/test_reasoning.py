"""`reasoning_parser: auto` follows the tokenizer and the chat template of the model."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from data_augment.training.experiment_yaml import compose, with_defaults
from data_augment.training.reasoning import choose_reasoning_parser
from main import main
from safe_files import REPO

pytestmark = pytest.mark.slow  # imports transformers

TURNS = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content.split('</think>')[-1] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>"
)
PLAIN = TURNS.replace(".split('</think>')[-1]", "") + "{% endif %}"
STARTS_ITSELF = TURNS + "{% endif %}"  # as older R1 distillations do
OPENED = TURNS + "<think>\n{% endif %}"  # as QwQ does
SWITCH = (  # as Qwen3 does
    TURNS + "{% if enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
BROKEN = "{{ raise_exception('no system message') }}"


def save_tokenizer(folder, template, tokens=("<think>", "</think>")):
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    tokenizer.add_tokens(list(tokens))
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)


def chosen(*overrides):
    config = compose(str(REPO / "config_random.yaml"), "gpu1", list(overrides))
    notes = choose_reasoning_parser(config, with_defaults(config))
    return config.explorer.rollout_model.reasoning_parser, " ".join(notes)


@pytest.mark.parametrize(
    ("template", "overrides", "parser"),
    [
        (SWITCH, [], "deepseek_r1"),
        (SWITCH, ["model.enable_thinking=false"], None),
        (SWITCH, ["explorer.rollout_model.enable_thinking=false"], None),
        (OPENED, [], "deepseek_r1"),
        (STARTS_ITSELF, [], "deepseek_r1"),
        (PLAIN, [], None),
        (None, [], None),
    ],
)
def test_a_model_that_thinks_gets_the_parser_and_no_other_does(
    workplace, template, overrides, parser
):
    save_tokenizer(workplace / "model", template)
    found, note = chosen(*overrides)
    assert found == parser
    assert "because" in note


def test_a_model_without_the_tokens_gets_none(workplace):
    save_tokenizer(workplace / "model", OPENED, tokens=())
    found, note = chosen()
    assert found is None
    assert "no <think>" in note


@pytest.mark.parametrize("template", [BROKEN, "{% if"])
def test_a_template_that_cannot_be_rendered_is_said(workplace, template):
    save_tokenizer(workplace / "model", template)
    found, note = chosen()
    assert found is None
    assert "cannot be rendered" in note


@pytest.mark.parametrize("path", ["model", "Qwen/Qwen3-0.6B"])
def test_without_a_tokenizer_and_without_the_network_it_is_said_at_once(workplace, path):
    found, note = chosen(f"model.model_path={path}")
    assert found is None
    assert "cannot be read" in note


def test_a_parser_that_does_not_go_with_the_model_is_a_note(workplace, capsys):
    save_tokenizer(workplace / "model", PLAIN)
    given = "explorer.rollout_model.reasoning_parser=deepseek_r1"
    command = ["--config", str(REPO / "config_random.yaml"), "--profile", "gpu1", "--check"]
    assert main([*command, "--no-gpu-check", given]) == 0
    assert "although the chat template knows no thoughts" in capsys.readouterr().out
    assert chosen(given)[0] == "deepseek_r1", "what is asked for is not changed"


def test_tinker_has_no_such_parser(workplace):
    config = compose(str(REPO / "config_random.yaml"), "laptop", [])
    assert choose_reasoning_parser(config, with_defaults(config)) == []
