"""How likely a model is to give a known answer: exact, and cheaper than rollouts.

A route of this server alone, for laptop/oracle.py; neither Tinker nor OpenAI has it in this form.
"""

import asyncio
import math

import torch
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from laptop.server.errors import BadRequest
from laptop.server.policy import Policy
from laptop.server.sampling import target_logprobs
from laptop.server.service import AppService

router = APIRouter(prefix="/laptop")

ROWS = 512  # sequences in one forward pass


class LikelihoodRequest(BaseModel):
    """Token ids of prompts and of the response to each, with its end token."""

    model_config = ConfigDict(extra="forbid")
    model: str
    prompts: list[list[int]]
    responses: list[list[int]]


@router.post("/likelihoods")
async def likelihoods(request: LikelihoodRequest, service: AppService):
    """The probability of each response at temperature 1."""
    if len(request.prompts) != len(request.responses):
        raise BadRequest("prompts and responses must be equally many")
    policy = await service.load_policy(request.model)
    pairs = list(zip(request.prompts, request.responses, strict=True))
    for i, (prompt, response) in enumerate(pairs):
        policy.base.check_tokens(prompt, f"prompts[{i}]")
        policy.base.check_tokens(prompt + response, f"prompts[{i}] and its response")
    found = service.engine.submit(lambda: likelihoods_of(policy, pairs))
    return {"likelihoods": await asyncio.wrap_future(found)}


@torch.inference_mode()
def likelihoods_of(policy: Policy, pairs: list[tuple[list[int], list[int]]]) -> list[float]:
    forward = policy.merged()
    found = [0.0] * len(pairs)
    by_length = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
    for start in range(0, len(pairs), ROWS):
        rows = by_length[start : start + ROWS]
        sequences = [pairs[i][0] + pairs[i][1] for i in rows]
        tokens = [sequence[:-1] for sequence in sequences]
        targets = [sequence[1:] for sequence in sequences]
        logprobs = target_logprobs(forward, tokens, targets).tolist()
        for i, row, sequence in zip(rows, logprobs, tokens, strict=True):
            response = row[len(pairs[i][0]) - 1 : len(sequence)]
            found[i] = math.exp(sum(response))
    return found
