"""The laptop's models and dataset: a small base model, two references, tasks with pass rates.

    python -m laptop.make_base            # minutes; into data/laptop
    python -m laptop.make_base --tiny     # seconds, for tests

How it departs from the textbook: a base model that answers some tasks sometimes is not made by
stopping early (reinforcement learning then moves it little), but as base LLMs come about: it
learns from right answers (that is the strong reference), then for a short while from a corpus with
flaws. An earlier snapshot, put through the same, is the weak reference. Training tasks, held-out
problems and this supervised corpus have no problem in common.
"""

import argparse
import copy
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from laptop.arithmetic import (
    ASSISTANT,
    END,
    KINDS,
    Kind,
    build_tokenizer,
    prompt,
    response,
    share_out,
    wrong_answer,
)

MAX_NEW_TOKENS = 8  # "\boxed{", four digits, "}", the end, and one to spare
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
    held_out: int = 320
    samples: int = 16  # a task


TINY = Settings(
    hidden_size=64,
    layers=2,
    learning_rate=2e-3,
    clean_steps=500,
    weak_step=200,
    flawed_steps=40,
    flawed_learning_rate=1e-3,
    largest=19,
    tasks=120,
    held_out=20,
    samples=4,
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default="data/laptop", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--tiny", action="store_true", help="a small model and dataset, for tests")
    args = parser.parse_args(arguments)
    # GNU OpenMP (torch 2.13) otherwise spins while it waits: ten times slower on busy cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    settings = replace(TINY if args.tiny else Settings(), seed=args.seed)
    try:
        if not is_made(args.output, settings):
            make(args.output, settings)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_summary(args.output)
    return 0


def is_made(output: Path, settings: Settings) -> bool:
    """Whether `output` holds everything, made with these settings.

    Raises:
        ValueError: it holds something else.
    """
    mend = f"give another --output, or delete it first: rm -r {output}"
    if not (output / "summary.json").is_file():
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise ValueError(f"{output} exists and was not made by this command; {mend}")
        return False
    there = json.loads((output / "summary.json").read_text())["settings"]
    here = described(settings)
    differ = [name for name in here | there if here.get(name) != there.get(name)]
    if differ:
        changes = ", ".join(f"{name} {there.get(name)}, now {here.get(name)}" for name in differ)
        raise ValueError(f"{output} was made with other settings ({changes}); {mend}")
    return True


def described(settings: Settings) -> dict:
    """The settings as summary.json holds them, the kinds of task included."""
    return asdict(settings) | {k.name: [k.right, k.pool, k.held_out] for k in KINDS}


def make(output: Path, settings: Settings) -> None:
    """Make everything in memory, write it to a temporary folder, and rename that to `output`."""
    output.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    tasks, held_out, corpus = share_out(
        settings.tasks, settings.held_out, settings.largest, settings.seed
    )
    seconds: dict[str, float] = {}
    rates: dict[str, list[float]] = {}
    with progress_bars(seconds) as stage:
        models = train_models(settings, tokenizer, corpus, stage)
        for name, model in models.items():
            with stage(f"sampling {name}", len(tasks) + len(held_out)) as advance:
                rates[name] = pass_rates(
                    model, tokenizer, tasks + held_out, settings.samples, settings.seed, advance
                )
    summary = {
        "settings": described(settings),
        "parameters": models["base"].num_parameters(),
        "pass_at_1": {name: by_kind(tasks, held_out, values) for name, values in rates.items()},
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    for name in ("weak", "strong"):
        for task, rate in zip(tasks, rates[name], strict=False):  # the held-out rates follow
            task[f"{name}_pass_rate"] = rate
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        folder = Path(scratch) / output.name
        for name, model in models.items():
            model.save_pretrained(folder / "models" / name)
            tokenizer.save_pretrained(folder / "models" / name)
        write_parquet(folder / "math/train.parquet", tasks)
        write_parquet(folder / "heldout/test.parquet", held_out)
        (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        os.replace(folder, output)


@contextmanager
def progress_bars(seconds: dict[str, float]) -> Iterator[Callable]:
    """Yields `stage(name, total)`: a bar with time left; each stage's seconds go to `seconds`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn("{task.description:<28}"), BarColumn(20), MofNCompleteColumn())
    note = TextColumn("{task.fields[note]}")
    with Progress(*columns, note, Left(elapsed_when_finished=True)) as progress:

        @contextmanager
        def stage(name: str, total: int):
            bar = progress.add_task(name, total=total, note="")
            started = time.monotonic()
            yield lambda n=1, note="": progress.update(bar, advance=n, note=note)
            seconds[name] = time.monotonic() - started

        yield stage


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
    return {name: model.eval() for name, model in (unreliable | {"strong": strong}).items()}


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
    optimizer = torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.99))
    schedule = get_cosine_schedule_with_warmup(optimizer, steps // 20, steps)
    rng = random.Random(settings.seed)
    taught = [kind for kind in KINDS if kind.right is not None]
    model.train()
    for step in range(1, steps + 1):
        examples = []
        for i in range(settings.batch_size):
            kind = taught[i % len(taught)]
            question, value = rng.choice(corpus[kind])
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
            right = response(tasks[i]["answer"].removeprefix("#### "))
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
    tokens, replies = prompts, []
    with torch.inference_mode():
        while len(replies) < MAX_NEW_TOKENS:
            logits = model(input_ids=tokens, past_key_values=cache).logits[:, -1]
            if not replies:
                logits = logits.repeat_interleave(samples, dim=0)
                cache.batch_repeat_interleave(samples)
            tokens = torch.multinomial(logits.softmax(-1), 1, generator=generator)
            replies.append(tokens)
            if torch.cat(replies, 1).eq(model.config.eos_token_id).any(1).all():
                break
    return torch.cat(replies, 1).view(len(prompts), samples, -1)


def write_parquet(file: Path, rows: list[dict]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), file)


def by_kind(tasks: list[dict], held_out: list[dict], rates: list[float]) -> dict[str, float]:
    """Mean pass rate of each kind of task, of all tasks, and of the held-out problems."""
    groups: dict[str, list[float]] = {kind.name: [] for kind in KINDS}
    for task, rate in zip(tasks, rates, strict=False):  # the held-out rates follow
        groups[task["kind"]].append(rate)
    groups |= {"all tasks": rates[: len(tasks)], "held-out": rates[len(tasks) :]}
    return {name: round(sum(values) / len(values), 3) for name, values in groups.items()}


def print_summary(output: Path) -> None:
    summary = json.loads((output / "summary.json").read_text())
    total = sum(summary["seconds"].values())
    print(f"{output}: made in {total:.0f} s, {summary['parameters']:,} parameters a model")
    models = summary["pass_at_1"]
    print(f"{'sampled pass@1':<16}" + "".join(f"{name:>9}" for name in models))
    for kind in models["base"]:
        print(f"{kind:<16}" + "".join(f"{models[name][kind]:9.3f}" for name in models))


if __name__ == "__main__":
    sys.exit(main())
