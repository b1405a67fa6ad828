"""A local Tinker server: Trinity's tinker engine trains and samples small models without a GPU.

It speaks the JSON of tinker 0.20.0 and, for the same models, OpenAI's chat completions. Training is
LoRA, with the rank and the layers the client asks for. Every snapshot is one file under --state,
written atomically and never changed: tinker://RUN/weights/NAME (with the optimizer) and
tinker://RUN/sampler_weights/NAME. Runs, sampling sessions and promises live in memory: after a
restart their ids are answered 404, and a client goes on from its last snapshot. The server listens
on 127.0.0.1 only.

    python -m laptop.server --models data/laptop/models --state data/laptop/server --port 8765
"""

import argparse
import asyncio
import json
import logging
import os
import re
import signal
import socket
import sys
import uuid
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from safetensors import safe_open

POLL_SECONDS = 20  # retrieve_future then answers try_again; the client's own limit is 45
KEPT_FUTURES = 2048  # finished results, for a client that asks again
KEPT_SESSIONS = 256  # sampling sessions with an adapter (1.3 MB each at hidden 128, rank 32)
SNAPSHOT = re.compile(
    r"tinker://([0-9a-f]{32})/(weights|sampler_weights)/([^./\\\0-\x1f][^/\\\0-\x1f]*)"
)


def model_names(models: Path) -> list[str]:
    """The folders under `models` that hold a model, by their paths relative to it."""
    return sorted(c.parent.relative_to(models).as_posix() for c in models.rglob("config.json"))


class Service:
    """What the routes share: the engine, the models, and the ids given to clients."""

    def __init__(self, models: Path, state: Path):
        from laptop.engine import Engine

        self.models, self.state, self.engine = models.resolve(), state.resolve(), Engine()
        self.bases, self.runs, self.sessions = {}, {}, {}
        self.futures: dict[str, asyncio.Future] = {}
        self.policies = WeakValueDictionary()  # those in use: requests for one policy batch
        (self.state / "sessions").mkdir(parents=True, exist_ok=True)

    def names(self) -> list[str]:
        return model_names(self.models)

    def folder(self, name: str) -> Path:
        """The folder of a model: a name or an absolute path, refused outside --models."""
        try:
            path = (self.models / name).resolve(strict=True)  # an absolute name stands for itself
        except (OSError, ValueError):  # not there, too long, a NUL in it
            path = self.models
        if not path.is_relative_to(self.models):
            raise HTTPException(400, f"model {name!r} is outside {self.models}")
        if path == self.models or not (path / "config.json").is_file():
            choices = ", ".join(self.names())
            raise HTTPException(404, f"no model {name!r}; there are: {choices}")
        return path

    def file(self, uri: str) -> Path:
        """The file, existing or not, of a tinker:// path, refused outside --state."""
        match = SNAPSHOT.fullmatch(uri)
        if not match or len(os.fsencode(match[3])) > 200:
            raise HTTPException(400, f"{uri!r} is not tinker://RUN/weights|sampler_weights/NAME")
        file = self.state.joinpath(match[1], match[2], f"{match[3]}.safetensors")
        if not file.resolve().is_relative_to(self.state):
            raise HTTPException(400, f"{uri!r} is outside {self.state}")
        return file

    def header(self, file: Path) -> dict:
        """What TrainingRun.save says of a snapshot: base_model, lora, optimizer."""
        if not file.is_file():
            raise HTTPException(404, f"no snapshot {file.stem!r} in {file.parent}; was it deleted?")
        with safe_open(file, framework="numpy") as tensors:
            return json.loads(tensors.metadata()["tinker"])

    def known(self, table: dict, key: str):
        """The run, sampling session or future of an id."""
        if key not in table:
            raise HTTPException(404, f"unknown id {key!r}: no id outlives a restart of the server")
        return table[key]

    def session(self, session_id: str) -> Path:
        return self.state / "sessions" / session_id  # an empty file: it outlives a restart

    def check_session(self, session_id: str) -> None:
        if not re.fullmatch("[0-9a-f]{32}", session_id) or not self.session(session_id).is_file():
            raise HTTPException(404, f"unknown session_id {session_id!r}")

    def start(self, owner: str, seq_id: int | None, work) -> dict:
        """Queues work and promises its result; once for a seq_id, as clients repeat requests."""
        request_id = uuid.uuid4().hex if seq_id is None else f"{owner}:{seq_id}"
        if request_id not in self.futures:
            self.futures[request_id] = asyncio.wrap_future(self.engine.submit(work))
            if len(self.futures) > 2 * KEPT_FUTURES:  # seldom, as it looks at all of them
                done = [key for key, future in self.futures.items() if future.done()]
                for key in done[:-KEPT_FUTURES]:
                    del self.futures[key]
        return {"request_id": request_id}

    async def retrieve(self, request_id: str) -> dict:
        from laptop.engine import BadRequest

        future = self.known(self.futures, request_id)
        await asyncio.wait([future], timeout=POLL_SECONDS)
        if not future.done():
            return {"type": "try_again", "request_id": request_id, "queue_state": "active"}
        if (error := future.exception()) is None:
            return future.result()
        if isinstance(error, BadRequest):
            return {"error": str(error), "category": "user"}
        logging.error("request %s failed", request_id, exc_info=error)
        return {"error": f"{type(error).__name__}: {error}", "category": "server"}

    def base(self, path: Path):
        """The model of a folder. This and policy() run on the engine's thread."""
        from laptop.engine import BaseModel

        if path not in self.bases:
            self.bases[path] = BaseModel(path.relative_to(self.models).as_posix(), path)
        return self.bases[path]

    def policy(self, name: str):
        """The base model of a name or absolute path, or the snapshot of a tinker:// path."""
        from laptop.engine import Lora, Policy

        if not name.startswith("tinker:"):
            path = key = self.folder(name)
        else:
            about = self.header(file := self.file(name))
            path, key = self.folder(about["base_model"]), (file, file.stat().st_mtime_ns)
        if (policy := self.policies.get(key)) is None:
            base = self.base(path)
            policy = Policy(base) if key == path else Policy.load(base, Lora(**about["lora"]), file)
            self.policies[key] = policy
        return policy

    async def load_policy(self, name: str | None):
        if not name:
            raise HTTPException(400, "name a model: base_model, or model_path as tinker://...")
        return await asyncio.wrap_future(self.engine.submit(partial(self.policy, name)))

    def open_session(self, policy) -> str:
        """A sampling session; it keeps its weights when their snapshot is deleted."""
        session_id = uuid.uuid4().hex
        self.sessions[session_id] = policy
        adapted = [key for key, kept in self.sessions.items() if kept.adapter]
        for key in adapted[:-KEPT_SESSIONS]:
            del self.sessions[key]
        return session_id


def create_app(models: Path, state: Path) -> FastAPI:
    """The app that serves the models under `models` and keeps its snapshots under `state`."""
    from laptop import routes
    from laptop.engine import BadRequest

    service = Service(models, state)

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        yield
        service.engine.close(cancel_futures=True)

    app = FastAPI(lifespan=lifespan)
    app.state.service = service
    routes.add_tinker_routes(app, service)
    routes.add_openai_routes(app, service)

    @app.get("/healthz")
    @app.get("/api/v1/healthz")
    async def healthz():
        return {"status": "ok"}

    @app.exception_handler(BadRequest)
    async def bad_request(request, error):
        return JSONResponse({"detail": str(error)}, 400)

    @app.exception_handler(ValidationError)
    @app.exception_handler(RequestValidationError)
    async def invalid(request, error):  # FastAPI's own echoes the input, and breaks on NaN in it
        reasons = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        return JSONResponse({"detail": "; ".join(reasons)}, 422)

    return app


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser("laptop.server", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--models", type=Path, default=Path("data/laptop/models"), help="folder of the models")
    add("--state", type=Path, default=Path("data/laptop/server"), help="folder of the snapshots")
    add("--port", type=int, default=8765, help="port on 127.0.0.1, 0 for any free one (8765)")
    args = parser.parse_args(argv)
    names = model_names(args.models)
    if not names:
        stop(f"no model under {args.models}; make them: python -m laptop.make_base")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", args.port))
    except (OSError, OverflowError) as error:
        stop(f"port {args.port}: {error}; end the server that has it, or give another --port")
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again after its shutdown
        signal.signal(number, lambda *_: sys.exit(0))
    app = create_app(args.models, args.state)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    listener.listen(128)  # before the line is printed: who reads it may connect
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(f"Tinker server ready at {address}, models: {', '.join(names)}", flush=True)
    server.run(sockets=[listener])


def stop(message: str) -> None:
    print(f"laptop.server: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
