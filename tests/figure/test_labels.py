"""Which runs are seeds of one experiment, and what the others are called."""

import copy

import pytest

from data_augment.figure.labels import labels

BASE = {
    "project": "Data-Augmentation",
    "name": "a",
    "checkpoint_root_dir": "checkpoints",
    "algorithm": {"repeat_times": 8, "optimizer": {"lr": 5e-4}},
    "model": {"model_path": "data/laptop/models/base", "tinker": {"seed": 0}},
    "buffer": {
        "batch_size": 8,
        "total_steps": 100,
        "explorer_input": {
            "taskset": {"path": "data/laptop/math", "task_selector": {"selector_type": "random"}},
            "eval_tasksets": [{"name": "heldout", "path": "data/laptop/heldout"}],
        },
    },
}
SELECTOR = "buffer.explorer_input.taskset.task_selector"
TARGET = {
    f"{SELECTOR}.selector_type": "task_selection.DifficultyBasedSelector",
    f"{SELECTOR}.kwargs": {"target_reward": 0.8, "lamb": 0.1},
}


def config(changes=(), **more):
    """BASE with other values under dotted keys."""
    changed = copy.deepcopy(BASE)
    for key, value in {**dict(changes), **more}.items():
        *parents, last = key.split(".")
        node = changed
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return changed


def called(*configs):
    """The labels of runs with these configs, in order."""
    named = labels({f"run{i}": one for i, one in enumerate(configs)})
    return [named[f"run{i}"][0] for i in range(len(configs))]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"{SELECTOR}.seed", 1),
        ("model.tinker.seed", 1),
        ("explorer.rollout_model.seed", 1),
        ("name", "another"),
        ("group", "comparison"),
        ("project", "another"),
        ("checkpoint_root_dir", "/mnt/checkpoints"),
        (f"{SELECTOR}.kwargs.state_dir", "/mnt/checkpoints/another/selector"),
        ("model.model_path", "/home/somebody/data/laptop/models/base/"),
        ("buffer.explorer_input.taskset.path", "/home/somebody/data/laptop/math"),
        ("model.tinker.base_url", "http://127.0.0.1:9999"),
        ("monitor.monitor_type", "wandb"),
        ("buffer.explorer_input.default_workflow_type", "a.Workflow"),
        ("log.level", "DEBUG"),
        ("trainer.save_interval", 50),
        ("trainer.max_token_len_per_gpu", 24576),
        ("explorer.max_timeout", 60),
        ("synchronizer.sync_timeout", 60),
        ("explorer.runner_per_model", 2),
    ],
)
def test_seeds_of_one_experiment_have_one_label(key, value):
    assert set(called(config(), config({key: value}))) == {"random"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("algorithm.optimizer.lr", 1e-4, "lr 1e-4"),
        ("buffer.total_steps", 60, "60 steps"),
        ("buffer.batch_size", 16, "batch 16"),
        ("algorithm.repeat_times", 16, "16 rollouts a task"),
        ("algorithm.kl_loss_fn", "k2", "kl_loss_fn k2"),
        ("model.model_path", "Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"),
        ("buffer.explorer_input.taskset.path", "data/math", "data/math"),
        ("buffer.explorer_input.eval_tasksets", [], "no"),
        ("an.unknown.key", 1, "key 1"),
    ],
)
def test_another_setting_is_another_experiment_and_stands_in_the_label(key, value, words):
    usual, again, other = called(config(), config(), config({key: value}))
    assert usual == again == "random"
    assert other.startswith("random; ")
    assert words in other


def test_a_baseline_without_the_selectors_calculator_is_still_its_baseline():
    operators = "data_processor.experience_pipeline.operators"
    calculator = [{"name": "pass_rate_calculator"}]
    assert called(config(), config({**TARGET, operators: calculator})) == [
        "random",
        "difficulty_based, target 0.8",
    ]
    usual, filtered = called(config(), config(), config({operators: [{"name": "filter"}]}))[1:]
    assert (usual, filtered) == ("random", "random; operators.0.name filter")


def test_what_a_run_keeps_of_its_rollouts_makes_it_no_other_experiment():
    pipeline = "data_processor.experience_pipeline"
    store = {"name": "data_augment.rollouts.store.RolloutStore", "args": {"folder": "/a/b"}}
    keeps = {f"{pipeline}.operators": [store], f"{pipeline}.save_input": False}
    assert called(config(), config(keeps)) == ["random", "random"]


def test_trinitys_own_class_and_ours_are_not_seeds_of_one_experiment():
    stock = {f"{SELECTOR}.selector_type": "difficulty_based"}
    ours, again, theirs = called(config(TARGET), config(TARGET), config({**TARGET, **stock}))
    assert ours == again == "difficulty_based, target 0.8"
    assert theirs == "difficulty_based, target 0.8, selector_type difficulty_based"


def test_where_no_setting_is_the_usual_one_each_is_named():
    assert called(config(), config({"algorithm.optimizer.lr": 1e-4})) == [
        "random; lr 5e-4",
        "random; lr 1e-4",
    ]


def test_a_setting_has_the_same_words_with_every_selector():
    demo = {"buffer.total_steps": 60}
    names = called(config(), config(TARGET), config(), config(demo), config({**TARGET, **demo}))
    assert names == [
        *["random", "difficulty_based, target 0.8", "random"],
        *["random; 60 steps", "difficulty_based, target 0.8; 60 steps"],
    ]


def test_a_parameter_of_the_selector_stands_beside_its_name():
    kwargs = {"target_reward": 0.8, "lamb": 0.2}
    other = config({**TARGET, f"{SELECTOR}.kwargs": kwargs})
    prior = config({**TARGET, f"{SELECTOR}.kwargs": {**kwargs, "lamb": 0.1, "prior_strength": 4}})
    assert called(config(TARGET), config(TARGET), other, prior, config()) == [
        "difficulty_based, target 0.8",
        "difficulty_based, target 0.8",
        "difficulty_based, target 0.8, lamb 0.2",
        "difficulty_based, target 0.8, prior 4",
        "random",
    ]


def test_a_selector_on_other_columns_says_on_which():
    features = {f"{SELECTOR}.selector_type": "task_selection.FeatureBasedSelector"}
    key = f"{SELECTOR}.feature_keys"
    rates = ["weak_pass_rate", "strong_pass_rate"]
    on_rates = config(features | {key: rates})
    on_kind = config(features | {key: ["kind"]})
    assert called(on_rates, on_rates, on_kind) == [
        "feature_based",
        "feature_based",
        "feature_based, on kind",
    ]
    above = config(TARGET | {key: ["middle_pass_rate", "strong_pass_rate"]})
    around = config(TARGET | {key: rates})
    assert called(above, around) == [
        "difficulty_based, target 0.8, on middle + strong",
        "difficulty_based, target 0.8, on weak + strong",
    ]
    same_words = config(TARGET | {key: ["weak", "strong"]})
    assert len(set(called(same_words, around))) == 2


def test_many_differences_are_a_short_label_that_is_still_ones_own():
    many = {f"algorithm.parameter{i}": 1 for i in range(9)}
    others = [config({**many, "algorithm.zeta": i}) for i in range(3)]
    names = called(config(), config(), config(), config(), *others)
    assert len(set(names)) == 4
    assert all(len(name) < 80 for name in names)


def test_the_spelling_of_a_newer_trinity_is_the_same_experiment():
    newer = config(TARGET)
    explorer_input = newer["buffer"]["explorer_input"]
    taskset = explorer_input.pop("taskset")
    taskset["data_selector"] = taskset.pop("task_selector")
    explorer_input["tasksets"] = [taskset]
    assert called(config(TARGET), newer) == ["difficulty_based, target 0.8"] * 2


def test_the_seed_is_the_selectors():
    named = labels({"a": config({f"{SELECTOR}.seed": 7}), "b": config(), "c": None})
    assert [named[name][1] for name in "abc"] == [7, 42, 0]


def test_a_run_without_settings_is_called_by_its_folder_and_is_nobodys_seed():
    named = labels({"random": None, "other": None, "a": config()})
    assert [named[name][0] for name in ("random", "other", "a")] == [
        "random; settings unknown",
        "other",
        "random",
    ]


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"buffer": None},
        {"buffer": []},
        {"buffer": {"explorer_input": "x"}},
        {"buffer": {"explorer_input": {"taskset": [1, 2]}}},
        {"buffer": {"explorer_input": {"tasksets": ["a", None]}}},
        {"buffer": {"explorer_input": {"taskset": {"task_selector": "random"}}}},
        config({f"{SELECTOR}.selector_type": None}),
        config({f"{SELECTOR}.selector_type": 3, f"{SELECTOR}.seed": "x"}),
        config({**TARGET, f"{SELECTOR}.kwargs": [1]}),
        config({"data_processor": {"experience_pipeline": {"operators": {"name": "x"}}}}),
        config({"data_processor": {"experience_pipeline": None}}),
        config({**TARGET, f"{SELECTOR}.kwargs": {"target_reward": "high", "prior_strength": []}}),
        {1: {2: [3, {"a": None}]}},
    ],
)
def test_a_foreign_configuration_has_a_label_too(strange):
    assert all(called(config(), strange))
