"""The judge on answers in many spellings, wrong ones and hostile ones; the agent on a fake client."""

import asyncio
import importlib.util
import inspect
import itertools
import multiprocessing
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import math_agent
from math_agent import SYSTEM_PROMPT, boxed, gold_answer, is_correct

CORRECT = [  # gold, content of the box
    # plain numbers, never seen by math-verify
    ("18", "18"),
    ("1,000", "1000"),
    ("1000", "1,000"),
    ("1000", "1{,}000"),
    ("1000", r"1\,000"),
    ("1,234,567", r"1{,}234{,}567"),
    ("1,234,567", r"1\!,\!234\!,\!567"),
    ("18", r"\$18.00"),
    ("18", "$18$"),
    ("18", "€18"),
    ("18", r"18\text{ dollars}"),
    ("18", r"\text{18 dollars}"),
    ("18", "18 dollars"),
    ("18", r"18~\text{km}^2"),
    ("18", "18."),
    ("2.50", "2.5"),
    ("025", "25"),
    ("25", "025"),
    ("-3", "−3"),
    ("+5", "5"),
    ("0.5", ".5"),
    ("90", r"90^\circ"),
    ("90", "90°"),
    (r"90^{\circ}", "90"),
    ("18", r"18\%"),
    (r"12.5\%", "12.5"),
    ("0.125", r"12.5\%"),
    (r"50\%", r"\frac{1}{2}"),
    ("18", "18 percent"),
    # another spelling of the same value
    ("2.5", r"\frac{5}{2}"),
    (r"\frac{1}{2}", r"\frac12"),
    (r"\frac12", "0.5"),
    (r"\frac{1}{2}", r"\dfrac{1}{2}"),
    ("0.5", "1/2"),
    (r"-\frac{1}{2}", r"\frac{-1}{2}"),
    (r"\frac{1000}{3}", r"\frac{1,000}{3}"),
    (r"1000\pi", r"1{,}000\pi"),
    (r"\frac{\sqrt{3}}{2}", r"\frac{1}{2}\sqrt{3}"),
    (r"2\sqrt{2}", r"\sqrt{8}"),
    ("x^2+2x+1", "(x+1)^2"),
    ("5", "x = 5"),
    ("y=2x+1", "y = 1 + 2x"),
    (r"5 \text{ cm}^2", "5"),
    ("A", r"\textbf{A}"),
    ("A", "A."),
    ("A", r"\text{(A)}"),
    (r"\text{even}", "even"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix} 1 \\ 2 \end{bmatrix}"),
    # several values
    ("(3,5)", r"\left(3, 5\right)"),
    ("(1000,2)", "(1{,}000, 2)"),
    ("(100,200)", "(100, 200)"),
    (r"(-\infty, 3]", r"(-\infty,3]"),
    (r"\{1,2\}", r"\{2,1\}"),
    ("2, 3", "3, 2"),
    ("2, 3", r"2 \text{ and } 3"),
    ("100, 200", "100,200"),
    (r"2 \text{ or } 3", "3, 2"),
]

THEMSELVES = [  # golds in the manner of competition data
    *["1,080", r"\frac{\sqrt{3}}{2}", r"2\sqrt{2}", r"(-\infty, 3]", "x^2+2x+1", r"\text{even}"],
    *["A", r"-\frac{1}{2}", r"10\pi", r"\{1,2\}", r"5 \text{ cm}^2", r"90^\circ", "y=2x+1"],
    *[r"\begin{pmatrix}1\\2\end{pmatrix}", "2, 3", "11:30", r"0.\overline{45}", r"12.5\%"],
]

WRONG = [  # gold, content of the box
    ("18", "19"),
    ("18", "-18"),
    ("18", r"19\text{ dollars}"),
    ("18", ""),
    ("18", " "),
    ("18", "x"),
    ("18", "18x"),
    ("1000", "1,00"),
    ("35", "3 5"),
    ("35", "3,5"),
    (r"50\%", r"0.5\%"),
    (r"0.5\%", r"50\%"),
    ("0.33", r"\frac{1}{3}"),
    ("10000000000000000000", "10000000000000000001"),
    (r"\frac{1}{2}", r"\frac{2}{1}"),
    (r"\sqrt{2}", "1.41"),
    (r"\pi", "3.14"),
    ("x^2+2x+1", "(x+2)^2"),
    ("A", "B"),
    (r"\text{even}", r"\text{odd}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\3\end{pmatrix}"),
    # several candidates for one value
    ("3", "3 or 5"),
    ("5", "3 or 5"),
    ("5", "3, 5"),
    ("3", "3; 5"),
    ("3", r"3\text{ or }5"),
    ("3", r"3\text{ or 5}"),
    ("3", r"3\text{ or five}"),
    ("3", r"\text{3 or 5}"),
    ("5", r"x=3 \text{ or } x=5"),
    ("5", "x=3, x=5"),
    ("3", r"\pm 3"),
    ("5", r"\{3,5\}"),
    ("7", "3 & 7"),
    ("7", r"3 \\ 7"),
    ("100200", "(100,200)"),
    # other values, order or ends
    ("2, 3", "2"),
    ("2, 3", "2, 3, 4"),
    ("(3,5)", "(5,3)"),
    ("(5,3)", "(7,2)"),
    ("(3,5)", "[3,5]"),
    (r"(-\infty, 3]", r"(-\infty, 3)"),
]


@pytest.mark.parametrize(("gold", "box"), CORRECT)
def test_another_spelling_is_correct(gold, box):
    assert is_correct(rf"So the answer is \boxed{{{box}}}.", gold)


@pytest.mark.parametrize("gold", THEMSELVES)
def test_a_gold_answer_is_correct(gold):
    assert is_correct(rf"\boxed{{{gold}}}", gold)


@pytest.mark.parametrize(("gold", "box"), WRONG)
def test_another_value_is_wrong(gold, box):
    assert not is_correct(rf"So the answer is \boxed{{{box}}}.", gold)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (None, None),
        ("", None),
        ("The answer is 18. #### 18", None),
        (r"first \boxed{17}, then \boxed{18}", "18"),
        (r"\boxed{\frac{1}{\sqrt{2}}} and 3", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed {18}", "18"),
        (r"\boxed{\boxed{18}}", "18"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{]0, 1\}}", r"]0, 1\}"),
        (r"\boxed{17}, no: \boxed{18", None),
        (r"\boxed{}", ""),
        (r"\boxed 18", None),
    ],
)
def test_the_last_box_counts(text, content):
    assert boxed(text) == content


def test_text_outside_the_box_does_not_count():
    assert not is_correct("The answer is 18.", "18")
    assert not is_correct(r"The answer is 18: \boxed{19}, so $18$. #### 18", "18")
    assert not is_correct(r"\boxed{18} or rather \boxed{19}", "18")
    assert not is_correct(r"\boxed{}", "")


@pytest.mark.parametrize(
    ("answer", "gold"),
    [("2+2=4 #### 4\n#### 1,080 ", "1,080"), ("025", "025"), ("#### -3", "-3"), ("", "")],
)
def test_gold_answer(answer, gold):
    assert gold_answer(answer) == gold


def test_a_plain_number_needs_no_math_verify(monkeypatch):
    monkeypatch.setattr(math_agent, "_math_verify", None)
    assert is_correct(r"\boxed{1,080\text{ dollars}}", "1080")
    assert not is_correct(r"\boxed{1,081\text{ dollars}}", "1080")


# ------------------------------------------------------------------ hostile answers, threads, forks


def in_a_thread(function, *arguments):
    """Result and seconds of a call outside the main thread, as in a Ray actor."""
    result = []

    def call():
        start = time.monotonic()
        result.extend([function(*arguments), time.monotonic() - start])

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(timeout=60)
    return result


@pytest.mark.parametrize("box", ["9^{9^{9^{9^9}}}", "(" * 400 + "1" + ")" * 400])
def test_an_endless_answer_is_wrong_in_time_and_does_no_harm(box):
    assert is_correct(r"\boxed{\frac12}", "0.5")  # math-verify is loaded
    verdict, seconds = in_a_thread(is_correct, rf"\boxed{{{box}}}", "5")
    assert verdict is False
    assert seconds < 2 * math_agent.TIME_LIMIT
    assert in_a_thread(is_correct, r"\boxed{\frac12}", "0.5")[0] is True


@pytest.mark.parametrize(
    "text",
    [
        rf"\boxed{{{'1' * 100_000}}}",
        rf"\boxed{{{'{' * 50_000}5{'}' * 50_000}}}",
        r"\boxed{" * 20_000,
        rf"\boxed{{{'x+' * 50_000}1}}",
    ],
)
def test_a_huge_answer_is_wrong_at_once(text):
    start = time.monotonic()
    assert not is_correct(text, "5")
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    "box",
    [r"\frac{1}{", "\x00", "\ud800x", "²", "1" + "\\" * 9, r"\frac{0}{0}", "\n", "5\n6", "٣x"],
)
def test_no_answer_raises(box):
    assert is_correct(rf"\boxed{{{box}}}", "x") is False


def test_threads_get_their_own_verdicts():
    questions = [(rf"\boxed{{\frac{{{n}}}{{2}}}}", str(n / 2 + n % 2)) for n in range(1, 41)]
    verdicts = {}

    def grade(number):
        verdicts[number] = is_correct(*questions[number])

    threads = [threading.Thread(target=grade, args=[n]) for n in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [verdicts[n] for n in range(40)] == [n % 2 == 0 for n in range(1, 41)]


def grade_in_a_pool_worker(box):
    unshared = math_agent._math_verify._process is None
    return unshared, is_correct(rf"\boxed{{{box}}}", "0.5")


def test_a_forked_process_starts_its_own_math_verify():
    assert is_correct(r"\boxed{\frac12}", "0.5")
    with multiprocessing.get_context("fork").Pool(1) as pool:  # its workers are daemonic
        (result,) = pool.map(grade_in_a_pool_worker, [r"\frac{2}{4}"])
    assert result == (True, True)


def test_without_math_verify_the_judge_says_so(monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")  # a command that ends at once
    monkeypatch.setattr(math_agent, "_math_verify", math_agent._MathVerify())
    with pytest.raises(RuntimeError, match="pip install math-verify"):
        is_correct(r"\boxed{\frac12}", "0.5")


def test_import_is_light():
    heavy = "{'agentscope', 'trinity', 'ray', 'torch', 'math_verify', 'sympy'}"
    code = f"import math_agent, sys; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    root = Path(math_agent.__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# ------------------------------------------------------------------ the agent, and the judge as called


class FakeClient:
    """Stands for the OpenAI client that Trinity puts into the chat model: records its requests."""

    def __init__(self, *messages, base_url="http://127.0.0.1:8000/v1"):
        self.base_url = base_url
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self.create))
        self.messages = list(messages)
        self.requests = []

    async def create(self, **request):
        from openai.types.chat import ChatCompletion

        self.requests.append(request)
        message = self.messages.pop(0) if len(self.messages) > 1 else self.messages[0]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
        return ChatCompletion.model_validate(
            {"id": "", "created": 0, "model": "m", "object": "chat.completion", "choices": [choice]}
        )


TOOL_CALL = {"id": "1", "type": "function", "function": {"name": "python", "arguments": "{}"}}


def rollout(*messages, answer="#### 18", **client):
    """Run the agent and the judge as Trinity's adapter does; returns requests, judgement."""
    from agentscope.model import OpenAIChatModel

    model = OpenAIChatModel(
        "m", api_key="EMPTY", stream=False, generate_kwargs={"temperature": 1.0}
    )
    model.client = FakeClient(*messages, **client)

    async def run():
        task = {"question": "How many?", "answer": answer}
        output = await math_agent.run_react_agent(task, model, auxiliary_models={})
        return await math_agent.gsm8k_judge(task, output.response, auxiliary_models={})

    return model.client.requests, asyncio.run(run())


def test_a_rollout_asks_once_sends_nothing_unneeded_and_prints_nothing(capsys):
    requests, judgement = rollout({"content": r"9 + 9 is \boxed{18}"})
    (request,) = requests
    assert set(request) == {"model", "messages", "stream", "temperature"}  # no tools, no seed
    system, user = request["messages"]
    assert system["content"] == [{"type": "text", "text": SYSTEM_PROMPT}]
    assert user["content"] == [{"type": "text", "text": "How many?"}]
    assert judgement.reward == 1.0
    assert judgement.metrics == {"accuracy": 1.0, "format_score": 1.0}
    assert capsys.readouterr().out == ""


def test_the_prompt_promises_what_there_is():
    assert r"\boxed{}" in SYSTEM_PROMPT
    assert not re.search(r"\{\{|tool|python|code", SYSTEM_PROMPT, re.IGNORECASE)


@pytest.mark.parametrize(
    ("message", "format_score", "requests"),
    [
        ({"content": ""}, 0.0, 1),
        ({"content": None}, 0.0, 1),
        ({"content": "", "reasoning_content": r"\boxed{18} may be"}, 0.0, 1),
        ({"content": r"The answer is 18, \boxed{1"}, 0.0, 1),
        ({"content": r"\boxed{19}"}, 1.0, 1),
        ({"content": None, "tool_calls": [TOOL_CALL]}, 0.0, 11),  # max_iters and the summary
    ],
)
def test_a_failed_rollout_scores_zero(message, format_score, requests):
    asked, judgement = rollout(message)
    assert judgement.reward == 0.0
    assert judgement.metrics == {"accuracy": 0.0, "format_score": format_score}
    assert len(asked) == requests


def test_a_call_of_a_tool_that_does_not_exist_can_be_made_good():
    tool_call = {"content": None, "tool_calls": [TOOL_CALL]}
    requests, judgement = rollout(tool_call, {"content": r"\boxed{18}"})
    assert (len(requests), judgement.reward) == (2, 1.0)


def test_the_judge_takes_no_response_and_a_bare_or_numeric_gold():
    judge = math_agent.gsm8k_judge
    assert asyncio.run(judge({"answer": "18"}, None)).reward == 0.0
    assert rollout({"content": r"\boxed{18}"}, answer=18)[1].reward == 1.0


def test_a_slow_comparison_leaves_the_event_loop_free(monkeypatch):
    monkeypatch.setattr(math_agent, "is_correct", lambda text, gold: time.sleep(0.5) or True)

    async def both():
        judging = asyncio.create_task(math_agent.gsm8k_judge({"answer": "18"}, None))
        await asyncio.sleep(0.1)
        free = not judging.done()
        return free, (await judging).reward

    assert asyncio.run(both()) == (True, 1.0)


def test_each_rollout_on_tinker_has_a_seed_of_its_own_that_follows_from_the_runs(monkeypatch):
    source = Path(importlib.util.find_spec("trinity").origin).parent
    source = (source / "common/models/tinker_model.py").read_text()
    (address,) = re.findall(r'return "(https://\S+)"', source)

    def seeds(run):
        monkeypatch.setattr(math_agent, "_rollouts", itertools.count())
        monkeypatch.setenv("ROLLOUT_SEED", run)
        message = {"content": r"\boxed{18}"}
        return [rollout(message, base_url=f"{address}/v1")[0][0]["seed"] for _ in range(8)]

    drawn = [seeds("1"), seeds("2"), seeds(""), seeds("")]
    assert seeds("1") == drawn[0]
    assert len({seed for run in drawn for seed in run}) == 32
    assert all(0 <= seed < 2**31 for run in drawn for seed in run)


@pytest.mark.parametrize("function", [math_agent.run_react_agent, math_agent.gsm8k_judge])
def test_auxiliary_models_are_refused(function):
    task = {"question": "How many?", "answer": "18"}
    with pytest.raises(ValueError, match=f"{function.__name__} uses no auxiliary models.*'critic'"):
        asyncio.run(function(task, None, {"critic": object()}))


def test_the_tuner_accepts_both_functions():
    from agentscope.tuner._config import check_judge_function, check_workflow_function

    check_workflow_function(math_agent.run_react_agent)
    check_judge_function(math_agent.gsm8k_judge)
    for function in (math_agent.run_react_agent, math_agent.gsm8k_judge):
        assert inspect.signature(function).parameters["auxiliary_models"].default is None
