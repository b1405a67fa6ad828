"""The runs behind results/: composed of the shipped YAML, side by side, ended when interrupted."""

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from data_augment.figure.curves import read
from laptop import compare
from safe_files import REPO, append_json_line
from tests.laptop.test_demo import composed_by_main

pytestmark = pytest.mark.slow  # each arm is composed twice, as main.py does it

URL = "http://127.0.0.1:12345"


def composed(name, seed):
    return composed_by_main(compare.command(name, seed, 100, URL))


@pytest.mark.parametrize("name", compare.ARMS)
def test_runs_of_a_selector_differ_in_name_and_seeds_alone(name):
    one, two = composed(name, 0), composed(name, 1)
    for config, seed in ((one, 0), (two, 1)):
        assert config.name == f"{name}-seed{seed}"
        for key in (*compare.SEED_KEYS, "name"):
            assert OmegaConf.select(config, key) in (seed, config.name)
            OmegaConf.update(config, key, None)
    assert one == two
    assert one.buffer.total_steps == 100
    assert one.model.tinker.base_url == URL


def test_selectors_differ_as_their_names_say():
    for name in compare.ARMS:
        node = composed(name, 0).buffer.explorer_input.taskset.task_selector
        kinds = {
            "features": "feature_based",
            "oracle": "laptop.oracle.OracleSelector",
            "easy2hard": "offline_easy2hard",
            "difficulty": "difficulty_based",
        }
        first_word = name.removeprefix("above-").partition("-")[0]
        assert node.selector_type == kinds.get(first_word, first_word)
        if first_word == "difficulty":
            assert node.kwargs.target_reward == (0.5 if "half" in name else 0.8)
            assert node.kwargs.get("prior_strength") == (4 if "prior" in name else None)
        if name in ("features-kind", "oracle"):
            assert node.feature_keys == ["kind"]
        else:
            weaker = "middle" if name.startswith("above-") else "weak"
            assert node.feature_keys == [f"{weaker}_pass_rate", "strong_pass_rate"]


def test_kept_yaml_composes_to_the_same_run():
    """The runs in results/ are those of this table: nothing of either has changed since."""
    files = sorted((REPO / "results").glob("*/*-seed0.yaml"))
    assert files
    for file in files:
        kept = OmegaConf.load(file)
        config = composed(kept.name.removesuffix("-seed0"), 0)
        selector = config.buffer.explorer_input.taskset.task_selector
        for key in ("target_reward", "prior_strength", "m", "lamb", "rho", "tau", "do_sample"):
            before = OmegaConf.select(kept, f"{compare.SELECTOR}.kwargs.{key}")
            assert OmegaConf.select(selector, f"kwargs.{key}") == before, (file.name, key)
        assert kept.algorithm == config.algorithm
        assert kept.model.tinker.seed == 0


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """A folder in which a "run" is a line of Python in place of main.py."""
    monkeypatch.chdir(tmp_path)
    compare.RUNS.mkdir(parents=True)
    started = {}

    def start(name, code):
        with open(compare.log_file(name), "a") as log:
            started[name] = subprocess.Popen([sys.executable, "-c", code], stdout=log, stderr=log)
        return started[name]

    monkeypatch.setattr(compare, "start", start)
    return started


def test_runs_go_side_by_side_and_a_failed_one_is_said(workshop, capsys):
    wait = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)\n"
    runs = {"waits": wait, "goes": "open('go', 'w')", "fails": "print('why'); raise SystemExit(1)"}
    assert compare.train_all(runs, 2) == ["fails"]  # alone, the first would wait for ever
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted(runs)
    assert next(line for line in lines if line.startswith("fails")).endswith("why")


def test_an_interrupted_comparison_leaves_no_run_behind(workshop, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        compare.train_all(dict.fromkeys("abc", "import time; time.sleep(600)"), 2)
    assert set(workshop) == {"a", "b"}
    assert all(process.poll() is not None for process in workshop.values())


def test_each_regime_has_a_table_and_the_yaml_of_its_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["random-seed0", "difficulty-seed0", "above-difficulty-seed0"]
    for name in names:
        folder = compare.RUNS / name
        folder.mkdir(parents=True)
        config = composed(name.removesuffix("-seed0"), 0)
        (folder / "config.yaml").write_text(OmegaConf.to_yaml(config))
        record = {"role": "explorer", "step": 1, "metrics": {"rollout/accuracy/mean": 0.5}}
        append_json_line(folder / "metrics.jsonl", record)
    compare.keep_results(Path("results"))
    kept = sorted(path.as_posix() for path in Path("results").rglob("*.yaml"))
    assert kept == [
        "results/above/above-difficulty-seed0.yaml",
        "results/curves/difficulty-seed0.yaml",
        "results/curves/random-seed0.yaml",
    ]
    both = read(["results/above.csv", "results/curves.csv"])
    assert dict(zip(both.run, both.selector, strict=True)) == {
        "above-difficulty-seed0": "difficulty_based, target 0.8, on middle + strong",
        "difficulty-seed0": "difficulty_based, target 0.8, on weak + strong",
        "random-seed0": "random",
    }


def test_results_hold_no_path_and_no_port_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved = compare.RUNS / "random-seed0" / "config.yaml"
    saved.parent.mkdir(parents=True)
    config = composed("random", 0)
    config.model.model_path = str(REPO / "data/laptop/models/base")
    saved.write_text(OmegaConf.to_yaml(config))
    compare.keep_yaml("random-seed0", Path("results/curves"))
    kept = Path("results/curves/random-seed0.yaml").read_text()
    assert str(REPO) not in kept
    assert URL not in kept
    assert "base_url: http://127.0.0.1:8765" in kept
