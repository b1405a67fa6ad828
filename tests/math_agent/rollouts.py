"""A rollout of the agent on a fake client, and the judge on what it says."""

import asyncio
from types import SimpleNamespace

import math_agent


class FakeClient:
    """Stands for the OpenAI client that Trinity puts into the chat model: records its requests."""

    def __init__(self, *messages, base_url="http://127.0.0.1:8000/v1"):
        self.base_url = base_url
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self.create))
        self.messages = list(messages)
        self.requests = []

    async def create(self, **request):
        from openai.types.chat import ChatCompletion

        self.requests.append(request)
        message = self.messages.pop(0) if len(self.messages) > 1 else self.messages[0]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
        return ChatCompletion.model_validate(
            {"id": "", "created": 0, "model": "m", "object": "chat.completion", "choices": [choice]}
        )


TOOL_CALL = {"id": "1", "type": "function", "function": {"name": "python", "arguments": "{}"}}


def rollout(*messages, answer="#### 18", **client):
    """Run the agent and the judge as Trinity's adapter does; returns requests, judgement."""
    from agentscope.model import OpenAIChatModel

    model = OpenAIChatModel(
        "m", api_key="EMPTY", stream=False, generate_kwargs={"temperature": 1.0}
    )
    model.client = FakeClient(*messages, **client)

    async def run():
        task = {"question": "How many?", "answer": answer}
        output = await math_agent.run_react_agent(task, model, auxiliary_models={})
        return await math_agent.gsm8k_judge(task, output.response, auxiliary_models={})

    return model.client.requests, asyncio.run(run())
