"""How the laptop's models learn and answer: supervised training, sampling, pass rates.

A base model that answers some tasks sometimes is not made by stopping early (reinforcement learning
then moves it little), but as base LLMs come about: it learns from right answers, which makes the
strong reference, then for a short while from a corpus with flaws. An earlier snapshot, put through
the same, is the weak reference. laptop.make_base is the command.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from laptop.arithmetic import ASSISTANT, END, KINDS, USER, response, wrong_answer

MAX_NEW_TOKENS = 8  # "\\boxed{", four digits, "}", the end, and one to spare
ROWS = 4096  # sequences sampled at once


@dataclass(frozen=True)
class Settings:
    """All that decides what is made; a finished folder with the same settings is left alone."""

    seed: int = 0
    hidden_size: int = 128
    intermediate_size: int = 384
    layers: int = 4
    batch_size: int = 64  # problems
    learning_rate: float = 8e-4
    initializer_range: float = 0.06  # the usual 0.02 learns at a third of the pace here
    clean_steps: int = 1500
    weak_step: int = 700  # of the clean steps, after which the weak reference goes its own way
    flawed_steps: int = 200
    flawed_learning_rate: float = 5e-4
    tasks: int = 3000
    held_out: int = 480
    samples: int = 16  # of a reference for each task


def train_models(settings: Settings, tokenizer, corpus: list[list], stage: Callable) -> dict:
    """The weak, base and strong model; `stage` is given by `stages`."""
    import copy

    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    # A second OpenMP thread gains little at this size, and spins where the core is wanted elsewhere.
    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    strong = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            initializer_range=settings.initializer_range,
            hidden_size=settings.hidden_size,
            intermediate_size=settings.intermediate_size,
            num_hidden_layers=settings.layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=settings.hidden_size // 4,
            max_position_embeddings=64,
            tie_word_embeddings=False,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    models = {}
    with stage("learning from right answers", settings.clean_steps) as advance:
        for step in train(strong, tokenizer, corpus, settings, advance, flawed=False):
            if step == settings.weak_step:
                models["weak"] = copy.deepcopy(strong)
    models["base"] = copy.deepcopy(strong)
    for name, model in models.items():
        with stage(f"{name}: a corpus with flaws", settings.flawed_steps) as advance:
            for _ in train(model, tokenizer, corpus, settings, advance, flawed=True):
                pass
    return {name: model.eval() for name, model in (models | {"strong": strong}).items()}


def train(
    model, tokenizer, corpus: list[list], settings: Settings, advance: Callable, flawed: bool
) -> Iterator[int]:
    """Supervised training on the answers, all taught kinds alike; yields each step's number.

    AdamW, linear warm-up, then a cosine to zero; with `flawed`, the share `Kind.right` of each
    kind's answers is right and the rest are slips.
    """
    import torch

    steps = settings.flawed_steps if flawed else settings.clean_steps
    rate = settings.flawed_learning_rate if flawed else settings.learning_rate
    optimizer = torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.99), weight_decay=0.01)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.02, total_iters=steps // 20)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - steps // 20)
    schedule = torch.optim.lr_scheduler.SequentialLR(
        optimizer, [warm_up, cosine], milestones=[steps // 20]
    )
    rng = random.Random(settings.seed)
    pairs = zip(KINDS, corpus, strict=True)
    taught = [(kind, problems) for kind, problems in pairs if kind.right is not None]
    model.train()
    for step in range(1, steps + 1):
        examples = []
        for i in range(settings.batch_size):
            kind, problems = taught[i % len(taught)]
            question, value = rng.choice(problems)
            if flawed and rng.random() >= kind.right:
                value = wrong_answer(value, rng)
            examples.append((question, value))
        tokens, labels = encode(tokenizer, examples)
        loss = model(input_ids=tokens, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        advance(note=f"loss {loss.item():.3f}")
        yield step


def prompt(question: str) -> str:
    """What the chat template makes of a question."""
    return f"{USER}{question}{ASSISTANT}"


def encode(tokenizer, examples: list[tuple[str, int]]):
    """Tokens and labels, both [len(examples), length]; the answer alone has labels."""
    texts = [prompt(question) + response(value) + END for question, value in examples]
    batch = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")
    # Right padding behind a causal mask changes nothing before it, so no attention mask is needed
    tokens = batch.input_ids
    start = tokens.eq(tokenizer.convert_tokens_to_ids(ASSISTANT)).cumsum(1)
    answer = (start == 1) & ~tokens.eq(tokenizer.convert_tokens_to_ids(ASSISTANT))
    return tokens, tokens.masked_fill(~(answer & batch.attention_mask.bool()), -100)


def pass_rates(
    model, tokenizer, tasks: list[dict], samples: int, seed: int, advance: Callable
) -> list[float]:
    """Each task's share of right answers among `samples` at temperature 1, in the tasks' order.

    Tasks are sampled by prompt length, so that no batch has padding. An answer is right when its
    text up to the end token is exactly the right response.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    prompts = [tokenizer(prompt(task["question"])).input_ids for task in tasks]
    order = sorted(range(len(tasks)), key=lambda i: len(prompts[i]))
    rates = [0.0] * len(tasks)
    while order:
        length = len(prompts[order[0]])
        batch = [i for i in order[: ROWS // samples] if len(prompts[i]) == length]
        order = order[len(batch) :]
        replies = sample(model, torch.tensor([prompts[i] for i in batch]), samples, generator)
        for i, tokens in zip(batch, replies, strict=True):
            right = response(tasks[i]["answer"].removeprefix("#### "))
            texts = [text.partition(END)[0] for text in tokenizer.batch_decode(tokens)]
            rates[i] = texts.count(right) / samples
        advance(len(batch))
    return rates


def sample(model, prompts, samples: int, generator):
    """Sample at temperature 1: prompts [n, length] of tokens to [n, samples, up to 8] of tokens.

    A prompt is run once for all its samples. What follows a row's end token has no meaning.
    """
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    tokens, chosen = prompts, []
    with torch.inference_mode():
        for _ in range(MAX_NEW_TOKENS):
            logits = model(input_ids=tokens, past_key_values=cache, logits_to_keep=1).logits[:, -1]
            if not chosen:
                logits = logits.repeat_interleave(samples, dim=0)
                cache.batch_repeat_interleave(samples)
            tokens = torch.multinomial(logits.softmax(-1), 1, generator=generator)
            chosen.append(tokens)
            if torch.cat(chosen, 1).eq(model.config.eos_token_id).any(1).all():
                break
    return torch.cat(chosen, 1).view(len(prompts), samples, -1)
