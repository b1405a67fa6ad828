"""Experiment YAML, profiles and overrides become the one configuration that runs."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from trinity.common.config import load_config

from data_augment.training.experiment_yaml import (
    REPO,
    TASKSET,
    BadInput,
    claim,
    compose,
    give_selector_its_folder,
    run_folder,
    save,
    selector_node,
    tell_calculator_the_counts,
    use_fixed_classes,
    with_defaults,
)
from data_augment.training.may_continue import flatten
from data_augment.training.ray_cluster import worker_env
from main import main

RANDOM, DIFFICULTY = str(REPO / "config_random.yaml"), str(REPO / "config_difficulty.yaml")
FEATURES = str(REPO / "config_features.yaml")
SELECTOR = "buffer.explorer_input.taskset.task_selector"


@pytest.mark.parametrize("experiment", [DIFFICULTY, FEATURES])
def test_experiments_differ_in_name_and_selector_alone(experiment):
    random, difficulty = (
        flatten(OmegaConf.to_container(OmegaConf.load(p))) for p in (RANDOM, experiment)
    )
    differ = {
        key for key in random.keys() | difficulty.keys() if random.get(key) != difficulty.get(key)
    }
    assert {key for key in differ if not key.startswith(("name", SELECTOR))} == set()
    assert {"name", f"{SELECTOR}.selector_type"} <= differ


def test_defaults_are_the_reference_experiment(workplace, monkeypatch):
    monkeypatch.delenv("TRINITY_MODEL_PATH")
    config = compose(DIFFICULTY, "gpu8", [])
    assert config.model.model_path == "Qwen/Qwen3-0.6B"
    assert (config.model.max_model_len, config.model.max_response_tokens) == (24576, 16384)
    assert config.algorithm.algorithm_type == "multi_step_grpo"
    assert (config.algorithm.repeat_times, config.buffer.batch_size) == (8, 16)
    assert (config.algorithm.optimizer.lr, config.explorer.eval_interval) == (1e-6, 20)
    expected = dict(m=8, lamb=0.1, rho=0.1, target_reward=0.8, tau=0, do_sample=True)
    assert OmegaConf.select(config, SELECTOR).kwargs == expected


def test_override_beats_profile_beats_experiment(workplace):
    config = compose(RANDOM, "laptop", ["buffer.total_steps=7", "algorithm.optimizer.lr=2e-3"])
    assert config.project == "Data-Augmentation"  # experiment
    assert config.buffer.batch_size == 8  # profile over experiment
    assert (config.buffer.total_steps, config.algorithm.optimizer.lr) == (7, 2e-3)


def test_override_reaches_into_lists(workplace):
    key = "buffer.explorer_input.eval_tasksets.0.repeat_times"
    assert (
        compose(RANDOM, "gpu8", [f"{key}=3"]).buffer.explorer_input.eval_tasksets[0].repeat_times
        == 3
    )


def test_local_paths_become_absolute_and_hub_ids_stay(workplace, monkeypatch):
    config = compose(RANDOM, "gpu8", ["buffer.explorer_input.eval_tasksets.0.path=owner/aime"])
    assert config.buffer.explorer_input.taskset.path == str(workplace / "data/math")
    assert config.checkpoint_root_dir == str(workplace / "checkpoints")
    assert config.buffer.explorer_input.eval_tasksets[0].path == "owner/aime"


def test_profile_is_a_name_or_a_path(workplace):
    Path("mine.yaml").write_text(
        (REPO / "profiles/gpu8.yaml").read_text().replace("num: 4", "num: 2")
    )
    assert compose(RANDOM, "mine.yaml", []).explorer.rollout_model.engine_num == 2
    with pytest.raises(BadInput, match=r"--profile nowhere.*gpu8.*laptop"):
        compose(RANDOM, "nowhere", [])


@pytest.mark.parametrize("name", ["task_selector", "data_selector"])
def test_short_names_become_our_classes_under_either_name_of_the_selector(workplace, name):
    text = Path(DIFFICULTY).read_text().replace("task_selector:", f"{name}:")
    Path("mine.yaml").write_text(text)
    for profile in ("gpu8", "laptop"):  # the laptop's profile names the selector's columns
        config = compose("mine.yaml", profile, [])
        assert len(use_fixed_classes(config)) == 2
        give_selector_its_folder(config)
        selector = OmegaConf.select(config, TASKSET)[name]
        assert selector.selector_type == "task_selection.DifficultyBasedSelector"
        assert selector.kwargs.state_dir == str(run_folder(config) / "selector")
        assert len(selector.feature_keys) == 2
        assert list(selector_node(with_defaults(config)).feature_keys) == selector.feature_keys
    operators = config.data_processor.experience_pipeline.operators
    assert [operator.name for operator in operators] == ["task_selection.PassRateCalculator"]


def test_other_selectors_keep_their_class(workplace):
    config = compose(RANDOM, "gpu8", [])
    assert len(use_fixed_classes(config)) == 1  # the calculator
    give_selector_its_folder(config)
    assert selector_node(config) == {"selector_type": "random"}


def test_our_selector_by_its_dotted_path_has_its_folder_too(workplace):
    dotted = f"{SELECTOR}.selector_type=task_selection.DifficultyBasedSelector"
    config = compose(DIFFICULTY, "gpu8", [dotted, "trainer.save_interval=8"])
    give_selector_its_folder(config)
    assert selector_node(config).kwargs.state_dir == str(run_folder(config) / "selector")
    assert selector_node(config).kwargs.state_keep > 2 * 8


@pytest.mark.parametrize("settings", ["trainer: {}", "", "model: {temperature: 1.0}"])
def test_missing_sections_are_no_traceback(workplace, capsys, settings):
    Path("mine.yaml").write_text(
        f"project: P\nname: N\n{settings}\n"
        "buffer: {explorer_input: {taskset: {path: data/math}}}\n"
    )
    Path("machine.yaml").write_text("group: g\n")
    assert main(["--config", "mine.yaml", "--profile", "machine.yaml", "--check"]) == 2
    assert "model.m" in capsys.readouterr().err


def test_a_name_of_digits_is_a_name(workplace, capsys):
    Path("mine.yaml").write_text(
        Path(RANDOM).read_text().replace("name: Random-Selector", "name: 5")
    )
    assert main(["--config", "mine.yaml", "--check", "--no-gpu-check"]) == 0
    assert "Data-Augmentation/5" in capsys.readouterr().out


@pytest.mark.slow
def test_print_config_is_the_merged_yaml_and_nothing_else_on_stdout(workplace, capsys):
    arguments = ["--config", DIFFICULTY, "--no-gpu-check", "buffer.total_steps=7"]
    assert main([*arguments, "--check", "--print-config"]) == 0
    printed = capsys.readouterr()
    assert "Plan" in printed.err
    Path("whole.yaml").write_text(printed.out)
    again = load_config("whole.yaml")  # as `trinity run --config` reads it
    assert (again.buffer.total_steps, again.cluster.gpu_per_node) == (7, 8)
    assert main(["--config", "whole.yaml", "--check", "--no-gpu-check"]) == 0
    assert not Path("checkpoints").exists()


def test_the_feature_based_selector_has_a_short_name_and_a_folder(workplace):
    config = compose(DIFFICULTY, "gpu8", [f"{SELECTOR}.selector_type=feature_based"])
    use_fixed_classes(config)
    give_selector_its_folder(config)
    selector = OmegaConf.select(config, SELECTOR)
    assert selector.selector_type == "task_selection.FeatureBasedSelector"
    assert selector.kwargs.state_dir.endswith("/selector")


def test_our_calculator_learns_how_many_rollouts_a_step_has(workplace):
    config = compose(DIFFICULTY, "gpu8", ["buffer.batch_size=5"])
    tell_calculator_the_counts(config)  # --stock: Trinity's own is left alone
    assert "args" not in config.data_processor.experience_pipeline.operators[0]
    use_fixed_classes(config)
    tell_calculator_the_counts(config)
    [operator] = config.data_processor.experience_pipeline.operators
    assert operator.args == {"repeat_times": 8, "batch_size": 5}


def test_the_seed_of_the_rollouts_reaches_the_workers_unless_a_group_is_spread(workplace):
    seed = "explorer.rollout_model.seed=7"
    assert worker_env(compose(RANDOM, "laptop", [seed]))["ROLLOUT_SEED"] == "7"
    spread = compose(RANDOM, "laptop", [seed, "explorer.max_repeat_times_per_runner=4"])
    assert "ROLLOUT_SEED" not in worker_env(spread)
    assert "ROLLOUT_SEED" not in worker_env(compose(RANDOM, "gpu8", [seed]))


def test_a_run_has_one_driver_at_a_time(tmp_path):
    first = claim(tmp_path / "run")
    with pytest.raises(BadInput, match=r"another main.py is training this run.*name=Another"):
        claim(tmp_path / "run")
    first.close()
    claim(tmp_path / "run").close()


def test_a_folder_that_cannot_be_made_is_bad_input(workplace, capsys):
    Path("taken").write_text("a file")
    arguments = ["--config", RANDOM, "--no-gpu-check", "checkpoint_root_dir=taken/here"]
    assert main(arguments) == 2
    assert "checkpoint_root_dir" in capsys.readouterr().err


def test_a_link_to_a_model_of_the_laptop_is_the_model_that_the_server_knows(workplace, tmp_path):
    """Trinity looks for model_path among the names that the server gives, which are real paths."""
    model, link = tmp_path / "models/base", tmp_path / "link"
    model.mkdir(parents=True)
    link.symlink_to(model)
    given = f"model.model_path={link}"
    assert compose(RANDOM, "laptop", [given]).model.model_path == str(model.resolve())
    # On a cluster the link may lead to another place on each node.
    assert compose(RANDOM, "gpu8", [given]).model.model_path == str(link)


@pytest.mark.slow
def test_saved_yaml_is_what_runs(workplace):
    config = compose(RANDOM, "gpu8", ["group=g"])
    path = save(config)
    assert path.parent == run_folder(config)
    assert path.parent == workplace / "checkpoints/Data-Augmentation/g/Random-Selector"
    assert OmegaConf.load(path) == config
    assert compose(str(path), "gpu8", []) == config
