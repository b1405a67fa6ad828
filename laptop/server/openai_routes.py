"""OpenAI's chat completions for the same models and snapshots, as far as measuring needs them."""

import asyncio
import time
import uuid
from typing import Literal

from fastapi import APIRouter
from jinja2 import TemplateError
from pydantic import BaseModel, field_validator

from laptop.server.errors import BadRequest
from laptop.server.sampling import SampleJob, SamplingParams
from laptop.server.service import AppService

router = APIRouter(prefix="/v1")


class TextPart(BaseModel):
    type: Literal["text"]
    text: str


class Message(BaseModel):
    role: str
    content: str | list[TextPart]  # AgentScope sends parts

    @field_validator("content")
    @classmethod
    def joined(cls, content: str | list[TextPart]) -> str:
        """One text, which is what chat templates take."""
        return content if isinstance(content, str) else "\n".join(part.text for part in content)


class ChatRequest(SamplingParams):
    """What is honoured of OpenAI's request; a field that is not listed is refused."""

    model: str
    messages: list[Message]
    logprobs: bool = False
    stream: Literal[False] = False


@router.get("/models")
async def models(service: AppService):
    data = [{"id": name, "object": "model"} for name in service.model_names()]
    return {"object": "list", "data": data}


@router.post("/chat/completions")
async def chat_completions(request: ChatRequest, service: AppService):
    policy = await service.load_policy(request.model)
    job = SampleJob(policy, render(policy.base.tokenizer, request.messages), request)
    result = await asyncio.wrap_future(service.engine.submit(job))
    sequences = result["sequences"]
    written = sum(len(sequence["tokens"]) for sequence in sequences)
    return {
        "id": uuid.uuid4().hex,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request.model,
        "choices": [choice(job, i, sequence) for i, sequence in enumerate(sequences)],
        "usage": {
            "prompt_tokens": len(job.prompt),
            "completion_tokens": written,
            "total_tokens": len(job.prompt) + written,
        },
    }


def render(tokenizer, messages: list[Message]) -> list[int]:
    """The tokens of the messages and of the beginning of the assistant's turn."""
    try:
        return tokenizer.apply_chat_template(
            [message.model_dump() for message in messages],
            add_generation_prompt=True,
            return_dict=False,
        )
    except (ValueError, TemplateError) as error:
        raise BadRequest(f"the chat template refuses the messages: {error}") from error


def choice(job: SampleJob, index: int, sequence: dict) -> dict:
    """A sampled sequence as OpenAI's choice; its text ends before the first stop text."""
    tokenizer = job.policy.base.tokenizer
    text = tokenizer.decode(sequence["tokens"], skip_special_tokens=True)
    for stop in job.stop_texts:
        text = text.partition(stop)[0]
    logprobs = None
    if job.params.logprobs:
        content = []
        for token, logprob in zip(sequence["tokens"], sequence["logprobs"], strict=True):
            content.append(
                {"token": tokenizer.decode([token]), "logprob": logprob, "top_logprobs": []}
            )
        logprobs = {"content": content}
    return {
        "index": index,
        "message": {"role": "assistant", "content": text},
        "finish_reason": sequence["stop_reason"],
        "logprobs": logprobs,
    }
