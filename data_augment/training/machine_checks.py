"""The machine before Ray starts: GPUs and their packages, Tinker's server, Ray, the tracker."""

import http.client
import os
import socket
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from importlib.util import find_spec

from data_augment.training.monitor import MONITOR_TYPE
from data_augment.training.plan import Plan

LONGEST_SOCKET = 107  # bytes; Linux cuts the path of a socket there
# What Ray puts behind its temporary folder for the longer of its two sockets.
RAY_SOCKET = "/ray/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"


def check_machine(settings, plan: Plan, gpu_check: bool) -> None:
    check_ray_address(settings, plan)
    check_tracker(settings, plan)
    if settings.model.tinker.enable:
        check_tinker(settings, plan)
    else:
        check_gpus(settings, plan, gpu_check)


def check_ray_address(settings, plan: Plan) -> None:
    """A cluster answers where one is named; where none is, this machine can start one."""
    where, address = "cluster.ray_address", settings.cluster.ray_address
    if address == "auto":
        where, address = "RAY_ADDRESS", os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not address or address == "local":
        check_socket_path(plan)
    elif address != "auto" and not answers(host, port):
        found = f"no Ray cluster answers at {address}"
        plan.error(where, found, f"Start it (ray start --head), or unset {where}")


def check_tracker(settings, plan: Plan) -> None:
    """The client of the monitor is here; Trinity would find that out after Ray has started."""
    monitor = settings.monitor
    name = monitor.monitor_type
    if name == MONITOR_TYPE:  # a YAML that was saved beside a run
        name = monitor.monitor_args["monitor_type"]
    if name not in ("wandb", "mlflow", "swanlab"):
        return
    if find_spec(name) is None:
        fix = f"pip install {name}, or take monitor.monitor_type=tensorboard"
        plan.error("monitor.monitor_type", f"{name} is not installed", fix)
    if name == "swanlab" and not os.environ.get("SWANLAB_API_KEY"):
        found = "not set, and Trinity 0.6.0 asks for it in every mode of swanlab"
        plan.error("SWANLAB_API_KEY", found, "Export it; offline any value will do")


def answers(host: str, port: str, seconds: float = 3) -> bool:
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def check_socket_path(plan: Plan) -> None:
    folder = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    length = len(os.fsencode(folder + RAY_SOCKET))
    if length > LONGEST_SOCKET:
        plan.error(
            "TMPDIR",
            f"the sockets of Ray in {folder} would have paths of {length} bytes, and no more than "
            f"{LONGEST_SOCKET} are possible",
            "Name a shorter folder: export RAY_TMPDIR=/tmp",
        )


def check_gpus(settings, plan: Plan, gpu_check: bool) -> None:
    nodes, per_node = settings.cluster.node_num, settings.cluster.gpu_per_node
    if not nodes or not per_node:  # Trinity would ask a Ray that is not there yet
        found = f"{nodes} node(s) of {per_node} GPU(s)"
        return plan.error("cluster.gpu_per_node", found, "Give node_num and gpu_per_node")
    check_shares(settings, plan)

    lacks = []  # where, what was found, how to fix it
    present = len(gpu_memory())
    is_here = settings.cluster.ray_address == "auto" and not os.environ.get("RAY_ADDRESS")
    if nodes == 1 and present < per_node and is_here:
        found = f"{per_node} GPU(s) expected, {present} on this machine"
        lacks.append(
            ("cluster.gpu_per_node", found, "Choose another --profile (laptop needs none)")
        )
    missing = [name for name in ("vllm", "flash_attn") if find_spec(name) is None]
    if missing:
        found = f"{' and '.join(missing)} not installed"
        lacks.append(("packages", found, "Install requirements-gpu.txt and flash-attn (README)"))
    for where, found, fix in lacks:
        if gpu_check:
            plan.error(where, found, f"{fix}, or pass --no-gpu-check")
        else:
            plan.note(where, found)


def check_shares(settings, plan: Plan) -> None:
    """Which GPUs roll out, which train."""
    total = settings.cluster.node_num * settings.cluster.gpu_per_node
    rollout = settings.explorer.rollout_model
    per_engine = rollout.tensor_parallel_size * rollout.data_parallel_size
    engines = rollout.engine_num * per_engine * rollout.pipeline_parallel_size
    shape = f"{settings.cluster.node_num} x {settings.cluster.gpu_per_node} GPU"
    if settings.mode == "colocate":
        plan.fact("machine", f"{shape}, rollout and training on one")
        if total != 1 or engines != 1:
            plan.error(
                "mode",
                f"colocate is for one GPU and one engine, found {total} and {engines}",
                "Set mode=both, or cluster and explorer.rollout_model as in profiles/gpu1.yaml",
            )
        return
    plan.fact("machine", f"{shape}, {engines} to roll out, {total - engines} to train")
    if engines >= total:
        plan.error(
            "explorer.rollout_model.engine_num",
            f"the engines take {engines} of {total} GPUs and leave none to train",
            "Lower it or tensor_parallel_size, or raise cluster.gpu_per_node",
        )


def gpu_memory() -> list[int]:
    """Bytes of memory of each GPU of this machine; [] without one."""
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return [pynvml.nvmlDeviceGetMemoryInfo(handle).total for handle in handles]
    except pynvml.NVMLError:  # no driver, so no GPU
        return []


def check_tinker(settings, plan: Plan) -> None:
    url = settings.model.tinker.base_url
    plan.fact("machine", f"no GPU; Tinker at {url or 'the hosted service'}")
    method = settings.synchronizer.sync_method.value
    if method != "memory":
        # trinity-rft 0.6.0: the tinker trainer deadlocks at the first step that also saves. It
        # turns nccl into checkpoint for this engine.
        found = f"{method} comes to a standstill with Tinker at the first step that saves"
        plan.error("synchronizer.sync_method", found, "Set it to memory")
    if url:
        check_tinker_server(url, plan)
    elif not os.environ.get("TINKER_API_KEY"):
        plan.error("TINKER_API_KEY", "not set", "Hosted Tinker needs it in the environment")


def check_tinker_server(url: str, plan: Plan) -> None:
    try:
        local = urllib.parse.urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
        # With http_proxy set, urllib would ask the proxy for a server on this machine, too.
        handlers = [urllib.request.ProxyHandler({})] if local else []
        opener = urllib.request.build_opener(*handlers)
        # A server on this machine that other runs keep busy takes its time.
        opener.open(f"{url}/api/v1/healthz", timeout=30 if local else 5).close()
    except urllib.error.HTTPError:
        pass  # it answers; what it serves is for Trinity's own check
    except (OSError, ValueError, http.client.HTTPException) as error:
        plan.error(
            "model.tinker.base_url",
            f"nothing answers at {url} ({getattr(error, 'reason', error)})",
            "Start the server (laptop: python -m laptop.server), or fix the address",
        )
