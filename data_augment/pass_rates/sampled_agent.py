"""One sample: the agent answers a task through a server, the judge scores it, as in training."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING

from data_augment.pass_rates.journal import Sample

if TYPE_CHECKING:
    from agentscope.model import OpenAIChatModel
    from openai.types.chat import ChatCompletion

Ask = Callable[[dict], "Awaitable[ChatCompletion]"]  # takes a chat request, see Endpoints.ask


async def sample_task(
    task: dict, model: str, settings: dict, shared: SharedRequest, index: int
) -> Sample:
    """Run agent and judge once.

    Args:
        task: with `question` and `answer`.
        model: its name on the server.
        settings: fields of the chat request, such as temperature and seed.
        shared: the first request of this agent and of those that share it.
        index: this agent's choice of that request.

    A response without text has the reward 0 and the finish "no text". Raises what `shared` raises.
    """
    from math_agent import gsm8k_judge, run_react_agent
    from math_agent.answers import boxed

    client = AgentClient(shared, index)
    output = await run_react_agent(task, agent_model(model, settings, client))
    judged = await gsm8k_judge(task, output.response)
    text = output.response.get_text_content()
    finish = client.finish if text else "no text"
    return Sample(judged.reward, finish, boxed(text))


def agent_model(name: str, settings: dict, client: AgentClient) -> OpenAIChatModel:
    """The chat model of one agent, whose requests go through `client`."""
    model = copy.copy(chat_model(name))  # its constructor takes milliseconds
    model.client = client
    model.generate_kwargs = settings
    return model


@cache
def chat_model(name: str) -> OpenAIChatModel:
    from agentscope.model import OpenAIChatModel

    return OpenAIChatModel(name, api_key="none", stream=False)


class SharedRequest:
    """The first request of `n` agents with the same task, sent once, with n choices."""

    def __init__(self, ask: Ask, n: int):
        self.ask = ask
        self.n = n
        self.answer: asyncio.Future | None = None

    async def choice(self, index: int, request: dict) -> ChatCompletion:
        """The answer with choice `index` alone; asked for again where the server left it out."""
        if self.n == 1:
            return await self.ask(request)
        if self.answer is None:
            self.answer = asyncio.ensure_future(self.ask(request | {"n": self.n}))
        answer = await self.answer
        if index >= len(answer.choices):  # a server that does not know n
            return await self.ask(request)
        return answer.model_copy(update={"choices": [answer.choices[index]]})


class AgentClient:
    """Stands for the openai client in one agent's OpenAIChatModel.

    Attributes:
        finish: the finish_reason of the last turn.
    """

    def __init__(self, shared: SharedRequest, index: int):
        self.shared = shared
        self.index = index
        self.finish: str | None = None
        self.chat = self  # agentscope calls client.chat.completions.create
        self.completions = self

    async def create(self, **request) -> ChatCompletion:
        request["messages"] = [plain_message(message) for message in request["messages"]]
        if self.finish is None:
            answer = await self.shared.choice(self.index, request)
        else:  # a further turn: the model called a tool that is not there
            answer = await self.shared.ask(request)
        self.finish = answer.choices[0].finish_reason or "unknown"
        return answer


def plain_message(message: dict) -> dict:
    """The message as every server takes it: its text a string, and no `name`.

    agentscope sends a list of parts and the agent's name, which strict servers refuse.
    """
    content = message.get("content") or ""
    if isinstance(content, list) and all(part["type"] == "text" for part in content):
        content = "\n".join(part["text"] for part in content)
    plain = message | {"content": content}
    plain.pop("name", None)
    return plain
