"""The one exception for input that cannot run; every command turns it into exit status 2."""


class BadInput(Exception):
    """Input that cannot run. The message says what was found, where, and how to fix it."""
