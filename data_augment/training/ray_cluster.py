"""The Ray cluster of a run: join one or start one, and what its workers must be able to import."""

import logging
import os
from importlib.util import find_spec
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.files import REPO


def worker_env(config) -> dict[str, str]:
    """Environment of the driver and of every Ray worker: import path, Tinker's key, seed."""
    path = [str(REPO), os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])]
    # With http_proxy set, the clients' httpx would ask the proxy for a server on this machine, too.
    direct = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]
    env = dict.fromkeys(["no_proxy", "NO_PROXY"], ",".join(filter(None, direct)))
    if config.model.get("tinker", {}).get("enable"):
        # The client insists on a key; a server of one's own asks for none.
        env["TINKER_API_KEY"] = os.environ.get("TINKER_API_KEY", "tml-local")
        # Of math_agent's rollouts. Not where a task's rollouts are spread over processes, which
        # would give the same seeds.
        if not config.explorer.get("max_repeat_times_per_runner"):
            env["ROLLOUT_SEED"] = str(config.explorer.rollout_model.get("seed", 42))
        if find_spec("vllm") is None:
            path.append(str(Path(__file__).parent / "no_vllm"))
    return env | {"PYTHONPATH": os.pathsep.join(path)}


def connect_ray(config, env: dict[str, str]) -> None:
    """Join the cluster of `ray start` or RAY_ADDRESS; with none, start one for this run alone.

    `tune` finds Ray connected and leaves it so. address=None, not Trinity's "auto", which would
    also join a cluster that another process started for itself.

    Args:
        config: Trinity's Config, after check_and_update.
        env: environment of the workers, besides Trinity's own.
    """
    import ray

    for handler in logging.getLogger("ray").handlers:  # the logger's level is reset by ray.init
        handler.setLevel(logging.ERROR)
    address = None if config.cluster.ray_address == "auto" else config.cluster.ray_address
    try:
        ray.init(
            address=address,
            namespace=config.ray_namespace,
            runtime_env={"env_vars": {**config.get_envs(), **env}},
            include_dashboard=False,
            log_to_driver=False,
        )
    except ConnectionError as error:
        raise BadInput(
            f"Ray: no cluster answers at {address or os.environ.get('RAY_ADDRESS')} ({error}). "
            "Start it (ray start --head), or unset RAY_ADDRESS and cluster.ray_address. Where the "
            "address is given, Ray 2.60 also wants its token: export RAY_AUTH_MODE=token"
        ) from error
