"""What the routes share: the two folders, the models and snapshots in use, the ids of clients.

Training runs and sampling sessions live in memory: after a restart their ids are answered 404, and
a client goes on from its last snapshot.
"""

import asyncio
import uuid
from functools import partial
from pathlib import Path
from typing import Annotated
from weakref import WeakValueDictionary

from fastapi import Depends, Request

from laptop.server.engine import Engine
from laptop.server.errors import BadRequest, NotFound
from laptop.server.paths import model_folder, model_names, session_file, snapshot_file
from laptop.server.policy import BaseModel, Lora, Policy
from laptop.server.promises import Promises
from laptop.server.snapshots import read_adapter, read_header
from laptop.server.training_run import TrainingRun

KEPT_SESSIONS = 256  # sampling sessions with an adapter (1.3 MB each at hidden 128, rank 32)


class Service:
    """The state behind the routes. `base`, `policy` and `new_run` run on the engine's thread."""

    def __init__(self, models: Path, state: Path):
        self.models = models.resolve()
        self.state = state.resolve()
        self.engine = Engine()
        self.promises = Promises(self.engine)
        self.bases: dict[Path, BaseModel] = {}
        self.runs: dict[str, TrainingRun] = {}
        self.samplers: dict[str, Policy] = {}  # by sampling session
        # Those in use, so that requests for the same weights share one policy, and a batch.
        self.policies: WeakValueDictionary[object, Policy] = WeakValueDictionary()
        (self.state / "sessions").mkdir(parents=True, exist_ok=True)

    # Names and ids

    def model_names(self) -> list[str]:
        return model_names(self.models)

    def model_folder(self, name: str) -> Path:
        return model_folder(self.models, name)

    def snapshot_file(self, uri: str) -> Path:
        return snapshot_file(self.state, uri)

    def open_session(self) -> str:
        session_id = uuid.uuid4().hex
        session_file(self.state, session_id).touch()
        return session_id

    def check_session(self, session_id: str) -> None:
        """Raises NotFound unless the session was opened, be it before a restart."""
        if not session_file(self.state, session_id).is_file():
            raise NotFound(f"unknown session_id {session_id!r}")

    def run(self, model_id: str) -> TrainingRun:
        return known(self.runs, model_id)

    def sampler(self, session_id: str) -> Policy:
        return known(self.samplers, session_id)

    # Models

    def base(self, folder: Path) -> BaseModel:
        if folder not in self.bases:
            name = folder.relative_to(self.models).as_posix()
            self.bases[folder] = BaseModel(name, folder)
        return self.bases[folder]

    def new_run(self, folder: Path, lora: Lora, seed: int | None) -> TrainingRun:
        run = TrainingRun(uuid.uuid4().hex, self.base(folder), lora, seed)
        self.runs[run.run_id] = run
        return run

    def policy(self, name: str) -> Policy:
        """The base model of a name or absolute path, or the snapshot of a tinker:// URI."""
        if name.startswith("tinker:"):
            return self._snapshot_policy(self.snapshot_file(name))
        folder = self.model_folder(name)
        policy = self.policies.get(folder)
        if policy is None:
            policy = self.policies[folder] = Policy(self.base(folder))
        return policy

    def _snapshot_policy(self, file: Path) -> Policy:
        header = read_header(file)
        folder = self.model_folder(header["base_model"])
        key = (file, file.stat().st_mtime_ns)  # a deleted name may be given again
        policy = self.policies.get(key)
        if policy is None:
            policy = Policy(self.base(folder), Lora(**header["lora"]), read_adapter(file))
            self.policies[key] = policy
        return policy

    async def load_policy(self, name: str | None) -> Policy:
        """`policy`, awaited by a route."""
        if not name:
            raise BadRequest("name a model: base_model, or model_path as tinker://...")
        return await asyncio.wrap_future(self.engine.submit(partial(self.policy, name)))

    def open_sampler(self, policy: Policy) -> str:
        """A sampling session; it keeps its weights when their snapshot is deleted."""
        session_id = uuid.uuid4().hex
        self.samplers[session_id] = policy
        adapted = [key for key, kept in self.samplers.items() if kept.adapter]
        for key in adapted[:-KEPT_SESSIONS]:
            del self.samplers[key]
        return session_id


def known(table: dict, key: str):
    """The training run or policy of an id; raises NotFound."""
    if key not in table:
        raise NotFound(f"unknown id {key!r}: no id outlives a restart of the server")
    return table[key]


async def service_of(request: Request) -> Service:
    return request.app.state.service


AppService = Annotated[Service, Depends(service_of)]  # a route's parameter: the service of its app
