"""Which model is meant: a name on a server, a server, a run, a checkpoint, a folder."""

import json
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from data_augment.checkpoints import find_checkpoint
from data_augment.errors import BadInput
from data_augment.evaluation.targets import find_served
from tests.evaluation.conftest import write_run

SERVER = "http://127.0.0.1:1"
SNAPSHOT = f"tinker://{'0' * 32}/weights/state-"


def test_a_model_on_its_servers():
    served = find_served("Qwen/Qwen3-0.6B@http://a:1/v1/,http://b:2/v1")
    assert served == ("Qwen/Qwen3-0.6B", ["http://a:1/v1", "http://b:2/v1"])


def test_a_run_stands_for_its_newest_checkpoint(tmp_path):
    run = write_run(tmp_path / "run", step=20)
    assert find_served(str(run)) == (f"{SNAPSHOT}20", [f"{SERVER}/v1"])
    assert find_served(f"{run}/global_step_10") == (f"{SNAPSHOT}10", [f"{SERVER}/v1"])
    assert find_served(f"{run}@http://b:2/v1") == (f"{SNAPSHOT}20", ["http://b:2/v1"])


def test_a_step_that_was_never_trained_is_no_checkpoint(tmp_path):
    run = write_run(tmp_path / "run", step=20)
    (run / "global_step_15").mkdir()
    (run / "global_step_15/remote_checkpoint_path.txt").write_text("tinker://x")
    assert find_checkpoint(run, 10).step == 10
    with pytest.raises(BadInput, match="no checkpoint of step 15; there are: 10, 20"):
        find_checkpoint(run, 15)


def test_a_run_before_its_first_checkpoint_says_so(tmp_path):
    (tmp_path / "config.yaml").write_text("model: {model_path: base}")
    with pytest.raises(BadInput, match="no checkpoint yet"):
        find_served(str(tmp_path))


@pytest.mark.parametrize(
    ("tinker", "base_url", "said"),
    [
        (False, None, "python -m data_augment.export"),
        (True, None, "hosted Tinker.*build_hf_model"),
    ],
)
def test_a_run_that_no_server_serves_says_what_to_do(tmp_path, tinker, base_url, said):
    run = write_run(tmp_path / "run", tinker=tinker, base_url=base_url)
    with pytest.raises(BadInput, match=said):
        find_served(str(run))


def test_a_folder_says_how_to_serve_it(tmp_path):
    folder = write_run(tmp_path / "run") / "step-20"  # also where it lies in a run's folder
    folder.mkdir()
    with pytest.raises(BadInput, match=f"vllm serve {folder} --served-model-name step-20"):
        find_served(str(folder))


def test_what_is_none_of_these_is_refused(tmp_path):
    with pytest.raises(BadInput, match="expected MODEL@URL, a URL, a run or a model folder"):
        find_served(str(tmp_path / "missing"))


class Models(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"data": [{"id": name} for name in self.server.names]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.mark.parametrize(
    ("names", "outcome"), [(["only"], "only"), (["a", "b"], "it has a, b"), ([], "name one")]
)
def test_a_server_alone_stands_for_its_only_model(names, outcome):
    server = HTTPServer(("127.0.0.1", 0), Models)
    server.names = names
    Thread(target=server.handle_request, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    if len(names) == 1:
        assert find_served(url) == (outcome, [url])
    else:
        with pytest.raises(BadInput, match=outcome):
            find_served(url)
    server.server_close()


def test_a_server_that_speaks_no_http_is_said():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                client.sendall(b"220 mail\r\n")

        Thread(target=greet, daemon=True).start()
        with pytest.raises(BadInput, match="does not say which models it has"):
            find_served(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")


@pytest.mark.parametrize("url", ["http://localhost:abc/v1", "http://[::1/v1"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(BadInput, match="no address"):
        find_served(url)


def test_a_server_that_is_not_there_is_said():
    with pytest.raises(BadInput, match="does not say which models it has"):
        find_served(f"{SERVER}/v1")
