"""What the report says of references and candidate."""

import pytest

from data_augment.pass_rates.report import compare

WEAK = [0.0, 0.25, 0.5, 0.25] * 25
STRONG = [0.5, 0.75, 0.25, 1.0] * 25


@pytest.mark.parametrize(
    ("own", "verdict"),
    [
        ([0.25, 0.5, 0.5, 0.5] * 25, "bracketed by the two"),
        ([0.0, 0.0, 0.25, 0.0] * 25, "below both: take a weaker reference"),
        ([1.0, 1.0, 0.75, 1.0] * 25, "above both: take a stronger reference"),
        ([*STRONG[:-4], 0.75, 0.5, 0.5, 1.0], "beyond strong, which is within the error"),
        ([None] * 99 + [0.0], "which is within the error"),  # one row has no interval
        ([None, 0.5] * 50, "bracketed by the two"),
    ],
)
def test_whether_the_references_bracket_the_candidate(capsys, own, verdict):
    compare({"strong": STRONG, "weak": WEAK, "own": own}, "own")
    first, second = capsys.readouterr().out.splitlines()
    assert "weak (0.250) beats strong (0.625) in 25.0% of the rows" in first
    assert second.startswith("own: ")
    assert second.endswith(verdict)


def test_references_that_share_no_row_are_not_compared(capsys):
    compare({"weak": [0.5, None], "strong": [None, 0.5]}, None)
    assert capsys.readouterr().out == ""
