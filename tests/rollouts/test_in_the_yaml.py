"""main.py puts the store into every run's YAML, where it sees all rollouts of this run."""

import pytest
from omegaconf import OmegaConf

from data_augment.training.checks import check
from data_augment.training.experiment_yaml import (
    ROLLOUT_STORE,
    compose,
    insert_rollout_store,
    operators,
    run_folder,
    save,
)
from safe_files import REPO

RANDOM = str(REPO / "config_random.yaml")
OPERATORS = "data_processor.experience_pipeline.operators"


def names(config):
    return [operator.name for operator in operators(config)]


def test_a_run_keeps_its_rollouts_as_the_shipped_yaml_is(workplace):
    config = compose(RANDOM, "laptop", [])
    insert_rollout_store(config)
    assert names(config) == ["pass_rate_calculator", ROLLOUT_STORE]
    arguments = operators(config)[1].args
    assert arguments.folder == str(run_folder(config) / "rollouts")
    assert arguments.model_path == config.model.model_path
    assert arguments.taskset == {"path": "data/laptop/math", "subset_name": None, "split": "train"}
    assert (arguments.max_response_tokens, arguments.max_model_len) == (16, 64)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[]", [ROLLOUT_STORE]),
        ("[{name: dapo_dynamic_sampling}]", [ROLLOUT_STORE, "dapo_dynamic_sampling"]),
        (
            "[{name: pass_rate_calculator}, {name: dapo_dynamic_sampling}]",
            ["pass_rate_calculator", ROLLOUT_STORE, "dapo_dynamic_sampling"],
        ),
    ],
)
def test_it_stands_before_what_drops_rollouts_and_behind_the_calculator(workplace, before, after):
    config = compose(RANDOM, "gpu8", [f"{OPERATORS}={before}"])
    insert_rollout_store(config)
    assert names(config) == after


def test_a_yaml_without_data_processors_keeps_its_rollouts_too(workplace):
    config = compose(RANDOM, "gpu8", [])
    del config.data_processor
    insert_rollout_store(config)
    assert names(config) == [ROLLOUT_STORE]


def test_the_saved_yaml_of_a_run_starts_another_which_keeps_its_own(workplace):
    config = compose(RANDOM, "gpu8", [])
    insert_rollout_store(config)
    again = compose(str(save(config)), "gpu8", ["name=again"])
    assert check(again, gpu_check=False).errors == []
    insert_rollout_store(again)
    assert names(again) == ["pass_rate_calculator", ROLLOUT_STORE]
    assert operators(again)[1].args.folder == str(run_folder(again) / "rollouts")
    assert OmegaConf.to_container(again)  # plain YAML, no objects
