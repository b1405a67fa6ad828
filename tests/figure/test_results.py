"""The tables in the documents are those that plot_result.py prints from results/."""

import re
from functools import cache

import pytest

from data_augment.figure.comparison import compare
from data_augment.figure.curves import read
from safe_files import REPO

TABLE = re.compile(
    r"<!-- (results/\w+\.csv): printed by .*? -->\n(.*?)<!-- end of results -->", re.DOTALL
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
    """(document, the table in results/ that it names, rows of its own) of every printed table."""
    for path in [*REPO.glob("*.md"), *REPO.glob("docs/*.md")]:
        for source, text in TABLE.findall(path.read_text(encoding="utf-8")):
            yield path.relative_to(REPO).as_posix(), source, parse(text.splitlines())


@cache
def printed(source):
    return parse(compare(read([str(REPO / source)]), "eval_accuracy/heldout"))


@pytest.mark.parametrize(("path", "source", "shown"), [*tables()])
def test_a_table_in_a_document_is_the_printed_one(path, source, shown):
    """A document may leave out rows and columns."""
    assert shown
    for selector, cells in shown.items():
        expected = {column: printed(source)[selector][column] for column in cells}
        assert cells == expected


def test_the_results_at_length_have_the_whole_tables():
    whole = {source: shown for path, source, shown in tables() if path == "docs/results.md"}
    assert sorted(whole) == ["results/chain.csv", "results/curves.csv"]
    for source, shown in whole.items():
        assert shown == printed(source)
