"""From a checked YAML to a trained run: Ray, resume, `tune` under watch, and how it ended."""

import contextlib
import os
import sys
from pathlib import Path

from data_augment.training.experiment_yaml import (
    claim,
    give_trainer_patience,
    insert_rollout_store,
    run_folder,
    save,
    trinity_config,
)
from data_augment.training.failures import RunLogs, explain
from data_augment.training.lora import (
    adapter_folder,
    adapter_name,
    from_adapter,
    serve_adapters,
)
from data_augment.training.monitor import METRICS_FILE, insert_monitor
from data_augment.training.progress import Progress
from data_augment.training.ray_cluster import connect_ray, end_leftovers, worker_env
from data_augment.training.resume import align, checkpointed_step
from data_augment.training.rollout_count import counted
from data_augment.training.watch import Watch

# A dotted path and no import, which would take torch: see workflow.py.
WORKFLOW_TYPE = "data_augment.training.workflow.MathWorkflow"


def plug_in(config) -> None:
    """Add to a merged YAML what a run needs: monitor, rollout store, workflow, adapter, namespace.

    With them `trinity run --config` runs it, too. `tune` puts the two functions in the place of
    the workflow.
    Trinity's namespace is project/group/name. Two runs of one name in two checkpoint folders would
    find each other's actors on a standing Ray cluster.
    """
    insert_monitor(config)
    insert_rollout_store(config)
    give_trainer_patience(config)
    config.buffer.explorer_input.default_workflow_type = WORKFLOW_TYPE
    if adapter_name(config):
        serve_adapters(config)
    config.ray_namespace = str(run_folder(config))


def train(config, steps: int) -> int:
    """Train until `steps` steps are done; returns main.py's exit status, 0 or 1.

    Raises:
        BadInput: another process has the run, or Ray or Trinity refuse to start.
        KeyboardInterrupt: Ctrl+C.
    """
    run_dir = run_folder(config)
    if checkpointed_step(run_dir) >= steps:
        print(f"All {steps} steps are trained already. Train on with buffer.total_steps=...")
        return 0
    with claim(run_dir):  # locked until the end of the block
        error = run_tune(config, steps, run_dir)
    done = checkpointed_step(run_dir)
    if done >= steps:
        print(f"Trained {done} of {steps} steps. {run_dir}")
        return 0
    print(
        f"error: training broke off at step {done} of {steps}: {error}\n"
        f"       Logs: {run_dir / 'log'}. The same command continues from the last checkpoint.",
        file=sys.stderr,
    )
    return 1


def run_tune(config, steps: int, run_dir: Path) -> str:
    """Run `tune` on the merged YAML and show its progress; returns why it ended."""
    env = worker_env(config)
    os.environ.update(env)
    sys.path.extend(p for p in env["PYTHONPATH"].split(os.pathsep) if p not in sys.path)
    log_dir = run_dir / "log"
    log_dir.mkdir(exist_ok=True)
    print(f"Starting Ray and Trinity: half a minute, two with vLLM. Logs: {log_dir}", flush=True)

    terminal = sys.stdout
    # Trinity prints its whole configuration and fifty metrics a step: into a file.
    with (
        open(log_dir / "driver.log", "a") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        from agentscope.tuner import tune

        from math_agent import gsm8k_judge, run_react_agent

        trinity = trinity_config(config)
        ray_logs = connect_ray(trinity, env)
        end_leftovers(trinity.ray_namespace)
        config_path = str(save(config))
        if done := align(run_dir, trinity.buffer.batch_size):
            print(f"Resume: {done}", file=terminal)
        if checkpointed_step(run_dir):
            from data_augment.training.explorer import use_this_explorer

            use_this_explorer()
        workflow = counted(run_react_agent)
        if adapter := adapter_name(config):
            workflow = from_adapter(workflow, adapter, adapter_folder(run_dir, trinity))
        rollouts = trinity.buffer.batch_size * trinity.algorithm.repeat_times
        progress = Progress(run_dir / METRICS_FILE, steps, rollouts, terminal)
        logs = RunLogs(log_dir, needs_all_tasks=not trinity.explorer.over_rollout.ratio)
        status = None
        # The interrupt is that of a person, or of `watch`.
        with Watch(progress, logs) as watch, contextlib.suppress(KeyboardInterrupt):
            status = tune(
                workflow_func=workflow,
                judge_func=gsm8k_judge,
                config_path=config_path,
            )
        if watch.ctrl_c:
            raise KeyboardInterrupt
    why = progress.problem or explain(status.error if status else None, logs, ray_logs)
    starved = progress.starved()
    if starved and "TimeoutError" in why:
        return f"the trainer waited in vain: {starved} ({why})"
    return why
