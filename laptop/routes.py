"""The HTTP routes of the local Tinker server: Tinker's API, and OpenAI's chat completions.

The request types of Tinker's API are those of the client, tinker 0.20.0. A request that cannot be
honoured is refused at once, with a 4xx and the reason; torch work is promised under a request_id,
for which retrieve_future waits. laptop.server is the command.
"""

import asyncio
import math
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import FastAPI, HTTPException
from jinja2 import TemplateError
from pydantic import BaseModel, ConfigDict, Field
from tinker import types

# The JSON forms of these two; tinker 0.20.0 exports dataclasses by the same names.
from tinker.types._pydantic_types.forward_backward_request import ForwardBackwardRequest
from tinker.types._pydantic_types.forward_request import ForwardRequest

from laptop.engine import Lora, TrainingRun
from laptop.sampling import MAX_ROWS, SampleJob

if TYPE_CHECKING:
    from laptop.server import Service


Text = Annotated[str, Field(min_length=1)]


class Sampling(BaseModel):
    """The checked fields that a Tinker and a chat request have in common."""

    model_config = ConfigDict(extra="forbid")
    max_tokens: int | None = Field(None, ge=1)  # None: up to the model's context
    temperature: float = Field(1.0, ge=0, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(-1, ge=-1)  # -1 or 0: no limit
    seed: int | None = None
    stop: Text | list[Text | int] | None = None  # in addition to the model's EOS
    num_samples: int = Field(1, ge=1, le=MAX_ROWS, alias="n")


class Message(BaseModel):
    role: str
    content: str


class ChatRequest(Sampling):
    """What is honoured of OpenAI's request; a field not listed is refused."""

    model: str
    messages: list[Message]
    logprobs: bool = False
    stream: Literal[False] = False


def ints(model_input) -> list[int]:
    try:
        return model_input.to_ints()
    except ValueError as error:
        raise HTTPException(400, f"only encoded_text chunks are supported: {error}") from error


def add_tinker_routes(app: FastAPI, service: "Service") -> None:
    def post(path: str):
        return app.post(f"/api/v1/{path}")

    @post("client/config")
    async def client_config(request: types.ClientConfigRequest):
        return {"parallel_fwdbwd_chunks": False}  # chunks in order: gradients add up reproducibly

    @app.get("/api/v1/get_server_capabilities")
    async def capabilities():
        # A model's absolute folder names it, too: Trinity looks for its own model_path here.
        names = [name for n in service.names() for name in (n, str(service.models / n))]
        return {"supported_models": [{"model_name": name} for name in names]}

    @post("telemetry")
    async def telemetry():
        return {"status": "accepted"}  # and not kept

    @post("create_session")
    async def create_session(request: types.CreateSessionRequest):
        session_id = uuid.uuid4().hex
        service.session(session_id).touch()
        return {"session_id": session_id}

    @post("session_heartbeat")
    async def heartbeat(request: types.SessionHeartbeatRequest):
        service.check_session(request.session_id)
        return {}

    @post("retrieve_future")
    async def retrieve_future(request: types.FutureRetrieveRequest):
        return await service.retrieve(request.request_id)

    @post("create_model")
    async def create_model(request: types.CreateModelRequest):
        service.check_session(request.session_id)
        if request.lora_config is None:
            raise HTTPException(400, "lora_config is missing: only LoRA adapters are trained here")
        path, shape = service.folder(request.base_model), request.lora_config.model_dump()
        seed, lora = shape.pop("seed"), Lora(**shape)

        def create() -> dict:
            run = TrainingRun(uuid.uuid4().hex, service.base(path), lora, seed)
            service.runs[run.run_id] = run
            return {"model_id": run.run_id}

        return service.start(request.session_id, None, create)

    @post("get_info")
    async def get_info(request: types.GetInfoRequest):
        run = service.known(service.runs, request.model_id)
        data = {"model_name": str(run.base.path), "tokenizer_id": str(run.base.path)}
        lora = {"is_lora": True, "lora_rank": run.lora.rank}
        return {"model_id": run.run_id, "model_name": run.base.name, "model_data": data} | lora

    @post("weights_info")
    async def weights_info(request: dict[str, str]):
        about = service.header(service.file(request.get("tinker_path", "")))
        path, lora = service.folder(about["base_model"]), about["lora"]
        return {"base_model": str(path), "is_lora": True, "lora_rank": lora.pop("rank")} | lora

    def compute(request, loss_input, backward: bool) -> dict:
        run = service.known(service.runs, request.model_id)
        if loss_input.loss_fn != "cross_entropy" or loss_input.loss_fn_config:
            rule = f"loss_fn {loss_input.loss_fn!r}: only cross_entropy, without loss_fn_config"
            raise HTTPException(400, f"{rule}; the client's forward_backward_custom does the rest")
        data = []
        for i, datum in enumerate(loss_input.data):
            tokens, inputs = ints(datum.model_input), dict(datum.loss_fn_inputs)
            flat = all(tensor.shape in (None, [len(tensor.data)]) for tensor in inputs.values())
            targets = inputs.pop("target_tokens").data if "target_tokens" in inputs else []
            weights = inputs.pop("weights").data if "weights" in inputs else [1.0] * len(targets)
            if inputs or not flat or not len(tokens) == len(targets) == len(weights):
                rule = "target_tokens and weights, flat, as many as input tokens, and nothing else"
                raise HTTPException(400, f"data[{i}].loss_fn_inputs must be {rule}")
            if not all(map(math.isfinite, weights)):
                raise HTTPException(400, f"data[{i}].loss_fn_inputs.weights must be finite")
            run.base.check(tokens, f"data[{i}].model_input")
            run.base.check(targets, f"data[{i}].loss_fn_inputs.target_tokens")
            data.append((tokens, targets, weights))

        def result() -> dict:
            logprobs, loss = run.forward(data, backward)
            tensors = [{"data": row, "dtype": "float32", "shape": [len(row)]} for row in logprobs]
            outputs = {"loss_fn_outputs": [{"logprobs": tensor} for tensor in tensors]}
            return outputs | {"loss_fn_output_type": "logprobs", "metrics": {"loss:sum": loss}}

        return service.start(run.run_id, request.seq_id, result)

    @post("forward")
    async def forward(request: ForwardRequest):
        return compute(request, request.forward_input, backward=False)

    @post("forward_backward")
    async def forward_backward(request: ForwardBackwardRequest):
        return compute(request, request.forward_backward_input, backward=True)

    @post("optim_step")
    async def optim_step(request: types.OptimStepRequest):
        run, adam = service.known(service.runs, request.model_id), request.adam_params
        finite = all(0 <= value < math.inf for value in adam.model_dump().values())
        if not finite or max(adam.beta1, adam.beta2) >= 1:
            raise HTTPException(400, f"adam_params must be 0 or more, the betas below 1: {adam}")
        return service.start(run.run_id, request.seq_id, lambda: {"metrics": run.step(adam)})

    def save(request, kind: str, overwrite: bool) -> dict:
        run = service.known(service.runs, request.model_id)
        if request.ttl_seconds is not None:
            raise HTTPException(400, "ttl_seconds is not supported: delete the checkpoint instead")
        uri = f"tinker://{run.run_id}/{kind}/{request.path or uuid.uuid4().hex}"
        file = service.file(uri)

        def result() -> dict:
            run.save(file, optimizer=kind == "weights", overwrite=overwrite)
            if request.path or kind == "weights":
                return {"path": uri}
            return {"sampling_session_id": service.open_session(service.policy(uri))}

        return service.start(run.run_id, request.seq_id, result)

    @post("save_weights")
    async def save_weights(request: types.SaveWeightsRequest):
        return save(request, "weights", request.overwrite)

    @post("save_weights_for_sampler")
    async def save_weights_for_sampler(request: types.SaveWeightsForSamplerRequest):
        return save(request, "sampler_weights", overwrite=False)

    @post("load_weights")
    async def load_weights(request: types.LoadWeightsRequest):
        run, file = service.known(service.runs, request.model_id), service.file(request.path)
        about = service.header(file)
        if (about["base_model"], Lora(**about["lora"])) != (run.base.name, run.lora):
            raise HTTPException(400, f"{request.path!r} has {about}, the run {run.lora}")
        if request.optimizer and not about["optimizer"]:
            raise HTTPException(400, f"{request.path!r} has no optimizer state")

        def result() -> dict:
            run.load(file, request.optimizer)
            return {"path": request.path}

        return service.start(run.run_id, request.seq_id, result)

    @app.delete("/api/v1/training_runs/{run_id}/checkpoints/{name:path}", status_code=204)
    async def delete_checkpoint(run_id: str, name: str):
        # Trinity 0.6.0 sends the bare name, RestClient.delete_checkpoint_from_tinker_path the kind.
        kinds = [""] if "/" in name else ["sampler_weights/", "weights/"]
        uris = [f"tinker://{run_id}/{kind}{name}" for kind in kinds]
        found = [file for uri in uris if (file := service.file(uri)).is_file()]
        if len(found) != 1:
            raise HTTPException(404, f"{len(found)} checkpoints {name!r} of run {run_id!r}")
        found[0].unlink()

    @post("create_sampling_session")
    async def create_sampling_session(request: types.CreateSamplingSessionRequest):
        service.check_session(request.session_id)
        policy = await service.load_policy(request.model_path or request.base_model)
        return {"sampling_session_id": service.open_session(policy)}

    @app.get("/api/v1/samplers/{sampler_id}")
    async def get_sampler(sampler_id: str):
        policy = service.known(service.sessions, sampler_id)
        # The slash: tinker 0.20.0 takes a name with two ("/models/base") for ORG/MODEL/VARIANT.
        return {"sampler_id": sampler_id, "base_model": f"{policy.base.path}/"}

    @post("asample")
    async def asample(request: types.SampleRequest):
        if session_id := request.sampling_session_id:
            policy = service.known(service.sessions, session_id)
        else:
            policy = await service.load_policy(request.model_path or request.base_model)
        if request.prompt_logprobs and request.topk_prompt_logprobs > 0:
            raise HTTPException(400, "topk_prompt_logprobs is not supported")
        params = Sampling(n=request.num_samples, **request.sampling_params.model_dump())
        job = SampleJob(policy, ints(request.prompt), params, bool(request.prompt_logprobs))
        return service.start(session_id, request.seq_id if session_id else None, job)


def add_openai_routes(app: FastAPI, service: "Service") -> None:
    @app.get("/v1/models")
    async def models():
        names = service.names()
        return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}

    @app.post("/v1/chat/completions")
    async def chat_completions(request: ChatRequest):
        policy = await service.load_policy(request.model)
        tokenizer, messages = policy.base.tokenizer, [m.model_dump() for m in request.messages]
        template = {"add_generation_prompt": True, "return_dict": False}
        try:
            prompt = tokenizer.apply_chat_template(messages, **template)
        except (ValueError, TemplateError) as error:
            raise HTTPException(400, f"the chat template refuses the messages: {error}") from error
        job = SampleJob(policy, prompt, request)
        result = await asyncio.wrap_future(service.engine.submit(job))
        choices = []
        for index, sequence in enumerate(result["sequences"]):
            text = tokenizer.decode(sequence["tokens"], skip_special_tokens=True)
            for stop in job.stop_texts:
                text = text.partition(stop)[0]
            choice = {"index": index, "message": {"role": "assistant", "content": text}}
            pairs = zip(sequence["tokens"], sequence["logprobs"], strict=True)
            content = [
                {"token": tokenizer.decode([t]), "logprob": p, "top_logprobs": []} for t, p in pairs
            ]
            logprobs = {"content": content} if request.logprobs else None
            choices.append(
                choice | {"finish_reason": sequence["stop_reason"], "logprobs": logprobs}
            )
        written = sum(len(sequence["tokens"]) for sequence in result["sequences"])
        usage = {"prompt_tokens": len(prompt), "completion_tokens": written}
        usage["total_tokens"] = len(prompt) + written
        about = {"id": uuid.uuid4().hex, "object": "chat.completion", "created": int(time.time())}
        return about | {"model": request.model, "choices": choices, "usage": usage}
