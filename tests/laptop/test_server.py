"""The local Tinker server, through the real tinker client and plain HTTP, on a random model."""

import asyncio
import io
import json
import math
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
import tinker
import torch
import uvicorn
from safetensors.torch import load_file
from tinker import types

from laptop.server import promises
from laptop.server.__main__ import main
from laptop.server.app import create_app
from laptop.server.engine import TORCH_THREADS
from laptop.server.policy import BaseModel, Lora
from laptop.server.process import start_server
from laptop.server.training_run import TrainingRun
from math_agent import run_react_agent
from safe_files import REPO
from tests.laptop.test_engine import make_model, peft_logprobs

pytestmark = [
    pytest.mark.slow,  # it imports torch, peft and the models of transformers
    pytest.mark.filterwarnings("ignore:.*tie_word_embeddings.*"),  # of peft, see policy.py
]
ADAM = types.AdamParams(learning_rate=1e-2, eps=1e-6, weight_decay=0.1, grad_clip_norm=0.5)


@contextmanager
def serving(models, state, port=0):
    """The app in a thread of this process; yields its address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    app = create_app(models, state)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with httpx.Client(base_url=url, timeout=30) as http:
        http.service = app.state.service
        yield http
    server.should_exit = True
    thread.join()


def connect(http):
    return tinker.ServiceClient(base_url=str(http.base_url), api_key="tml-test")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    torch.set_num_threads(TORCH_THREADS)
    return make_model(tmp_path_factory.mktemp("models") / "tiny").parent


@pytest.fixture(scope="module")
def http(models, tmp_path_factory):
    with serving(models, tmp_path_factory.mktemp("state")) as http:
        yield http


@pytest.fixture(scope="module")
def client(http):
    return connect(http)


@pytest.fixture(scope="module")
def run_id(client):
    return client.create_lora_training_client("tiny", rank=2).model_id


def datum(tokens, weights):
    inputs = {"target_tokens": tokens[1:], "weights": torch.tensor(weights)}
    return types.Datum(model_input=types.ModelInput.from_ints(tokens[:-1]), loss_fn_inputs=inputs)


def train(training, steps):
    for i in range(steps):
        data = [datum([2 + i, 3, 4, 1], [0.0, -1.0, 2.0]), datum([9, 8], [1.5])]
        training.forward_backward(data, "cross_entropy").result()
        training.optim_step(ADAM).result()


def draw(sampler, **params):
    params = {"seed": 4, "max_tokens": 12, **params}
    prompt = types.ModelInput.from_ints([2, 3])
    return sampler.sample(prompt, 2, types.SamplingParams(**params)).result().sequences


def snapshot(http, path):
    return load_file(http.service.state / (path.removeprefix("tinker://") + ".safetensors"))


def wait(http, answer):
    assert answer.status_code == 200, answer.text
    return http.post("/api/v1/retrieve_future", json=answer.json()).json()


def test_custom_loss_trains_as_autograd_through_peft(http, client, models):
    """Two clipped PPO steps through forward_backward_custom: signed weights, unequal lengths."""
    rows = [([2, 3, 9, 4, 1], 1.3), ([5, 6, 7], -0.8), ([8] * 20, -2.0)]
    old = [torch.full((len(tokens) - 1,), -2.5) for tokens, _ in rows]

    def ppo(_, logprobs):
        loss = 0.0
        for logprob, before, (_, advantage) in zip(logprobs, old, rows, strict=True):
            ratio = (logprob - before).exp()
            clipped = ratio.clamp(0.8, 1.2)
            loss = loss - torch.minimum(ratio * advantage, clipped * advantage).mean() / len(rows)
        return loss, {"ppo": loss.item()}

    shape = {"rank": 4, "seed": 5, "train_mlp": False}
    training = client.create_lora_training_client(str(models / "tiny"), **shape)
    oracle = TrainingRun(
        "oracle",
        BaseModel("tiny", models / "tiny"),
        Lora(rank=4, train_attn=True, train_mlp=False, train_unembed=True),
        seed=5,
    )
    parameters = list(oracle.adapter.values())
    optimizer = torch.optim.AdamW(parameters, 1e-2, (0.9, 0.95), eps=1e-6, weight_decay=0.1)
    for _ in range(2):
        data = [datum(tokens, [1.0] * (len(tokens) - 1)) for tokens, _ in rows]
        backward = training.forward_backward_custom(data, ppo)
        step = training.optim_step(ADAM)
        both = [peft_logprobs(oracle, tokens[:-1], tokens[1:]) for tokens, _ in rows]
        loss, metrics = ppo(None, [logprobs for logprobs, _ in both])
        loss.backward()
        for name, p in oracle.adapter.items():
            p.grad = sum(leaves[name].grad for _, leaves in both)
        norm = torch.nn.utils.clip_grad_norm_(parameters, 0.5).item()
        optimizer.step()
        assert backward.result().metrics["ppo"] == pytest.approx(metrics["ppo"], abs=1e-5)
        assert step.result().metrics["grad_norm"] == pytest.approx(norm, rel=1e-3)
    saved = snapshot(http, training.save_weights_for_sampler("ppo").result().path)
    assert saved.keys() == oracle.adapter.keys()
    for name, p in oracle.adapter.items():
        torch.testing.assert_close(saved[name], p.detach(), atol=2e-5, rtol=1e-3)


def test_sampled_logprobs_are_those_of_the_trainer(http, client):
    training = client.create_lora_training_client("tiny", rank=4, seed=1)
    train(training, 2)
    sampler = training.save_weights_and_get_sampling_client()
    assert sampler.get_tokenizer().decode([2, 3]) == "01"
    assert training.get_info().model_data.model_name == sampler.get_base_model().rstrip("/")
    for sequence in draw(sampler):
        tokens = [2, 3, *sequence.tokens]
        output = training.forward([datum(tokens, [0.0] * (len(tokens) - 1))], "cross_entropy")
        expected = output.result().loss_fn_outputs[0]["logprobs"].tolist()
        assert sequence.logprobs == pytest.approx(expected[1:], abs=1e-5)
        known = sampler.compute_logprobs(types.ModelInput.from_ints(tokens)).result()
        assert known[0] is None and known[1:] == pytest.approx(expected, abs=1e-5)
    first, second = draw(sampler)
    assert first.tokens != second.tokens
    assert [s.tokens for s in draw(sampler)] == [first.tokens, second.tokens]


def test_a_session_keeps_its_deleted_snapshot(http, client):
    training = client.create_lora_training_client("tiny", rank=2, seed=1)
    rest, run = client.create_rest_client(), training.model_id
    paths = [training.save_weights_for_sampler(name).result().path for name in ("a b", "c")]
    samplers = [client.create_sampling_client(path) for path in paths]
    before = [s.tokens for s in draw(samplers[0])]
    rest.delete_checkpoint(run, "a b").result()  # as Trinity names it
    rest.delete_checkpoint_from_tinker_path(paths[1]).result()
    assert [s.tokens for s in draw(samplers[0])] == [s.tokens for s in draw(samplers[1])] == before
    with pytest.raises(tinker.NotFoundError, match="deleted"):
        client.create_sampling_client(paths[0])
    with pytest.raises(tinker.NotFoundError, match="0 checkpoints"):
        rest.delete_checkpoint(run, "a b").result()
    train(training, 1)  # the name is free again, and means the new weights
    again = training.save_weights_for_sampler("a b").result().path
    assert [s.tokens for s in draw(client.create_sampling_client(again))] != before


def test_a_restarted_server_goes_on_bit_for_bit(models, tmp_path):
    with serving(models, tmp_path) as http:
        client = connect(http)
        training = client.create_lora_training_client("tiny", rank=4, seed=1)
        train(training, 2)
        middle = training.save_state("middle").result().path
        sampler = client.create_sampling_client(
            training.save_weights_for_sampler("s").result().path
        )
        tokens = [s.tokens for s in draw(sampler)]
        train(training, 2)
        expected = snapshot(http, training.save_state("end").result().path)
        port = http.base_url.port
    with serving(models, tmp_path, port) as http:
        for lost in (training.get_info, lambda: draw(sampler), lambda: train(training, 1)):
            with pytest.raises(tinker.NotFoundError, match="no id outlives a restart"):
                lost()
        answer = http.post("/api/v1/retrieve_future", json={"request_id": f"{training.model_id}:1"})
        assert answer.status_code == 404
        path = f"tinker://{training.model_id}/sampler_weights/s"  # with the client of before:
        assert [s.tokens for s in draw(client.create_sampling_client(path))] == tokens
        resumed = client.create_training_client_from_state_with_optimizer(middle)
        train(resumed, 2)
        got = snapshot(http, resumed.save_state("end").result().path)
    assert got.keys() == expected.keys() and any(name.startswith("adam.") for name in got)
    assert all(torch.equal(got[name], expected[name]) for name in got)


def test_snapshots_outlive_kill_9_and_sigterm_exits_0(models, tmp_path):
    folders = (models, tmp_path, tmp_path / "log")
    server, url = start_server(*folders)
    try:
        client = tinker.ServiceClient(base_url=url, api_key="tml-test")
        training = client.create_lora_training_client("tiny", rank=4, seed=1)
        train(training, 1)
        path = training.save_weights_for_sampler("s").result().path
        tokens = [s.tokens for s in draw(client.create_sampling_client(path))]
    finally:
        end(server, signal.SIGKILL)
    server, url = start_server(*folders)
    try:
        client = tinker.ServiceClient(base_url=url, api_key="tml-test")
        assert [s.tokens for s in draw(client.create_sampling_client(path))] == tokens
    finally:
        assert end(server, signal.SIGTERM) == 0


def end(server, number):
    server.send_signal(number)
    server.stdout.close()
    return server.wait(20)


def test_the_door_refuses_before_torch_is_loaded(models, tmp_path):
    code = (
        "import sys; from laptop.server.__main__ import main\n"
        "print(main(sys.argv[1:]), 'torch' in sys.modules)"
    )
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        for arguments, reason in (
            (["--models", str(tmp_path)], "python -m laptop.make_base"),
            (["--models", str(models), "--port", port], f"port {port}"),
            (["--models", str(models), "--port", "99999"], "port 99999"),
        ):
            command = [sys.executable, "-c", code, *arguments, "--state", str(tmp_path / "state")]
            done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=60)
            assert done.stdout.split() == ["2", "False"], done.stderr
            assert reason in done.stderr and len(done.stderr.splitlines()) == 1
    with pytest.raises(SystemExit):
        main(["--host", "0.0.0.0"])


def test_long_work_blocks_neither_the_loop_nor_the_client(http, client, monkeypatch):
    sampler = client.create_sampling_client(base_model="tiny")
    monkeypatch.setattr(promises, "POLL_SECONDS", 0.05)
    held = threading.Event()
    http.service.engine.submit(held.wait)
    request = {
        "sampling_session_id": sampler._sampling_session_id,
        "seq_id": 99,
        "prompt": {"chunks": [{"tokens": [2], "type": "encoded_text"}]},
        "sampling_params": {"max_tokens": 3},
    }
    try:
        promise = http.post("/api/v1/asample", json=request)
        assert http.get("/healthz").json() == {"status": "ok"}
        assert wait(http, promise)["type"] == "try_again"
        again = http.post("/api/v1/asample", json=request)  # as a client does when in doubt
        assert again.json() == promise.json()
    finally:
        held.set()
    monkeypatch.setattr(promises, "POLL_SECONDS", 20)
    assert len(wait(http, promise)["sequences"]) == 1


def test_chat_completions(http, client):
    training = client.create_lora_training_client("tiny", rank=4, seed=1)
    path = training.save_weights_for_sampler("chat").result().path
    messages = [{"role": "system", "content": "x"}, {"role": "user", "content": "1+2"}]
    request = {"messages": messages, "n": 8, "seed": 3, "max_tokens": 9, "logprobs": True}

    def ask(**more):
        answer = http.post("/v1/chat/completions", json={**request, "model": "tiny", **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    answer = ask()
    prompt = types.ModelInput.from_ints([3, 12, 4, 14])  # "1+2=", as the template renders it
    sampler = client.create_sampling_client(base_model="tiny")
    params = types.SamplingParams(seed=3, max_tokens=9)
    sequences = sampler.sample(prompt, 8, params).result().sequences
    decode = sampler.get_tokenizer().decode
    for index, (choice, s) in enumerate(zip(answer["choices"], sequences, strict=True)):
        text = decode(s.tokens, skip_special_tokens=True)
        assert choice["message"] == {"role": "assistant", "content": text}
        assert (choice["index"], choice["finish_reason"]) == (index, s.stop_reason)
        assert [t["logprob"] for t in choice["logprobs"]["content"]] == pytest.approx(s.logprobs)
    texts = [choice["message"]["content"] for choice in answer["choices"]]
    assert len(set(texts)) > 4
    assert {choice["finish_reason"] for choice in answer["choices"]} == {"stop", "length"}
    written = sum(len(s.tokens) for s in sequences)
    assert answer["usage"] == {
        "prompt_tokens": 4,
        "completion_tokens": written,
        "total_tokens": 4 + written,
    }
    cut = ask(stop=["3", "a"], logprobs=False)["choices"]
    expected = [text.split("3")[0].split("a")[0] for text in texts]
    assert [choice["message"]["content"] for choice in cut] == expected
    assert cut[0]["logprobs"] is None
    for name in (path, str(http.service.models / "tiny")):  # LoRA starts at the base model
        assert [c["message"]["content"] for c in ask(model=name)["choices"]] == texts
    assert [m["id"] for m in http.get("/v1/models").json()["data"]] == ["tiny"]


def test_likelihoods_are_those_of_the_sampled_tokens(http, client):
    """Of a base model and of a snapshot that has been trained, in the order of the request."""
    training = client.create_lora_training_client("tiny", rank=4, seed=1)
    train(training, 2)
    snapshot_path = training.save_weights_for_sampler("likely").result().path
    for name in ("tiny", snapshot_path):
        key = "model_path" if name.startswith("tinker") else "base_model"
        sequences = draw(client.create_sampling_client(**{key: name}))
        responses = [sequence.tokens for sequence in sequences]
        request = {"model": name, "prompts": [[2, 3]] * 3, "responses": [[5], *responses]}
        answer = http.post("/laptop/likelihoods", json=request).json()["likelihoods"]
        expected = [math.exp(sum(sequence.logprobs)) for sequence in sequences]
        assert answer[1:] == pytest.approx(expected, rel=1e-4)
        assert 0 < answer[0] < 1


def test_agentscope_may_send_its_messages_in_parts(http):
    from agentscope.model import OpenAIChatModel

    model = OpenAIChatModel(
        "tiny",
        api_key="none",
        stream=False,
        client_kwargs={"base_url": f"{http.base_url}/v1"},
        generate_kwargs={"max_tokens": 9, "seed": 3},
    )
    output = asyncio.run(run_react_agent({"question": "1+2"}, model))
    request = {"model": "tiny", "max_tokens": 9, "seed": 3}

    def post(content):
        messages = [{"role": "user", "content": content}]
        return http.post("/v1/chat/completions", json={**request, "messages": messages})

    expected = post("1+2").json()["choices"][0]["message"]["content"]
    assert output.response.get_text_content() == expected != ""
    two = [{"type": "text", "text": "1+"}, {"type": "text", "text": "2"}]
    assert post(two).json()["choices"] == post("1+\n2").json()["choices"]
    assert post([{"type": "image_url", "image_url": {"url": "x"}}]).status_code == 422


def test_tinkers_client_downloads_a_snapshot_that_peft_loads(http, client, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    training = client.create_lora_training_client("tiny", rank=2, seed=1, train_unembed=False)
    train(training, 3)
    path = training.save_state("to keep").result().path
    answer = client.create_rest_client().get_checkpoint_archive_url_from_tinker_path(path).result()
    archive = httpx.get(answer.url).raise_for_status().content
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path, filter="data")
    base = AutoModelForCausalLM.from_pretrained(http.service.models / "tiny", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, str(tmp_path))
    ids = torch.tensor([[3, 12, 4, 14]])
    with torch.inference_mode():
        policy = http.service.policy(path)
        expected = policy.merged()(input_ids=ids).logits
        assert torch.allclose(model(input_ids=ids).logits, expected, atol=1e-5)
        assert not torch.allclose(policy.base.model(input_ids=ids).logits, expected, atol=1e-2)


@pytest.mark.parametrize(
    "name",
    ["..", "../models", "/etc", "/", "outside", "tiny/../../x", "", "a\0b", "x" * 5000, "~"],
)
def test_models_outside_the_folder_are_refused(http, client, tmp_path, name):
    link = http.service.models / "outside"
    if not link.exists():
        make_model(tmp_path / "elsewhere")
        link.symlink_to(tmp_path / "elsewhere")
    session = client.holder.get_session_id()
    lora = {"rank": 2}
    for path, request in (
        ("create_model", {"model_seq_id": 0, "base_model": name, "lora_config": lora}),
        ("create_sampling_session", {"sampling_session_seq_id": 0, "base_model": name}),
    ):
        answer = http.post(f"/api/v1/{path}", json={"session_id": session, **request})
        assert answer.status_code in (400, 404) and answer.json()["detail"], answer.text


@pytest.mark.parametrize(
    "name",
    ["../../x", "..", ".hidden", "a/b", "a\\b", "a\0b", "x" * 201, "é" * 101, "link/x", "a\nb"],
)
def test_snapshots_outside_the_folder_are_refused(http, client, tmp_path, name):
    training = client.create_lora_training_client("tiny", rank=2)
    run = {"model_id": training.model_id}
    for uri in (f"tinker://{training.model_id}/weights/{name}", f"tinker://{name}/weights/x", name):
        for path, request in (
            ("weights_info", {"tinker_path": uri}),
            ("load_weights", {**run, "path": uri, "optimizer": False}),
        ):
            answer = http.post(f"/api/v1/{path}", json=request)
            assert answer.status_code == 400 and answer.json()["detail"], answer.text
    for path in ("save_weights", "save_weights_for_sampler"):
        assert http.post(f"/api/v1/{path}", json={**run, "path": name}).status_code == 400


def test_a_linked_state_folder_is_refused(http, client, tmp_path):
    training = client.create_lora_training_client("tiny", rank=2)
    (http.service.state / training.model_id).symlink_to(tmp_path)
    answer = http.post("/api/v1/save_weights", json={"model_id": training.model_id, "path": "x"})
    assert answer.status_code == 400 and "outside" in answer.json()["detail"]
    assert not list(tmp_path.iterdir())


def sampling(**params):
    tokens = params.pop("tokens", [2, 3])
    more = {key: params.pop(key) for key in ("num_samples", "prompt_logprobs") if key in params}
    prompt = {"chunks": [{"tokens": tokens, "type": "encoded_text"}]}
    return {"prompt": prompt, "sampling_params": params, "base_model": "tiny", **more}


def loss(loss_fn="cross_entropy", tokens=(2, 3), shape=None, **inputs):
    dtypes = {"target_tokens": "int64"}
    tensors = {
        key: {"data": data, "dtype": dtypes.get(key, "float32"), "shape": shape}
        for key, data in inputs.items()
    }
    chunks = [{"tokens": list(tokens), "type": "encoded_text"}]
    data = [{"model_input": {"chunks": chunks}, "loss_fn_inputs": tensors}]
    return {"forward_backward_input": {"data": data, "loss_fn": loss_fn}}


def adam(**params):
    return {"adam_params": params}


def chat(**params):
    return {"model": "tiny", "messages": [{"role": "user", "content": "1"}], **params}


IMAGE = {"chunks": [{"type": "image", "data": "", "format": "png", "expected_tokens": 1}]}


def likelihoods(prompts, responses):
    return {"model": "tiny", "prompts": prompts, "responses": responses}


BAD = [
    ("asample", sampling(temperature=-1), "temperature"),
    ("asample", sampling(temperature=float("nan")), "temperature"),
    ("asample", sampling(top_p=0), "top_p"),
    ("asample", sampling(top_k=-2), "top_k"),
    ("asample", sampling(max_tokens=0), "max_tokens"),
    ("asample", sampling(num_samples=0), "n:"),
    ("asample", sampling(num_samples=10**6), "n:"),
    ("asample", sampling(stop=""), "stop"),
    ("asample", sampling(tokens=[]), "0 tokens"),
    ("asample", sampling(tokens=[2] * 65), "65 tokens"),
    ("asample", sampling(tokens=[2, 18]), "token ids"),
    ("asample", sampling(tokens=[-1]), "token ids"),
    ("asample", {**sampling(), "prompt": IMAGE}, ""),
    ("asample", {**sampling(prompt_logprobs=True), "topk_prompt_logprobs": 2}, "topk"),
    ("asample", {**sampling(), "base_model": None}, "name a model"),
    ("asample", {**sampling(), "base_model": "gpt"}, "there are: tiny"),
    ("asample", {**sampling(), "sampling_session_id": "x"}, "restart"),
    ("forward_backward", loss("ppo", target_tokens=[3, 4]), "only cross_entropy"),
    ("forward_backward", loss("nonsense", target_tokens=[3, 4]), "loss_fn"),
    ("forward_backward", loss(), "target_tokens"),
    ("forward_backward", loss(target_tokens=[3]), "as many"),
    ("forward_backward", loss(target_tokens=[3, 4], shape=[2, 1]), "flat"),
    ("forward_backward", loss(target_tokens=[3, 4], weights=[1.0]), "as many"),
    ("forward_backward", loss(target_tokens=[3, 99]), "token ids"),
    ("forward_backward", loss(target_tokens=[3.5, 4]), "integers"),
    ("forward_backward", loss(target_tokens=[3, 4], advantages=[1.0, 1.0]), "nothing else"),
    ("forward_backward", loss(target_tokens=[3, 4], weights=[1.0, float("inf")]), "finite"),
    ("forward_backward", loss(tokens=[2] * 65, target_tokens=[2] * 65), "65 tokens"),
    ("optim_step", adam(learning_rate=-1), "adam_params"),
    ("optim_step", adam(learning_rate=float("nan")), "adam_params"),
    ("optim_step", adam(beta2=1.0), "beta"),
    ("save_weights", {"path": "x", "ttl_seconds": 3}, "ttl_seconds"),
    ("create_model", {"base_model": "tiny"}, "lora_config"),
    ("create_model", {"base_model": "tiny", "lora_config": {"rank": 0}}, "rank"),
    (
        "create_model",
        {
            "base_model": "tiny",
            "lora_config": {
                "rank": 2,
                "train_mlp": False,
                "train_attn": False,
                "train_unembed": False,
            },
        },
        "must be true",
    ),
    ("create_model", {"session_id": "../x", "base_model": "tiny"}, "session"),
    ("/laptop/likelihoods", likelihoods([[2]], []), "equally many"),
    ("/laptop/likelihoods", likelihoods([[2]], [[99]]), "token ids"),
    ("/laptop/likelihoods", likelihoods([[]], [[3]]), "0 tokens"),
    ("/v1/chat/completions", chat(model="gpt"), "there are: tiny"),
    ("/v1/chat/completions", chat(model="tinker://x"), "tinker://RUN"),
    ("/v1/chat/completions", chat(n=0), "n:"),
    ("/v1/chat/completions", chat(stream=True), "stream"),
    ("/v1/chat/completions", chat(tools=[]), "tools"),
    ("/v1/chat/completions", chat(messages=[]), "template"),
    ("/v1/chat/completions", chat(messages=[{"role": "user", "content": "1" * 99}]), "tokens"),
]


@pytest.mark.parametrize(("path", "request_", "reason"), BAD)
def test_bad_requests_are_refused_with_a_reason(http, client, run_id, path, request_, reason):
    owners = {
        "forward_backward": {"model_id": run_id},
        "create_model": {"session_id": client.holder.get_session_id(), "model_seq_id": 0},
    }
    owners["optim_step"] = owners["save_weights"] = owners["forward_backward"]
    body = owners.get(path, {}) | request_
    url = path if path.startswith("/") else f"/api/v1/{path}"
    # json.dumps, as httpx refuses to write NaN
    header = {"content-type": "application/json"}
    answer = http.post(url, content=json.dumps(body), headers=header)
    assert 400 <= answer.status_code < 500, answer.text
    assert reason in answer.json()["detail"]


def test_what_fails_later_is_told_by_the_promise(http, client):
    training = client.create_lora_training_client("tiny", rank=2)
    with pytest.raises(tinker.RequestFailedError, match="without a gradient"):
        training.optim_step(ADAM).result()
    training.save_state("same").result()
    with pytest.raises(tinker.RequestFailedError, match="do not change"):
        training.save_state("same").result()
    training.save_state("same", overwrite=True).result()
    other = client.create_lora_training_client("tiny", rank=3)
    with pytest.raises(tinker.BadRequestError, match="rank=3"):
        other.load_state(f"tinker://{training.model_id}/weights/same").result()
    path = training.save_weights_for_sampler("s").result().path
    with pytest.raises(tinker.BadRequestError, match="no optimizer"):
        training.load_state_with_optimizer(path).result()
