"""The body of a server's answer: a chat completion, or the reason why it is none.

Servers that call themselves OpenAI-compatible differ here most. What is repaired: text in parts,
one completion in the lines of an event stream, usage that is no usage. What is no answer of the
model raises Unanswered, as a failed request must never be scored 0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from data_augment.pass_rates.errors import Unanswered

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

# "error": OpenRouter, when its provider breaks off. "abort": vLLM and SGLang, likewise.
FAILED = ("error", "abort")


def read_completion(text: str) -> tuple[ChatCompletion, int]:
    """The completion in the body of an answer with HTTP 200, and how many tokens it has.

    The content of its messages is a string or None. Raises Unanswered where the body holds no
    choice, an error, or a choice that the server itself did not finish.
    """
    from openai.types.chat import ChatCompletion

    answer = parse(text)
    error = answer.get("error")
    if error:
        code = error.get("code") if isinstance(error, dict) else None
        raise Unanswered("an error in place of an answer", text, again=worth_repeating(code))
    choices = answer.get("choices")
    if not is_list_of_choices(choices):
        raise Unanswered("no choice", text)
    for choice in choices:
        choice["message"]["content"] = plain_text(choice["message"].get("content"))
        finish = choice.get("finish_reason")
        if finish in FAILED:
            raise Unanswered(f"finish_reason {finish}", text)
        if finish == "content_filter":  # the provider's word, not the model's
            raise Unanswered("stopped by the provider's content filter", text, again=False)
    usage = answer.pop("usage", None)  # agentscope trips over one that is no object
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    if tokens == 0 and not any(says_something(choice["message"]) for choice in choices):
        raise Unanswered("an empty answer of 0 tokens", text)
    # Not validated: servers omit fields.
    return ChatCompletion.model_construct(**answer), tokens if isinstance(tokens, int) else 0


def parse(text: str) -> dict:
    """The JSON object of a body, also where it stands in the lines of an event stream."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = parse_event_stream(text)
    if not isinstance(answer, dict):
        raise Unanswered("no choice", text)
    return answer


def parse_event_stream(text: str):
    """The JSON among comments (": OPENROUTER PROCESSING"), "data:" prefixes and "data: [DONE]"."""
    lines = []
    for line in text.split("\n"):
        if line.startswith((":", "event:")):
            continue
        line = line.removeprefix("data:").strip()
        if line != "[DONE]":
            lines.append(line)
    try:
        return json.loads("\n".join(lines))
    except ValueError:
        raise Unanswered("not JSON", text) from None


def is_streamed(beginning: bytes) -> bool:
    """Whether a body comes in pieces of an answer, each an event of its own."""
    return b'"chat.completion.chunk"' in beginning or b'"delta"' in beginning


def is_list_of_choices(choices) -> bool:
    """Whether each of one choice or more has a message."""
    if not isinstance(choices, list) or not choices:
        return False
    return all(isinstance(c, dict) and isinstance(c.get("message"), dict) for c in choices)


def plain_text(content) -> str | None:
    """The text of a message: a string as it is, the text parts of a list (Mistral) joined.

    Parts of another type, such as a thought, are no part of the answer.
    """
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(str(part.get("text") or "") for part in parts) or None
    raise Unanswered("content that is no text", repr(content))


def says_something(message: dict) -> bool:
    """Whether a message has a text, a thought or a call of a tool."""
    thought = message.get("reasoning_content") or message.get("reasoning")
    return bool(message["content"] or thought or message.get("tool_calls"))


def worth_repeating(status) -> bool:
    """Whether a failure with this HTTP status may pass by itself; one without a status may."""
    if not isinstance(status, int):
        return True
    return status in (408, 409, 425, 429) or status >= 500
