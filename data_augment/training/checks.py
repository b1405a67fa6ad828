"""What can be known before Ray starts: model, machine, data, selector, schedule, run folder.

Each check names the file, key or column, what was found, and how to mend it. All that is wrong is
said at once, in one BadInput; what is only worth knowing is a note in the plan.
"""

import os
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.training.experiment_yaml import operators, run_folder
from data_augment.training.plan import Plan
from data_augment.training.resume import checkpointed_step
from data_augment.training.taskset_checks import (
    check_tasksets,
    how_to_make,
    is_difficulty_based,
    is_hub_id,
)
from task_selection.checks import check_parameters

# What may change when a run is continued: its length, where it runs, how often it saves.
MAY_CHANGE = (
    "buffer.total_steps",
    "buffer.total_epochs",
    "buffer.explorer_input.taskset.task_selector.kwargs.state_keep",
    "cluster.",
    "explorer.eval_interval",
    "explorer.max_timeout",
    "explorer.runner_per_model",
    "log.",
    "model.tinker.base_url",
    "synchronizer.sync_timeout",
    "trainer.max_checkpoints_to_keep",
    "trainer.save_interval",
)


def check(config, gpu_check: bool = True) -> Plan:
    """Run all checks on a merged configuration (DictConfig of experiment.compose).

    Raises:
        BadInput: with every error found, one a line.
    """
    plan = Plan()
    plan.fact("experiment", f"{config.project} / {config.name}")
    check_model(config, plan)
    check_machine(config, plan, gpu_check)
    check_tasksets(config, plan)
    check_selector(config, plan)
    check_schedule(config, plan)
    check_run_folder(config, plan)
    if plan.errors:
        raise BadInput("\n       ".join(plan.errors))
    return plan


def check_model(config, plan: Plan) -> None:
    model, path = config.model, str(config.model.get("model_path") or "")
    if not is_hub_id(path) and not Path(path, "config.json").is_file():
        plan.error(
            "model.model_path",
            f"no model folder {path!r} (no config.json there)",
            how_to_make(path),
        )
    plan.fact(
        "model",
        f"{path}; {model.max_model_len} tokens, a response at most {model.max_response_tokens}",
    )


def check_machine(config, plan: Plan, gpu_check: bool) -> None:
    if config.model.get("tinker", {}).get("enable"):
        return check_tinker(config.model.tinker, plan)
    cluster, rollout = config.get("cluster", {}), config.explorer.rollout_model
    nodes, per_node = cluster.get("node_num", 0), cluster.get("gpu_per_node", 0)
    if not nodes or not per_node:
        return plan.fact("machine", "as Ray finds it: cluster.node_num, gpu_per_node are not set")
    colocate = config.get("mode") == "colocate"
    engines = rollout.get("engine_num", 1) * rollout.get("tensor_parallel_size", 1)
    share = f"{engines} to roll out, {nodes * per_node - engines} to train"
    plan.fact(
        "machine",
        f"{nodes} x {per_node} GPU, {'rollout and training on one' if colocate else share}",
    )
    if not colocate and engines >= nodes * per_node:
        plan.error(
            "explorer.rollout_model",
            f"its engines take {engines} of {nodes * per_node} GPUs and leave none to train",
            "Lower engine_num or tensor_parallel_size, or raise cluster.gpu_per_node",
        )
    wanted = []
    here = count_gpus()
    if nodes == 1 and here < per_node and not os.environ.get("RAY_ADDRESS"):
        mend = "Choose another --profile (laptop needs none)"
        found = f"{per_node} GPU(s) wanted, {here} on this machine"
        wanted.append(("cluster.gpu_per_node", found, mend))
    if missing := [name for name in ("vllm", "flash_attn") if find_spec(name) is None]:
        found = f"{' and '.join(missing)} not installed here"
        wanted.append(("packages", found, "Install requirements-gpu.txt and flash-attn (README)"))
    for where, found, mend in wanted:
        if gpu_check:
            plan.error(where, found, f"{mend}, or pass --no-gpu-check")
        else:
            plan.notes.append(f"{where}: {found}")


def count_gpus() -> int:
    import pynvml

    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:  # no driver, so no GPU
        return 0


def check_tinker(tinker, plan: Plan) -> None:
    url = tinker.get("base_url")
    plan.fact("machine", f"no GPU; Tinker at {url or 'the hosted service'}")
    if not url:
        if not os.environ.get("TINKER_API_KEY"):
            plan.error("TINKER_API_KEY", "not set", "Hosted Tinker wants it in the environment")
        return None
    try:  # a server that other runs keep busy takes its time
        urllib.request.urlopen(f"{url}/api/v1/healthz", timeout=30).close()
    except urllib.error.HTTPError:
        pass  # it answers; what it serves is for Trinity's own check
    except (OSError, ValueError) as error:
        plan.error(
            "model.tinker.base_url",
            f"nothing answers at {url} ({getattr(error, 'reason', error)})",
            "Start the server (laptop: python -m laptop.server), or mend the address",
        )


def check_selector(config, plan: Plan) -> None:
    selector = config.buffer.explorer_input.taskset.get("task_selector") or {}
    kind, kwargs = selector.get("selector_type") or "sequential", selector.get("kwargs") or {}
    shown = ", ".join(f"{k} {v}" for k, v in kwargs.items() if not k.startswith("state_"))
    plan.fact("selector", f"{kind}{': ' + shown if shown else ''}")
    names = [operator.get("name", "") for operator in operators(config)]
    if kind == "sequential" and "pass_rate_calculator" in names:
        found = "Trinity's own pass_rate_calculator fails with sequential: its tasks have no index"
        plan.error("--stock", found, "Leave --stock or the calculator out")
    if not is_difficulty_based(kind):
        return
    if kind == "difficulty_based" and len(selector.get("feature_keys") or []) != 2:
        found = f"{list(selector.get('feature_keys') or [])}"
        plan.error("task_selector.feature_keys", found, "Trinity's own wants two columns")
    plan.errors += [f"task_selector.{error}" for error in check_parameters(dict(kwargs))]
    calculators = [
        i
        for i, name in enumerate(names)
        if name.endswith(("pass_rate_calculator", "PassRateCalculator"))
    ]
    if calculators[:1] != [0]:
        found = f"{names[0]} stands before it" if calculators else "pass_rate_calculator is missing"
        plan.error(
            "data_processor.experience_pipeline.operators",
            found,
            "difficulty_based learns from it: put `- name: pass_rate_calculator` first",
        )
    m, repeat_times = kwargs.get("m", 16), config.algorithm.get("repeat_times", 1)
    if m != repeat_times:
        plan.error(
            "task_selector.kwargs.m",
            f"{m}, but algorithm.repeat_times is {repeat_times}",
            "It is the number of rollouts behind each pass rate: make them equal",
        )


def check_schedule(config, plan: Plan) -> None:
    batch, group = config.buffer.get("batch_size", 1), config.algorithm.get("repeat_times", 1)
    interval = config.explorer.get("eval_interval", 100)
    save_interval = config.get("trainer", {}).get("save_interval", 0)
    plan.fact(
        "steps",
        f"{plan.steps:,} of {batch} tasks x {group} rollouts ({plan.steps * batch * group:,}), "
        + (f"a checkpoint every {save_interval}" if save_interval else "a checkpoint at the end"),
    )
    if plan.steps % interval:
        plan.notes.append(
            f"the last evaluation is at step {plan.steps // interval * interval}: {plan.steps} "
            f"steps are no multiple of explorer.eval_interval ({interval})"
        )


def check_run_folder(config, plan: Plan) -> None:
    """A run of the same name continues; one with other settings is another experiment."""
    from omegaconf import OmegaConf

    folder = run_folder(config)
    done = checkpointed_step(folder)
    plan.fact("run", f"{folder}{f' (continues after step {done})' if done else ''}")
    if not (folder / "config.yaml").exists():
        return
    saved = flatten(OmegaConf.to_container(OmegaConf.load(folder / "config.yaml")))
    now = flatten(OmegaConf.to_container(config))
    differ = [
        f"{key}: {saved.get(key)} there, {now.get(key)} here"
        for key in sorted(saved.keys() | now.keys())
        if saved.get(key) != now.get(key) and not key.startswith(MAY_CHANGE)
    ]
    if differ:
        plan.error(
            str(folder),
            f"a run with other settings is there ({'; '.join(differ[:3])}"
            + (f"; {len(differ) - 3} more)" if differ[3:] else ")"),
            "Continue it with its own settings, or name this one: name=Another",
        )


def flatten(node, prefix: str = "") -> dict:
    """Leaves of nested dicts and lists by dotted key."""
    if not isinstance(node, dict | list):
        return {prefix.rstrip("."): node}
    items = node.items() if isinstance(node, dict) else enumerate(node)
    return {k: v for key, value in items for k, v in flatten(value, f"{prefix}{key}.").items()}
