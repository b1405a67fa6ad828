"""What the commands do about the terminal that they print to."""

import sys


def replace_unprintable() -> None:
    """Print "?" for what a terminal without UTF-8 cannot show (± and bars), in place of a crash."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
