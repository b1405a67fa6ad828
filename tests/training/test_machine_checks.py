"""What the machine lacks is one message: Ray, Tinker's server, a terminal for the bars."""

import http.server
import os
import socket
import subprocess
import sys
import threading

import pytest

from data_augment.training import machine_checks
from data_augment.training.monitor import MONITOR_TYPE
from main import main
from safe_files import REPO

pytestmark = pytest.mark.slow  # whole checks, again and again

COMMAND = ["--config", str(REPO / "config_difficulty.yaml"), "--check", "--no-gpu-check"]


def check(capsys, *overrides):
    status = main([*COMMAND, *overrides])
    return status, capsys.readouterr().err


@pytest.fixture
def closed_port():
    """A port of this machine with nothing behind it."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def tinker_server():
    """Answers every question with 200; stands for laptop/server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def tinker(url):
    return [f"model.tinker={{enable: true, base_url: '{url}'}}", "synchronizer.sync_method=memory"]


@pytest.mark.parametrize("key", ["RAY_ADDRESS", "cluster.ray_address"])
def test_a_ray_address_with_nothing_behind_it(workplace, capsys, monkeypatch, closed_port, key):
    address = f"127.0.0.1:{closed_port}"
    overrides = []
    if key == "RAY_ADDRESS":
        monkeypatch.setenv(key, address)
    else:
        overrides = [f"{key}={address}"]
    status, error = check(capsys, *overrides)
    assert (status, f"{key}: no Ray cluster answers at {address}" in error) == (2, True), error


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:port", "127.0.0.1:99999999", "ray://"])
def test_a_ray_address_that_is_none(workplace, capsys, monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    status, error = check(capsys)
    assert (status, "RAY_ADDRESS" in error) == (2, True), error


def test_a_temp_folder_too_long_for_a_socket(workplace, capsys, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", f"/tmp/{'x' * 60}")
    status, error = check(capsys)
    assert (status, "RAY_TMPDIR=/tmp" in error) == (2, True), error


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(
    workplace, capsys, monkeypatch, tinker_server, closed_port
):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert check(capsys, *tinker(tinker_server)) == (0, "")


@pytest.mark.parametrize("url", ["127.0.0.1:1", "http://", "http://127.0.0.1:port", "ftp://a b"])
def test_an_address_of_tinker_that_is_none(workplace, capsys, url):
    status, error = check(capsys, *tinker(url))
    assert (status, "model.tinker.base_url" in error) == (2, True), error


@pytest.mark.parametrize("method", ["nccl", "checkpoint"])
def test_tinker_with_a_weight_sync_that_comes_to_a_standstill(
    workplace, capsys, tinker_server, method
):
    status, error = check(capsys, *tinker(tinker_server), f"synchronizer.sync_method={method}")
    assert (status, "synchronizer.sync_method" in error) == (2, True), error


def test_a_terminal_without_utf_8_gets_the_plan(workplace):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    command = [sys.executable, str(REPO / "main.py"), *COMMAND]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "pass rates" in done.stdout


def test_a_tracker_that_is_not_installed_is_a_message_before_ray_starts(
    workplace, capsys, monkeypatch
):
    monkeypatch.setattr(machine_checks, "find_spec", lambda name: None)
    status, said = check(capsys, "monitor.monitor_type=mlflow")
    assert (status, "pip install mlflow" in said) == (2, True)
    wrapped = "monitor.monitor_args={monitor_type: mlflow, monitor_args: null}"
    status, said = check(capsys, f"monitor.monitor_type={MONITOR_TYPE}", wrapped)
    assert (status, "pip install mlflow" in said) == (2, True)
    assert check(capsys, "monitor.monitor_type=tensorboard")[0] == 0


def test_swanlab_without_its_key_is_a_message(workplace, capsys, monkeypatch):
    monkeypatch.setattr(machine_checks, "find_spec", lambda name: True)
    monkeypatch.delenv("SWANLAB_API_KEY", raising=False)
    status, said = check(capsys, "monitor.monitor_type=swanlab")
    assert (status, "SWANLAB_API_KEY" in said) == (2, True)
    monkeypatch.setenv("SWANLAB_API_KEY", "any")
    assert check(capsys, "monitor.monitor_type=swanlab")[0] == 0
