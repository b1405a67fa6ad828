"""The tables in the documents are those that plot_result.py prints from results/."""

import re
from functools import cache

import pytest

from data_augment.figure.comparison import compare
from data_augment.figure.curves import read
from safe_files import REPO

TABLE = re.compile(
    r"<!-- ((?:results/\w+\.csv ?)+): printed by .*? -->\n(.*?)<!-- end of results -->", re.DOTALL
)


def parse(lines):
    """The rows of a Markdown table: {selector: {column: cell}}."""
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    header, _, *rows = rows
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def tables():
    """(document, the tables in results/ that it names, rows of its own) of every printed table."""
    for path in [*REPO.glob("*.md"), *REPO.glob("docs/*.md")]:
        for sources, text in TABLE.findall(path.read_text(encoding="utf-8")):
            yield path.relative_to(REPO).as_posix(), sources, parse(text.splitlines())


@cache
def printed(sources):
    curves = read([str(REPO / source) for source in sources.split()])
    return parse(compare(curves, "eval_accuracy/heldout"))


@pytest.mark.parametrize(("path", "sources", "shown"), [*tables()])
def test_a_table_in_a_document_is_the_printed_one(path, sources, shown):
    """A document may leave out rows and columns."""
    assert shown
    for selector, cells in shown.items():
        expected = {column: printed(sources)[selector][column] for column in cells}
        assert cells == expected


def test_the_results_at_length_have_the_whole_table():
    whole = {sources: shown for path, sources, shown in tables() if path == "docs/results.md"}
    sources = "results/curves.csv results/above.csv"
    assert whole == {sources: printed(sources)}
