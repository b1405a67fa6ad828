"""Batched sampling, with the meaning of Tinker's SamplingParams.

How it departs from a serving engine: a batch runs until its last row has stopped, and nothing joins
it meanwhile; a prompt that several samples share is run once; tokens are drawn by inverting the CDF
at uniforms from the request's own seed, so that a request draws the same tokens whatever else is in
its batch (up to float error: sums of another shape may move a CDF by about 1e-7).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from transformers import DynamicCache

from laptop.server.errors import BadRequest
from laptop.server.policy import Policy

MAX_ROWS = 256  # sequences decoded together, and samples of one request
GREEDY_BELOW = 1e-5  # temperature

StopText = Annotated[str, Field(min_length=1)]


class SamplingParams(BaseModel):
    """The checked fields that Tinker's and OpenAI's requests have in common; others are refused."""

    model_config = ConfigDict(extra="forbid")
    max_tokens: int | None = Field(None, ge=1)  # None: up to the model's context
    temperature: float = Field(1.0, ge=0, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(-1, ge=-1)  # -1 or 0: no limit
    seed: int | None = None
    stop: StopText | list[StopText | int] | None = None  # in addition to the model's EOS
    num_samples: int = Field(1, ge=1, le=MAX_ROWS, alias="n")


@dataclass(eq=False)
class SampleJob:
    """A sampling request and, once it has been decoded, its result.

    Attributes:
        prompt: token ids.
        prompt_logprobs: whether the prompt's own logprobs are asked for.
        result: {"sequences": [{"tokens": ..., "logprobs": ..., "stop_reason": "stop" or "length"}]}
            with a sequence for each sample, and "prompt_logprobs" where they are asked for.

    Raises:
        BadRequest: the model cannot take the prompt.
    """

    policy: Policy
    prompt: list[int]
    params: SamplingParams
    prompt_logprobs: bool = False
    result: dict | None = None

    def __post_init__(self):
        self.policy.base.check_tokens(self.prompt, "prompt")
        stop = self.params.stop or []
        if isinstance(stop, str):
            stop = [stop]
        self.stop_texts = [s for s in stop if isinstance(s, str)]
        self.stop_ids = self.policy.base.eos_ids.union(s for s in stop if isinstance(s, int))


class Row:
    """One sequence that is being sampled."""

    def __init__(self, job: SampleJob, index: int):
        base, params = job.policy.base, job.params
        self.job = job
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.stop_reason = "length"
        self.budget = base.context - len(job.prompt)  # tokens at most
        if params.max_tokens is not None:
            self.budget = min(self.budget, params.max_tokens)
        seed = None if params.seed is None else [params.seed % 2**64, index]
        self.uniforms = np.random.default_rng(seed).random(self.budget)
        self.temperature = params.temperature
        self.top_k = params.top_k if params.top_k > 0 else base.vocabulary
        self.top_p = params.top_p
        if params.temperature < GREEDY_BELOW:
            self.temperature, self.top_k, self.top_p = 1.0, 1, 1.0

    def add(self, token: int, logprob: float) -> bool:
        """Append a token, as Tinker does also the one that stops; whether to go on."""
        self.tokens.append(token)
        self.logprobs.append(logprob)
        if token in self.job.stop_ids or self._has_stop_text():
            self.stop_reason = "stop"
            return False
        return len(self.tokens) < self.budget

    def _has_stop_text(self) -> bool:
        if not self.job.stop_texts:
            return False
        text = self.job.policy.base.tokenizer.decode(self.tokens)
        return any(stop in text for stop in self.job.stop_texts)

    def sequence(self) -> dict:
        return {
            "tokens": self.tokens,
            "logprobs": self.logprobs,
            "stop_reason": self.stop_reason,
        }


@torch.inference_mode()
def decode(jobs: list[SampleJob]) -> None:
    """Fill in the results of jobs of one policy.

    The logprobs are the model's own (temperature 1, nothing cut off), as `forward` of a training
    run gives them: the old logprobs of a PPO ratio.

    Raises:
        BadRequest: the weights have diverged.
    """
    policy = jobs[0].policy
    forward = policy.merged()
    rows = {job: [Row(job, i) for i in range(job.params.num_samples)] for job in jobs}
    decode_rows(
        forward,
        DynamicCache(config=policy.base.model.config),
        [row for job in jobs for row in rows[job] if row.budget > 0],
    )
    scored = [job for job in jobs if job.prompt_logprobs]
    known = score_prompts(forward, [job.prompt for job in scored])
    for job in jobs:
        job.result = {"sequences": [row.sequence() for row in rows[job]]}
    for job, logprobs in zip(scored, known, strict=True):
        job.result["prompt_logprobs"] = logprobs


def decode_rows(forward: Callable, cache: DynamicCache, rows: list[Row]) -> None:
    """Decode with a KV cache until every row has stopped; a row that has leaves the batch."""
    if not rows:
        return
    prompts = list(dict.fromkeys(tuple(row.job.prompt) for row in rows))  # each one once
    number = {prompt: i for i, prompt in enumerate(prompts)}
    prompt_of = torch.tensor([number[tuple(row.job.prompt)] for row in rows])

    ids, mask = pad_left(prompts)
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = last_logits(forward, cache, ids, mask, position)[prompt_of]
    cache.batch_select_indices(prompt_of)
    mask, position = mask[prompt_of], position[prompt_of, -1:]
    while True:
        ids = draw(logits, rows)
        logprobs = logits.log_softmax(-1).gather(-1, ids)
        if not logprobs.isfinite().all():
            raise BadRequest("the logits are not finite: the weights have diverged")
        going = []
        drawn = zip(rows, ids[:, 0].tolist(), logprobs[:, 0].tolist(), strict=True)
        for i, (row, token, logprob) in enumerate(drawn):
            if row.add(token, logprob):
                going.append(i)
        if not going:
            return
        if len(going) < len(rows):
            rows = [rows[i] for i in going]
            cache.batch_select_indices(torch.tensor(going))
            ids, mask, position = ids[going], mask[going], position[going]
        mask = torch.cat([mask, torch.ones_like(ids)], dim=-1)
        position = position + 1
        logits = last_logits(forward, cache, ids, mask, position)


def last_logits(
    forward: Callable, cache: DynamicCache, ids: Tensor, mask: Tensor, position: Tensor
) -> Tensor:
    """Logits (rows, vocabulary) behind the last of the new tokens `ids`."""
    output = forward(
        input_ids=ids,
        attention_mask=mask,
        position_ids=position,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return output.logits[:, -1]


def draw(logits: Tensor, rows: list[Row]) -> Tensor:
    """Draw token ids (rows, 1): by temperature, then top_k, then top_p of what top_k leaves."""
    vocabulary = logits.shape[-1]
    temperature = column([row.temperature for row in rows])
    top_k = column([row.top_k for row in rows])
    top_p = column([row.top_p for row in rows])
    uniform = column([row.uniforms[len(row.tokens)] for row in rows])

    probs = (logits.double() / temperature).softmax(-1)
    if top_k.min() < vocabulary or top_p.min() < 1:
        ranked, order = probs.sort(dim=-1, descending=True, stable=True)
        ranked *= torch.arange(vocabulary) < top_k
        ranked /= ranked.sum(-1, keepdim=True)
        ranked *= ranked.cumsum(-1) - ranked < top_p
        probs = torch.zeros_like(probs).scatter(-1, order, ranked)
    cdf = probs.cumsum(-1)
    below = cdf <= uniform * cdf[:, -1:]
    return below.sum(-1, keepdim=True).clamp(max=vocabulary - 1)


def column(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.double)[:, None]


def score_prompts(forward: Callable, prompts: list[list[int]]) -> list[list[float | None]]:
    """The logprob of each token of each prompt; None for the first, which nothing predicts."""
    if not prompts:
        return []
    targets = [prompt[1:] + prompt[:1] for prompt in prompts]  # the last one is not used
    logprobs = target_logprobs(forward, prompts, targets).tolist()
    scores = []
    for prompt, row in zip(prompts, logprobs, strict=True):
        scores.append([None, *row[: len(prompt) - 1]])
    return scores


def target_logprobs(forward: Callable, tokens: list[list[int]], targets: list[list[int]]) -> Tensor:
    """Logprobs (rows, longest) of the targets; what stands at padded positions means nothing."""
    logits = forward(input_ids=pad(tokens), use_cache=False).logits
    return logits.log_softmax(-1).gather(-1, pad(targets)[..., None])[..., 0]


def pad(rows: list[list]) -> Tensor:
    """Right-pads with zeros. Attention is causal: what follows a token does not change it."""
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])


def pad_left(rows: list[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
    """Left-pads with zeros; ids and attention mask, so that every row ends at the same place."""
    width = max(len(row) for row in rows)
    ids = [[0] * (width - len(row)) + [*row] for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids), torch.tensor(mask)
