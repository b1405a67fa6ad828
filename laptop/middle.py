"""A reference between the base model and the strong one, for the second regime of the comparison.

    python -m laptop.middle    # half a minute, after laptop.make_base

It goes to data/laptop/models/middle, beside the others. With it and the strong reference both
references stand above the policy, as the shipped ones do (Qwen2.5-7B and Qwen3-30B above a 0.6B
model). It is the base model after some steps of supervised training on right answers. The demo
does without it.
"""

import json
import os
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path

from laptop.arithmetic import share_out
from laptop.make_base import progress_bars
from laptop.pretrain import Settings, train

STEPS = 40  # its pass rates stay above those that the runs reach


def main(data: Path = Path("data/laptop")) -> int:
    output = data / "models/middle"
    if output.is_dir():
        print(f"{output}: made before")
        return 0
    # GNU OpenMP (torch 2.13) otherwise spins while it waits: ten times slower on busy cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    settings = read_settings(data / "summary.json")
    base = data / "models/base"
    model = AutoModelForCausalLM.from_pretrained(base, dtype="float32", local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    *_, corpus = share_out(settings.tasks, settings.held_out, settings.largest, settings.seed)
    short = replace(settings, clean_steps=STEPS, learning_rate=settings.flawed_learning_rate)
    with progress_bars({}) as stage, stage("middle: right answers", STEPS) as advance:
        for _ in train(model, tokenizer, corpus, short, flawed=False, advance=advance):
            pass
    with tempfile.TemporaryDirectory(prefix=".middle-", dir=data) as scratch:
        folder = Path(scratch) / "middle"
        model.eval().save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        os.replace(folder, output)
    return 0


def read_settings(summary: Path) -> Settings:
    """The settings of laptop.make_base, whose corpus this model learns from."""
    made = json.loads(summary.read_text(encoding="utf-8"))["settings"]
    return Settings(**{field.name: made[field.name] for field in fields(Settings)})


if __name__ == "__main__":
    sys.exit(main())
