"""The FastAPI app of the local Tinker server: routes, and how errors are answered."""

from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from laptop.server import likelihood_routes, openai_routes, tinker_routes
from laptop.server.errors import BadRequest, NotFound
from laptop.server.service import Service


def create_app(models: Path, state: Path) -> FastAPI:
    """The app that serves the models under `models` and keeps its snapshots under `state`."""
    service = Service(models, state)

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        yield
        service.engine.close()

    app = FastAPI(lifespan=lifespan)
    app.state.service = service
    app.include_router(tinker_routes.router)
    app.include_router(openai_routes.router)
    app.include_router(likelihood_routes.router)
    app.add_exception_handler(BadRequest, answer_bad_request)
    app.add_exception_handler(ValidationError, answer_invalid)
    app.add_exception_handler(RequestValidationError, answer_invalid)

    @app.get("/healthz")
    @app.get("/api/v1/healthz")
    async def healthz():
        return {"status": "ok"}

    return app


async def answer_bad_request(request, error: BadRequest) -> JSONResponse:
    status = 404 if isinstance(error, NotFound) else 400
    return JSONResponse({"detail": str(error)}, status)


async def answer_invalid(request, error) -> JSONResponse:
    """As FastAPI's own handler, without the input, on whose NaN that one breaks."""
    reasons = []
    for found in error.errors():
        where = ".".join(str(part) for part in found["loc"])
        reasons.append(f"{where}: {found['msg']}")
    return JSONResponse({"detail": "; ".join(reasons)}, 422)
