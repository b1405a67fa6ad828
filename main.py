"""Train the math agent: experiment YAML + machine profile -> checks -> agentscope.tuner.tune.

    python main.py --config config_difficulty.yaml                  # 8 GPUs (profiles/gpu8.yaml)
    python main.py --config config_random.yaml --profile laptop     # no GPU
    python main.py --config config_difficulty.yaml --check          # the plan; starts nothing
    python main.py --config config_random.yaml buffer.total_steps=200 name=Short

YAML alone rules: `tune` gets the two functions and the merged YAML, none of its other arguments,
because each of those overwrites a part of the YAML. The same command again continues a run.

Exit status: 0 the planned steps were trained; 1 training broke off; 2 bad input, or a Ray cluster
that does not fit, and nothing was trained; 130 Ctrl+C.
"""

import argparse
import sys

from data_augment.terminal import replace_unprintable


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
        "--print-config",
        action="store_true",
        help="check all, print the merged YAML, start nothing; the plan goes to stderr",
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


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a terminal without UTF-8 has no bars
    from data_augment.errors import BadInput
    from data_augment.training.checks import check
    from data_augment.training.experiment_yaml import (
        as_yaml,
        compose,
        give_selector_its_folder,
        tell_calculator_the_counts,
        use_fixed_classes,
    )
    from data_augment.training.launch import plug_in, train

    replace_unprintable()
    try:
        config = compose(args.config, args.profile, args.overrides)
        choices = [] if args.stock else use_fixed_classes(config)
        give_selector_its_folder(config)
        tell_calculator_the_counts(config)
        plan = check(config, gpu_check=not args.no_gpu_check)
        plan.notes += choices
        plug_in(config)
        if args.print_config:
            print(plan, file=sys.stderr)
            print(as_yaml(config), end="")
            return 0
        print(plan)
        if args.check:
            return 0
        return train(config, plan.steps)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The same command continues the run.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
