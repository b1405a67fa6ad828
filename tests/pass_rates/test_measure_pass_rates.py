"""measure_pass_rates.py: columns, journal, and every fault of a server; against a local fake server."""

import json
import multiprocessing
import os
import random
import re
import signal
import socket
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest

import measure_pass_rates
from data_augment.pass_rates import chat_sampling
from tests.conftest import write_taskset

ROWS = 6


def completion(*texts, finish="stop", **message):
    """A chat completion whose choices say `texts` (None: no text)."""
    choices = [
        {
            "index": i,
            "finish_reason": finish,
            "message": {"role": "assistant", "content": t} | message,
        }
        for i, t in enumerate(texts)
    ]
    return {
        "id": "1",
        "object": "chat.completion",
        "choices": choices,
        "usage": {"completion_tokens": 7},
    }


def solve(request):
    """A deterministic model: its answer depends on model, question, seed and choice alone."""
    question = next(m["content"] for m in request["messages"] if m["role"] == "user")
    gold, answers = eval(question.rstrip("=")), []
    for choice in range(request.get("n", 1)):
        draw = random.Random(
            f"{request['model']} {question} {request.get('seed')} {choice}"
        ).random()
        answers.append(rf"\boxed{{{gold if draw < 0.5 else gold + 1}}}")
    return completion(*answers)


class FakeServer(ThreadingHTTPServer):
    """An OpenAI-compatible server. `answer(request, count of requests before)` is JSON, or a fault:

    (status, headers, bytes), or "hang" (until the client has gone), or "drop" (closes unanswered).
    """

    daemon_threads, request_queue_size = True, 128

    def __init__(self, answer=lambda request, before: solve(request), seconds=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.seconds = answer, seconds
        self.lock, self.requests, self.answered, self.keys = threading.Lock(), [], Counter(), set()
        self.in_flight = self.most_in_flight = 0
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        pass  # a client that was killed


class Handler(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def do_GET(self):
        self.send(404, {}, b"{}")

    def do_POST(self):
        server, request = (
            self.server,
            json.loads(self.rfile.read(int(self.headers["Content-Length"]))),
        )
        with server.lock:
            before = len(server.requests)
            server.requests.append(request)
            server.keys.add(self.headers["Authorization"])
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
        time.sleep(server.seconds)
        answer = server.answer(request, before)
        with server.lock:
            server.in_flight -= 1
        if answer == "hang":
            self.connection.recv(1)
        if isinstance(answer, str):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif isinstance(answer, tuple):
            self.send(*answer)
        else:
            self.send(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())
            with server.lock:
                server.answered[request["model"], request.get("seed")] += 1

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
    monkeypatch.setattr(chat_sampling, "BACKOFF", 0.01)
    monkeypatch.setattr(measure_pass_rates, "RAMP", 0)
    return write_taskset(tmp_path / "data/train.parquet", ROWS)


def measure(taskset, server, *options, models=("weak", "strong")):
    """Run the command with a model of each name at `server` (its URLs if a string)."""
    urls = server if isinstance(server, str) else server.url
    specs = [f"--model={name}={name}-model@{urls}" for name in models]
    return measure_pass_rates.main([str(taskset), *specs, "--samples=4", *options])


def columns(taskset, name="weak"):
    table = pq.read_table(taskset / "train.parquet").to_pydict()
    return table[f"{name}_pass_rate"], table[f"{name}_samples"]


def expected(model="weak-model", samples=4, seed=0):
    """The column that undisturbed sampling of `solve` gives."""
    rates = []
    for row in range(ROWS):
        seeds = [random.Random(f"{seed} {row} {i}").getrandbits(31) for i in range(samples)]
        request = {"model": model, "messages": [{"role": "user", "content": f"{row}+{row}="}]}
        texts = [solve(request | {"seed": s})["choices"][0]["message"]["content"] for s in seeds]
        rates.append(sum(text == rf"\boxed{{{2 * row}}}" for text in texts) / samples)
    return rates


def test_two_columns_beside_what_was_there(taskset, serve, capsys):
    before = pq.read_table(taskset / "train.parquet")
    assert measure(taskset, serve()) == 0
    after = pq.read_table(taskset / "train.parquet")
    assert after.select(before.column_names).equals(before)
    assert [str(after.schema.field(f"weak_{c}").type) for c in ("pass_rate", "samples")] == [
        "double",
        "int64",
    ]
    assert columns(taskset) == (expected(), [4] * ROWS)
    assert columns(taskset, "strong")[0] == expected("strong-model") != expected()
    said = capsys.readouterr().out
    assert f"weak: weak-model, 4 samples of each of {ROWS} rows" in said
    assert "beats" in said


def test_output_elsewhere_with_the_first_rows(taskset, serve, tmp_path):
    before = (taskset / "train.parquet").read_bytes()
    assert measure(taskset, serve(), f"--output={tmp_path / 'train.parquet'}", "--limit=2") == 0
    assert (taskset / "train.parquet").read_bytes() == before
    assert columns(tmp_path) == ([*expected()[:2], *[None] * (ROWS - 2)], [4, 4] + [0] * (ROWS - 2))


def test_requests_carry_the_settings_and_seeds_differ(taskset, serve):
    server, settings = serve(), ["--temperature=0.7", "--top-p=0.9", "--max-tokens=99"]
    assert measure(taskset, server, *settings, models=["weak"]) == 0
    sent = {(r["model"], r["temperature"], r["top_p"], r["max_tokens"]) for r in server.requests}
    assert sent == {("weak-model", 0.7, 0.9, 99)}
    assert len({r["seed"] for r in server.requests}) == 4 * ROWS


def test_messages_are_plain_text(taskset, serve):
    server = serve(lambda request, before: completion("no"))
    assert measure(taskset, server, "--limit=1", models=["weak"]) == 0
    system, user = server.requests[0]["messages"]
    assert system["content"].startswith("You are an agent")
    assert user["content"] == "0+0="


def test_no_seeds_on_request(taskset, serve):
    server = serve()
    assert measure(taskset, server, "--seed=none", models=["weak"]) == 0
    assert all("seed" not in request for request in server.requests)


JSON = {"Content-Type": "application/json"}
CUT = json.dumps(completion("x")).encode()[:-20]
FAULTS = [
    ("HTTP 500", (500, {}, b"oops")),
    ("HTTP 429", (429, {"Retry-After": "0"}, b"slow down")),
    ("no answer in 0.5 s", "hang"),
    ("connection broken", "drop"),
    ("connection broken", (200, JSON | {"Content-Length": 10_000, "Connection": "close"}, CUT)),
    ("not JSON", (200, JSON, CUT)),
    ("not JSON", (200, {"Content-Type": "text/html"}, b"<html>Welcome</html>")),
    ("no choice", completion()),
    ("no choice", {"choices": [{"index": 0, "message": None}]}),
    ("no choice", ["not", "an", "object"]),
]


@pytest.mark.parametrize(("reason", "fault"), FAULTS)
def test_a_fault_is_asked_again_and_counted(taskset, serve, capsys, reason, fault):
    server = serve(lambda request, before: fault if before < 2 else solve(request))
    assert measure(taskset, server, "--concurrency=2", "--timeout=0.5", models=["weak"]) == 0
    assert columns(taskset) == (expected(), [4] * ROWS)
    assert f"2 requests failed in this run: {reason}; samples lost: 0" in capsys.readouterr().out


def test_a_refused_connection_is_counted_and_the_other_endpoint_answers(
    taskset, serve, capsys, monkeypatch
):
    live, dead = serve(), serve()
    dead.shutdown(), dead.server_close()
    assert measure(taskset, f"{live.url},{dead.url}", models=["weak"]) == 2
    assert f"{dead.url}: no server answers" in capsys.readouterr().err

    async def both_were_there(self):
        pass

    monkeypatch.setattr(chat_sampling.Endpoints, "check", both_were_there)
    assert measure(taskset, f"{live.url},{dead.url}", "--concurrency=4", models=["weak"]) == 0
    assert columns(taskset) == (expected(), [4] * ROWS)
    assert re.search(
        r"\d+ requests failed in this run: no connection; samples lost: 0",
        capsys.readouterr().out,
    )


def test_two_endpoints_share_the_load(taskset, serve):
    servers = [serve(seconds=0.01), serve(seconds=0.01)]
    assert (
        measure(taskset, ",".join(s.url for s in servers), "--concurrency=2", models=["weak"]) == 0
    )
    assert sorted(len(s.requests) for s in servers)[0] >= ROWS


def test_retry_after_is_honoured(taskset, serve):
    times = []

    def busy_once(request, before):
        times.append(time.monotonic())
        return solve(request) if before else (429, {"Retry-After": "1"}, b"")

    assert measure(taskset, serve(busy_once), "--concurrency=1", "--limit=1", models=["weak"]) == 0
    assert times[1] - times[0] >= 1


def test_retry_after_as_a_date():
    header = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    assert 50 < chat_sampling.retry_after(header) <= 60
    assert chat_sampling.retry_after("soon") == 0


def test_a_sample_that_failed_for_good_is_never_a_zero(taskset, serve, capsys):
    def too_long(request, before):
        rows = {"1+1=": 4, "2+2=": 2}  # requests of these rows that are refused
        question = request["messages"][-1]["content"]
        refused[question] += 1
        return (
            (400, {}, b"too long") if refused[question] <= rows.get(question, 0) else solve(request)
        )

    refused = Counter()
    server = serve(too_long)
    assert measure(taskset, server, "--min-samples=3", "--concurrency=1", models=["weak"]) == 0
    rates, samples = columns(taskset)
    assert samples == [4, 0, 2, 4, 4, 4]
    assert [rate is None for rate in rates] == [False, True, True, False, False, False]
    said = capsys.readouterr().out
    assert "2 rows left empty, below 3 samples; the first: [1, 2]" in said
    assert "6 requests failed in this run: HTTP 400; samples lost: 6" in said
    assert len(server.requests) == 4 * ROWS  # a refusal is not repeated

    assert measure(taskset, server, models=["weak"]) == 0  # the lost ones have another chance
    assert columns(taskset) == (expected(), [4] * ROWS)


def test_a_response_without_text_is_wrong_and_counted(taskset, serve, capsys):
    def thought_cut_off(request, before):
        return (
            completion(None, finish="length", reasoning_content="hm")
            if before < 3
            else solve(request)
        )

    assert measure(taskset, serve(thought_cut_off), "--concurrency=1", models=["weak"]) == 0
    rates, samples = columns(taskset)
    assert rates[0] <= 0.25
    assert samples == [4] * ROWS
    assert "3 answers without text (scored 0)" in capsys.readouterr().out


def test_a_response_cut_off_is_counted(taskset, serve, capsys):
    assert (
        measure(taskset, serve(lambda r, _: completion("thin", finish="length")), models=["weak"])
        == 0
    )
    assert f"{4 * ROWS} answers cut off at --max-tokens" in capsys.readouterr().out


def test_samples_that_share_a_request(taskset, serve):
    server = serve()
    assert measure(taskset, server, "--choices=3", models=["weak"]) == 0
    assert sorted(r.get("n", 1) for r in server.requests) == [1] * ROWS + [3] * ROWS
    rights = sum(
        choice["message"]["content"] == rf"\boxed{{{2 * row}}}"
        for row in range(ROWS)
        for request in server.requests
        if f"{row}+{row}=" in json.dumps(request["messages"])
        for choice in solve(request)["choices"]
    )
    rates, samples = columns(taskset)
    assert samples == [4] * ROWS
    assert sum(rates) * 4 == rights


def test_a_server_that_does_not_know_n_is_asked_for_each(taskset, serve):
    def one_choice(request, before):
        return solve({k: v for k, v in request.items() if k != "n"})

    server = serve(one_choice)
    assert measure(taskset, server, "--choices=4", models=["weak"]) == 0
    assert columns(taskset) == (expected(), [4] * ROWS)


def test_a_tool_call_of_the_model_leads_to_a_second_turn(taskset, serve):
    call = {"id": "1", "type": "function", "function": {"name": "python", "arguments": "{}"}}

    def calls_a_tool(request, before):
        if request["messages"][-1]["role"] == "tool":
            return solve(request)
        return completion(*[None] * request.get("n", 1), finish="tool_calls", tool_calls=[call])

    server = serve(calls_a_tool)
    assert measure(taskset, server, "--choices=2", models=["weak"]) == 0
    assert columns(taskset) == (expected(), [4] * ROWS)
    assert len(server.requests) == 2 * ROWS + 4 * ROWS


def test_no_more_requests_in_flight_than_allowed(taskset, serve):
    server = serve(seconds=0.02)
    assert measure(taskset, server, "--concurrency=3") == 0
    assert server.most_in_flight == 3


def test_a_dead_server_ends_the_run_and_the_same_command_goes_on(taskset, serve, capsys):
    before = (taskset / "train.parquet").read_bytes()
    server = serve(lambda request, before: solve(request) if before < 10 else (500, {}, b"dead"))
    assert measure(taskset, server, "--concurrency=2", models=["weak"]) == 1
    assert "samples in a row failed, the last: HTTP 500: dead" in capsys.readouterr().err
    assert (taskset / "train.parquet").read_bytes() == before
    server.answer = lambda request, before: solve(request)
    assert measure(taskset, server, "--concurrency=2", models=["weak"]) == 0
    assert columns(taskset) == (expected(), [4] * ROWS)
    assert set(server.answered.values()) == {1}


def test_a_model_that_answered_nothing_writes_no_column(taskset, serve, capsys):
    before = (taskset / "train.parquet").read_bytes()
    assert measure(taskset, serve(lambda *_: (400, {}, b"what?")), models=["weak"]) == 1
    assert "weak: no sample was answered, the last: HTTP 400: what?" in capsys.readouterr().err
    assert (taskset / "train.parquet").read_bytes() == before


def test_killed_again_and_again(taskset, serve):
    server = serve(seconds=0.03)
    in_flight, options = 3, ["--concurrency=3"]
    for _ in range(3):
        done = sum(server.answered.values())
        child = multiprocessing.get_context("fork").Process(
            target=measure, args=(taskset, server, *options), daemon=True
        )
        child.start()
        deadline = time.monotonic() + 20
        while sum(server.answered.values()) < done + 5 and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        time.sleep(0.1)  # until the server has answered what was in flight
    assert 15 <= sum(server.answered.values()) < 2 * 4 * ROWS
    assert measure(taskset, server, *options) == 0
    assert columns(taskset) == (expected(), [4] * ROWS)
    assert columns(taskset, "strong") == (expected("strong-model"), [4] * ROWS)
    assert sum(server.answered.values()) <= 2 * 4 * ROWS + 3 * in_flight


def test_a_torn_line_is_dropped(taskset, serve):
    measure(taskset, serve(), models=["weak"])
    journal = taskset / ".train.weak.journal"
    journal.write_bytes(journal.read_bytes()[:-9])
    server = serve()
    assert measure(taskset, server, models=["weak"]) == 0
    assert len(server.requests) == 1
    assert columns(taskset) == (expected(), [4] * ROWS)
    assert all(json.loads(line) for line in journal.read_text().splitlines())


def test_more_samples_ask_for_the_new_ones_alone(taskset, serve):
    server = serve()
    measure(taskset, server, models=["weak"])
    assert measure(taskset, server, "--samples=6", models=["weak"]) == 0
    assert columns(taskset) == (expected(samples=6), [6] * ROWS)
    assert len(server.requests) == 6 * ROWS
    assert measure(taskset, server, "--samples=4", models=["weak"]) == 0
    assert columns(taskset) == (expected(), [4] * ROWS)


@pytest.mark.parametrize("change", ["--temperature=0.5", "--seed=1", "prompt", "dataset", "model"])
def test_other_settings_are_refused(taskset, serve, capsys, monkeypatch, change):
    server = serve()
    measure(taskset, server, models=["weak"])
    options = [change] if change.startswith("--") else []
    if change == "prompt":
        monkeypatch.setattr("math_agent.SYSTEM_PROMPT", "Guess.")
    elif change == "dataset":
        write_taskset(taskset / "train.parquet", ROWS, answer=["#### 1"] * ROWS)
    elif change == "model":
        options = [f"--model=weak=another@{server.url}"]
    journal, asked = (taskset / ".train.weak.journal").read_bytes(), len(server.requests)
    assert measure(taskset, server, *options, models=[] if change == "model" else ["weak"]) == 2
    said = capsys.readouterr().err
    assert f"measured with other settings ({change.lstrip('-').split('=')[0]} " in said
    assert (taskset / ".train.weak.journal").read_bytes() == journal
    assert len(server.requests) == asked


def test_a_start_that_measured_nothing_binds_to_nothing(taskset, serve):
    server = serve(
        lambda request, before: (404, {}, b"no such model") if before == 0 else solve(request)
    )
    assert measure(taskset, server, "--temperature=2", "--concurrency=1", models=["weak"]) == 2
    assert measure(taskset, server, "--temperature=1", models=["weak"]) == 0


def test_two_measurements_of_one_column_at_once(taskset, serve, capsys):
    settings = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 16384}
    other = chat_sampling.Reference(("weak", "m", ["http://x"]), [0], 4, settings, 0, None, 1)
    with other.open_journal(taskset / ".train.weak.journal"):
        assert measure(taskset, serve(), models=["weak"]) == 2
        assert "another measurement is writing it" in capsys.readouterr().err


def test_a_column_measured_elsewhere_is_not_overwritten(taskset, serve, capsys):
    before = (taskset / "train.parquet").read_bytes()
    assert measure(taskset, serve(), models=["qwen2.5_7b"]) == 2
    assert "has a column qwen2.5_7b_pass_rate that was not measured here" in capsys.readouterr().err
    assert (taskset / "train.parquet").read_bytes() == before


def test_the_key_is_sent_and_written_nowhere(taskset, serve, capsys, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret")
    server = serve()
    assert measure(taskset, server, "--api-key-env=MY_KEY", models=["weak"]) == 0
    assert server.keys == {"Bearer sk-secret"}
    server.answer = lambda request, before: (401, {}, b"bad key sk-secret")
    assert measure(taskset, server, "--api-key-env=MY_KEY", models=["other"]) == 2
    said = capsys.readouterr()
    assert "HTTP 401 (bad key ***). Give a key with --api-key-env" in said.err
    assert "sk-secret" not in said.out + said.err
    assert all(b"sk-secret" not in file.read_bytes() for file in taskset.iterdir())


BAD_ARGUMENTS = {
    "--model=weak": "want NAME=MODEL@URL",
    "--model=weak=m@http://user:password@host/v1": "holds no key or password",
    "--samples=0": "0: want a number from 1",
    "--top-p=2": "2: want a number from 0 to 1",
    "--min-samples=5": "--min-samples 5 is more than --samples 4",
    "--candidate=c=m@http://h/v1": "two references bracket it",
    "--model=weak=m@http://h/v1": "two have the same NAME",
    "--api-key-env=NOT_THERE": "the variable NOT_THERE is not set",
}


@pytest.mark.parametrize(("option", "message"), BAD_ARGUMENTS.items())
def test_bad_arguments(taskset, capsys, option, message):
    with pytest.raises(SystemExit) as stop:
        measure(taskset, "http://h/v1", option, models=["weak"])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert [file.name for file in taskset.iterdir()] == ["train.parquet"]


BAD_TASKSETS = {
    "no parquet file": lambda folder: (folder / "train.parquet").write_text("{}"),
    "no column answer, only question": lambda folder: write_taskset(
        folder / "train.parquet", answer=None
    ),
    "question is empty in 1 rows, first [0]": lambda folder: write_taskset(
        folder / "train.parquet", 2, question=[" ", "1+1="]
    ),
}


@pytest.mark.parametrize(("message", "spoil"), BAD_TASKSETS.items())
def test_bad_tasksets(taskset, capsys, message, spoil):
    spoil(taskset)
    assert measure(taskset, "http://h/v1") == 2
    assert message in capsys.readouterr().err
    assert [file.name for file in taskset.iterdir()] == ["train.parquet"]


def test_a_damaged_journal_is_named(taskset, capsys):
    journal = taskset / ".train.weak.journal"
    journal.write_text("\0\0\n")
    assert measure(taskset, "http://h/v1") == 2
    assert f"{journal}: damaged" in capsys.readouterr().err


WEAK, STRONG = [0.0, 0.25, 0.5, 0.25] * 25, [0.5, 0.75, 0.25, 1.0] * 25


@pytest.mark.parametrize(
    ("own", "verdict"),
    [
        ([0.25, 0.5, 0.5, 0.5] * 25, "bracketed by the two"),
        ([0.0, 0.0, 0.25, 0.0] * 25, "below both: take a weaker reference"),
        ([1.0, 1.0, 0.75, 1.0] * 25, "above both: take a stronger reference"),
        (
            [0.5, 0.75, 0.25, 1.0] * 24 + [0.75, 0.5, 0.5, 1.0],
            "beyond strong, which is within the error",
        ),
        ([None, 0.5] * 50, "bracketed by the two"),
    ],
)
def test_whether_the_references_bracket_the_candidate(capsys, own, verdict):
    measure_pass_rates.compare({"strong": STRONG, "weak": WEAK, "own": own}, "own")
    said = capsys.readouterr().out
    assert "weak (0.250) beats strong (0.625) in 25.0% of the rows" in said
    assert said.splitlines()[1].startswith("own: ")
    assert said.splitlines()[1].endswith(verdict)


def test_a_candidate_gets_rows_and_no_column(taskset, serve, capsys, monkeypatch):
    monkeypatch.setattr(measure_pass_rates, "CANDIDATE_ROWS", 2)
    server = serve()
    assert measure(taskset, server, f"--candidate=own=own-model@{server.url}") == 0
    assert Counter(r["model"] for r in server.requests)["own-model"] == 2 * 4
    assert "own: own-model, 4 samples of each of 2 rows" in (said := capsys.readouterr().out)
    assert re.search(r"^own: .*(bracketed|beyond)", said, re.MULTILINE)
    assert "own_pass_rate" not in pq.read_table(taskset / "train.parquet").column_names
