"""What a measurement stops at. Input that cannot run is BadInput, as everywhere."""


class GivenUp(Exception):
    """A model that answers no more; what was measured is in its journal."""


class Unanswered(Exception):
    """A request without an answer of the model.

    Attributes:
        reason: its line in the report; the message adds the beginning of the details.
        again: whether the same request may have an answer later.
        wait: seconds that the server asks for before that.
    """

    def __init__(self, reason: str, details: str = "", again: bool = True, wait: float = 0):
        super().__init__(f"{reason}: {shortened(details)}" if details else reason)
        self.reason = reason
        self.again = again
        self.wait = wait


def shortened(text: str) -> str:
    """The beginning of a server's words, on one line."""
    return " ".join(text.split())[:200]
