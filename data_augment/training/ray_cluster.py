"""The Ray cluster of a run: join one or start one, and what its workers must be able to import."""

import contextlib
import functools
import logging
import os
import socket
import time
from importlib.util import find_spec
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.training.machine_checks import answers
from safe_files import REPO


def worker_env(config) -> dict[str, str]:
    """Environment of the driver and of every Ray worker: import path, Tinker's key, seed."""
    from omegaconf import OmegaConf

    path = [str(REPO), os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])]
    # With http_proxy set, the clients' httpx would ask the proxy for a server on this machine, too.
    direct = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]
    env = dict.fromkeys(["no_proxy", "NO_PROXY"], ",".join(filter(None, direct)))
    if OmegaConf.select(config, "model.tinker.enable"):
        # The client insists on a key; a server of one's own asks for none.
        env["TINKER_API_KEY"] = os.environ.get("TINKER_API_KEY", "tml-local")
        # Of math_agent's rollouts. Not where a task's rollouts are spread over processes, which
        # would give the same seeds.
        if not OmegaConf.select(config, "explorer.max_repeat_times_per_runner"):
            seed = OmegaConf.select(config, "explorer.rollout_model.seed", default=42)
            env["ROLLOUT_SEED"] = str(seed)
        if find_spec("vllm") is None:
            path.append(str(Path(__file__).parent / "no_vllm"))
    if config.get("mode") == "colocate":  # see start_ray
        env["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    return env | {"PYTHONPATH": os.pathsep.join(path)}


def connect_ray(config, env: dict[str, str]) -> Path:
    """Join the cluster of `ray start` or RAY_ADDRESS; with none, start one for this run alone.

    `tune` finds Ray connected and leaves it so. address=None, not Trinity's "auto", which would
    also join a cluster that another process started for itself.

    Args:
        config: Trinity's Config, after check_and_update.
        env: environment of the workers, besides Trinity's own.

    Returns:
        Pattern of the logs of this run's Ray workers.

    Raises:
        BadInput: no cluster answers or starts, it has too few GPUs, or no room for its sockets.
    """
    import ray

    for handler in logging.getLogger("ray").handlers:  # the logger's level is reset by ray.init
        handler.setLevel(logging.ERROR)
    address = None if config.cluster.ray_address == "auto" else config.cluster.ray_address
    address = address or os.environ.get("RAY_ADDRESS")
    check_address(address)
    if not address and not started_cluster_answers():
        address = "local"
    options = {
        "address": address,
        "namespace": config.ray_namespace,
        "runtime_env": {
            "env_vars": {**config.get_envs(), **env},
            "worker_process_setup_hook": "data_augment.training.ray_cluster.set_up_worker",
        },
        "include_dashboard": False,
        "log_to_driver": False,
    }
    try:
        if address == "local":
            context = start_ray(options, colocate=config.mode == "colocate")
        else:
            context = ray.init(**options)
    except Exception as error:  # Ray raises this very class, too
        message = why_not_started(error)
        if not message:
            raise
        raise BadInput(f"Ray: {message}") from error
    check_gpus(config, ray.cluster_resources().get("GPU", 0))
    job = ray.get_runtime_context().get_job_id()
    return Path(context.address_info["session_dir"], "logs", f"worker-*-{job}-*")


def why_not_started(error: Exception) -> str:
    """What went wrong in ray.init and how to fix it; "" for what is not the user's to fix."""
    if "AF_UNIX" in str(error):
        return (
            f"the folder for temporary files has too long a name ({error}). Name a short one: "
            "export RAY_TMPDIR=/tmp"
        )
    if "timed out during startup" in str(error):
        return (
            "it did not start within half a minute, which happens where other work takes the CPUs. "
            "Give the same command again when this machine has less to do"
        )
    if isinstance(error, OSError):  # ConnectionError, too
        return (
            f"its cluster does not let us in ({error}). Ray 2.60 expects a token where it has "
            "one: export RAY_AUTH_MODE=token"
        )
    return ""


def check_address(address: str | None) -> None:
    """Ray 2.60 waits ten minutes and more for a cluster that is not there; ask it first.

    Raises:
        BadInput: nothing listens at host:port.
    """
    host, colon, port = (address or "").rpartition(":")
    if not colon or "/" in host or not port.isdigit():
        return  # none, "auto", "local", or the address of a Ray client
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise BadInput(
            f"Ray: no cluster answers at {address} ({error}). Start it (ray start --head), or "
            "unset RAY_ADDRESS and cluster.ray_address"
        ) from error


def started_cluster_answers() -> bool:
    """Whether the cluster of `ray start` on this machine, if there is one, is up.

    After a reboot or a kill its address is still in /tmp/ray/ray_current_cluster, and
    ray.init(address=None) of Ray 2.60 waits minutes for it before it fails.
    """
    from ray._private.utils import read_ray_address

    host, _, port = (read_ray_address() or "").rpartition(":")
    return answers(host, port, seconds=10)


def start_ray(options: dict, colocate: bool):
    """ray.init of a cluster for this run alone; for `colocate` it counts two GPUs.

    In Trinity's colocate mode the trainer and the engine each ask Ray for a whole GPU (trinity-rft
    0.6.0, issue 602: with one the run waits for ever, without a word). Ray is told of two, and
    `worker_env` shows both the same one.
    """
    import ray

    listen_on_this_machine_alone()
    if not colocate:
        return ray.init(**options)
    device = os.environ["CUDA_VISIBLE_DEVICES"]
    os.environ["CUDA_VISIBLE_DEVICES"] = f"{device},{device}"  # Ray counts the names here
    try:
        # verl's pool alone asks for 3 CPUs, and on a machine with 2 it would wait for ever, too
        return ray.init(num_gpus=2, num_cpus=max(8, os.cpu_count() or 0), **options)
    finally:
        os.environ["CUDA_VISIBLE_DEVICES"] = device


def listen_on_this_machine_alone() -> None:
    """The cluster that is started next, and vLLM's servers in it, listen on 127.0.0.1 alone.

    Without it Ray 2.60 listens on all interfaces of a Linux machine, and vLLM's server, which asks
    nobody for a key, on the machine's address. _node_ip_address="127.0.0.1" does not help, as
    ray.init turns it into the machine's address; this is the switch that keeps Ray local on macOS.
    """
    from ray._private import ray_constants

    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"  # of the processes Ray starts
    ray_constants.ENABLE_RAY_CLUSTER = False  # of this one, where Ray is imported already


def check_gpus(config, found: float) -> None:
    """Raises BadInput where Ray has fewer GPUs than the run asks for: Trinity would only wait."""
    if config.model.tinker.enable or config.explorer.rollout_model.engine_type == "external":
        return
    colocate = config.mode == "colocate"
    needed = 2 if colocate else config.cluster.node_num * config.cluster.gpu_per_node
    if found >= needed:
        return
    fix = f"Stop what uses them, or start Ray again on {config.cluster.node_num} node(s)"
    if colocate:
        fix = (
            "Trainer and engine ask for one each and share the first: ray stop, then "
            "CUDA_VISIBLE_DEVICES=0,0 ray start --head --num-gpus=2, or let main.py start Ray"
        )
    raise BadInput(f"Ray: its cluster has {found:g} GPUs, this run asks for {needed}. {fix}")


def set_up_worker() -> None:
    """Ray calls it in each worker before anything else."""
    set_ray_address()
    read_certificates_once()


def set_ray_address() -> None:
    """Set RAY_ADDRESS, so that processes that this worker starts find its cluster.

    vLLM 0.23 runs its engine in a child process, which asks Ray for Trinity's synchronizer. Without
    an address it would start a cluster of its own and not find it ("Failed to look up actor with
    name 'synchronizer'").
    """
    import ray

    os.environ["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address


def read_certificates_once() -> None:
    """Let the HTTP clients of this process share one SSL context.

    httpx 0.28 reads all CA certificates anew for each client, which takes 20 ms of a core. Trinity
    0.6.0 makes a client for each rollout and agentscope's OpenAIChatModel a second one: on a laptop
    that would be most of a step.
    """
    from httpx._transports import default

    default.create_ssl_context = functools.cache(default.create_ssl_context)


def end_leftovers(namespace: str, seconds: float = 60) -> None:
    """End what a killed driver left in a run's namespace, and wait until its names are free.

    On a standing cluster Trinity's `synchronizer` outlives the driver (a detached actor), and a new
    start would take it over by its name and wait for it, synchronizer.sync_timeout long (hours).
    The other actors end by themselves within seconds. Call it with the run's lock held.

    Raises:
        BadInput: actors of this run are still there after `seconds`.
    """
    import ray

    with contextlib.suppress(ValueError):  # the usual case: there is none
        ray.kill(ray.get_actor("synchronizer", namespace=namespace))
    deadline = time.monotonic() + seconds
    while names := actor_names(namespace):
        if time.monotonic() > deadline:
            raise BadInput(f"Ray: actors of an earlier start are still there: {', '.join(names)}")
        time.sleep(0.1)


def actor_names(namespace: str) -> list[str]:
    import ray

    named = ray.util.list_named_actors(all_namespaces=True)
    return sorted(actor["name"] for actor in named if actor["namespace"] == namespace)
