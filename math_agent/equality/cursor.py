"""The tokens of an answer and the place up to which they have been read."""

from __future__ import annotations

from math_agent.equality.spelling import Token, Unreadable

RELATIONS = {
    "=": "=",
    r"\approx": "approx",
    "<": "<",
    ">": ">",
    r"\le": "<=",
    r"\ge": ">=",
    r"\ne": "!=",
    r"\in": "in",
    r"\notin": "not in",
    r"\to": "to",
    r"\equiv": "equiv",
    r"\subset": "subset",
    r"\subseteq": "subset",
    r"\parallel": "parallel",
    r"\perp": "perp",
}
OPENING = frozenset(["(", "[", "{", r"\{", r"\langle"])
CLOSING = frozenset([")", "]", "}", r"\}", r"\rangle"])


class Cursor:
    """Every method of a reader starts at `self.at` and moves it.

    trusted, things, letter_units: see `reader.read`.
    """

    def __init__(
        self, tokens: list[Token], trusted: bool, things: frozenset[str], letter_units: bool
    ) -> None:
        self.tokens = tokens
        self.trusted = trusted
        self.things = things
        self.letter_units = letter_units
        self.at = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """The next token, or the one after `ahead` others; None at the end."""
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def before(self) -> Token:
        """The token that was read last."""
        return self.tokens[self.at - 1]

    def next_is(self, *texts: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.text in texts

    def next_is_word(self, *words: str, ahead: int = 0) -> bool:
        """Whether the next token is one of these words, in any case."""
        token = self.peek(ahead)
        return token is not None and token.kind == "word" and token.text.lower() in words

    def next_is_number(self, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.kind == "number"

    def take(self, text: str | None = None) -> Token:
        """Take the next token, which has to be `text`."""
        token = self.peek()
        if token is None or (text is not None and token.text != text):
            raise Unreadable(text)
        self.at += 1
        return token

    def accept(self, *texts: str) -> bool:
        """Take the next token if it is one of these."""
        if self.next_is(*texts):
            self.at += 1
            return True
        return False

    def replace_last(self, *tokens: Token) -> None:
        """Put others in the place of the token that was read last, and go back before them."""
        self.at -= 1
        self.tokens[self.at : self.at + 1] = tokens
