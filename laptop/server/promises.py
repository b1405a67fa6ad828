"""Results of torch work: promised under a request id at once, handed out once they are there."""

import asyncio
import logging
import uuid
from collections.abc import Callable

from laptop.server.engine import Engine
from laptop.server.errors import BadRequest, NotFound
from laptop.server.sampling import SampleJob

POLL_SECONDS = 20  # retrieve then answers try_again; the client's own limit is 45
KEPT = 2048  # finished results, for a client that asks again


class Promises:
    """Queues work on the engine and keeps what came out of it. They do not outlive a restart."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.futures: dict[str, asyncio.Future] = {}  # by request id, oldest first

    def start(
        self, owner: str, seq_id: int | None, work: Callable[[], dict] | SampleJob
    ) -> dict[str, str]:
        """Queue work and promise its result; once for a seq_id, as clients repeat requests."""
        request_id = uuid.uuid4().hex if seq_id is None else f"{owner}:{seq_id}"
        if request_id not in self.futures:
            self.futures[request_id] = asyncio.wrap_future(self.engine.submit(work))
            self._forget_the_oldest()
        return {"request_id": request_id}

    def _forget_the_oldest(self) -> None:
        if len(self.futures) <= 2 * KEPT:  # seldom, as all of them are looked at
            return
        done = [request_id for request_id, future in self.futures.items() if future.done()]
        for request_id in done[:-KEPT]:
            del self.futures[request_id]

    async def retrieve(self, request_id: str) -> dict:
        """The result, the error as Tinker writes it, or try_again after POLL_SECONDS.

        Raises:
            NotFound: nothing was promised under this id.
        """
        future = self.futures.get(request_id)
        if future is None:
            raise NotFound(f"unknown id {request_id!r}: no id outlives a restart of the server")
        await asyncio.wait([future], timeout=POLL_SECONDS)
        if not future.done():
            return {"type": "try_again", "request_id": request_id, "queue_state": "active"}
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, BadRequest):
            return {"error": str(error), "category": "user"}
        logging.error("request %s failed", request_id, exc_info=error)
        return {"error": f"{type(error).__name__}: {error}", "category": "server"}
