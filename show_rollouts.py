"""What the agent wrote in a run: question, gold answer, turns, what the judge read, the reward.

    python show_rollouts.py                                   # the last step of the only run
    python show_rollouts.py checkpoints/.../NAME --step 1 --reward 0
    python show_rollouts.py checkpoints/.../NAME --longest --limit 1
    python show_rollouts.py checkpoints/.../NAME --html rollouts.html   # all steps, for a browser
    python show_rollouts.py checkpoints/.../NAME --learned    # a task that went from wrong to right

main.py keeps the rollouts of each training step, and where they exceed 1 GB of every second one;
those of evaluations are not kept. Beside the pass
rate of a task's rollouts stands the one that the selector predicted when it drew the task.

In data_augment/rollouts/: files.py says what is kept, choice.py which are shown, printed.py and
page.py how.

Exit status: 0 shown; 2 bad input, nothing was written.
"""

import argparse
import sys
from pathlib import Path

from data_augment.errors import BadInput
from data_augment.terminal import replace_unprintable

# The largest rise of many tasks, each of eight rollouts at both steps, is below this by chance.
CLEAR_RISE = 0.75


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    replace_unprintable()
    try:
        show(args)
    except (BadInput, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show what the agent wrote in a run.")
    parser.add_argument(
        "run",
        nargs="?",
        default="checkpoints",
        help="run folder, or a folder that holds one run (default: checkpoints)",
    )
    parser.add_argument("--step", type=int, help="of this step (default: the last one)")
    parser.add_argument("--task", type=int, help="of this task, a row of the taskset (all steps)")
    parser.add_argument("--reward", type=float, help="with this reward, e.g. 0")
    parser.add_argument("--cut-off", action="store_true", help="that came to the limit of tokens")
    parser.add_argument("--longest", action="store_true", help="the longest first")
    parser.add_argument(
        "--limit", type=int, default=8, help="rollouts to print (default: %(default)s)"
    )
    parser.add_argument(
        "--learned",
        action="store_true",
        help="of the task whose pass rate rose most, one wrong rollout and one right one",
    )
    parser.add_argument(
        "--html", metavar="FILE", help="write a page for a browser instead (default: all steps)"
    )
    return parser.parse_args(argv)


def show(args: argparse.Namespace) -> None:
    """Read the run, then print or write the page. Raises BadInput, or OSError for a file."""
    from data_augment.figure.run_folder import find_runs
    from data_augment.rollouts.choice import chosen, rollouts_of, stored_steps

    if args.limit < 1:
        raise BadInput(f"--limit: a number from 1 is expected, not {args.limit}")
    run = only_run(find_runs([args.run]))
    kept = stored_steps(run)
    rollouts = chosen(
        rollouts_of(run, steps_to_read(args, kept)), args.task, args.reward, args.cut_off
    )
    if args.html:
        write_page(args.html, run, rollouts)
    elif args.learned:
        print_learned(rollouts)
    else:
        print_chosen(args, run, kept, rollouts)


def only_run(runs: dict[str, Path]) -> Path:
    """The one run that was found. Raises BadInput where there is none, or several."""
    if len(runs) == 1:
        return next(iter(runs.values()))
    if not runs:
        raise BadInput("no run there. A run's folder has a file metrics.jsonl")
    names = "\n       ".join(str(folder) for folder in runs.values())
    raise BadInput(f"{len(runs)} runs there, name one of them:\n       {names}")


def steps_to_read(args: argparse.Namespace, kept: list[int]) -> list[int]:
    if args.step is not None and args.step not in kept:
        raise BadInput(f"--step {args.step}: rollouts are kept of {steps_in_words(kept)}")
    if args.step is not None:
        return [args.step]
    over_all_steps = args.task is not None or args.longest or args.learned or args.html
    return kept if over_all_steps else kept[-1:]


def steps_in_words(kept: list[int]) -> str:
    if len(kept) == kept[-1] - kept[0] + 1:
        return f"steps {kept[0]} to {kept[-1]}"
    return f"{len(kept)} steps from {kept[0]} to {kept[-1]}"


def print_chosen(args: argparse.Namespace, run: Path, kept: list[int], rollouts) -> None:
    from data_augment.rollouts.choice import length
    from data_augment.rollouts.printed import print_rollouts, terminal

    found = list(rollouts)
    if args.longest:
        found.sort(key=length, reverse=True)
    shown = found[: args.limit]
    console = terminal()
    print_rollouts(console, shown)
    console.rule()
    console.print(f"{len(shown)} of {len(found)} rollouts shown. {run} has {steps_in_words(kept)}.")
    if len(found) > len(shown):
        console.print("More: --limit N, or --html FILE for a page of all steps.")


def print_learned(rollouts) -> None:
    from data_augment.rollouts.choice import learned, pass_rate
    from data_augment.rollouts.printed import print_rollouts, terminal

    console = terminal()
    pair = learned(rollouts)
    if pair is None:
        console.print(
            "Of the rollouts that were asked for, no task has some at two steps with a higher pass "
            "rate at the later one: there is no example of a task that was learned."
        )
        return
    wrong, right = pair
    print_rollouts(console, [wrong, right])
    console.rule()
    rise = pass_rate(right) - pass_rate(wrong)
    console.print(
        f"The clearest rise of a task in this run: pass rate {pass_rate(wrong):.2f} at step "
        f"{wrong['step']}, {pass_rate(right):.2f} at step {right['step']}. It is an example; "
        "accuracy on held-out problems is the evidence (plot_result.py)."
    )
    if rise < CLEAR_RISE:
        console.print(
            "The largest of many rises may be as large by chance: alone it is no sign of learning."
        )


def write_page(path: str, run: Path, rollouts) -> None:
    from data_augment.rollouts.page import as_page
    from safe_files import write_whole

    page = as_page(run.resolve().name, rollouts)
    write_whole(path, page)
    print(f"{path}: {len(page.encode()) / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
