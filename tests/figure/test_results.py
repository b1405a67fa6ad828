"""The tables in the documents are those that `make figure` prints from results/curves.csv."""

import pytest

from data_augment.figure.comparison import compare
from data_augment.figure.curves import read
from safe_files import REPO

START, END = "<!-- results:", "<!-- end of results -->"


def parse(lines):
    """The rows of a Markdown table: {selector: {column: cell}}."""
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    header, _, *rows = rows
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def documents():
    found = [*REPO.glob("*.md"), *REPO.glob("docs/*.md")]
    return [path for path in found if START in path.read_text(encoding="utf-8")]


@pytest.fixture(scope="module")
def printed():
    curves = read([str(REPO / "results/curves.csv")])
    return parse(compare(curves, "eval_accuracy/heldout"))


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_table_in_a_document_is_the_printed_one(path, printed):
    """A document may leave out rows and columns."""
    text = path.read_text(encoding="utf-8")
    shown = parse(text.partition(START)[2].partition(END)[0].splitlines())
    assert shown
    for selector, cells in shown.items():
        expected = {column: printed[selector][column] for column in cells}
        assert cells == expected


def test_the_results_at_length_have_the_whole_table(printed):
    text = (REPO / "docs/results.md").read_text(encoding="utf-8")
    assert parse(text.partition(START)[2].partition(END)[0].splitlines()) == printed
