"""The OpenAI-compatible servers of one model: requests, repetitions, and every fault counted.

openai's own client would hide what a measurement must count (its retries, answers without a
choice), and costs more: with 256 requests in flight openai 2.54.0 with its aiohttp transport takes
4.4 ms of CPU a request, this one 1.3; a whole sample, agent and judge included, 6.6 and 2.8.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from email.utils import parsedate_to_datetime
from random import uniform
from typing import TYPE_CHECKING

import aiohttp

from data_augment.addresses import proxy_of, without_password
from data_augment.errors import BadInput
from data_augment.pass_rates.completion import is_streamed, read_completion, worth_repeating
from data_augment.pass_rates.errors import Unanswered, shortened

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

ATTEMPTS = 7  # for one request
BACKOFF = 1.0  # seconds before the second attempt, doubled for each further one: a minute in all
LONGEST_WAIT = 300.0  # seconds; a longer Retry-After is a quota, not a pause
CONNECT_SECONDS = 30.0
STREAM_BEGINNING = 4096  # bytes in which an event stream shows what it is

WRONG_ADDRESS = "Correct the model's name or the address (it mostly ends in /v1)"
# HTTP statuses that every request of this command would get.
FATAL = {401: "Give a key with --api-key-env", 404: WRONG_ADDRESS, 405: WRONG_ADDRESS}
# Fields that a server may refuse, and the option that leaves them out.
INSTEAD_OF = {
    "max_tokens": "Give --max-completion-tokens in place of --max-tokens",
    "seed": "Add --seed none",
    "temperature": "Add --temperature 1",
}
REFUSALS = ("unsupported", "not supported", "not permitted", "unrecognized", "unknown")


class Endpoints:
    """The base addresses of one model: a request goes to one, its repetitions to the next ones.

    Opened by `async with`, in the event loop that asks.

    Attributes:
        failures: failed requests by reason.
        tokens: completion tokens of all the others.
        redirected: (address, where it leads), where a server answered at another one (307, 308).
    """

    def __init__(self, urls: list[str], api_key: str | None, timeout: float):
        self.urls = urls
        self.api_key = api_key
        self.timeout = timeout  # seconds
        self.proxies = {url: proxy_of(url) for url in urls}
        self.failures: Counter[str] = Counter()
        self.tokens = 0
        self.redirected: set[tuple[str, str]] = set()

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
            proxy = self.proxies[url]
            try:
                async with self.session.get(f"{url}/models", proxy=proxy, timeout=brief):
                    pass  # whatever it says
            except (aiohttp.ClientError, asyncio.TimeoutError) as error:
                way = f" through the proxy {without_password(proxy)}" if proxy else ""
                raise BadInput(
                    f"{url}: no server answers{way} ({str(error) or 'timeout'}). "
                    "Start it, or correct the address"
                ) from None

    async def ask(self, first: int, request: dict) -> ChatCompletion:
        """The answer to a chat request; attempts go round the endpoints from `first` on.

        Raises Unanswered after ATTEMPTS attempts, or one that no repetition helps (HTTP 400), and
        BadInput for what every request would meet: a wrong key, model name, address or option.
        """
        for attempt in range(ATTEMPTS):
            url = self.urls[(first + attempt) % len(self.urls)]
            try:
                return await self.post(url, request)
            except Unanswered as failure:
                self.failures[failure.reason] += 1
                if not failure.again or attempt + 1 == ATTEMPTS:
                    raise
                wait = max(failure.wait, BACKOFF * 2**attempt)
            await asyncio.sleep(wait * uniform(1, 1.25))  # not all at the same moment

    async def post(self, url: str, request: dict) -> ChatCompletion:
        """One attempt. Raises Unanswered and BadInput."""
        address = f"{url}/chat/completions"
        try:
            async with self.session.post(
                address, json=request, proxy=self.proxies[url]
            ) as response:
                self.check_redirect(address, response)
                text = await read_body(url, response)
        except asyncio.TimeoutError:  # first, as some of aiohttp's are ClientErrors, too
            raise Unanswered(f"no answer in {self.timeout:g} s") from None
        except aiohttp.ClientError as error:
            refused = isinstance(error, aiohttp.ClientConnectorError)
            reason = "no connection" if refused else "connection broken"
            raise Unanswered(reason, str(error)) from None
        if self.api_key:
            text = text.replace(self.api_key, "***")  # some servers repeat it
        if not 200 <= response.status < 300:
            raise refusal(url, response, text)
        completion, tokens = read_completion(text)
        self.tokens += tokens
        return completion

    def check_redirect(self, address: str, response: aiohttp.ClientResponse) -> None:
        """Remember a redirect that kept the request whole, refuse one that turned it into a GET."""
        if not response.history:
            return
        status = response.history[0].status
        target = str(response.url)
        if status in (307, 308):
            self.redirected.add((address, target))
            return
        raise BadInput(
            f"{address}: HTTP {status} leads to {target}. "
            f"Give that address: {target.removesuffix('/chat/completions')}"
        )


async def read_body(url: str, response: aiohttp.ClientResponse) -> str:
    """The body as text. Raises BadInput as soon as it shows to be a stream of pieces."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if response.content_type == "text/event-stream" and is_streamed(body[:STREAM_BEGINNING]):
            raise BadInput(
                f"{url}: the server streams its answer although the request says stream: false. "
                "Turn streaming off in the server or in the gateway before it"
            )
    return body.decode("utf-8-sig", errors="replace")


def refusal(url: str, response: aiohttp.ClientResponse, text: str) -> Exception:
    """What a status other than 2xx means: BadInput where each request would meet it."""
    status = response.status
    said = shortened(text)
    if status in FATAL:
        return BadInput(f"{url}: HTTP {status} ({said}). {FATAL[status]}")
    if status in (400, 422) and any(word in text.lower() for word in REFUSALS):
        for field, cure in INSTEAD_OF.items():
            if re.search(rf"\b{field}\b", text):
                return BadInput(f"{url}: HTTP {status} ({said}). {cure}")
    wait = retry_after(response.headers.get("Retry-After", ""))
    again = worth_repeating(status) and wait <= LONGEST_WAIT
    return Unanswered(f"HTTP {status}", text, again, wait)


def retry_after(header: str) -> float:
    """Seconds of a Retry-After header (a number or an HTTP date); 0 without a readable one."""
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return 0.0
