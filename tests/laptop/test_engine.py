"""The torch side of the local Tinker server, on a random model of a few thousand parameters."""

import copy
import threading
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model

from laptop.server.engine import TORCH_THREADS, Engine
from laptop.server.errors import BadRequest
from laptop.server.policy import LORA_ALPHA, LORA_TARGETS, BaseModel, Lora, Policy
from laptop.server.sampling import SampleJob, SamplingParams, decode
from laptop.server.training_run import TrainingRun

CHARACTERS = "0123456789+-= ab"
ADAM = SimpleNamespace(
    learning_rate=1e-2, beta1=0.9, beta2=0.95, eps=1e-12, weight_decay=0.01, grad_clip_norm=0.0
)
LORA = Lora(rank=4, train_attn=True, train_mlp=True, train_unembed=True)


def make_model(folder, seed=0, **config):
    """A random Qwen3 with a character-level tokenizer and a chat template; <eos> is token 1."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    vocabulary = {token: i for i, token in enumerate(["<pad>", "<eos>", *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=" "))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>", unk_token=" "
    )
    fast.chat_template = "{{ messages[-1]['content'] }}{% if add_generation_prompt %}={% endif %}"
    fast.save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}
    ids = {"vocab_size": len(vocabulary), "eos_token_id": 1, "pad_token_id": 0}
    torch.manual_seed(seed)
    settings = sizes | heads | ids | {"max_position_embeddings": 64, "tie_word_embeddings": True}
    Qwen3ForCausalLM(Qwen3Config(**settings | config)).save_pretrained(folder)
    return folder


pytestmark = [
    pytest.mark.slow,  # it imports torch, peft and the models of transformers
    pytest.mark.filterwarnings("ignore:.*tie_word_embeddings.*"),  # of peft, see policy.py
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    torch.set_num_threads(TORCH_THREADS)
    return BaseModel("tiny", make_model(tmp_path_factory.mktemp("tiny")))


def sample(policy, prompt, others=(), **params):
    job = SampleJob(policy, prompt, SamplingParams(**params))
    decode([*others, job])
    return job.result["sequences"]


def trained(base, lora=LORA, seed=0, steps=3):
    run = TrainingRun("run", base, lora, seed)
    for i in range(steps):
        run.forward([([2 + i, 3, 4], [3, 4, 1], [1.0, -0.5, 2.0])], backward=True)
        run.step(ADAM)
    return run


def frozen(run):
    return Policy(run.base, run.lora, {n: p.detach().clone() for n, p in run.adapter.items()})


def peft_logprobs(run, tokens, targets):
    """The targets' logprobs through peft's own layers, with the run's parameters in them."""
    model = copy.deepcopy(run.base.model)
    config = LoraConfig(r=run.lora.rank, lora_alpha=LORA_ALPHA, target_modules=run.lora.targets())
    model = inject_adapter_in_model(config, model)
    parameters = dict(model.named_parameters())
    for name, p in run.adapter.items():
        parameters[name].data.copy_(p.detach())
    logits = model(input_ids=torch.tensor([tokens])).logits[0]
    picked = logits.log_softmax(-1)[range(len(targets)), targets]
    return picked, {name: parameters[name] for name in run.adapter}


@pytest.mark.parametrize("switched_off", [None, "train_attn", "train_mlp", "train_unembed"])
def test_adapter_has_the_rank_and_the_layers_asked_for(base, switched_off):
    lora = replace(LORA, rank=3, **({switched_off: False} if switched_off else {}))
    names = base.new_adapter(lora, seed=0)
    wanted = [m for key, ms in LORA_TARGETS.items() if key != switched_off for m in ms]
    assert {m for ms in LORA_TARGETS.values() for m in ms if any(m in n for n in names)} == {
        *wanted
    }
    assert {min(p.shape) for p in names.values()} == {3}


def test_adapter_repeats_under_its_seed(base):
    one, same, other = (base.new_adapter(LORA, seed) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_gradient_is_that_of_peft_and_autograd(base):
    run = trained(base)
    data = [
        ([2, 5, 9, 4, 3], [5, 9, 4, 3, 1], [0.0, 0.7, -1.5, 2.0, 0.3]),
        ([7, 2], [2, 1], [-3.0, 0.5]),
        ([3] * 30, [4] * 30, [0.1] * 15 + [-0.1] * 15),
    ]
    logprobs, loss = run.forward(data, backward=True)
    expected_loss, gradients = 0.0, dict.fromkeys(run.adapter, 0.0)
    for (tokens, targets, weights), row in zip(data, logprobs, strict=True):
        picked, parameters = peft_logprobs(run, tokens, targets)
        assert row == pytest.approx(picked.tolist(), abs=1e-5)
        part = -(torch.tensor(weights) * picked).sum()
        part.backward()
        expected_loss += part.item()
        gradients = {name: g + parameters[name].grad for name, g in gradients.items()}
    assert loss == pytest.approx(expected_loss, abs=1e-4)
    for name, expected in gradients.items():
        torch.testing.assert_close(run.adapter[name].grad, expected, atol=1e-4, rtol=1e-4)


def test_gradients_add_up_over_calls_and_passes(base, monkeypatch):
    data = [([2 + i % 5] * (1 + i), [3] * (1 + i), [0.5 - i % 2] * (1 + i)) for i in range(7)]
    whole, parts = trained(base), trained(base)
    whole.forward(data, backward=True)
    monkeypatch.setattr("laptop.server.training_run.TRAIN_ROWS", 2)
    logprobs = parts.forward(data[:4], backward=True)[0] + parts.forward(data[4:], backward=True)[0]
    assert [len(row) for row in logprobs] == [1, 2, 3, 4, 5, 6, 7]
    for name, p in whole.adapter.items():
        torch.testing.assert_close(parts.adapter[name].grad, p.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("clip", [0.0, 0.1])
def test_step_is_adamw_with_the_given_parameters(base, clip):
    run, oracle = trained(base, steps=0), trained(base, steps=0)
    adam = SimpleNamespace(**{**vars(ADAM), "grad_clip_norm": clip, "weight_decay": 0.3})
    parameters = list(oracle.adapter.values())
    optimizer = torch.optim.AdamW(
        parameters, lr=1e-2, betas=(0.9, 0.95), eps=1e-12, weight_decay=0.3
    )
    for weight in (5.0, -1.0):
        datum = ([2, 3, 4], [3, 4, 1], [weight, weight, 1.0])
        run.forward([datum], backward=True)
        oracle.forward([datum], backward=True)
        norm = torch.stack([p.grad.norm() for p in parameters]).norm().item()
        for p in parameters:
            p.grad *= min(1.0, clip / norm) if clip else 1.0
        optimizer.step()
        optimizer.zero_grad()
        assert run.step(adam)["grad_norm"] == pytest.approx(norm, rel=1e-4)
    for p, expected in zip(run.adapter.values(), parameters, strict=True):
        torch.testing.assert_close(p, expected, atol=1e-5, rtol=1e-4)


def test_step_needs_a_finite_gradient(base):
    run = trained(base)
    with pytest.raises(BadRequest, match="without a gradient"):
        run.step(ADAM)
    before = {name: p.detach().clone() for name, p in run.adapter.items()}
    run.forward([([2, 3], [3, 4], [1.0, 1.0])], backward=True)
    next(iter(run.adapter.values())).grad[0] = float("nan")
    with pytest.raises(BadRequest, match="not finite"):
        run.step(ADAM)
    assert all(torch.equal(before[name], p) for name, p in run.adapter.items())
    with pytest.raises(BadRequest, match="without a gradient"):  # and the bad one is gone
        run.step(ADAM)


def test_diverged_weights_are_an_error(base):
    run = trained(base)
    for p in run.adapter.values():
        p.data.fill_(float("nan"))
    with pytest.raises(BadRequest, match="loss is not finite"):
        run.forward([([2, 3], [3, 4], [1.0, 1.0])], backward=True)
    with pytest.raises(BadRequest, match="logits are not finite"):
        sample(frozen(run), [2, 3], max_tokens=2)


def test_snapshot_continues_bit_for_bit_and_does_not_change(base, tmp_path):
    def go_on(run):
        for weight in (1.0, -2.0, 0.5):
            run.forward([([5, 6, 7], [6, 7, 1], [weight, 1.0, 1.0])], backward=True)
            run.step(ADAM)
        return run.adapter

    run, file = trained(base), tmp_path / "run" / "weights" / "name.safetensors"
    run.save(file, optimizer=True, overwrite=False)
    with pytest.raises(BadRequest, match="do not change"):
        run.save(file, optimizer=True, overwrite=False)
    written = file.read_bytes()
    restored, without = trained(base, seed=9, steps=1), trained(base, seed=9, steps=1)
    restored.load(file, optimizer=True)
    without.load(file, optimizer=False)
    assert torch.equal(next(iter(restored.adapter.values())), next(iter(run.adapter.values())))
    expected, got, other = go_on(run), go_on(restored), go_on(without)
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert not all(torch.equal(expected[name], other[name]) for name in expected)
    assert file.read_bytes() == written
    assert [path.name for path in file.parent.iterdir()] == ["name.safetensors"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"temperature": 0.6},
        {"temperature": 1.7, "top_k": 4},
        {"top_p": 0.7},
        {"top_k": 5, "top_p": 0.8},
    ],
)
def test_samples_follow_the_models_distribution(base, params):
    """Total variation between 4096 samples of two tokens and the exact distribution."""
    policy, prompt, count = frozen(trained(base)), [3, 4, 12], 4096

    def exact(tokens):
        logits = policy.merged()(input_ids=torch.tensor([tokens])).logits[0, -1].double()
        probs = (logits / params.get("temperature", 1.0)).softmax(-1).tolist()
        ranked = sorted(range(len(probs)), key=lambda t: -probs[t])[: params.get("top_k")]
        total, kept, mass = sum(probs[t] for t in ranked), {}, 0.0
        for token in ranked:
            if mass < params.get("top_p", 1.0):
                kept[token] = probs[token]
            mass += probs[token] / total
        return {token: p / sum(kept.values()) for token, p in kept.items()}

    expected = {}
    for first, p in exact(prompt).items():
        for second, q in exact([*prompt, first]).items() if first != 1 else [(None, 1.0)]:
            expected[first, second] = p * q
    jobs = [
        SampleJob(policy, prompt, SamplingParams(n=256, seed=i, max_tokens=2, **params))
        for i in range(count // 256)
    ]
    decode(jobs)
    seen = Counter(
        (s["tokens"][0], s["tokens"][1] if len(s["tokens"]) > 1 else None)
        for job in jobs
        for s in job.result["sequences"]
    )
    assert set(seen) <= set(expected)
    distance = sum(abs(seen[pair] / count - p) for pair, p in expected.items()) / 2
    noise = (
        sum((p * (1 - p) / count) ** 0.5 for p in expected.values()) / 2
    )  # its mean is 0.8 of it
    assert distance < 1.15 * noise


def test_logprobs_are_those_of_forward_at_any_temperature(base):
    run = trained(base)
    for params in (
        {},
        {"temperature": 0.5},
        {"temperature": 0.0},
        {"top_k": 2, "temperature": 2.0},
    ):
        for s in sample(frozen(run), [9, 2, 4], n=4, seed=3, max_tokens=20, **params):
            tokens = [9, 2, 4, *s["tokens"]]
            data = [(tokens[:-1], tokens[1:], [0.0] * (len(tokens) - 1))]
            expected = run.forward(data, backward=False)[0][0][2:]
            assert s["logprobs"] == pytest.approx(expected, abs=1e-5)


def test_same_seed_same_tokens_whatever_is_in_the_batch(base):
    policy = frozen(trained(base))
    alone = sample(policy, [3, 4, 5], n=3, seed=7, max_tokens=30)
    others = [
        SampleJob(
            policy, [2 + i] * (1 + 3 * i), SamplingParams(n=4, seed=7, temperature=1.5, top_k=3)
        )
        for i in range(5)
    ]
    together = sample(policy, [3, 4, 5], others, n=3, seed=7, max_tokens=30)
    assert [s["tokens"] for s in together] == [s["tokens"] for s in alone]
    assert len({tuple(s["tokens"]) for s in alone}) == 3
    assert sample(policy, [3, 4, 5], seed=8, max_tokens=30) != alone[:1]
    unseeded = [sample(policy, [3, 4, 5], max_tokens=30)[0]["tokens"] for _ in range(4)]
    assert len(set(map(tuple, unseeded))) > 1


def test_greedy_takes_the_likeliest_token(base):
    policy = frozen(trained(base))
    tokens = [3, 4]
    for token in sample(policy, [3, 4], temperature=0.0, max_tokens=5)[0]["tokens"]:
        assert token == policy.merged()(input_ids=torch.tensor([tokens])).logits[0, -1].argmax()
        tokens.append(token)


def test_sampling_stops_at_eos_stop_and_limits(base):
    policy = Policy(base)
    long = sample(policy, [3, 4], n=64, seed=0)
    assert {s["stop_reason"] for s in long} == {"stop", "length"}
    for s in long:
        assert (s["stop_reason"] == "stop") == (s["tokens"][-1] == 1) and 1 not in s["tokens"][:-1]
        assert len(s["tokens"]) == 62 or s["stop_reason"] == "stop"  # the context is 64
    for stop in ([5], "3", ["b+b+b", "3"]):  # token 5 is "3"
        job = SampleJob(policy, [3, 4], SamplingParams(n=64, seed=0, stop=stop))
        decode([job])
        cut = [s["tokens"] for s in job.result["sequences"]]
        for short, s in zip(cut, long, strict=True):
            at = s["tokens"].index(5) + 1 if 5 in s["tokens"] else len(s["tokens"])
            assert short == s["tokens"][:at]
    assert {len(s["tokens"]) for s in sample(policy, [3, 4], n=9, seed=1, max_tokens=1)} == {1}
    assert sample(policy, [3] * 64, max_tokens=5) == [
        {"tokens": [], "logprobs": [], "stop_reason": "length"}
    ]


def test_prompt_logprobs_are_the_models(base):
    run = trained(base)
    jobs = [
        SampleJob(frozen(run), p, SamplingParams(max_tokens=1), prompt_logprobs=True)
        for p in ([4], [4, 5, 6])
    ]
    decode(jobs)  # in one batch, the shorter one padded
    assert jobs[0].result["prompt_logprobs"] == [None]
    first, *rest = jobs[1].result["prompt_logprobs"]
    assert first is None
    assert rest == pytest.approx(peft_logprobs(run, [4, 5], [5, 6])[0].tolist(), abs=1e-5)


def test_waiting_requests_are_decoded_in_one_batch_per_policy(base, monkeypatch):
    batches = []
    monkeypatch.setattr(
        "laptop.server.engine.decode", lambda jobs: (batches.append(len(jobs)), decode(jobs))
    )
    engine, policies = Engine(), (Policy(base), Policy(base))
    held = threading.Event()
    engine.submit(held.wait)
    jobs = [SampleJob(policies[i % 2], [3], SamplingParams(max_tokens=2, n=2)) for i in range(20)]
    jobs.append(
        SampleJob(policies[0], [3], SamplingParams(max_tokens=2, n=250))
    )  # 270 rows are too many
    futures = [engine.submit(job) for job in jobs]
    held.set()
    assert [len(future.result(30)["sequences"]) for future in futures] == [2] * 20 + [250]
    assert batches == [10, 10, 1]
    engine.close()


def test_a_failing_batch_fails_its_own_requests_only(base, monkeypatch):
    def fail_on_two(jobs):
        if any(job.prompt == [2] for job in jobs):
            raise RuntimeError("no")
        decode(jobs)

    monkeypatch.setattr("laptop.server.engine.decode", fail_on_two)
    engine, policy = Engine(), Policy(base)
    held = threading.Event()
    engine.submit(held.wait)
    futures = [engine.submit(SampleJob(policy, [i], SamplingParams(max_tokens=1))) for i in (2, 3)]
    held.set()
    with pytest.raises(RuntimeError):
        futures[0].result(30)
    assert futures[1].result(30)["sequences"]
    engine.close()
