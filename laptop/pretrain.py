"""How the laptop's models learn and answer: supervised training, sampling, pass rates.

A base model that answers some tasks sometimes is not made by stopping early (reinforcement learning
then moves it little), but as base LLMs come about: it learns from right answers, which makes the
strong reference, then for a short while from a corpus with flaws. An earlier snapshot, put through
the same, is the weak reference. laptop.make_base is the command.
"""

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from laptop.arithmetic import (
    ASSISTANT,
    END,
    KINDS,
    Kind,
    prompt,
    response,
    right_response,
    wrong_answer,
)

MAX_NEW_TOKENS = 8  # the box, four digits, the brace, the end, and one to spare
ROWS = 4096  # sequences sampled at once


@dataclass(frozen=True)
class Settings:
    """All that decides what is made; a finished folder with the same settings is left alone."""

    seed: int = 0
    hidden_size: int = 128
    layers: int = 4
    batch_size: int = 64  # problems
    learning_rate: float = 8e-4
    clean_steps: int = 1300
    weak_step: int = 600  # of the clean steps: where the weak reference goes its own way
    flawed_steps: int = 150
    flawed_learning_rate: float = 5e-4
    largest: int = 99  # two-digit number
    tasks: int = 3000
    held_out: int = 480
    samples: int = 4  # of each problem, for the summary


def train_models(
    settings: Settings, tokenizer, corpus: dict[Kind, list], stage: Callable
) -> dict[str, object]:
    """The three models, {"weak": ..., "base": ..., "strong": ...}."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would break into ours
    torch.manual_seed(settings.seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=3 * settings.hidden_size,
        num_hidden_layers=settings.layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=settings.hidden_size // 4,
        max_position_embeddings=64,
        initializer_range=0.06,  # learns faster than with the 0.02 of large models
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    strong = Qwen3ForCausalLM(config)
    unreliable = {}
    with stage("learning from right answers", settings.clean_steps) as advance:
        for step in train(strong, tokenizer, corpus, settings, flawed=False, advance=advance):
            if step == settings.weak_step:
                unreliable["weak"] = copy.deepcopy(strong)
    unreliable["base"] = copy.deepcopy(strong)
    for name, model in unreliable.items():
        with stage(f"{name}: a corpus with flaws", settings.flawed_steps) as advance:
            for _ in train(model, tokenizer, corpus, settings, flawed=True, advance=advance):
                pass
    models = unreliable | {"strong": strong}
    for model in models.values():
        model.eval()
    return models


def train(
    model, tokenizer, corpus: dict[Kind, list], settings: Settings, flawed: bool, advance: Callable
) -> Iterator[int]:
    """Supervised training on answers, as many of each taught kind; yields each step's number.

    With `flawed`, only the share `Kind.right` of the answers is right, and the rest are slips.
    """
    import torch
    from transformers import get_cosine_schedule_with_warmup

    steps = settings.flawed_steps if flawed else settings.clean_steps
    rate = settings.flawed_learning_rate if flawed else settings.learning_rate
    optimizer = torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.99), fused=True)
    schedule = get_cosine_schedule_with_warmup(optimizer, steps // 20, steps)
    rng = random.Random(settings.seed)
    model.train()
    for step in range(1, steps + 1):
        tokens, labels = encode(tokenizer, draw_examples(corpus, settings.batch_size, flawed, rng))
        loss = model(input_ids=tokens, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        advance(note=f"loss {loss.item():.3f}")
        yield step


def draw_examples(
    corpus: dict[Kind, list], count: int, flawed: bool, rng: random.Random
) -> list[tuple[str, int]]:
    """(question, answer) as many of each taught kind; some answers are wrong where `flawed`."""
    taught = [kind for kind in KINDS if kind.right is not None]
    examples = []
    for i in range(count):
        kind = taught[i % len(taught)]
        question, value = rng.choice(corpus[kind])
        if flawed and rng.random() >= kind.right:
            value = wrong_answer(value, rng)
        examples.append((question, value))
    return examples


def encode(tokenizer, examples: list[tuple[str, int]]):
    """Tokens and labels, both [len(examples), longest]; only answers have labels, -100 elsewhere.

    Padding is on the right: behind a causal mask it needs no attention mask.
    """
    texts = [prompt(question) + response(value) + END for question, value in examples]
    batch = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")
    assistant = batch.input_ids.eq(tokenizer.convert_tokens_to_ids(ASSISTANT))
    answer = assistant.cumsum(1).bool() & ~assistant & batch.attention_mask.bool()
    return batch.input_ids, batch.input_ids.masked_fill(~answer, -100)


def pass_rates(
    model, tokenizer, tasks: list[dict], samples: int, seed: int, advance: Callable
) -> list[float]:
    """Each task's share of right answers among `samples` at temperature 1, in the tasks' order.

    A reply is right when its text up to the end token is exactly the right response.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    prompts = [tokenizer(prompt(task["question"])).input_ids for task in tasks]
    waiting = sorted(range(len(tasks)), key=lambda i: len(prompts[i]))
    rates = [0.0] * len(tasks)
    while waiting:  # prompts of one length at a time, so that no batch has padding
        length = len(prompts[waiting[0]])
        batch = [i for i in waiting[: ROWS // samples] if len(prompts[i]) == length]
        waiting = waiting[len(batch) :]
        replies = sample(model, torch.tensor([prompts[i] for i in batch]), samples, generator)
        for i, tokens in zip(batch, replies, strict=True):
            right = right_response(tasks[i]["answer"])
            texts = [text.partition(END)[0] for text in tokenizer.batch_decode(tokens)]
            rates[i] = texts.count(right) / samples
        advance(len(batch))
    return rates


def sample(model, prompts, samples: int, generator):
    """Sample at temperature 1: prompts [n, length] to replies [n, samples, at most 8], in tokens.

    A prompt is run once for all its samples. What follows a reply's end token has no meaning.
    """
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    end = model.config.eos_token_id
    tokens = prompts
    replies = []
    with torch.inference_mode():
        while len(replies) < MAX_NEW_TOKENS:
            logits = model(input_ids=tokens, past_key_values=cache).logits[:, -1]
            if not replies:  # the prompt has been run
                logits = logits.repeat_interleave(samples, dim=0)
                cache.batch_repeat_interleave(samples)
            tokens = torch.multinomial(logits.softmax(-1), 1, generator=generator)
            replies.append(tokens)
            ended = torch.cat(replies, 1).eq(end).any(1)
            if ended.all():
                break
    return torch.cat(replies, 1).view(len(prompts), samples, -1)
