"""What can be known before Ray starts, in one list.

Each check names the file, key or column, what was found, and how to fix it. All that is wrong is
said at once, in one BadInput; what is only worth knowing is a note in the plan.

    ranges.py               every number in range, every word one of its choices
    registered_names.py     selector, operators, algorithm, monitor exist
    reasoning.py            whether the model thinks aloud
    machine_checks.py       GPUs, packages, Tinker's server, Ray
    gpu_memory.py           the memory that model and settings need, against the GPU's
    taskset_checks.py       the data is whole, training holds no evaluation
    selector_checks.py      the selector's parameters and what it learns from
    may_continue.py         whether the run that stands in the folder is this one
"""

from pathlib import Path

from data_augment.errors import BadInput
from data_augment.training.experiment_yaml import with_defaults
from data_augment.training.gpu_memory import show_memory
from data_augment.training.machine_checks import check_machine
from data_augment.training.may_continue import check_run_folder
from data_augment.training.plan import Plan
from data_augment.training.ranges import check_ranges
from data_augment.training.reasoning import choose_reasoning_parser
from data_augment.training.registered_names import check_registered_names
from data_augment.training.selector_checks import check_selector
from data_augment.training.taskset_checks import check_tasksets, how_to_make, is_hub_id


def check(config, gpu_check: bool = True) -> Plan:
    """Run all checks on a merged configuration (DictConfig of experiment_yaml.compose).

    Puts the parser that fits the model in place of `reasoning_parser: auto`.

    Raises:
        BadInput: with every error found, one a line.
    """
    settings = with_defaults(config)
    plan = Plan()
    plan.fact("experiment", f"{settings.project} / {settings.name}")
    check_ranges(settings, plan)
    check_registered_names(settings, plan)
    stop_at_errors(plan)  # what follows computes with these numbers
    plan.notes += choose_reasoning_parser(config, settings)
    check_model(settings, plan)
    check_lora(settings, plan)
    check_machine(settings, plan, gpu_check)
    show_memory(settings, plan)
    check_tasksets(settings, plan)
    check_selector(settings, plan)
    check_schedule(settings, plan)
    check_run_folder(config, plan)
    stop_at_errors(plan)
    return plan


def stop_at_errors(plan: Plan) -> None:
    if plan.errors:
        raise BadInput("\n       ".join(plan.errors))


def check_model(settings, plan: Plan) -> None:
    model, path = settings.model, settings.model.model_path
    if not is_hub_id(path) and not Path(path, "config.json").is_file():
        plan.error(
            "model.model_path",
            f"no model folder {path!r} (no config.json in it)",
            how_to_make(path),
        )
    longest = model.max_response_tokens
    shown = f", a response at most {longest}" if longest else ""
    plan.fact("model", f"{path}; {model.max_model_len} tokens{shown}")


def check_lora(settings, plan: Plan) -> None:
    """Trinity 0.6.0 trains one adapter, and vLLM reads it from the checkpoint of each sync."""
    adapters = settings.model.lora_configs
    if adapters is None or settings.model.tinker.enable:
        return
    if len(adapters) != 1:
        plan.error("model.lora_configs", f"{len(adapters)} adapters", "Give one, or leave it out")
    if settings.synchronizer.sync_method.value == "memory":
        found = "memory does not hand a LoRA adapter to vLLM"
        plan.error("synchronizer.sync_method", found, "Set it to checkpoint")


def check_schedule(settings, plan: Plan) -> None:
    batch, group = settings.buffer.batch_size, settings.algorithm.repeat_times
    save_interval = settings.trainer.save_interval
    saves = f"a checkpoint every {save_interval}" if save_interval else "a checkpoint at the end"
    plan.fact(
        "steps",
        f"{plan.steps:,} of {batch} tasks x {group} rollouts ({plan.steps * batch * group:,}), "
        f"{saves}",
    )
    responses = settings.buffer.train_batch_size
    if responses not in (None, 0, batch * group):
        plan.error(
            "buffer.train_batch_size",
            f"{responses}, but a batch has {batch} x {group} rollouts: after a kill, weights and "
            "selector would come back from different batches",
            "Leave it out",
        )
    check_intervals(settings, plan)
    check_pass_length(settings, plan)
    if group == 1:
        plan.note(
            "algorithm.repeat_times",
            "1: in a group of one the advantage is 0, and nothing is learned with GRPO",
        )
    engines = settings.explorer.rollout_model.engine_num
    useful = -(-batch // engines)
    if settings.explorer.concurrent_mode != "sequential":
        runners = settings.explorer.runner_per_model
        if runners > useful:
            plan.note(
                "explorer.runner_per_model",
                f"{runners}, of which Trinity uses {useful}: {batch} tasks on {engines} engine(s)",
            )


def check_pass_length(settings, plan: Plan) -> None:
    """A pass of the trainer takes the longest sequence whole; verl 0.8.0 asserts it later."""
    tokens = settings.trainer.max_token_len_per_gpu
    if not tokens or settings.model.tinker.enable:
        return
    tokens *= settings.trainer.ulysses_sequence_parallel_size
    if tokens < settings.model.max_model_len:
        plan.error(
            "trainer.max_token_len_per_gpu",
            f"{tokens} tokens in a pass, but a sequence may have model.max_model_len, "
            f"{settings.model.max_model_len}",
            "Raise the first or lower the second",
        )


def check_intervals(settings, plan: Plan) -> None:
    """Evaluation and checkpoints fall on weight syncs."""
    sync, offset = settings.synchronizer.sync_interval, settings.synchronizer.sync_offset
    save_interval, eval_interval = settings.trainer.save_interval, settings.explorer.eval_interval
    if save_interval % sync:
        near = max(save_interval // sync, 1) * sync
        plan.error(
            "trainer.save_interval",
            f"{save_interval} is no multiple of synchronizer.sync_interval, {sync}: selector and "
            "weights would come back from different steps after a kill",
            f"Set it to {near} or {near + sync}",
        )
    elif offset % sync:
        plan.error(
            "synchronizer.sync_offset",
            f"{offset} is no multiple of synchronizer.sync_interval, {sync}: weights and selector "
            "would be saved at different steps",
            f"Set it to 0 or {sync}",
        )
    if not settings.buffer.explorer_input.eval_tasksets:
        return
    if eval_interval % sync:  # as Trinity's IntervalConfigValidator does
        eval_interval = max(eval_interval // sync, 1) * sync
        plan.note(
            "explorer.eval_interval",
            f"Trinity makes it {eval_interval}, a multiple of synchronizer.sync_interval ({sync})",
        )
    if plan.steps % eval_interval:
        last = plan.steps // eval_interval * eval_interval
        plan.notes.append(
            f"the last evaluation is at step {last}: {plan.steps} steps are no multiple of "
            f"explorer.eval_interval ({eval_interval})"
        )
