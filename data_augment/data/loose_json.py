r"""JSON that polars refuses, read value by value with Python's own reader.

polars 1.44.2 refuses NaN, a byte order mark, an object over several lines, an array a line, rows
that are lists of turns (Open-Reasoner-Zero), and whole numbers of more than 38 digits.
"""

import gzip
import io
import json
from pathlib import Path

from data_augment.data.containers import is_turns


def read_loose_json(path: str | Path):
    """The rows of a JSON or JSON-lines file, as a polars DataFrame.

    NaN and infinities become null; whole numbers beyond 64 bits become text. A row that is a list
    of turns gets one column, `conversations`. Raises ValueError at the first value that is cut
    short or no row, with its line, and OSError.
    """
    import polars as pl

    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rb") as file:
        text = file.read().decode("utf-8-sig")
    lines = io.BytesIO()
    for value in values_of(text):
        for row in rows_of(value):
            lines.write(json.dumps(with_small_numbers(row)).encode() + b"\n")
    if not lines.tell():
        raise ValueError("no rows")
    lines.seek(0)
    return pl.read_ndjson(lines, infer_schema_length=None)


def values_of(text: str):
    """Each JSON value of a text; between two may stand white space or a comma."""
    decoder = json.JSONDecoder(parse_constant=lambda name: None)  # NaN, Infinity
    position = 0
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        if position == len(text):
            return
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {error.lineno}: {error.msg}") from None
        yield value


def rows_of(value) -> list[dict]:
    """The rows in one JSON value: a row, an array of rows, {"data": [rows]}, columns, or turns."""
    if is_turns(value):
        return [{"conversations": value}]
    if isinstance(value, list):
        return [row for inner in value for row in rows_of(inner)]
    if not isinstance(value, dict):
        raise ValueError(f"a row should be an object, not {json.dumps(value)[:40]}")
    lists = [inner for inner in value.values() if isinstance(inner, list) and not is_turns(inner)]
    holds_rows = len(lists) == 1 and lists[0] and isinstance(lists[0][0], dict)
    if holds_rows and len(value) <= 2:
        return rows_of(lists[0])
    if lists and len(lists) == len(value) and len({len(column) for column in lists}) == 1:
        return [dict(zip(value, row, strict=True)) for row in zip(*lists, strict=True)]
    return [value]


def with_small_numbers(value):
    """A JSON value whose whole numbers beyond 64 bits are text."""
    if isinstance(value, dict):
        return {name: with_small_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_small_numbers(inner) for inner in value]
    if isinstance(value, int) and abs(value) >= 2**63:
        return str(value)
    return value
