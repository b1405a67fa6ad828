"""Batched sampling for the local Tinker server, with the meaning of Tinker's SamplingParams.

How it departs from a serving engine: a batch runs until its last row has stopped, and nothing joins
it meanwhile; a prompt that several samples share is prefilled once; tokens are drawn by inverting
the CDF at uniforms from the request's own seed, so that a request draws the same tokens whatever
else is in its batch (up to float error: sums of another shape may move a CDF by about 1e-7).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

MAX_ROWS = 256  # sequences decoded together, and samples of one request
GREEDY_BELOW = 1e-5  # temperature


class BadRequest(ValueError):
    """The request cannot be honoured; the message says why."""


@dataclass(eq=False)
class SampleJob:
    """A sampling request; `params` has the checked fields of laptop.routes.Sampling."""

    policy: object  # laptop.engine.Policy
    prompt: list[int]
    params: object
    prompt_logprobs: bool = False
    result: dict | None = None  # sequences of tokens, logprobs and stop_reason; prompt_logprobs

    def __post_init__(self):
        self.policy.base.check(self.prompt, "prompt")
        stop = self.params.stop or []
        stop = [stop] if isinstance(stop, str) else stop
        self.stop_texts = [s for s in stop if isinstance(s, str)]
        self.stop_ids = self.policy.base.eos_ids.union(s for s in stop if isinstance(s, int))


class Row:
    """One sequence being sampled."""

    def __init__(self, job: SampleJob, index: int):
        self.job, self.tokens, self.logprobs, self.stop_reason = job, [], [], "length"
        room = job.policy.base.context - len(job.prompt)
        self.budget = room if job.params.max_tokens is None else min(room, job.params.max_tokens)
        p = job.params
        seed = None if p.seed is None else [p.seed % 2**64, index]
        self.uniforms = np.random.default_rng(seed).random(self.budget)
        size = job.policy.base.model.config.vocab_size
        limits = (p.temperature, p.top_k if p.top_k > 0 else size, p.top_p)
        self.limits = (1.0, 1, 1.0) if p.temperature < GREEDY_BELOW else limits

    def add(self, token: int, logprob: float) -> bool:
        """Appends a token, the one that stops included, as Tinker does; whether to go on."""
        self.tokens.append(token)
        self.logprobs.append(logprob)
        job = self.job
        text = job.policy.base.tokenizer.decode(self.tokens) if job.stop_texts else ""
        if token in job.stop_ids or any(stop in text for stop in job.stop_texts):
            self.stop_reason = "stop"
        return self.stop_reason == "length" and len(self.tokens) < self.budget


def draw(logits: Tensor, rows: list[Row]) -> Tensor:
    """Draws token ids (rows, 1): by temperature, then top_k, then top_p of what top_k leaves."""
    limits = torch.tensor([row.limits for row in rows], dtype=torch.double)
    temperature, top_k, top_p = limits.T[..., None]
    probs = (logits.double() / temperature).softmax(-1)
    if top_k.min() < logits.shape[-1] or top_p.min() < 1:
        ranked, order = probs.sort(dim=-1, descending=True, stable=True)
        ranked *= torch.arange(logits.shape[-1]) < top_k
        ranked /= ranked.sum(-1, keepdim=True)
        ranked *= ranked.cumsum(-1) - ranked < top_p
        probs = torch.zeros_like(probs).scatter(-1, order, ranked)
    cdf = probs.cumsum(-1)
    uniforms = [[row.uniforms[len(row.tokens)]] for row in rows]
    below = cdf <= torch.tensor(uniforms, dtype=torch.double) * cdf[:, -1:]
    return below.sum(-1, keepdim=True).clamp(max=logits.shape[-1] - 1)


@torch.inference_mode()
def decode(jobs: list[SampleJob]) -> None:
    """Fills in the results of jobs of one policy.

    The logprobs are the model's own (temperature 1, nothing cut off), as `forward` gives them:
    the old logprobs of a PPO ratio.
    """
    model, config = jobs[0].policy.merged(), jobs[0].policy.base.model.config
    rows = {job: [Row(job, i) for i in range(job.params.num_samples)] for job in jobs}
    decode_rows(model, config, [row for job in jobs for row in rows[job] if row.budget])
    for job in jobs:
        fields = ("tokens", "logprobs", "stop_reason")
        job.result = {"sequences": [{f: getattr(row, f) for f in fields} for row in rows[job]]}
    if scored := [job for job in jobs if job.prompt_logprobs]:
        prompts = [job.prompt for job in scored]
        known = target_logprobs(model, prompts, [tokens[1:] + tokens[:1] for tokens in prompts])
        for job, row in zip(scored, known.tolist(), strict=True):
            job.result["prompt_logprobs"] = [None, *row[: len(job.prompt) - 1]]


def target_logprobs(model, tokens: list[list[int]], targets: list[list[int]]) -> Tensor:
    """Logprobs (rows, longest) of the targets; what stands at padded positions means nothing."""
    logits = model(input_ids=pad(tokens), use_cache=False).logits
    return logits.log_softmax(-1).gather(-1, pad(targets)[..., None])[..., 0]


def pad(rows: list[list]) -> Tensor:
    """Right-pads with zeros. Attention is causal: what follows a token does not change it."""
    width = max(map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


def decode_rows(model, config, rows: list[Row]) -> None:
    """Decodes with a KV cache until every row has stopped; a row that has leaves the batch."""
    if not rows:
        return
    number: dict[tuple[int, ...], int] = {}
    share = [number.setdefault(tuple(row.job.prompt), len(number)) for row in rows]
    width = max(map(len, number))
    ids = torch.tensor([[0] * (width - len(prompt)) + [*prompt] for prompt in number])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in number])
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    cache = DynamicCache(config=config)
    options = {"past_key_values": cache, "use_cache": True, "logits_to_keep": 1}
    logits = model(input_ids=ids, attention_mask=mask, position_ids=position, **options).logits
    cache.batch_select_indices(torch.tensor(share))
    logits, mask, position = logits[share], mask[share], position[share, -1:]
    while True:
        logits = logits[:, -1]
        ids = draw(logits, rows)
        logprobs = logits.log_softmax(-1).gather(-1, ids)
        if not logprobs.isfinite().all():
            raise BadRequest("the logits are not finite: the weights have diverged")
        drawn = zip(rows, ids[:, 0].tolist(), logprobs[:, 0].tolist(), strict=True)
        going = [i for i, (row, token, logprob) in enumerate(drawn) if row.add(token, logprob)]
        if not going:
            return
        if len(going) < len(rows):
            rows = [rows[i] for i in going]
            cache.batch_select_indices(torch.tensor(going))
            ids, mask, position = ids[going], mask[going], position[going]
        mask, position = torch.cat([mask, torch.ones_like(ids)], dim=-1), position + 1
        logits = model(input_ids=ids, attention_mask=mask, position_ids=position, **options).logits
