"""Every fault of a server: a failed request is asked again and counted, and is never a wrong answer."""

import json
import re
import time
from collections import Counter

import pytest

from data_augment.pass_rates import endpoints
from tests.pass_rates.conftest import (
    ROWS,
    UNDISTURBED,
    columns,
    completion,
    measure,
    question_of,
    right,
    solve,
)

pytestmark = pytest.mark.slow  # whole measurements against a server

JSON = {"Content-Type": "application/json"}
STREAM = {"Content-Type": "text/event-stream"}
CUT = json.dumps(completion("x")).encode()[:-20]
NOTHING = {"completion_tokens": 0, "prompt_tokens": 0}
PASSING_FAULTS = [
    ("HTTP 500", (500, {}, b"oops")),
    ("HTTP 429", (429, {"Retry-After": "0"}, b"slow down")),
    ("no answer in 0.5 s", "hang"),
    ("connection broken", "drop"),
    ("connection broken", (200, JSON | {"Content-Length": 10_000, "Connection": "close"}, CUT)),
    ("not JSON", (200, JSON, CUT)),
    ("not JSON", (200, {"Content-Type": "text/html"}, b"<html>Welcome</html>")),
    ("not JSON", (200, JSON, b"")),
    ("an error in place of an answer", {"error": {"message": "Rate limit", "code": 429}}),
    ("an error in place of an answer", completion(None) | {"error": "overloaded"}),
    ("finish_reason error", completion("So it is", finish="error")),
    ("finish_reason abort", completion("", finish="abort")),
    ("an empty answer of 0 tokens", completion("", tokens=0)),
    ("an empty answer of 0 tokens", completion(None) | {"usage": NOTHING}),
]


@pytest.mark.parametrize(("reason", "fault"), PASSING_FAULTS)
def test_a_fault_is_asked_again_and_counted(taskset, serve, capsys, reason, fault):
    server = serve(lambda request, before: fault if before < 2 else solve(request))
    assert measure(taskset, server, "--concurrency=2", "--timeout=0.5") == 0
    assert columns(taskset) == UNDISTURBED
    assert f"2 requests failed in this run: {reason}; samples lost: 0" in capsys.readouterr().out


def test_a_refused_connection_is_counted_and_the_other_endpoint_answers(
    taskset, serve, capsys, monkeypatch
):
    live = serve()
    dead = serve()
    dead.shutdown()
    dead.server_close()
    assert measure(taskset, f"{live.url},{dead.url}") == 2
    assert f"{dead.url}: no server answers" in capsys.readouterr().err

    async def both_were_up_at_the_start(self):
        pass

    monkeypatch.setattr(endpoints.Endpoints, "check", both_were_up_at_the_start)
    assert measure(taskset, f"{live.url},{dead.url}", "--concurrency=4") == 0
    assert columns(taskset) == UNDISTURBED
    counted = r"\d+ requests failed in this run: no connection; samples lost: 0"
    assert re.search(counted, capsys.readouterr().out)


def test_retry_after_is_honoured(taskset, serve):
    times = []

    def busy_once(request, before):
        times.append(time.monotonic())
        return solve(request) if before else (429, {"Retry-After": "0.4"}, b"")

    assert measure(taskset, serve(busy_once), "--concurrency=1", "--limit=1") == 0
    assert times[1] - times[0] >= 0.4


def test_retry_after_as_a_date_or_as_nonsense():
    header = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    assert 50 < endpoints.retry_after(header) <= 60
    for header in ("", "soon", "-5", "Wed, 99 Foo 2015 07:28:00", "Wed, 21 Oct 99999 07:28:00 GMT"):
        assert endpoints.retry_after(header) == 0


def test_a_quota_for_hours_is_not_waited_for(taskset, serve, capsys):
    server = serve(lambda *_: (429, {"Retry-After": "3600"}, b"daily quota"))
    assert measure(taskset, server) == 1
    assert "HTTP 429: daily quota" in capsys.readouterr().err


def test_a_sample_that_failed_for_good_is_never_a_zero(taskset, serve, capsys):
    refused = Counter()

    def too_long(request, before):
        question = question_of(request)
        refused[question] += 1
        limit = {"1+1=": 4, "2+2=": 2}.get(question, 0)  # requests that are refused
        return (400, {}, b"too long") if refused[question] <= limit else solve(request)

    server = serve(too_long)
    assert measure(taskset, server, "--min-samples=3", "--concurrency=1") == 0
    rates, samples = columns(taskset)
    assert samples == [4, 0, 2, 4, 4, 4]
    assert [rate is None for rate in rates] == [False, True, True, False, False, False]
    said = capsys.readouterr().out
    assert "2 rows left empty, below 3 samples; the first: [1, 2]" in said
    assert "6 requests failed in this run: HTTP 400; samples lost: 6" in said
    assert len(server.requests) == 4 * ROWS  # a refusal is not repeated

    assert measure(taskset, server) == 0  # the lost ones have another chance
    assert columns(taskset) == UNDISTURBED


def test_the_providers_filter_is_neither_a_wrong_answer_nor_one_without_text(
    taskset, serve, capsys
):
    def filtered(request, before):
        return completion(None, finish="content_filter") if before < 2 else right(request)

    assert measure(taskset, serve(filtered), "--concurrency=1") == 0
    assert columns(taskset) == ([1.0] * ROWS, [2, 4, 4, 4, 4, 4])
    said = capsys.readouterr().out
    assert "2 requests failed in this run: stopped by the provider's content filter" in said
    assert "without text" not in said


def test_a_response_without_text_is_wrong_and_counted(taskset, serve, capsys):
    def thought_cut_off(request, before):
        if before >= 3:
            return right(request)
        return completion(None, finish="length", reasoning_content="hm")

    assert measure(taskset, serve(thought_cut_off), "--concurrency=1") == 0
    assert columns(taskset) == ([0.25] + [1.0] * (ROWS - 1), [4] * ROWS)
    assert "3 answers without text (scored 0)" in capsys.readouterr().out


def test_a_response_cut_off_is_counted(taskset, serve, capsys):
    server = serve(lambda *_: completion("So it is", finish="length"))
    assert measure(taskset, server) == 0
    assert f"{4 * ROWS} answers cut off" in capsys.readouterr().out


REFUSED_OPTIONS = [
    (
        b"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.",
        "--max-completion-tokens",
    ),
    (b'[{"type": "extra_forbidden", "loc": ["seed"], "msg": "not permitted"}]', "--seed none"),
    (b"Unsupported value: 'temperature' does not support 0.7", "--temperature 1"),
]


@pytest.mark.parametrize(("said", "option"), REFUSED_OPTIONS)
def test_a_refused_field_is_said_at_once_with_the_option(taskset, serve, capsys, said, option):
    server = serve(lambda *_: (400, {}, said))
    assert measure(taskset, server, "--concurrency=1") == 2
    assert option in capsys.readouterr().err
    assert len(server.requests) == 1


def test_a_limit_of_tokens_that_is_too_large_is_no_refused_field(taskset, serve, capsys):
    """vLLM names both fields when a single prompt is too long for the model."""
    words = b"'max_tokens' or 'max_completion_tokens' is too large: 16384. maximum context length"

    def refuses_one_row(request, before):
        return (400, {}, words) if question_of(request) == "1+1=" else right(request)

    assert measure(taskset, serve(refuses_one_row)) == 0
    assert columns(taskset) == ([1.0, None, 1.0, 1.0, 1.0, 1.0], [4, 0, 4, 4, 4, 4])


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_loses_the_request_is_said_with_its_target(taskset, serve, capsys, status):
    server = serve(lambda *_: (status, {"Location": "/v2/chat/completions"}, b""))
    assert measure(taskset, server) == 2
    assert f"Give that address: {server.url.removesuffix('/v1')}/v2\n" in capsys.readouterr().err


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_the_request_is_followed_and_said(taskset, serve, capsys, status):
    server = serve()

    def moved(request, before):
        if server.paths[before].startswith("/v2"):
            return solve(request)
        return status, {"Location": "/v2/chat/completions"}, b""

    server.answer = moved
    assert measure(taskset, server, "--concurrency=1") == 0
    assert columns(taskset) == UNDISTURBED
    assert "/v2/chat/completions" in capsys.readouterr().out


def test_a_stream_that_was_not_asked_for_is_said_after_its_first_piece(taskset, serve, capsys):
    piece = {"object": "chat.completion.chunk", "choices": [{"delta": {"content": "So"}}]}
    body = f": thinking\n\ndata: {json.dumps(piece)}\n\n".encode()
    never_ends = STREAM | {"Content-Length": 10_000}
    server = serve(lambda *_: (200, never_ends, body))
    started = time.monotonic()
    assert measure(taskset, server, "--timeout=30") == 2
    assert time.monotonic() - started < 10
    assert "streams" in capsys.readouterr().err


def test_a_dead_server_ends_the_run_and_the_same_command_goes_on(taskset, serve, capsys):
    before = (taskset / "train.parquet").read_bytes()
    server = serve(lambda request, before: solve(request) if before < 10 else (500, {}, b"dead"))
    assert measure(taskset, server, "--concurrency=2") == 1
    assert "samples in a row failed, the last: HTTP 500: dead" in capsys.readouterr().err
    assert (taskset / "train.parquet").read_bytes() == before
    server.answer = lambda request, before: solve(request)
    assert measure(taskset, server, "--concurrency=2") == 0
    assert columns(taskset) == UNDISTURBED
    assert set(server.answered.values()) == {1}


def test_a_model_that_answered_nothing_writes_no_column(taskset, serve, capsys):
    before = (taskset / "train.parquet").read_bytes()
    assert measure(taskset, serve(lambda *_: (400, {}, b"what?"))) == 1
    assert "weak: no sample was answered, the last: HTTP 400: what?" in capsys.readouterr().err
    assert (taskset / "train.parquet").read_bytes() == before
