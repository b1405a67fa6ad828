"""Arguments that cannot run are refused before anything is read or written."""

import pytest

from tests.pass_rates.conftest import measure

BAD_ARGUMENTS = {
    "--model=weak": "expected NAME=MODEL@URL",
    "--model=weak=m@http://user:password@host/v1": "holds no key or password",
    "--samples=0": "0: expected a whole number from 1",
    "--top-p=2": "2: expected a number from 0 to 1",
    "--temperature=inf": "inf: expected a number",
    "--temperature=nan": "nan: expected a number",
    "--min-samples=5": "--min-samples 5 is more than --samples 4",
    "--candidate=c=m@http://h/v1": "two references bracket it",
    "--model=weak=m@http://h/v1": "two have the same NAME",
    "--api-key-env=NOT_THERE": "the variable NOT_THERE is not set",
    "--api-key-env=BLANK": "the variable BLANK is not set",
    "--api-key-env=TWO_LINES": "the key in TWO_LINES",
}


@pytest.mark.parametrize(("option", "message"), BAD_ARGUMENTS.items())
def test_bad_arguments(taskset, capsys, monkeypatch, option, message):
    monkeypatch.setenv("BLANK", " \n")
    monkeypatch.setenv("TWO_LINES", "sk-1\nsk-2")
    with pytest.raises(SystemExit) as stop:
        measure(taskset, "http://h/v1", option)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert [file.name for file in taskset.iterdir()] == ["train.parquet"]


def test_one_limit_of_tokens_not_two(taskset, capsys):
    with pytest.raises(SystemExit):
        measure(taskset, "http://h/v1", "--max-tokens=9", "--max-completion-tokens=9")
    assert "not allowed with" in capsys.readouterr().err
