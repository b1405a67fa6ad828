"""Train the math agent: experiment YAML + machine profile -> checks -> agentscope.tuner.tune.

    python main.py --config config_difficulty.yaml                  # 8 GPUs (profiles/gpu8.yaml)
    python main.py --config config_random.yaml --profile laptop     # no GPU
    python main.py --config config_difficulty.yaml --check          # the plan; starts nothing
    python main.py --config config_random.yaml buffer.total_steps=200 name=Short

YAML alone rules: `tune` gets the two functions and the merged YAML, none of its other arguments,
because each of those overwrites a part of the YAML. The same command again continues a run.

Exit status: 0 the planned steps were trained; 1 training broke off; 2 bad input, nothing started.
"""

import argparse
import contextlib
import os
import sys


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train the math agent with a task selector.",
        epilog="The same command again continues a run that was cut short.",
    )
    parser.add_argument(
        "--config", default="config_random.yaml", help="experiment YAML (default: %(default)s)"
    )
    parser.add_argument(
        "--profile",
        default="gpu8",
        help="machine: a name in profiles/ or the path of a YAML (default: %(default)s)",
    )
    parser.add_argument(
        "--check", action="store_true", help="check all, print the plan, start nothing"
    )
    parser.add_argument(
        "--no-gpu-check",
        action="store_true",
        help="missing GPUs become a note (default: an error)",
    )
    parser.add_argument(
        "--stock",
        action="store_true",
        help="keep Trinity's own difficulty_based and pass_rate_calculator "
        "(default: the fixed ones of task_selection/)",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="e.g. buffer.total_steps=200"
    )
    return parser.parse_intermixed_args(argv)


def train(config, steps: int) -> int:
    """Run `tune` on the merged YAML, follow its logs, say whether all steps were trained."""
    from data_augment.training.experiment_yaml import claim, run_folder, save, trinity_config
    from data_augment.training.ray_cluster import connect_ray, worker_env
    from data_augment.training.resume import align, checkpointed_step
    from data_augment.training.run_log import Follower, last_error

    run_dir = run_folder(config)
    if checkpointed_step(run_dir) >= steps:
        print(f"All {steps} steps are trained already. Train on with buffer.total_steps=...")
        return 0
    claimed = claim(run_dir)  # noqa: F841 (a lock, held until this function ends)
    env = worker_env(config)
    os.environ.update(env)
    sys.path.extend(p for p in env["PYTHONPATH"].split(os.pathsep) if p not in sys.path)
    log_dir = run_dir / "log"
    log_dir.mkdir(exist_ok=True)
    print(f"Starting Ray and Trinity, half a minute or more. Logs: {log_dir}", flush=True)

    terminal = sys.stdout
    # Trinity prints its whole configuration and fifty metrics a step: into a file.
    with (
        open(log_dir / "driver.log", "a") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        from agentscope.tuner import tune

        from math_agent import gsm8k_judge, run_react_agent

        connect_ray(trinity_config(config), env)
        config_path = str(save(config))
        if rewound := align(run_dir, config.buffer.batch_size):
            print(f"Resume: {rewound}", file=terminal)
        with Follower(log_dir, steps, out=terminal) as follower:
            try:
                tune(workflow_func=run_react_agent, judge_func=gsm8k_judge, config_path=config_path)
            except KeyboardInterrupt:
                if not follower.failed:  # Ctrl+C by a person, not the follower's own
                    raise
    done = checkpointed_step(run_dir)
    if done >= steps:
        print(f"Trained {done} of {steps} steps. {run_dir}")
        return 0
    print(
        f"error: training broke off at step {done} of {steps}: "
        f"{follower.error or last_error(log_dir)}\n"
        f"       Logs: {log_dir}. The same command continues from the last checkpoint.",
        file=sys.stderr,
    )
    return 1


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    from data_augment.errors import BadInput
    from data_augment.training.checks import check
    from data_augment.training.experiment_yaml import (
        compose,
        give_selector_its_folder,
        use_fixed_classes,
    )

    try:
        config = compose(args.config, args.profile, args.overrides)
        fixed = [] if args.stock else use_fixed_classes(config)
        give_selector_its_folder(config)
        plan = check(config, gpu_check=not args.no_gpu_check)
        plan.notes += [f"{line} (--stock keeps Trinity's)" for line in fixed]
        print(plan)
        return 0 if args.check else train(config, plan.steps)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The same command continues the run.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
