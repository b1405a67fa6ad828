"""How a run comes to its Ray cluster, and what its workers are given."""

import socket
import ssl
import urllib.request
from types import SimpleNamespace

import openai
import pytest
import ray
from httpx._transports import default
from omegaconf import OmegaConf

from data_augment.errors import BadInput
from data_augment.training.experiment_yaml import compose
from data_augment.training.ray_cluster import connect_ray, read_certificates_once, worker_env
from safe_files import REPO


def test_a_proxy_is_not_asked_for_the_server_on_this_machine(workplace, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "intranet.example")
    config = compose(str(REPO / "config_random.yaml"), "laptop", [])
    for name, value in worker_env(config).items():
        monkeypatch.setenv(name, value)
    for host in ("127.0.0.1:8765", "localhost:8765", "intranet.example"):
        assert urllib.request.proxy_bypass(host), host
    assert not urllib.request.proxy_bypass("tinker.example")


def test_a_yaml_that_says_nothing_of_the_explorer_has_the_seed_that_trinity_takes():
    config = OmegaConf.create({"model": {"tinker": {"enable": True}}})
    assert worker_env(config)["ROLLOUT_SEED"] == "42"
    assert "ROLLOUT_SEED" not in worker_env(OmegaConf.create({}))


def test_a_worker_reads_the_certificates_once_for_all_its_clients(monkeypatch):
    monkeypatch.setattr(default, "create_ssl_context", default.create_ssl_context)  # put back later
    reads = []
    create = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda **a: reads.append(a) or create(**a))
    read_certificates_once()
    for _ in range(3):
        openai.AsyncOpenAI(api_key="none")
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Exception("The current node timed out during startup. This could ..."), "less to do"),
        (OSError("AF_UNIX path length cannot exceed 107 bytes"), "RAY_TMPDIR=/tmp"),
        (ConnectionError("not allowed"), "RAY_AUTH_MODE=token"),
    ],
)
def test_ray_that_does_not_start_is_one_message_with_the_way_out(monkeypatch, error, advice):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(BadInput, match=advice):
        connect_to_ray_that_raises(error, monkeypatch)


def test_an_error_of_ray_that_nobody_foresaw_keeps_its_traceback(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(TypeError, match="a defect"):
        connect_to_ray_that_raises(TypeError("a defect"), monkeypatch)


@pytest.mark.parametrize(("state", "address"), [("gone", "local"), ("up", None), ("none", "local")])
def test_a_cluster_that_is_gone_but_was_not_stopped_is_not_waited_for(
    tmp_path, monkeypatch, state, address
):
    """After a reboot, say, /tmp/ray/ray_current_cluster still names the cluster of `ray start`."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    if state != "none":
        (tmp_path / "ray").mkdir()
        (tmp_path / "ray/ray_current_cluster").write_text(f"{host}:{port}")
    if state == "gone":
        listener.close()
    asked = []

    def init(**options):
        asked.append(options["address"])
        raise TypeError("far enough")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(TypeError, match="far enough"):
        connect_to_ray()
    listener.close()
    assert asked == [address]


def connect_to_ray_that_raises(error, monkeypatch):
    def init(**_):
        raise error

    monkeypatch.setattr(ray, "init", init)
    connect_to_ray()


def connect_to_ray():
    trinity = SimpleNamespace(
        cluster=SimpleNamespace(ray_address="auto"),
        ray_namespace="run",
        mode="both",
        get_envs=dict,
    )
    connect_ray(trinity, {})
