"""Step 5: run folders -> a tidy table of their curves -> training_result.jpg and the comparison.

    python plot_result.py                                     # every run under checkpoints/
    python plot_result.py checkpoints/Data-Augmentation --output my.png --csv my.csv
    python plot_result.py results/curves.csv                  # figure and comparison again
    python plot_result.py --selection                         # what the selectors believed and drew

Left: what selection does, that is which tasks were rolled out; rollout accuracy rises by choosing
easier tasks alone. Right: accuracy on held-out problems, the evidence of learning. Runs that differ
in their seeds alone are one line, their mean, with its 95 % interval at each evaluation. Against a
baseline the comparison is printed as a Markdown table.

In data_augment/figure/: run_folder.py reads a run, labels.py says which runs belong together,
curves.py makes the table, drawing.py the figure, comparison.py the comparison (it defines the
columns), measures.py its numbers, intervals.py the intervals of both. With --selection:
selection.py reads what the selectors wrote, selection_drawing.py draws it.

Exit status: 0 the figure is made; 2 bad input, or a file that cannot be written.
"""

import argparse
import sys

from data_augment.errors import BadInput
from data_augment.terminal import replace_unprintable


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    replace_unprintable()
    try:
        plot(args)
    except (BadInput, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw and compare the curves of runs.")
    parser.add_argument(
        "source",
        nargs="*",
        default=["checkpoints"],
        help="run folders, folders that hold them, or tables (.csv) (default: checkpoints)",
    )
    parser.add_argument(
        "--selection",
        action="store_true",
        help="draw what the selectors believed and drew, into selection.jpg (default: the curves)",
    )
    parser.add_argument("--output", help="figure (default: training_result.jpg)")
    parser.add_argument("--csv", help="also write the curves as a table (default: not)")
    parser.add_argument(
        "--smooth", type=int, default=5, help="steps of the running means (default: 5)"
    )
    parser.add_argument(
        "--baseline", default="random", help="selector to compare with (default: %(default)s)"
    )
    return parser.parse_args(argv)


def plot(args: argparse.Namespace) -> None:
    """Read and draw. Raises BadInput, or OSError for a file."""
    from data_augment.figure.drawing import check_format

    if args.smooth < 1:
        raise BadInput(f"--smooth: a number from 1 is expected, not {args.smooth}")
    args.output = args.output or ("selection.jpg" if args.selection else "training_result.jpg")
    check_format(args.output)
    if args.selection:
        plot_selection(args)
    else:
        plot_curves(args)


def plot_curves(args: argparse.Namespace) -> None:
    """Read, write the table, draw, compare."""
    from data_augment.figure.comparison import compare
    from data_augment.figure.curves import evaluations, read, selectors, write
    from data_augment.figure.drawing import draw
    from safe_files import write_whole

    curves = read(args.source)
    if args.csv:
        write_whole(args.csv, lambda path: write(curves, path))
    write_whole(args.output, lambda path: draw(curves, args.smooth, path))

    print(f"{args.output}: {curves.run.nunique()} run(s) of {'; '.join(selectors(curves))}")
    if not evaluations(curves):
        print("\nNo comparison: no run was evaluated on held-out problems yet.")
    for metric in evaluations(curves):
        print()
        print("\n".join(compare(curves, metric, args.baseline)))


def plot_selection(args: argparse.Namespace) -> None:
    """Read what the selectors wrote, draw it, print its last state."""
    from data_augment.figure.selection import read, table
    from data_augment.figure.selection_drawing import draw_selection
    from safe_files import write_whole

    if args.csv:
        raise BadInput("--csv: a table of the curves. Leave out --selection")
    beliefs = read(args.source)
    write_whole(args.output, lambda path: draw_selection(beliefs, args.smooth, path))
    print(f"{args.output}: {beliefs.curves.run.nunique()} run(s)\n")
    print("\n".join(table(beliefs)))


if __name__ == "__main__":
    sys.exit(main())
