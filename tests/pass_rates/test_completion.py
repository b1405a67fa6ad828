"""The bodies that servers send with HTTP 200: which are an answer, and of what text."""

import json

import pytest

from data_augment.pass_rates.completion import read_completion
from data_augment.pass_rates.errors import Unanswered
from tests.pass_rates.conftest import completion

THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
ANSWER = json.dumps(completion("42"))
REPAIRED = {
    "as it should be": ANSWER,
    "text parts": json.dumps(
        completion([{"type": "text", "text": "4"}, {"type": "text", "text": "2"}])
    ),
    "a thought before the text": json.dumps(completion([THOUGHT, {"type": "text", "text": "42"}])),
    "[DONE] after the JSON": f"{ANSWER}\n\ndata: [DONE]\n\n",
    "[DONE], CRLF": f"{ANSWER}\r\n\r\ndata: [DONE]\r\n\r\n",
    "one event": f"event: message\ndata: {ANSWER}\n\ndata: [DONE]\n\n",
    "comments before the JSON": f": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n{ANSWER}",
    "blank lines while it thinks": "\n\n\n" + ANSWER,
    "indented JSON": json.dumps(completion("42"), indent=2) + "\ndata: [DONE]",
    "no error": json.dumps(completion("42") | {"error": None}),
    "no usage": json.dumps(completion("42") | {"usage": None}),
    "usage that is a list": json.dumps(completion("42") | {"usage": [1]}),
    "usage in words": json.dumps(completion("42", tokens="7")),
    "0 tokens said, and yet text": json.dumps(completion("42", tokens=0)),
}


@pytest.mark.parametrize("body", REPAIRED.values(), ids=REPAIRED)
def test_the_text_of_an_answer(body):
    answer, _ = read_completion(body)
    assert answer.choices[0].message.content == "42"


NO_ANSWERS = {
    "no choices": completion(),
    "choices null": completion("42") | {"choices": None},
    "choices as an object": completion("42") | {"choices": {"0": completion("42")["choices"][0]}},
    "a choice that is text": completion("42") | {"choices": ["42"]},
    "a choice of the old API": completion("42") | {"choices": [{"index": 0, "text": "42"}]},
    "message null": completion("42") | {"choices": [{"index": 0, "message": None}]},
    "a list": [completion("42")],
    "null": None,
    "content that is a number": completion(42),
    "content that is an object": completion({"text": "42"}),
    "an error alone": {"error": "overloaded"},
    "an error beside an answer": completion("4") | {"error": {"message": "broken off"}},
    "one choice of two broken off": completion("42", "4", finish="error"),
}


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_no_answer_of_the_model(body):
    with pytest.raises(Unanswered) as failure:
        read_completion(json.dumps(body))
    assert failure.value.again


@pytest.mark.parametrize(("code", "again"), [(429, True), (503, True), (400, False), ("x", True)])
def test_an_error_in_the_body_is_asked_again_as_its_code_says(code, again):
    with pytest.raises(Unanswered) as failure:
        read_completion(json.dumps({"error": {"message": "no", "code": code}}))
    assert failure.value.again is again


def test_tokens_are_counted():
    assert read_completion(json.dumps(completion("42", tokens=9)))[1] == 9
    assert read_completion(json.dumps(completion("42", tokens=None)))[1] == 0
    assert read_completion(json.dumps(completion(None, tokens=0, reasoning_content="hm")))[1] == 0
