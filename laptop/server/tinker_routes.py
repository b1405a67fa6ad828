"""Tinker's API over HTTP, for its client tinker 0.20.0, whose request types it takes.

A request that cannot be honoured is refused at once, with a 4xx and the reason. Torch work is
promised under a request_id, for which retrieve_future waits.
"""

import math
import uuid

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from tinker import types

# The JSON forms of these two; tinker 0.20.0 exports dataclasses by the same names.
from tinker.types._pydantic_types.forward_backward_request import ForwardBackwardRequest
from tinker.types._pydantic_types.forward_request import ForwardRequest

from laptop.server.archive import adapter_archive
from laptop.server.errors import BadRequest, NotFound
from laptop.server.policy import Lora
from laptop.server.sampling import SampleJob, SamplingParams
from laptop.server.service import AppService, Service
from laptop.server.snapshots import read_header
from laptop.server.training_run import TrainingRun

router = APIRouter(prefix="/api/v1")

# Sessions and promises


@router.post("/client/config")
async def client_config(request: types.ClientConfigRequest):
    return {"parallel_fwdbwd_chunks": False}  # chunks in order: gradients add up reproducibly


@router.get("/get_server_capabilities")
async def capabilities(service: AppService):
    names = []
    for name in service.model_names():
        # A model's absolute folder names it, too: Trinity looks for its own model_path here.
        names += [name, str(service.models / name)]
    return {"supported_models": [{"model_name": name} for name in names]}


@router.post("/telemetry")
async def telemetry():
    return {"status": "accepted"}  # and not kept


@router.post("/create_session")
async def create_session(request: types.CreateSessionRequest, service: AppService):
    return {"session_id": service.open_session()}


@router.post("/session_heartbeat")
async def heartbeat(request: types.SessionHeartbeatRequest, service: AppService):
    service.check_session(request.session_id)
    return {}


@router.post("/retrieve_future")
async def retrieve_future(request: types.FutureRetrieveRequest, service: AppService):
    return await service.promises.retrieve(request.request_id)


# Training


@router.post("/create_model")
async def create_model(request: types.CreateModelRequest, service: AppService):
    service.check_session(request.session_id)
    if request.lora_config is None:
        raise BadRequest("lora_config is missing: only LoRA adapters are trained here")
    folder = service.model_folder(request.base_model)
    shape = request.lora_config.model_dump()
    seed = shape.pop("seed")
    lora = Lora(**shape)

    def create() -> dict:
        return {"model_id": service.new_run(folder, lora, seed).run_id}

    return service.promises.start(request.session_id, None, create)


@router.post("/get_info")
async def get_info(request: types.GetInfoRequest, service: AppService):
    run = service.run(request.model_id)
    folder = str(run.base.path)
    return {
        "model_id": run.run_id,
        "model_name": run.base.name,
        "model_data": {"model_name": folder, "tokenizer_id": folder},
        "is_lora": True,
        "lora_rank": run.lora.rank,
    }


@router.post("/forward")
async def forward(request: ForwardRequest, service: AppService):
    return compute(service, request, request.forward_input, backward=False)


@router.post("/forward_backward")
async def forward_backward(request: ForwardBackwardRequest, service: AppService):
    return compute(service, request, request.forward_backward_input, backward=True)


def compute(service: Service, request, loss_input, backward: bool) -> dict:
    run = service.run(request.model_id)
    if loss_input.loss_fn != "cross_entropy" or loss_input.loss_fn_config:
        raise BadRequest(
            f"loss_fn {loss_input.loss_fn!r}: only cross_entropy, without loss_fn_config; "
            "the client's forward_backward_custom does the rest"
        )
    data = [checked_datum(run, f"data[{i}]", datum) for i, datum in enumerate(loss_input.data)]

    def result() -> dict:
        logprobs, loss = run.forward(data, backward)
        outputs = []
        for row in logprobs:
            tensor = {"data": row, "dtype": "float32", "shape": [len(row)]}
            outputs.append({"logprobs": tensor})
        return {
            "loss_fn_outputs": outputs,
            "loss_fn_output_type": "logprobs",
            "metrics": {"loss:sum": loss},
        }

    return service.promises.start(run.run_id, request.seq_id, result)


def checked_datum(run: TrainingRun, where: str, datum) -> tuple[list[int], list[int], list[float]]:
    """Tokens, target tokens and weights of a sequence, equally long; raises BadRequest."""
    tokens = token_ids(datum.model_input)
    inputs = dict(datum.loss_fn_inputs)
    flat = all(tensor.shape in (None, [len(tensor.data)]) for tensor in inputs.values())
    targets = inputs.pop("target_tokens").data if "target_tokens" in inputs else []
    weights = inputs.pop("weights").data if "weights" in inputs else [1.0] * len(targets)
    if inputs or not flat or not len(tokens) == len(targets) == len(weights):
        raise BadRequest(
            f"{where}.loss_fn_inputs must be target_tokens and weights, flat, as many as input "
            "tokens, and nothing else"
        )
    if not all(math.isfinite(weight) for weight in weights):
        raise BadRequest(f"{where}.loss_fn_inputs.weights must be finite")
    run.base.check_tokens(tokens, f"{where}.model_input")
    run.base.check_tokens(targets, f"{where}.loss_fn_inputs.target_tokens")
    return tokens, targets, weights


def token_ids(model_input) -> list[int]:
    try:
        return model_input.to_ints()
    except ValueError as error:
        raise BadRequest(f"only encoded_text chunks are supported: {error}") from error


@router.post("/optim_step")
async def optim_step(request: types.OptimStepRequest, service: AppService):
    run = service.run(request.model_id)
    adam = request.adam_params
    in_range = all(0 <= value < math.inf for value in adam.model_dump().values())
    if not in_range or adam.beta1 >= 1 or adam.beta2 >= 1:
        raise BadRequest(f"adam_params must be 0 or more, the betas below 1: {adam}")

    def result() -> dict:
        return {"metrics": run.step(adam)}

    return service.promises.start(run.run_id, request.seq_id, result)


# Snapshots


@router.post("/weights_info")
async def weights_info(request: dict[str, str], service: AppService):
    header = read_header(service.snapshot_file(request.get("tinker_path", "")))
    lora = header["lora"]
    return {
        "base_model": str(service.model_folder(header["base_model"])),
        "is_lora": True,
        "lora_rank": lora["rank"],
        "train_attn": lora["train_attn"],
        "train_mlp": lora["train_mlp"],
        "train_unembed": lora["train_unembed"],
    }


@router.post("/save_weights")
async def save_weights(request: types.SaveWeightsRequest, service: AppService):
    run = service.run(request.model_id)
    uri = snapshot_uri(run, "weights", request)
    file = service.snapshot_file(uri)

    def result() -> dict:
        run.save(file, optimizer=True, overwrite=request.overwrite)
        return {"path": uri}

    return service.promises.start(run.run_id, request.seq_id, result)


@router.post("/save_weights_for_sampler")
async def save_weights_for_sampler(
    request: types.SaveWeightsForSamplerRequest, service: AppService
):
    run = service.run(request.model_id)
    uri = snapshot_uri(run, "sampler_weights", request)
    file = service.snapshot_file(uri)

    def result() -> dict:
        run.save(file, optimizer=False, overwrite=False)
        if request.path:
            return {"path": uri}
        return {"sampling_session_id": service.open_sampler(service.policy(uri))}

    return service.promises.start(run.run_id, request.seq_id, result)


def snapshot_uri(run: TrainingRun, kind: str, request) -> str:
    """The URI to save under: with the client's name, or with a new one."""
    if request.ttl_seconds is not None:
        raise BadRequest("ttl_seconds is not supported: delete the checkpoint instead")
    return f"tinker://{run.run_id}/{kind}/{request.path or uuid.uuid4().hex}"


@router.post("/load_weights")
async def load_weights(request: types.LoadWeightsRequest, service: AppService):
    run = service.run(request.model_id)
    file = service.snapshot_file(request.path)
    header = read_header(file)
    if header["base_model"] != run.base.name or Lora(**header["lora"]) != run.lora:
        raise BadRequest(f"{request.path!r} has {header}, the run {run.base.name} and {run.lora}")
    if request.optimizer and not header["optimizer"]:
        raise BadRequest(f"{request.path!r} has no optimizer state")

    def result() -> dict:
        run.load(file, request.optimizer)
        return {"path": request.path}

    return service.promises.start(run.run_id, request.seq_id, result)


@router.delete("/training_runs/{run_id}/checkpoints/{name:path}", status_code=204)
async def delete_checkpoint(run_id: str, name: str, service: AppService):
    # Trinity 0.6.0 sends the bare name, RestClient.delete_checkpoint_from_tinker_path the kind.
    names = [name] if "/" in name else [f"sampler_weights/{name}", f"weights/{name}"]
    files = [service.snapshot_file(f"tinker://{run_id}/{kind_and_name}") for kind_and_name in names]
    found = [file for file in files if file.is_file()]
    if len(found) != 1:
        raise NotFound(f"{len(found)} checkpoints {name!r} of run {run_id!r}")
    found[0].unlink()


@router.get("/training_runs/{run_id}/checkpoints/{kind_and_name:path}/archive")
async def checkpoint_archive(run_id: str, kind_and_name: str, request: Request):
    """Where the archive lies: Tinker redirects to it."""
    return RedirectResponse(f"{request.url}.tar", 302)


@router.get("/training_runs/{run_id}/checkpoints/{kind_and_name:path}/archive.tar")
async def download_archive(run_id: str, kind_and_name: str, service: AppService):
    policy = await service.load_policy(f"tinker://{run_id}/{kind_and_name}")
    return Response(adapter_archive(policy), media_type="application/x-tar")


# Sampling


@router.post("/create_sampling_session")
async def create_sampling_session(request: types.CreateSamplingSessionRequest, service: AppService):
    service.check_session(request.session_id)
    policy = await service.load_policy(request.model_path or request.base_model)
    return {"sampling_session_id": service.open_sampler(policy)}


@router.get("/samplers/{sampler_id}")
async def get_sampler(sampler_id: str, service: AppService):
    policy = service.sampler(sampler_id)
    # The slash: tinker 0.20.0 takes a name with two ("/models/base") for ORG/MODEL/VARIANT.
    return {"sampler_id": sampler_id, "base_model": f"{policy.base.path}/"}


@router.post("/asample")
async def asample(request: types.SampleRequest, service: AppService):
    if request.sampling_session_id:
        policy = service.sampler(request.sampling_session_id)
        seq_id = request.seq_id
    else:
        policy = await service.load_policy(request.model_path or request.base_model)
        seq_id = None
    if request.prompt_logprobs and request.topk_prompt_logprobs > 0:
        raise BadRequest("topk_prompt_logprobs is not supported")
    params = SamplingParams(n=request.num_samples, **request.sampling_params.model_dump())
    job = SampleJob(policy, token_ids(request.prompt), params, bool(request.prompt_logprobs))
    return service.promises.start(request.sampling_session_id, seq_id, job)
