"""Answers in many spellings against their gold answers: the tables in cases/, by kind.

A table has families ("== name"), and in each of them gold answers with the contents of boxes that
are right and wrong, four spaces between two of them. <U+202F> stands for a character that one
would not see.
"""

import re
from pathlib import Path

import pytest

from math_agent.answers import is_correct

TABLES = sorted((Path(__file__).parent / "cases").glob("*.txt"))


def families():
    """(table and family, its lines) of all tables."""
    for table in TABLES:
        for family in table.read_text().split("== ")[1:]:
            name, _, rows = family.partition("\n")
            yield pytest.param(rows, id=f"{table.stem}: {name}")


def cases(rows: str):
    """(gold, box, whether the box is right) of a family."""
    rows = re.sub(r"<U\+(\w{4})>", lambda code: chr(int(code[1], 16)), rows)
    gold = verdict = None
    for row in rows.splitlines():
        head, content = row[:9].strip(), row[9:]
        if head == "gold":
            gold = content
            continue
        verdict = head or verdict
        for box in filter(None, content.split("    ")):
            yield gold, box, verdict == "right"


@pytest.mark.parametrize("rows", list(families()))
def test_what_is_right_is_paid_and_nothing_else(rows):
    misjudged = [
        f"{gold}  against  {box}  should be {'right' if right else 'wrong'}"
        for gold, box, right in cases(rows)
        if is_correct(rf"So the answer is \boxed{{{box}}}.", gold) != right
    ]
    assert not misjudged


@pytest.mark.parametrize("rows", list(families()))
def test_every_gold_answer_is_right_for_itself(rows):
    golds = {gold for gold, _, _ in cases(rows)}
    assert [gold for gold in golds if not is_correct(rf"\boxed{{{gold}}}", gold)] == []
