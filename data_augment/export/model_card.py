"""The README.md of an exported model: where it comes from, what it scored, how to ask it."""

from pathlib import Path

from data_augment.checkpoints import Checkpoint
from data_augment.figure.labels import read_settings
from data_augment.figure.run_folder import read_values
from math_agent import SYSTEM_PROMPT

EVALUATIONS = {r"eval/(.+)/accuracy/(mean@\d+)": r"\1, \2"}

CARD = """\
---
{metadata}
---

# {name}, step {step}

A math agent, trained by reinforcement learning on tasks that a selector chose.

| | |
|---|---|
{facts}

## Accuracy on held-out problems

{scores}

## How to ask it

It was trained with this system prompt, and the question as the user's message:

> {prompt}

```bash
python -m data_augment.ask FOLDER "What is 12 + 30?" --answer 42
vllm serve FOLDER --generation-config vllm    # GPU
```
"""


def model_card(checkpoint: Checkpoint, weights: str) -> str:
    """The text of the card; `weights` are a few words about what they are."""
    config = checkpoint.config
    algorithm = config.get("algorithm", {})
    buffer = config["buffer"]
    taskset = buffer["explorer_input"]["taskset"]
    facts = {
        "run": "/".join(str(config[key]) for key in ("project", "group", "name") if key in config),
        "step": checkpoint.step,
        "base model": checkpoint.base_model,
        "weights": weights,
        "selector": read_settings(config).selector,
        "dataset": f"{taskset['path']}, split {taskset.get('split', 'train')}",
        "algorithm": algorithm.get("algorithm_type"),
        "a step": f"{buffer.get('batch_size')} tasks x {algorithm.get('repeat_times')} rollouts",
        "learning rate": algorithm.get("optimizer", {}).get("lr"),
    }
    return CARD.format(
        metadata="\n".join(metadata(checkpoint.base_model)),
        name=config["name"],
        step=checkpoint.step,
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        scores="\n".join(score_table(checkpoint)),
        prompt=SYSTEM_PROMPT,
    )


def metadata(base_model: str) -> list[str]:
    """What the Hub reads."""
    lines = ["library_name: transformers", "pipeline_tag: text-generation"]
    if not Path(base_model).is_absolute():  # a Hub id
        lines.append(f"base_model: {base_model}")
    return lines


def score_table(checkpoint: Checkpoint) -> list[str]:
    """The run's own evaluations until the checkpoint, a line each."""
    values = read_values(checkpoint.run, EVALUATIONS)
    rows = [
        f"| {step} | {taskset} | {value:.3f} |"
        for (step, taskset), value in sorted(values.items())
        if step <= checkpoint.step
    ]
    if not rows:
        return ["The run was not evaluated until this step. `evaluate.py` does it."]
    return ["| step | problems | accuracy |", "|---|---|---|", *rows]
