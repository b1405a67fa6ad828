"""A terminal that is not UTF-8 shows "?" for a bar or a ±; it ends no command in a traceback."""

import io
import sys

import pytest

import main
import prepare_data
from safe_files import REPO

DIFFICULTY = str(REPO / "config_difficulty.yaml")


@pytest.mark.parametrize(
    ("door", "arguments"),
    [
        (main, ["--config", DIFFICULTY, "--check", "--no-gpu-check"]),
        (prepare_data, ["--source", "data/math/train.parquet", "--eval-source", "none"]),
    ],
)
def test_commands_print_to_a_terminal_without_utf8(workplace, monkeypatch, door, arguments):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert door.main(arguments) == 0, terminal.buffer.getvalue()
    assert b"?" in terminal.buffer.getvalue()
