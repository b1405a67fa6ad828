"""Samples of a model behind OpenAI-compatible servers: its requests, their faults, its journal.

agentscope's OpenAIChatModel is given `AgentClient` for its openai client. openai's own would hide
what a measurement must count (retries; answers without a choice) and is too slow: with 256 requests
in flight httpx 0.28.1 takes 24 ms of CPU a request, aiohttp 0.6. Command: measure_pass_rates.py.
"""

from __future__ import annotations

import asyncio
import copy
import fcntl
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from email.utils import parsedate_to_datetime
from functools import cache, partial
from pathlib import Path
from random import Random, uniform
from typing import TYPE_CHECKING, BinaryIO

import aiohttp

from data_augment.errors import BadInput

if TYPE_CHECKING:
    from agentscope.model import OpenAIChatModel
    from openai.types.chat import ChatCompletion

ATTEMPTS = 7  # for one request
BACKOFF = 1.0  # seconds before the second attempt, doubled for each further one: a minute in all
LONGEST_WAIT = 300.0  # seconds; a longer Retry-After is a quota, not a pause
CONNECT_SECONDS = 30.0
MODEL_OR_URL = "Mend the model's name or the address (it mostly ends in /v1)"
FATAL = {401: "Give a key with --api-key-env", 404: MODEL_OR_URL, 405: MODEL_OR_URL}


class Unanswered(Exception):
    """A failed request. `reason` is its line in the report; the message has the details."""

    def __init__(self, reason: str, details: str = "", again: bool = True, wait: float = 0):
        super().__init__(f"{reason}{': ' if details else ''}{details}")
        self.reason, self.again, self.wait = reason, again, wait


# Requests


class Endpoints:
    """The base addresses of one model: a request goes to one, its retries to the next ones.

    `failures` counts failed requests by reason, `tokens` the completion tokens of the others.
    Opened by `async with`, in the event loop that asks.
    """

    def __init__(self, urls: list[str], api_key: str | None, timeout: float):
        self.urls, self.api_key, self.timeout = urls, api_key, timeout
        self.failures: Counter[str] = Counter()
        self.tokens = 0

    async def __aenter__(self) -> Endpoints:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the caller limits what is in flight
            timeout=aiohttp.ClientTimeout(total=self.timeout, sock_connect=CONNECT_SECONDS),
            headers={"Authorization": f"Bearer {self.api_key}"} if self.api_key else {},
        )
        return self

    async def __aexit__(self, *_) -> None:
        await self.session.close()

    async def check(self) -> None:
        """Raise BadInput where no server answers at all."""
        brief = aiohttp.ClientTimeout(CONNECT_SECONDS)
        for url in self.urls:
            try:
                async with self.session.get(f"{url}/models", timeout=brief):
                    pass  # whatever it says
            except (aiohttp.ClientError, asyncio.TimeoutError) as error:
                found = f"{url}: no server answers ({str(error) or 'timeout'})"
                raise BadInput(f"{found}. Start it, or mend the address") from None

    async def ask(self, first: int, request: dict) -> ChatCompletion:
        """The answer to a chat request; attempts go round the endpoints from `first` on.

        Raises Unanswered after ATTEMPTS attempts, or one that no repetition mends (HTTP 400), and
        BadInput for a wrong key, model name or address.
        """
        for attempt in range(ATTEMPTS):
            try:
                return await self.post(self.urls[(first + attempt) % len(self.urls)], request)
            except Unanswered as failure:
                self.failures[failure.reason] += 1
                if not failure.again or attempt + 1 == ATTEMPTS:
                    raise
                wait = max(failure.wait, BACKOFF * 2**attempt)
            await asyncio.sleep(wait * uniform(1, 1.25))  # not all at the same moment

    async def post(self, url: str, request: dict) -> ChatCompletion:
        from openai.types.chat import ChatCompletion

        try:
            async with self.session.post(f"{url}/chat/completions", json=request) as response:
                text = (await response.read()).decode(errors="replace")
        except asyncio.TimeoutError:  # first, as some of aiohttp's are ClientErrors, too
            raise Unanswered(f"no answer in {self.timeout:g} s") from None
        except aiohttp.ClientError as error:
            refused = isinstance(error, aiohttp.ClientConnectorError)
            reason = "no connection" if refused else "connection broken"
            raise Unanswered(reason, str(error)) from None
        if (status := response.status) in FATAL:
            raise BadInput(f"{url}: HTTP {status} ({self.shown(text)}). {FATAL[status]}")
        if status != 200:
            wait = retry_after(response.headers.get("Retry-After", ""))
            again = (status in (408, 409, 425, 429) or status >= 500) and wait <= LONGEST_WAIT
            raise Unanswered(f"HTTP {status}", self.shown(text), again, wait)
        try:
            answer = json.loads(text)
        except ValueError:
            raise Unanswered("not JSON", self.shown(text)) from None
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not choices or not all(choice.get("message") for choice in choices):
            raise Unanswered("no choice", self.shown(text))
        self.tokens += (answer.get("usage") or {}).get("completion_tokens") or 0
        return ChatCompletion.model_construct(**answer)  # not validated: servers omit fields

    def shown(self, text: str) -> str:
        """The beginning of a server's words, without the key, which some repeat."""
        text = " ".join(text.split())
        return (text.replace(self.api_key, "***") if self.api_key else text)[:200]


def retry_after(header: str) -> float:
    """Seconds of a Retry-After header (a number or an HTTP date); 0 without a readable one."""
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except ValueError:
        return 0.0


# Agents


class SharedRequest:
    """The first request of `n` agents with the same task, sent once with n choices."""

    def __init__(self, ask: Callable[[dict], Awaitable[ChatCompletion]], n: int):
        self.ask, self.n, self.answer = ask, n, None

    async def choice(self, index: int, request: dict) -> ChatCompletion:
        if self.n == 1:
            return await self.ask(request)
        if self.answer is None:
            self.answer = asyncio.ensure_future(self.ask(request | {"n": self.n}))
        answer = await self.answer
        if index >= len(answer.choices):  # a server that does not know n
            return await self.ask(request)
        return answer.model_copy(update={"choices": [answer.choices[index]]})


class AgentClient:
    """The client of one sample's agent. `finish` is the finish_reason of its last turn."""

    def __init__(self, shared: SharedRequest, index: int):
        self.shared, self.index, self.finish = shared, index, None
        self.chat = self.completions = self  # agentscope calls client.chat.completions.create

    async def create(self, **request) -> ChatCompletion:
        request["messages"] = list(map(plain, request["messages"]))
        first = self.finish is None  # else the model called a tool that is not there
        ask = partial(self.shared.choice, self.index) if first else self.shared.ask
        answer = await ask(request)
        self.finish = answer.choices[0].finish_reason or "unknown"
        return answer


def plain(message: dict) -> dict:
    """The message with its text as a string: agentscope sends parts, which not all servers take."""
    parts = message.get("content") or ""
    if isinstance(parts, list) and all(part["type"] == "text" for part in parts):
        parts = "\n".join(part["text"] for part in parts)
    return message | {"content": parts}


@cache
def chat_model(name: str) -> OpenAIChatModel:
    from agentscope.model import OpenAIChatModel

    return OpenAIChatModel(name, api_key="none", stream=False)


# One model


class Reference:
    """A model to measure: its endpoints, and its samples, each of them a line of its journal.

    `spec`: column name, model name, base addresses; `rows`: those to measure; `samples`: of each;
    `settings`: temperature, top_p, max_tokens; `seed`: of all its samples' seeds, None for none;
    `key`, `timeout` (seconds): see Endpoints.
    """

    def __init__(self, spec, rows: list[int], samples: int, settings: dict, seed, key, timeout):
        self.name, self.model, urls = spec
        self.rows, self.samples, self.settings, self.seed = rows, samples, settings, seed
        self.endpoints = Endpoints(urls, key, timeout)
        self.rewards: dict[int, dict[int, float]] = {}  # row -> sample -> reward
        self.finishes: Counter[str] = Counter()  # samples by finish_reason, or "no text"
        self.lost: Counter[str] = Counter()  # samples without an answer, by reason
        self.done = self.rows_done = self.right = self.lost_in_a_row = 0
        self.last_lost = Unanswered("")

    def open_journal(self, path: Path, **about: str) -> BinaryIO:
        """Take in the samples of earlier runs; return the open file, locked for others.

        Raises BadInput where they had other settings than this one's and `about`.
        """
        self.journal = open(path, "a+b")  # noqa: SIM115 (it stays open)
        try:
            fcntl.flock(self.journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"{path}: another measurement is writing it. Wait for it") from None
        self.journal.seek(0)
        whole = b"".join(line for line in self.journal if line.endswith(b"\n"))
        self.journal.truncate(len(whole))  # a kill may have torn the last line
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise BadInput(f"{path}: damaged ({error}). Mend or delete it") from None
        header = {"model": self.model, **self.settings, "seed": self.seed, **about}
        if not lines[1:]:
            self.journal.truncate(0)
            self.write([header])
        elif differ := [key for key in header if lines[0].get(key) != header[key]]:
            pairs = [f"{k} {lines[0].get(k)!r:.50} there, {header[k]!r:.50} here" for k in differ]
            raise BadInput(
                f"{path}: measured with other settings ({'; '.join(pairs)}). Take the same ones, "
                f"another name than {self.name}, or delete this journal to start afresh"
            )
        for line in lines[1:]:
            self.take(line)
        return self.journal

    def write(self, lines: list[dict]) -> None:
        self.journal.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        self.journal.flush()  # a killed process loses no line, a power cut some seconds of them

    def take(self, line: dict) -> None:
        known = self.rewards.setdefault(line["row"], {})
        known[line["sample"]] = line["reward"]
        self.rows_done += len(known) == self.samples
        if line["sample"] < self.samples:
            self.finishes[line["finish"]] += 1
            self.done, self.right = self.done + 1, self.right + line["reward"]

    def jobs(self, choices: int) -> Iterator[tuple[int, list[int]]]:
        """(row, samples of it to ask for in one request) for what the journal lacks."""
        for row in self.rows:
            known = self.rewards.get(row, {})
            missing = [sample for sample in range(self.samples) if sample not in known]
            for i in range(0, len(missing), choices):
                yield row, missing[i : i + choices]

    def rates(self, rows: int, least: int) -> tuple[list[float | None], list[int]]:
        """Of each of so many rows, the pass rate (None below `least` samples), and the samples."""
        known = [self.rewards.get(row, {}) for row in range(rows)]
        rewards = [[k[sample] for sample in range(self.samples) if sample in k] for k in known]
        rates = [sum(r) / len(r) if len(r) >= least else None for r in rewards]
        return rates, [len(r) for r in rewards]

    async def measure(self, endpoint: int, row: int, task: dict, samples: list[int]) -> None:
        """Run agent and judge for some samples of a row, journal them. Raises BadInput."""
        shared = SharedRequest(partial(self.endpoints.ask, endpoint), len(samples))
        runs = [self.run(AgentClient(shared, i), row, s, task) for i, s in enumerate(samples)]
        lines = [line for line in await asyncio.gather(*runs) if line]
        self.write(lines)
        for line in lines:
            self.take(line)

    async def run(self, client: AgentClient, row: int, sample: int, task: dict) -> dict | None:
        """One sample: its line for the journal, or None where it got no answer."""
        from math_agent import gsm8k_judge, run_react_agent

        model = copy.copy(chat_model(self.model))  # its constructor takes milliseconds
        model.client, model.generate_kwargs = client, self.settings.copy()
        if self.seed is not None:
            model.generate_kwargs["seed"] = Random(f"{self.seed} {row} {sample}").getrandbits(31)
        try:
            output = await run_react_agent(task, model)
        except Unanswered as failure:
            self.lost[failure.reason] += 1
            self.lost_in_a_row, self.last_lost = self.lost_in_a_row + 1, failure
            return None
        self.lost_in_a_row = 0
        reward = (await gsm8k_judge(task, output.response)).reward
        finish = client.finish if output.response.get_text_content() else "no text"
        return {"row": row, "sample": sample, "reward": reward, "finish": finish}
