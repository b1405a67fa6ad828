"""What the Ray workers of a run are given."""

import urllib.request

from data_augment.training.experiment_yaml import compose
from data_augment.training.ray_cluster import worker_env
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
