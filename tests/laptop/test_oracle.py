"""The oracle draws by the likelihood of the right answer under the weights of its step."""

from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset
from trinity.common.config import DataSelectorConfig

from laptop import oracle


@pytest.fixture
def server(monkeypatch):
    """Stands for the server: what each weight would solve; `asked` is what it was asked."""
    server = SimpleNamespace(weights="base", asked=[], rates={})

    def likelihoods(request):
        server.asked.append(request)
        return np.array(server.rates[request["model"]])

    monkeypatch.setattr(oracle, "likelihoods", likelihoods)
    monkeypatch.setattr(oracle, "newest_weights", lambda: server.weights)
    return server


def make_oracle(tasks):
    rows = {
        "question": [f"{i}+1" for i in range(tasks)],
        "answer": [f"#### {i + 1}" for i in range(tasks)],
        "kind": ["2+1 digits"] * tasks,
    }
    source = SimpleNamespace(dataset=Dataset.from_dict(rows))
    config = DataSelectorConfig(feature_keys=["kind"], kwargs={"random_share": 0.0})
    return oracle.OracleSelector(source, config)


def test_the_oracle_follows_the_weights(server):
    chosen_by = make_oracle(40)
    server.rates = {"base": [0.5] * 8 + [0.001] * 32, "later": [1.0] * 20 + [0.5] * 20}
    assert set(chosen_by.get_indices(8)) == set(range(8))
    server.weights = "later"
    assert set(chosen_by.get_indices(8)) <= set(range(20, 40))
    assert chosen_by.predict(np.array([0, 39])).tolist() == pytest.approx([1.0, 0.5])


def test_the_right_response_is_asked_for_with_its_end(server):
    server.rates = {"base": [0.5] * 40}
    make_oracle(40).get_indices(8)
    request = server.asked[0]
    decode = oracle.build_tokenizer().decode
    assert decode(request["prompts"][7]) == "<|user|>7+1<|assistant|>"
    assert decode(request["responses"][7]) == "\\boxed{8}<|end|>"
