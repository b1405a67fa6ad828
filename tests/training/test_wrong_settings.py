"""Keys crossed with wrong values: each ends in exit 2 with its key in the message, no traceback.

Values out of range are given all at once, because the checks name all of them at once. What stops
at the first fault, as a value of another type does, takes a start of its own: those are slow.
"""

import itertools

import pytest

from data_augment.training import registered_names
from main import main
from safe_files import REPO

TASKSET = "buffer.explorer_input.taskset"
SELECTOR = f"{TASKSET}.task_selector"
HELD_OUT = "buffer.explorer_input.eval_tasksets.0"
OPERATOR = "data_processor.experience_pipeline.operators.0"

COUNTS = [  # whole numbers from 1
    "algorithm.repeat_times",
    "buffer.batch_size",
    "buffer.total_epochs",
    "explorer.eval_interval",
    "explorer.max_timeout",
    "explorer.rollout_model.engine_num",
    "explorer.rollout_model.tensor_parallel_size",
    "explorer.runner_per_model",
    "synchronizer.sync_interval",
    "synchronizer.sync_timeout",
    f"{HELD_OUT}.repeat_times",
]
NO_COUNT = ["1.5", "many", "[1]", ".nan"]

COUNTS_OR_NOTHING = [  # whole numbers from 1, or left out
    "buffer.total_steps",
    "model.max_model_len",
    "model.max_response_tokens",
    "explorer.max_repeat_times_per_runner",
    "trainer.max_token_len_per_gpu",
]

FROM_0 = [
    "cluster.gpu_per_node",
    "cluster.node_num",
    "explorer.max_retry_times",
    "explorer.rollout_model.seed",
    "model.min_response_tokens",
    "trainer.max_checkpoints_to_keep",
    "trainer.save_interval",
]
NOT_FROM_0 = ["0.5", "some", "null"]

ABOVE_0 = ["algorithm.optimizer.lr", "model.temperature", "trainer.grad_clip"]
NOT_ABOVE_0 = ["fast", "null", "true"]

FRACTIONS = [
    "explorer.rollout_model.gpu_memory_utilization",
    "model.top_p",
]
NO_FRACTION = ["half"]

SELECTOR_FRACTIONS = [f"{SELECTOR}.kwargs.{name}" for name in ("target_reward", "lamb", "rho")]

OUT_OF_RANGE = {  # value: the keys that it is wrong for
    "0": COUNTS + COUNTS_OR_NOTHING + ABOVE_0,
    "-1": COUNTS + COUNTS_OR_NOTHING + FROM_0,
    "-1e-6": ABOVE_0 + FRACTIONS,
    "1.5": FRACTIONS,
    ".nan": ABOVE_0 + FRACTIONS,
    ".inf": ABOVE_0,
}

NAMES = [
    "algorithm.advantage_fn",
    "algorithm.algorithm_type",
    "algorithm.entropy_loss_fn",
    "algorithm.kl_loss_fn",
    "algorithm.policy_loss_fn",
    "algorithm.sample_strategy",
    "explorer.concurrent_mode",
    "explorer.rollout_model.engine_type",
    "monitor.monitor_type",
    "synchronizer.sync_method",
    "synchronizer.sync_style",
    "trainer.save_hf_checkpoint",
    "trainer.trainer_strategy",
    "trainer.trainer_type",
    f"{OPERATOR}.name",
    f"{SELECTOR}.selector_type",
]
NO_NAME = ["Random", "5", "[a]", "no_such_module.Class"]

SECTIONS = [
    "algorithm",
    "buffer",
    "buffer.explorer_input",
    "data_processor.experience_pipeline",
    "explorer",
    "explorer.rollout_model",
    "model",
    "synchronizer",
    "trainer",
    SELECTOR,
    TASKSET,
]
NO_SECTION = ["3", "[1]"]

ALONE = [
    "algorithm=null",
    "buffer=null",
    "checkpoint_root_dir=model/config.json",
    "continue_from_checkpoint=false",
    "explorer.name=mine",
    "explorer.rollout_model.engine_num=8",
    "mode=bench",
    "mode=explore",
    "mode=colocate",
    "mode=train",
    "model.model_path=nowhere",
    "model.model_path=",
    "name=",
    "name=..",
    "name=[x",
    "name=a/b",
    f"name={'x' * 300}",
    "name=???",
    "name=${nowhere}",
    "project=''",
    "project=null",
    "stages=[{stage_name: one}]",
    "trainer.name=mine",
    "trainer.save_interval=50",
    "trainer.total_steps=7",
    "buffer.explorer_input.eval_tasksets=null",
    "buffer.explorer_input.eval_tasksets=[null]",
    "buffer.explorer_input.tasksets=[{path: data/math}]",
    f"{TASKSET}.path=nowhere",
    f"{TASKSET}.path=null",
    f"{TASKSET}.split=train[",
    f"{TASKSET}.data_selector.selector_type=random",
    f"{SELECTOR}.kwargs=null",
    f"{SELECTOR}.kwargs.unknown=1",
    f"{SELECTOR}.selector_type=task_selection.NoSuchSelector",
    f"{SELECTOR}.selector_type=math_agent.run_react_agent",
    f"{SELECTOR}.feature_keys=[a,b,c]",
    "data_processor.experience_pipeline.operators=[]",
    "data_processor.experience_pipeline.operators=null",
    "data_processor.experience_pipeline.operators=[pass_rate_calculator]",
    "explorer.env_vars=3",
    "model.lora_configs=[{lora_rank: 0}]",
    "model.lora_configs=[]",
    "model.lora_configs=[{name: a}, {name: b}]",
    "model.temperature=0.0",
    "trainer.max_token_len_per_gpu=24575",
    f"{TASKSET}.path=owner/none",
    "buffer.batch_size=41",
    "nonsense.key=1",
    "buffer.nonsense=1",
    "buffer..batch_size=1",
    "=1",
    "batch_size",
]


ELSEWHERE = {  # what the message names, where it is not the whole key
    f"{TASKSET}.split=train[": TASKSET,
    f"{TASKSET}.path=owner/none": TASKSET,
    f"{TASKSET}.data_selector.selector_type=random": f"{TASKSET}.data_selector",
    f"{SELECTOR}.kwargs.unknown=1": "unknown",
    "nonsense.key=1": "nonsense",
}


def crossed(keys, values):
    return [f"{key}={value}" for key, value in itertools.product(keys, values)]


WRONG = [
    *crossed(COUNTS, NO_COUNT),
    *crossed(COUNTS_OR_NOTHING, NO_COUNT),
    *crossed(FROM_0, NOT_FROM_0),
    *crossed(ABOVE_0, NOT_ABOVE_0),
    *crossed(FRACTIONS, NO_FRACTION),
    *crossed(SELECTOR_FRACTIONS, ["-0.1", "1.5", "half", ".nan"]),
    *crossed([f"{SELECTOR}.kwargs.m"], ["0", "-1", *NO_COUNT]),
    *crossed(NAMES, NO_NAME),
    *crossed(SECTIONS, NO_SECTION),
    *ALONE,
]


def check_wrong(workplace, capsys, *overrides):
    """Call --check, which has to end in exit 2 without a trace; returns its message."""
    arguments = ["--config", str(REPO / "config_difficulty.yaml"), "--check", "--no-gpu-check"]
    status = main([*arguments, *overrides])
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert "Traceback" not in printed.err
    assert not (workplace / "checkpoints").exists()
    return printed.err.replace(".0.", "[0].")


@pytest.mark.parametrize("value", OUT_OF_RANGE)
def test_all_values_out_of_range_are_named_at_once(workplace, capsys, value):
    keys = OUT_OF_RANGE[value]
    message = check_wrong(workplace, capsys, *crossed(keys, [value])).removeprefix("error: ")
    named = {line.strip().partition(":")[0] for line in message.splitlines()}
    assert {key.replace(".0.", "[0].") for key in keys} <= named


@pytest.mark.slow
@pytest.mark.parametrize("override", WRONG)
def test_a_wrong_value_is_named_by_its_key(workplace, capsys, override):
    key = ELSEWHERE.get(override, override.partition("=")[0])
    assert key.replace(".0.", "[0].") in check_wrong(workplace, capsys, override)


def test_these_are_many():
    together = sum(map(len, OUT_OF_RANGE.values()))
    assert len(set(WRONG)) == len(WRONG) >= 250 - together


@pytest.mark.slow  # imports the registries
def test_the_names_read_from_trinity_are_those_of_its_registries():
    from trinity import algorithm
    from trinity.buffer.operators import EXPERIENCE_OPERATORS
    from trinity.buffer.selector import SELECTORS
    from trinity.utils.monitor import MONITOR

    pairs = {
        registered_names.SELECTORS: SELECTORS,
        registered_names.OPERATORS: EXPERIENCE_OPERATORS,
        registered_names.MONITORS: MONITOR,
        registered_names.ALGORITHMS: algorithm.ALGORITHM_TYPE,
        registered_names.PARTS["algorithm.advantage_fn"]: algorithm.ADVANTAGE_FN,
        registered_names.PARTS["algorithm.entropy_loss_fn"]: algorithm.ENTROPY_LOSS_FN,
        registered_names.PARTS["algorithm.kl_loss_fn"]: algorithm.KL_FN,
        registered_names.PARTS["algorithm.kl_penalty_fn"]: algorithm.KL_FN,
        registered_names.PARTS["algorithm.policy_loss_fn"]: algorithm.POLICY_LOSS_FN,
        registered_names.PARTS["algorithm.sample_strategy"]: algorithm.SAMPLE_STRATEGY,
    }
    for (file, method), registry in pairs.items():
        names = registered_names.short_names(file)
        assert names == registry._default_mapping
        for name in names:
            assert hasattr(registry.get(name), method)


@pytest.mark.slow  # imports the registries
def test_algorithms_that_do_not_learn_from_rollouts_are_those_of_trinity():
    from trinity.algorithm import ALGORITHM_TYPE

    algorithms = {name: ALGORITHM_TYPE.get(name) for name in ALGORITHM_TYPE._default_mapping}
    given = {name for name, one in algorithms.items() if one.schema != "experience"}
    critics = {name for name, one in algorithms.items() if one.use_critic}
    assert given == set(registered_names.WITHOUT_ROLLOUTS)
    assert critics - given == set(registered_names.WITH_CRITIC)
