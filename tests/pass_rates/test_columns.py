"""What measure_pass_rates.py writes, and what it asks the servers for."""

import io
import subprocess
import sys
from collections import Counter

import pyarrow.parquet as pq
import pytest

import measure_pass_rates
from safe_files import REPO
from tests.pass_rates.conftest import (
    ROWS,
    UNDISTURBED,
    columns,
    completion,
    expected,
    measure,
    solve,
)

pytestmark = pytest.mark.slow  # whole measurements against a server


def test_two_columns_beside_what_was_there(taskset, serve, capsys):
    before = pq.read_table(taskset / "train.parquet")
    assert measure(taskset, serve(), models=["weak", "strong"]) == 0
    after = pq.read_table(taskset / "train.parquet")
    assert after.select(before.column_names).equals(before)
    assert str(after.schema.field("weak_pass_rate").type) == "double"
    assert str(after.schema.field("weak_samples").type) == "int64"
    assert columns(taskset) == UNDISTURBED
    assert columns(taskset, "strong")[0] == expected("strong-model") != expected()
    said = capsys.readouterr().out
    assert f"weak: weak-model, 4 samples of each of {ROWS} rows" in said
    assert "beats" in said


def test_output_elsewhere_with_the_first_rows(taskset, serve, tmp_path):
    before = (taskset / "train.parquet").read_bytes()
    output = tmp_path / "new/folder/train.parquet"
    assert measure(taskset, serve(), f"--output={output}", "--limit=2") == 0
    assert (taskset / "train.parquet").read_bytes() == before
    assert columns(output.parent) == ([*expected()[:2], *[None] * (ROWS - 2)], [4, 4, 0, 0, 0, 0])


def test_requests_carry_the_settings_and_seeds_differ(taskset, serve):
    server = serve()
    assert measure(taskset, server, "--temperature=0.7", "--top-p=0.9", "--max-tokens=99") == 0
    sent = {(r["model"], r["temperature"], r["top_p"], r["max_tokens"]) for r in server.requests}
    assert sent == {("weak-model", 0.7, 0.9, 99)}
    assert len({r["seed"] for r in server.requests}) == 4 * ROWS
    assert all(r["stream"] is False for r in server.requests)


def test_messages_are_what_strict_servers_take(taskset, serve):
    server = serve(lambda request, before: completion("no"))
    assert measure(taskset, server, "--limit=1") == 0
    system, user = server.requests[0]["messages"]
    assert system["content"].startswith("You are an agent")
    assert user == {"role": "user", "content": "0+0="}
    assert system.keys() == user.keys()


def test_no_seeds_on_request(taskset, serve):
    server = serve()
    assert measure(taskset, server, "--seed=none") == 0
    assert all("seed" not in request for request in server.requests)


def test_the_limit_of_tokens_under_its_new_name(taskset, serve):
    server = serve()
    assert measure(taskset, server, "--max-completion-tokens=99") == 0
    assert {r["max_completion_tokens"] for r in server.requests} == {99}
    assert all("max_tokens" not in request for request in server.requests)


def test_samples_that_share_a_request(taskset, serve):
    server = serve()
    assert measure(taskset, server, "--choices=3") == 0
    assert sorted(r.get("n", 1) for r in server.requests) == [1] * ROWS + [3] * ROWS
    rights = 0
    for request in server.requests:
        row = int(request["messages"][-1]["content"].partition("+")[0])
        for choice in solve(request)["choices"]:
            rights += choice["message"]["content"] == rf"\boxed{{{2 * row}}}"
    rates, samples = columns(taskset)
    assert samples == [4] * ROWS
    assert sum(rates) * 4 == rights


def test_a_server_that_does_not_know_n_is_asked_for_each(taskset, serve):
    def one_choice(request, before):
        return solve({key: value for key, value in request.items() if key != "n"})

    assert measure(taskset, serve(one_choice), "--choices=4") == 0
    assert columns(taskset) == UNDISTURBED


def test_a_tool_call_of_the_model_leads_to_a_second_turn(taskset, serve):
    call = {"id": "1", "type": "function", "function": {"name": "python", "arguments": "{}"}}

    def calls_a_tool(request, before):
        if request["messages"][-1]["role"] == "tool":
            return solve(request)
        return completion(*[None] * request.get("n", 1), finish="tool_calls", tool_calls=[call])

    server = serve(calls_a_tool)
    assert measure(taskset, server, "--choices=2") == 0
    assert columns(taskset) == UNDISTURBED
    assert len(server.requests) == 2 * ROWS + 4 * ROWS
    assert not any("name" in m for request in server.requests for m in request["messages"])


@pytest.mark.parametrize("usage", [None, [1], {"completion_tokens": "7"}, {}])
def test_usage_that_is_no_usage_is_no_matter(taskset, serve, usage):
    server = serve(lambda request, before: solve(request) | {"usage": usage})
    assert measure(taskset, server) == 0
    assert columns(taskset) == UNDISTURBED


def test_text_in_parts_reaches_the_judge(taskset, serve):
    def in_parts(request, before):
        answer = solve(request)
        message = answer["choices"][0]["message"]
        message["content"] = [{"type": "text", "text": message["content"]}]
        return answer

    assert measure(taskset, serve(in_parts)) == 0
    assert columns(taskset) == UNDISTURBED


def test_two_endpoints_share_the_load(taskset, serve):
    servers = [serve(seconds=0.01), serve(seconds=0.01)]
    assert measure(taskset, ",".join(s.url for s in servers), "--concurrency=2") == 0
    assert min(len(s.requests) for s in servers) >= ROWS


def test_no_more_requests_in_flight_than_allowed(taskset, serve):
    server = serve(seconds=0.02)
    assert measure(taskset, server, "--concurrency=3", models=["weak", "strong"]) == 0
    assert server.most_in_flight == 3


def test_a_candidate_gets_rows_and_no_column(taskset, serve, capsys, monkeypatch):
    monkeypatch.setattr(measure_pass_rates, "CANDIDATE_ROWS", 2)
    server = serve()
    candidate = f"--candidate=own=own-model@{server.url}"
    assert measure(taskset, server, candidate, models=["weak", "strong"]) == 0
    assert Counter(r["model"] for r in server.requests)["own-model"] == 2 * 4
    said = capsys.readouterr().out
    assert "own: own-model, 4 samples of each of 2 rows" in said
    verdict = next(line for line in said.splitlines()[::-1] if line.startswith("own: "))
    assert "bracketed" in verdict or "beyond" in verdict
    assert "own_pass_rate" not in pq.read_table(taskset / "train.parquet").column_names


def test_a_column_measured_elsewhere_is_not_overwritten(taskset, serve, capsys):
    before = (taskset / "train.parquet").read_bytes()
    assert measure(taskset, serve(), models=["qwen2.5_7b"]) == 2
    assert "has a column qwen2.5_7b_pass_rate that was not measured here" in capsys.readouterr().err
    assert (taskset / "train.parquet").read_bytes() == before


@pytest.mark.parametrize("in_the_variable", ["sk-secret", "  sk-secret\r\n"])
def test_the_key_is_sent_and_written_nowhere(taskset, serve, capsys, monkeypatch, in_the_variable):
    monkeypatch.setenv("MY_KEY", in_the_variable)
    server = serve()
    assert measure(taskset, server, "--api-key-env=MY_KEY") == 0
    assert server.keys == {"Bearer sk-secret"}
    server.answer = lambda request, before: (401, {}, b"bad key sk-secret")
    assert measure(taskset, server, "--api-key-env=MY_KEY", models=["other"]) == 2
    said = capsys.readouterr()
    assert "HTTP 401 (bad key ***). Give a key with --api-key-env" in said.err
    assert "sk-secret" not in said.out + said.err
    assert all(b"sk-secret" not in file.read_bytes() for file in taskset.iterdir())


def test_a_terminal_that_is_not_utf8_is_no_crash(taskset, serve, monkeypatch):
    """As under PYTHONIOENCODING=ascii, where the bars of the histogram cannot be printed."""
    said = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(said, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert measure(taskset, serve(), models=["weak", "strong"]) == 0
    sys.stdout.flush()
    assert b"weak: weak-model, 4 samples of each" in said.getvalue()


def test_help_is_quick():
    """No heavy import stands between a user and the options."""
    loaded = "import sys, measure_pass_rates; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=REPO, capture_output=True, text=True)
    heavy = {"aiohttp", "agentscope", "openai", "datasets", "pyarrow", "numpy", "rich"}
    assert heavy & set(done.stdout.split()) == set()
