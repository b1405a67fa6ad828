"""One question to a model: the turns, what the judge reads, the verdict."""

import pytest

from data_augment.ask.__main__ import main
from data_augment.pass_rates import endpoints
from tests.evaluation.conftest import write_run
from tests.pass_rates.conftest import completion, right, serve  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow  # imports agentscope


@pytest.mark.parametrize(
    ("gold", "said"), [("4", "right (reward 1)"), ("5", "wrong (reward 0)"), (None, "")]
)
def test_an_answer_and_its_verdict(serve, capsys, gold, said):  # noqa: F811
    server = serve(lambda request, _: right(request))
    arguments = [f"some-model@{server.url}", "2+2="]
    assert main(arguments + (["--answer", gold] if gold else [])) == 0
    text = capsys.readouterr().out
    assert r"agent      \boxed{4}" in text
    assert "read       4" in text
    assert said in text
    assert ("verdict" in text) == bool(gold)
    assert server.requests[0]["model"] == "some-model"
    assert server.requests[0]["temperature"] == 0


def test_a_thought_is_shown_apart(serve, capsys):  # noqa: F811
    thought = completion(r"So \boxed{4}", reasoning_content="two and two\nis four")
    assert main([f"m@{serve(lambda *_: thought).url}", "2+2="]) == 0
    text = capsys.readouterr().out
    assert "thought    two and two\n           is four\n" in text
    assert r"agent      So \boxed{4}" in text


def test_a_response_without_an_answer_is_wrong(serve, capsys):  # noqa: F811
    assert main([f"m@{serve(lambda *_: completion('dunno')).url}", "2+2=", "--answer", "4"]) == 0
    text = capsys.readouterr().out
    assert "read       no \\boxed{}" in text
    assert "wrong" in text


def test_a_run_is_asked_by_its_snapshot(serve, tmp_path):  # noqa: F811
    server = serve(lambda request, _: right(request))
    run = write_run(tmp_path / "run", base_url=server.url.removesuffix("/v1"))
    assert main([str(run), "2+2="]) == 0
    assert server.requests[0]["model"].endswith("/weights/state-20")


def test_a_server_that_fails_or_is_missing_is_said(serve, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setattr(endpoints, "BACKOFF", 0.01)
    assert main([f"m@{serve(lambda *_: (500, {}, b'dead')).url}", "2+2="]) == 1
    assert "HTTP 500: dead" in capsys.readouterr().err
    assert main(["m@http://127.0.0.1:1/v1", "2+2="]) == 2
    assert "no server answers" in capsys.readouterr().err


def test_a_folder_answers_as_its_server_does(tmp_path, capsys):
    from tests.laptop.test_engine import make_model
    from tests.laptop.test_server import serving

    folder = make_model(tmp_path / "models/tiny")
    messages = [{"role": "user", "content": "1+2"}]
    request = {"model": "tiny", "messages": messages, "temperature": 0, "max_tokens": 9}
    with serving(folder.parent, tmp_path / "state") as http:
        choices = http.post("/v1/chat/completions", json=request).json()["choices"]
    assert main([str(folder), "1+2", "--max-tokens=9"]) == 0
    assert f"agent      {choices[0]['message']['content'].strip()}" in capsys.readouterr().out


def test_a_folder_without_a_model_is_refused(tmp_path, capsys):
    assert main([str(tmp_path), "1+2"]) == 2
    assert "holds no model that can be loaded" in capsys.readouterr().err


def test_what_a_model_thinks_aloud_is_no_part_of_its_answer():
    from data_augment.ask.folder_model import content_blocks

    thinking, text = content_blocks("<think>\nhm \\boxed{1}\n</think>\n\\boxed{2}")
    assert (thinking["thinking"], text["text"]) == (r"hm \boxed{1}", r"\boxed{2}")
    thinking, text = content_blocks("<think>\nhm \\boxed{1} and th")  # cut off
    assert (thinking["thinking"], text["text"]) == (r"hm \boxed{1} and th", "")
    (text,) = content_blocks(r"\boxed{2}")
    assert text["text"] == r"\boxed{2}"
