"""The judge over many gold answers at once."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from math_agent.answers import ALTERNATIVES, is_correct

FEW = 64  # pairs that are judged here: starting processes takes two seconds


def judged(boxes: list[str], golds: list[str], what: str) -> list[bool]:
    r"""Whether each response (`\boxed{...}`) is right for the gold answer beside it.

    On all cores, with a progress bar called `what`, where there are many.
    """
    if len(boxes) <= FEW:
        return [is_correct(box, gold) for box, gold in zip(boxes, golds, strict=True)]
    from rich.console import Console
    from rich.progress import track

    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:  # polars threads: no fork
        verdicts = pool.map(is_correct, boxes, golds, chunksize=64)
        return list(track(verdicts, what, len(boxes), console=Console(stderr=True)))


def judged_wrong(golds: list[str]) -> list[str]:
    """The gold answers of which one, boxed as a response, is no right answer to the judge."""
    pairs = [(one, gold) for gold in golds for one in gold.split(ALTERNATIVES)]
    boxes = [rf"\boxed{{{one}}}" for one, _ in pairs]
    right = judged(boxes, [gold for _, gold in pairs], "gold answers judged")
    wrong = [gold for (_, gold), is_right in zip(pairs, right, strict=True) if not is_right]
    return list(dict.fromkeys(wrong))


def differ(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs of gold answers that have different values ("1/2" and "0.5" have not)."""
    boxes = [rf"\boxed{{{one.split(ALTERNATIVES)[0]}}}" for one, _ in pairs]
    same = judged(boxes, [other for _, other in pairs], "gold answers compared")
    return [pair for pair, is_same in zip(pairs, same, strict=True) if not is_same]
