"""The laptop's problems, tokenizer, models and dataset."""

import json
from dataclasses import replace

import pytest

from laptop import make_base, pretrain
from laptop.arithmetic import (
    ASSISTANT,
    END,
    KINDS,
    build_tokenizer,
    prompt,
    response,
    share_out,
    wrong_answer,
)
from laptop.make_base import TINY, is_made, make
from laptop.pretrain import encode, pass_rates

pytestmark = pytest.mark.slow  # models are trained

QUICK = replace(
    TINY, hidden_size=32, layers=1, clean_steps=4, weak_step=2, flawed_steps=2, tasks=24, samples=2
)


def value(question):
    """The answer by Python's own arithmetic."""
    return eval(question, {"__builtins__": {}})


def same_problem(question):
    """A name that all orders of a sum or product share."""
    sign = next(s for s in "+-*" if s in question)
    numbers = question.split(sign)
    return sign, *(numbers if sign == "-" else sorted(numbers))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder made in a few steps."""
    folder = tmp_path_factory.mktemp("made") / "laptop"
    make(folder, QUICK)
    return folder


@pytest.mark.parametrize("largest", [19, 99])
def test_answers_are_right_and_parts_share_no_problem(largest):
    tasks, held_out, corpus = share_out(120, 20, largest)
    rows = tasks + held_out
    assert all(row["answer"] == f"#### {value(row['question'])}" for row in rows)
    assert all(value(q) == v >= 0 for problems in corpus.values() for q, v in problems)
    parts = [
        {same_problem(q) for problems in corpus.values() for q, _ in problems},
        {same_problem(row["question"]) for row in tasks},
        {same_problem(row["question"]) for row in held_out},
    ]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert len({row["question"] for row in rows}) == len(rows)


def test_half_the_tasks_are_hopeless_and_a_sixth_easy():
    tasks, held_out, _ = share_out(3000, 320)
    count = [sum(row["kind"] == kind.name for row in tasks) for kind in KINDS]
    assert count == [500, 250, 250, 250, 250, 1500]
    assert {row["kind"] for row in held_out} == {kind.name for kind in KINDS[1:5]}
    assert share_out(3000, 320)[0] == tasks != share_out(3000, 320, seed=1)[0]


def test_too_few_problems_are_said():
    with pytest.raises(ValueError, match=r"2\+1 digits: 90 problems are too few .* ask for fewer"):
        share_out(3000, 0, largest=19)


def test_wrong_answers_are_wrong():
    import random

    rng = random.Random(0)
    for right in range(200):
        for _ in range(20):
            assert 0 <= wrong_answer(right, rng) != right


def test_tokenizer_reads_back_what_it_writes(made):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(made / "models/base")
    text = prompt("12+34-5*67") + response(89) + END
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert tokenizer.convert_ids_to_tokens(tokenizer(response(89)).input_ids) == [
        *[r"\boxed{", r"8", r"9", r"}"]
    ]
    assert set(tokenizer("é \n").input_ids) == {tokenizer.unk_token_id}


@pytest.mark.parametrize("thinking", [None, True, False])
def test_template_renders_the_last_user_message_alone(made, thinking):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(made / "models/base")
    messages = [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": "1+1"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "12+34"},
    ]
    options = dict(tokenize=False, enable_thinking=thinking)
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, **options)
    assert text == prompt("12+34")
    # Trinity tokenizes the text again: nothing may be added then
    assert len(tokenizer(text).input_ids) == len("<12+34>")
    without = tokenizer.apply_chat_template(messages, add_generation_prompt=False, **options)
    assert without == text.removesuffix(ASSISTANT)


def test_template_continues_a_final_message(made):
    messages = [{"role": "user", "content": "12+34"}, {"role": "assistant", "content": "\\boxed{4"}]
    text = build_tokenizer().apply_chat_template(
        messages, tokenize=False, continue_final_message=True
    )
    assert text == prompt("12+34") + "\\boxed{4"


def test_only_answers_have_labels():
    tokenizer = build_tokenizer()
    _, labels = encode(tokenizer, [("7+8", 15), ("12+34", 46)])
    kept = [tokenizer.decode(row[row != -100]) for row in labels]
    assert kept == [response(15) + END, response(46) + END]


def test_flaws_come_after_the_clean_corpus_in_the_stated_shares(monkeypatch):
    seen = []

    def recorded(tokenizer, examples):
        seen.append(examples)
        return encode(tokenizer, examples)

    monkeypatch.setattr(pretrain, "encode", recorded)
    settings = replace(QUICK, flawed_steps=40, batch_size=100)
    corpus = share_out(120, 20, 19)[2]
    with make_base.progress_bars({}) as stage:
        pretrain.train_models(settings, build_tokenizer(), corpus, stage)
    clean, weak, base = seen[:4], seen[4:44], seen[44:]
    assert all(value(q) == v for batch in clean for q, v in batch)
    for flawed in (weak, base):
        for i, kind in enumerate(KINDS[:5]):
            right = [value(q) == v for batch in flawed for q, v in batch[i::5]]
            assert abs(sum(right) / len(right) - kind.right) < 0.07  # four deviations of 800


def test_models_and_dataset_load_from_their_paths_alone(made):
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    for name in ("weak", "base", "strong"):
        model = AutoModelForCausalLM.from_pretrained(made / "models" / name)
        tokenizer = AutoTokenizer.from_pretrained(made / "models" / name)
        assert model.config.vocab_size == len(tokenizer)
        assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    train = load_dataset(str(made / "math"), split="train")
    assert train.column_names == ["question", "answer", "kind"]
    assert len(train) == 24
    assert (made / "math/train.parquet").is_file()
    assert len(load_dataset(str(made / "heldout"), split="test")) == 20


def test_what_is_made_is_left_alone(made, monkeypatch, capsys):
    monkeypatch.setattr(make_base, "TINY", QUICK)
    monkeypatch.setattr(make_base, "make", None)
    assert make_base.main(["--tiny", "--output", str(made)]) == 0
    assert "held-out" in capsys.readouterr().out
    assert make_base.main(["--tiny", "--seed", "1", "--output", str(made)]) == 2
    assert (
        f"other settings (seed 0, now 1); give another --output, or delete it first: rm -r {made}"
        in (capsys.readouterr().err)
    )


def test_foreign_folder_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_base, "make", None)
    (tmp_path / "mine").write_text("")
    assert make_base.main(["--output", str(tmp_path)]) == 2
    assert "was not made by this command" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("where", ["train_models", "write_parquet"])
def test_interrupted_making_leaves_nothing(tmp_path, monkeypatch, where):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(make_base, where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "laptop", QUICK)
    assert list(tmp_path.iterdir()) == []
    assert not is_made(tmp_path / "laptop", QUICK)


def test_a_seed_makes_the_same_models_again(made, tmp_path):
    make(tmp_path / "again", QUICK)
    for name in ("weak", "base", "strong"):
        file = f"models/{name}/model.safetensors"
        assert (made / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    files = {(made / f"models/{name}/model.safetensors").read_bytes() for name in ("weak", "base")}
    assert len(files) == 2


def test_pass_rates_are_counted_by_task(monkeypatch):
    """Prompts of two lengths come back in the tasks' order; nothing counts behind the end token."""
    tokenizer = build_tokenizer()
    replies = [response(46) + END + "7", response(64) + END, response(46) + END, response(46) + "1"]
    tokens = tokenizer(replies, padding=True, padding_side="right", return_tensors="pt").input_ids

    def half_46(model, prompts, samples, generator):
        return tokens.expand(len(prompts), samples, -1)

    monkeypatch.setattr(pretrain, "sample", half_46)
    tasks = [{"question": q, "answer": f"#### {value(q)}"} for q in ("12+34", "9+8", "40+6")]
    assert pass_rates(None, tokenizer, tasks, 4, 0, lambda n: None) == [0.5, 0.0, 0.5]


def test_samples_follow_the_models_own_probabilities():
    """Every reply of two tokens: its frequency against the product of its probabilities."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    sizes = dict(vocab_size=3, hidden_size=16, intermediate_size=16, num_hidden_layers=2)
    heads = dict(num_attention_heads=2, num_key_value_heads=1, head_dim=8, initializer_range=0.5)
    model = Qwen3ForCausalLM(Qwen3Config(eos_token_id=9, **sizes, **heads)).eval()
    prompts = torch.tensor([[0, 1, 2], [2, 2, 0]])
    drawn = pretrain.sample(model, prompts, 4000, torch.Generator().manual_seed(0))[:, :, :2]
    for tokens, replies in zip(prompts, drawn, strict=True):
        for reply in torch.cartesian_prod(torch.arange(3), torch.arange(3)):
            probabilities = model(input_ids=torch.cat([tokens, reply])[None]).logits[0].softmax(-1)
            expected = (probabilities[2, reply[0]] * probabilities[3, reply[1]]).item()
            seen = (replies == reply).all(-1).float().mean().item()
            assert abs(seen - expected) < 0.03  # four standard deviations of 4,000 draws


def test_summary_states_what_was_measured(made):
    summary = json.loads((made / "summary.json").read_text())
    assert set(summary["pass_at_1"]) == {"weak", "base", "strong"}
    assert summary["pass_at_1"]["base"]["2*2 digits"] == 0.0
    assert summary["seconds"]["learning from right answers"] > 0
