"""A fake OpenAI-compatible server, and the command run against it."""

import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest

import measure_pass_rates
from data_augment.pass_rates import endpoints, workers
from tests.conftest import write_taskset

ROWS = 6


def completion(*contents, finish="stop", tokens=7, **message):
    """A chat completion with a choice for each content (None: no text)."""
    choices = []
    for index, content in enumerate(contents):
        said = {"role": "assistant", "content": content} | message
        choices.append({"index": index, "finish_reason": finish, "message": said})
    usage = {"prompt_tokens": 5, "completion_tokens": tokens}
    return {"id": "1", "object": "chat.completion", "choices": choices, "usage": usage}


def question_of(request):
    return next(m["content"] for m in request["messages"] if m["role"] == "user")


def right(request):
    """A model that is always right."""
    gold = eval(question_of(request).rstrip("="))
    return completion(*[rf"\boxed{{{gold}}}"] * request.get("n", 1))


def solve(request):
    """A model that is right half of the time, by model, question, seed and choice alone."""
    question = question_of(request)
    gold = eval(question.rstrip("="))
    answers = []
    for choice in range(request.get("n", 1)):
        source = f"{request['model']} {question} {request.get('seed')} {choice}"
        is_right = random.Random(source).random() < 0.5
        answers.append(rf"\boxed{{{gold if is_right else gold + 1}}}")
    return completion(*answers)


class FakeServer(ThreadingHTTPServer):
    """An OpenAI-compatible server.

    `answer(request, number of requests before)` gives what is sent: a dict or list (as JSON),
    (status, headers, bytes), "hang" (silent until the client has gone) or "drop" (closes unanswered).
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer=lambda request, before: solve(request), seconds=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seconds = seconds
        self.lock = threading.Lock()
        self.requests = []
        self.paths = []
        self.keys = set()
        self.answered = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        pass  # a client that was killed


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.send(404, {}, b"{}")

    def do_POST(self):
        server = self.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            before = len(server.requests)
            server.requests.append(request)
            server.paths.append(self.path)
            server.keys.add(self.headers["Authorization"])
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
        time.sleep(server.seconds)
        answer = server.answer(request, before)
        with server.lock:
            server.in_flight -= 1
        if answer == "hang":
            self.connection.recv(1)
        if answer in ("hang", "drop"):
            self.reset()
        elif isinstance(answer, tuple):
            self.send(*answer)
        else:
            self.send(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())
            with server.lock:
                server.answered[request["model"], request.get("seed")] += 1

    def reset(self):
        """End the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def send(self, status, headers, body):
        self.send_response(status)
        for name, value in ({"Content-Length": len(body)} | headers).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """Start fake servers; they end with the test."""
    servers = []

    def start(*args, **kwargs):
        servers.append(FakeServer(*args, **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def taskset(tmp_path, monkeypatch):
    """A folder with train.parquet of ROWS sums, which another reference measured already."""
    monkeypatch.setattr(endpoints, "BACKOFF", 0.01)
    monkeypatch.setattr(workers, "RAMP", 0)
    return write_taskset(tmp_path / "data/train.parquet", ROWS)


def measure(taskset, server, *options, models=("weak",)):
    """Run the command with a model of each name at `server` (its URLs if a string)."""
    urls = server if isinstance(server, str) else server.url
    specs = [f"--model={name}={name}-model@{urls}" for name in models]
    return measure_pass_rates.main([str(taskset), *specs, "--samples=4", *options])


def columns(taskset, name="weak"):
    """(pass rates, samples) of the written taskset."""
    table = pq.read_table(taskset / "train.parquet").to_pydict()
    return table[f"{name}_pass_rate"], table[f"{name}_samples"]


def expected(model="weak-model", samples=4, seed=0):
    """The pass rates that undisturbed sampling of `solve` gives."""
    rates = []
    for row in range(ROWS):
        request = {"model": model, "messages": [{"role": "user", "content": f"{row}+{row}="}]}
        rights = 0
        for sample in range(samples):
            request["seed"] = random.Random(f"{seed} {row} {sample}").getrandbits(31)
            text = solve(request)["choices"][0]["message"]["content"]
            rights += text == rf"\boxed{{{2 * row}}}"
        rates.append(rights / samples)
    return rates


UNDISTURBED = (expected(), [4] * ROWS)  # the columns of "weak" when nothing goes wrong for good
