"""The laptop's problems, tokenizer, models and dataset."""

import json
from dataclasses import replace

import pytest

from laptop import make_base
from laptop.arithmetic import build_tokenizer, prompt, response, share_out
from laptop.make_base import TINY, is_made, make
from laptop.pretrain import pass_rates, sample

QUICK = replace(
    TINY, hidden_size=32, layers=1, clean_steps=4, weak_step=2, flawed_steps=2, tasks=24, samples=2
)


def value(question):
    """The answer by Python's own arithmetic."""
    return eval(question, {"__builtins__": {}})


def same(question):
    """The form in which a sum or product and its other orders are one."""
    sign = next(sign for sign in "+*-" if sign in question)
    numbers = question.split(sign)
    return (sign, *(numbers if sign == "-" else sorted(numbers)))


def test_answers_are_right_and_parts_share_no_problem():
    tasks, held_out, corpus = share_out(240, 48)
    for row in [*tasks, *held_out]:
        assert row["answer"] == f"#### {value(row['question'])}"
    for question, answer in (problem for problems in corpus.values() for problem in problems):
        assert answer == value(question)
    parts = [
        {same(question) for problems in corpus.values() for question, _ in problems},
        {same(row["question"]) for row in tasks},
        {same(row["question"]) for row in held_out},
    ]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_shares_of_the_kinds():
    tasks, held_out, _ = share_out(120, 24)
    hopeless = [row for row in tasks if row["kind"] == "2*2 digits"]
    assert (len(tasks), len(hopeless), len(held_out)) == (120, 60, 24)
    assert not any(row["kind"] in ("2*2 digits", "2+1 digits") for row in held_out)
    with pytest.raises(ValueError, match="too few"):
        share_out(10**6, 0)


def test_tokenizer_reads_back_what_it_writes():
    tokenizer = build_tokenizer()
    text = prompt("12+34") + response(46)
    tokens = tokenizer(text).input_ids
    assert tokenizer.decode(tokens) == text
    assert len(tokenizer(response(46)).input_ids) == 4  # \boxed{ 4 6 }


@pytest.mark.parametrize("thinking", [None, True, False])
def test_template_renders_the_last_user_message_alone(thinking):
    tokenizer = build_tokenizer()
    messages = [
        {"role": "system", "content": "You are an agent."},
        {"role": "user", "content": "1+1"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "12+34"},
    ]
    options = dict(tokenize=False, add_generation_prompt=True, enable_thinking=thinking)
    assert tokenizer.apply_chat_template(messages, **options) == prompt("12+34")


def test_everything_is_made_and_found_again(tmp_path):
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    output = tmp_path / "laptop"
    make(output, QUICK)
    assert is_made(output, QUICK)
    for name in ("weak", "base", "strong"):
        model = AutoModelForCausalLM.from_pretrained(output / "models" / name)
        tokenizer = AutoTokenizer.from_pretrained(output / "models" / name)
        assert model.config.vocab_size == len(tokenizer)
    train = load_dataset(str(output / "math"), split="train")
    assert train.column_names == [
        "question",
        "answer",
        "kind",
        "weak_pass_rate",
        "strong_pass_rate",
    ]
    assert len(train) == 24
    assert set(train["weak_pass_rate"]) <= {0.0, 0.5, 1.0}
    assert len(load_dataset(str(output / "heldout"), split="test")) == 20
    with pytest.raises(ValueError, match=r"other settings \(seed 0, now 1\).*rm -r"):
        is_made(output, replace(QUICK, seed=1))


def test_interrupted_making_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(make_base, "write_parquet", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "laptop", QUICK)
    assert list(tmp_path.iterdir()) == []


def test_foreign_folder_is_refused(tmp_path, capsys):
    (tmp_path / "mine").write_text("")
    assert make_base.main(["--output", str(tmp_path)]) == 2
    assert "was not made by this command" in capsys.readouterr().err


def test_pass_rates_are_shares_of_right_answers(monkeypatch):
    import torch

    tokenizer = build_tokenizer()
    right, wrong = ([*tokenizer(response(n)).input_ids, tokenizer.eos_token_id] for n in (46, 47))

    def one_in_four(model, prompts, samples, generator):
        """Stands for sampling a model: 46 once, 47 three times, whatever the question."""
        return torch.tensor([[right, wrong, wrong, wrong]] * len(prompts))

    monkeypatch.setattr("laptop.pretrain.sample", one_in_four)
    tasks = [{"question": q, "answer": f"#### {value(q)}"} for q in ("12+34", "1+1", "40+7")]
    rates = pass_rates(None, tokenizer, tasks, 4, 0, lambda n: None)
    assert rates == [0.25, 0.0, 0.75]


def test_sampling_follows_the_probabilities():
    """Of 4,000 first tokens each comes up as often as the model says, within 3.5 sigma."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    shape = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, head_dim=8)
    heads = dict(num_attention_heads=4, num_key_value_heads=2, eos_token_id=tokenizer.eos_token_id)
    model = Qwen3ForCausalLM(Qwen3Config(vocab_size=len(tokenizer), **shape, **heads)).eval()
    prompts = torch.tensor([tokenizer(prompt("12+34")).input_ids])
    with torch.inference_mode():
        expected = model(prompts).logits[0, -1].softmax(-1)
    drawn = sample(model, prompts, 4000, torch.Generator().manual_seed(0))[0, :, 0]
    counts = torch.bincount(drawn, minlength=len(tokenizer))
    sigma = (4000 * expected * (1 - expected)).sqrt()
    assert ((counts - 4000 * expected).abs() < 3.5 * sigma).all()


def test_summary_states_what_was_measured(tmp_path):
    make(tmp_path / "laptop", QUICK)
    summary = json.loads((tmp_path / "laptop/summary.json").read_text())
    assert set(summary["pass_at_1"]) == {"weak", "base", "strong"}
    assert summary["pass_at_1"]["base"]["2*2 digits"] == 0.0
    assert summary["seconds"]["learning from right answers"] > 0
