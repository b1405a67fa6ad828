"""A checkpoint of a run as a Hugging Face folder, to load, to serve and to publish.

    python -m data_augment.export checkpoints/Data-Augmentation/laptop/Random-Selector
    python -m data_augment.export RUN --step 40 --output my-model

It holds weights, configuration, tokenizer, chat template and a model card (README.md). A run with
Tinker has its weights on the server that trained it, which has to run: on the laptop,
python -m laptop.server.

Exit status: 0 the folder is there; 2 bad input, nothing was written.
"""

import os
import sys
import tempfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from data_augment.checkpoints import find_checkpoint
from data_augment.errors import BadInput
from data_augment.terminal import replace_unprintable


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(
        "data_augment.export",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--step", type=int, help="a step with a checkpoint (default: the newest)")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="to be made (default: RUN/exported/step-N)"
    )
    parser.add_argument(
        "--server", metavar="URL", help="Tinker server with the weights (default: the run's own)"
    )
    return parser.parse_args(argv)


def export(args: Namespace) -> Path:
    """Make the folder, whole or not at all, and return it. Raises BadInput and OSError."""
    from data_augment.export.model_card import model_card
    from data_augment.export.weights import save_model

    checkpoint = find_checkpoint(args.run, args.step)
    output = args.output or checkpoint.run / "exported" / f"step-{checkpoint.step}"
    if output.exists():
        raise BadInput(f"{output}: exists. Delete it, or name another folder by --output")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        folder = Path(scratch, output.name)
        folder.mkdir()
        weights = save_model(checkpoint, folder, args.server)
        card = model_card(checkpoint, weights)
        (folder / "README.md").write_text(card, encoding="utf-8")
        os.replace(folder, output)
    return output


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    replace_unprintable()
    try:
        folder = export(args)
    except (BadInput, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    print(f"{folder}: ready. Ask it: python -m data_augment.ask {folder} QUESTION")
    return 0


if __name__ == "__main__":
    sys.exit(main())
