"""The way to a server: proxies of the environment, and when they are not taken."""

import pytest

from data_augment.addresses import proxy_of
from data_augment.errors import BadInput
from tests.pass_rates.conftest import UNDISTURBED, columns, measure

PROXY = "http://proxy.example:3128"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://host.example/v1", None),
        ({"http_proxy": PROXY}, "http://host.example/v1", PROXY),
        ({"HTTP_PROXY": PROXY}, "http://host.example/v1", PROXY),
        ({"http_proxy": "proxy.example:3128"}, "http://host.example/v1", PROXY),
        ({"http_proxy": PROXY}, "https://host.example/v1", None),
        ({"https_proxy": PROXY}, "https://host.example/v1", PROXY),
        ({"all_proxy": PROXY}, "https://host.example/v1", PROXY),
        ({"http_proxy": PROXY, "no_proxy": "host.example"}, "http://host.example:8000/v1", None),
        ({"http_proxy": PROXY}, "http://127.0.0.1:8000/v1", None),
        ({"http_proxy": PROXY}, "http://127.8.9.1:8000/v1", None),
        ({"http_proxy": PROXY}, "http://localhost:8000/v1", None),
        ({"http_proxy": PROXY}, "http://[::1]:8000/v1", None),
        ({"http_proxy": PROXY}, "http://0.0.0.0:8000/v1", None),
        ({"http_proxy": PROXY}, "http://192.168.1.5:8000/v1", PROXY),
    ],
)
def test_which_proxy(monkeypatch, environment, url, proxy):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy


def test_a_socks_proxy_is_refused_without_its_password(monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://user:secret@proxy.example:1080")
    with pytest.raises(BadInput) as refused:
        proxy_of("http://host.example/v1")
    assert "socks5://proxy.example:1080" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_host_that_only_the_proxy_reaches_is_measured(taskset, serve, monkeypatch):
    proxy = serve()  # asked for http://host.invalid/..., it answers itself
    monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
    assert measure(taskset, "http://host.invalid/v1") == 0
    assert columns(taskset) == UNDISTURBED
    assert set(proxy.paths) == {"http://host.invalid/v1/chat/completions"}


def test_a_proxy_that_is_down_is_named(taskset, serve, monkeypatch, capsys):
    monkeypatch.setenv("http_proxy", "http://user:secret@127.0.0.1:9")
    assert measure(taskset, "http://host.invalid/v1") == 2
    said = capsys.readouterr().err
    assert "through the proxy http://127.0.0.1:9" in said
    assert "secret" not in said


def test_a_local_server_is_reached_behind_a_proxy(taskset, serve, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert measure(taskset, serve()) == 0
    assert columns(taskset) == UNDISTURBED
