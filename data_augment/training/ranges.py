"""Which values a setting may have. Trinity's schema knows their types only.

Every number of the configuration that a user has a reason to change stands in RANGES, every word
with a closed list of choices in CHOICES, and every setting that would lead main.py astray in FIXED.
"""

import math

from data_augment.training.experiment_yaml import TASKSET
from data_augment.training.plan import Plan


def from_0(value) -> bool:
    return 0 <= value < math.inf


def from_1(value) -> bool:
    return 1 <= value < math.inf


def above_0(value) -> bool:
    return 0 < value < math.inf


def fraction(value) -> bool:
    return 0 <= value <= 1


def positive_fraction(value) -> bool:
    return 0 < value <= 1


def from_1_or_off(value) -> bool:
    return value == -1 or value >= 1


# key: what it must pass, in words. null passes where Trinity allows it.
RANGES = {
    "algorithm.optimizer.clip_grad": (above_0, "a number above 0"),
    "algorithm.optimizer.lr": (above_0, "a number above 0: the learning rate, e.g. 1e-6"),
    "algorithm.optimizer.lr_warmup_steps_ratio": (fraction, "a number in [0, 1]"),
    "algorithm.optimizer.min_lr_ratio": (fraction, "a number in [0, 1]"),
    "algorithm.optimizer.weight_decay": (from_0, "a number from 0"),
    "algorithm.repeat_times": (from_1, "a whole number from 1: rollouts of each task"),
    "buffer.batch_size": (from_1, "a whole number from 1: tasks a step"),
    "buffer.total_epochs": (from_1, "a whole number from 1"),
    "buffer.total_steps": (from_1, "a whole number from 1, or left out: total_epochs then counts"),
    "buffer.train_batch_size": (from_0, "a whole number from 1, or 0: batch_size x repeat_times"),
    "cluster.gpu_per_node": (from_0, "a whole number from 1"),
    "cluster.node_num": (from_0, "a whole number from 1"),
    "explorer.dynamic_timeout.ratio": (above_0, "a number above 0"),
    "explorer.dynamic_timeout.warmup_min_steps": (from_0, "a whole number from 0"),
    "explorer.eval_interval": (from_1, "a whole number from 1: steps between two evaluations"),
    "explorer.max_inflight_batches": (from_1, "a whole number from 1"),
    "explorer.max_repeat_times_per_runner": (from_1, "a whole number from 1, or left out"),
    "explorer.max_retry_times": (from_0, "a whole number from 0"),
    "explorer.max_timeout": (from_1, "a whole number from 1: seconds"),
    "explorer.over_rollout.ratio": (lambda value: 0 <= value < 1, "a number in [0, 1)"),
    "explorer.over_rollout.wait_after_min": (from_0, "a number from 0: seconds"),
    "explorer.rollout_model.data_parallel_size": (from_1, "a whole number from 1"),
    "explorer.rollout_model.engine_num": (from_1, "a whole number from 1"),
    "explorer.rollout_model.gpu_memory_utilization": (
        positive_fraction,
        "a number in (0, 1]: the share of a GPU's memory that vLLM takes",
    ),
    "explorer.rollout_model.max_model_len": (from_1, "a whole number from 1: tokens"),
    "explorer.rollout_model.max_prompt_tokens": (from_1, "a whole number from 1: tokens"),
    "explorer.rollout_model.max_response_tokens": (from_1, "a whole number from 1: tokens"),
    "explorer.rollout_model.pipeline_parallel_size": (from_1, "a whole number from 1"),
    "explorer.rollout_model.seed": (from_0, "a whole number from 0"),
    "explorer.rollout_model.tensor_parallel_size": (from_1, "a whole number from 1"),
    "explorer.runner_per_model": (from_1, "a whole number from 1: processes that run the agent"),
    "explorer.runner_prepare_concurrency": (from_1, "a whole number from 1"),
    "model.logprobs": (from_0, "a whole number from 0"),
    "model.max_model_len": (from_1, "a whole number from 1: tokens, prompt and response together"),
    "model.max_prompt_tokens": (from_1, "a whole number from 1: tokens"),
    "model.max_response_tokens": (from_1, "a whole number from 1: tokens of one response"),
    "model.min_response_tokens": (from_0, "a whole number from 0: tokens"),
    "model.repetition_penalty": (above_0, "a number above 0; 1 is none"),
    "model.temperature": (above_0, "a number above 0: at 0 all rollouts of a task are equal"),
    "model.tinker.rank": (from_1, "a whole number from 1: the rank of the LoRA adapter"),
    "model.top_k": (from_1_or_off, "a whole number from 1, or -1: off"),
    "model.top_p": (positive_fraction, "a number in (0, 1]"),
    "synchronizer.explorer_sync_interval": (from_1, "a whole number from 1: steps"),
    "synchronizer.sync_interval": (from_1, "a whole number from 1: steps between weight syncs"),
    "synchronizer.sync_offset": (from_0, "a whole number from 0: steps"),
    "synchronizer.sync_timeout": (from_1, "a whole number from 1: seconds"),
    "synchronizer.trainer_sync_interval": (from_1, "a whole number from 1: steps"),
    f"{TASKSET}.data_selector.seed": (from_0, "a whole number from 0"),
    f"{TASKSET}.task_selector.seed": (from_0, "a whole number from 0"),
    "trainer.critic_warmup": (from_0, "a whole number from 0: steps"),
    "trainer.grad_clip": (above_0, "a number above 0"),
    "trainer.max_checkpoints_to_keep": (from_0, "a whole number from 1, or 0: all"),
    "trainer.max_token_len_per_gpu": (from_1, "a whole number from 1: tokens"),
    "trainer.save_interval": (from_0, "a whole number from 1, or 0: at the end only"),
    "trainer.ulysses_sequence_parallel_size": (from_1, "a whole number from 1"),
}

TASKSET_RANGES = {  # of each evaluation taskset
    "repeat_times": (from_1, "a whole number from 1: samples of each problem"),
    "rollout_args.temperature": (from_0, "a number from 0"),
    "rollout_args.top_p": (positive_fraction, "a number in (0, 1]"),
    "rollout_args.top_k": (from_1_or_off, "a whole number from 1, or -1: off"),
    "rollout_args.max_tokens": (from_1, "a whole number from 1: tokens"),
}

LORA_RANGES = {  # of each entry of model.lora_configs
    "lora_rank": (from_1, "a whole number from 1"),
    "lora_alpha": (from_1, "a whole number from 1"),
}

# key: its choices. The first is what to take where in doubt.
CHOICES = {
    "algorithm.loss_agg_mode": (
        "token-mean",
        "seq-mean-token-sum",
        "seq-mean-token-mean",
        "seq-mean-token-sum-norm",
    ),
    "algorithm.optimizer.lr_scheduler_type": ("constant", "cosine"),
    "algorithm.optimizer.optimizer_type": ("adam", "adamw", "sgd"),
    "explorer.concurrent_mode": ("asynchronous", "sequential", "multi-threading"),
    "explorer.rollout_model.dtype": ("bfloat16", "float16", "float32", "auto"),
    "explorer.rollout_model.engine_type": ("vllm", "vllm_async", "sglang", "tinker"),
    "log.level": ("INFO", "DEBUG", "WARNING", "ERROR"),
    "trainer.save_hf_checkpoint": ("last", "always", "never"),
    "trainer.trainer_strategy": ("fsdp2", "fsdp", "megatron"),
    "trainer.trainer_type": ("verl", "tinker"),
}

# key: the values that main.py can work with, and why no other.
FIXED = {
    "mode": (
        ("both", "colocate"),
        "main.py trains: `both` on several GPUs or with Tinker, `colocate` on one GPU",
    ),
    "continue_from_checkpoint": (
        (True,),
        "with false, Trinity trains in a renamed folder, where no later start finds the run. To "
        "start afresh, name another run: name=Another",
    ),
    "explorer.name": (("explorer",), "progress and curves are read from the files of this name"),
    "trainer.name": (("trainer",), "progress and curves are read from the files of this name"),
    "trainer.total_steps": ((None,), "the length of a run is buffer.total_steps"),
    "buffer.explorer_input.tasksets": (([],), f"this pack trains on one taskset, {TASKSET}"),
    "stages": (([],), "this pack trains in one stage"),
    "model.external_model.enable": ((False,), "a model behind an API cannot be trained"),
    "explorer.auxiliary_models": (([],), "the judge of this pack asks no other model"),
    "explorer.rollout_model.enable_history": ((True,), "the rollouts are read from it"),
    "explorer.rollout_model.enable_openai_api": ((True,), "the agent speaks to it"),
    f"{TASKSET}.storage_type": (("file",), "the taskset is a dataset on disk or on the Hub"),
}

NAMES = ("project", "group", "name")  # each a folder of the run's path


def check_ranges(settings, plan: Plan) -> None:
    """Every number in range, every word one of its choices.

    Args:
        settings: the configuration with defaults (experiment_yaml.with_defaults).
    """
    from omegaconf import OmegaConf

    for key, (passes, words) in RANGES.items():
        check_value(key, OmegaConf.select(settings, key), passes, words, plan)
    for i, taskset in enumerate(settings.buffer.explorer_input.eval_tasksets):
        for key, (passes, words) in TASKSET_RANGES.items():
            where = f"buffer.explorer_input.eval_tasksets[{i}].{key}"
            check_value(where, OmegaConf.select(taskset, key), passes, words, plan)
    for i, lora in enumerate(settings.model.lora_configs or []):
        for key, (passes, words) in LORA_RANGES.items():
            check_value(f"model.lora_configs[{i}].{key}", lora[key], passes, words, plan)
    for key, choices in CHOICES.items():
        value = OmegaConf.select(settings, key)
        if value is not None and value not in choices:
            plan.error(key, f"found {value!r}", f"Choose one of {', '.join(choices)}")
    for key, (values, reason) in FIXED.items():
        value = OmegaConf.select(settings, key)
        if value not in values:
            expected = " or ".join(str(value).lower() for value in values)
            plan.error(key, f"found {str(value)!r}, expected {expected}", f"The reason: {reason}")
    for key in NAMES:
        check_name(key, settings[key], plan)
    check_lengths(settings.model, plan)


def check_value(key: str, value, passes, words: str, plan: Plan) -> None:
    if value is not None and not passes(value):
        plan.error(key, f"found {value}, expected {words}", "Change it or leave it out")


def check_name(key: str, value: str, plan: Plan) -> None:
    too_long = len(value.encode()) > 200
    if "/" in value or "\0" in value or value in (".", "..") or too_long:
        plan.error(key, f"{value[:60]!r} cannot be the name of a folder", "Use a short plain name")


def check_lengths(model, plan: Plan) -> None:
    """Prompt and response have to fit into the model's length together."""
    if model.max_model_len is None:
        return plan.error("model.max_model_len", "not given", "Set it, in tokens, e.g. 4096")
    prompt, response = model.max_prompt_tokens or 1, model.max_response_tokens or 1
    if prompt + response > model.max_model_len:
        key = "model.max_prompt_tokens" if model.max_prompt_tokens else "model.max_response_tokens"
        plan.error(
            key,
            f"prompt and response of {prompt} and {response} tokens do not fit into "
            f"model.max_model_len, {model.max_model_len} tokens",
            "Lower the first or raise the second",
        )
    if model.min_response_tokens >= (model.max_response_tokens or model.max_model_len):
        plan.error(
            "model.min_response_tokens",
            f"{model.min_response_tokens} is not below model.max_response_tokens",
            "Lower it",
        )
