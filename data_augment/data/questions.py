"""A question as text: free of instructions on the answer; when two are the same question."""

from collections.abc import Iterable

# "Please put your final answer within \boxed{}." and its kin. Only empty or "your answer" braces
# count: a \boxed{} that holds mathematics, or a sentence without "answer", is part of the problem.
INSTRUCTION = r"""(?ix) \s*
    (?: (?: \b(?:please|let'?s|you\ (?:must|should)|remember|make\ sure)\b [^.!?\n$]{0,60} )?
        \b(?:output|put|give|write|present|place|provide|enclose)\b [^.!?\n$]{0,40} \banswer\b
      | \b(?:your|the)\ (?:final\ )?answer\ (?:must|should)\b ) [^.!?\n$]{0,40}
    \$? \\boxed \s* \{ [\s.…]* (?:(?:your|the)\ )? (?:final\ )? (?:answer)? [\s.…]* \} \$?
    (?:\ tags?)? \s* [.!]?"""

# What may differ between two spellings of one question: white space, math delimiters, brackets.
IGNORED = [" ", "\t", "\r", "\n", "\u00a0", "$"]
IGNORED += [r"\,", r"\;", r"\!", r"\(", r"\)", r"\[", r"\]", r"\left", r"\right"]


def without_instructions(text):
    """Polars expression: `text` without the sentences that say how to write the answer."""
    return text.str.replace_all(INSTRUCTION, "").str.strip_chars()


def same_question(text):
    """Polars expression: the normal form of a question; equal forms are the same question.

    Case, white space, math delimiters and the last stop do not matter. Unicode NFC, because NFKC
    would turn 2² into 22.
    """
    text = without_instructions(text)
    text = text.str.normalize("NFC").str.to_lowercase().str.strip_chars_end(" .?!")
    return text.str.replace_many(IGNORED, [""] * len(IGNORED))


def same_questions(texts: Iterable[str]) -> list[str]:
    """The normal form of each of `texts`, as `same_question` makes it."""
    import polars as pl

    return (
        pl.Series("question", list(texts), dtype=pl.String)
        .to_frame()
        .select(same_question(pl.col("question")))["question"]
        .to_list()
    )


def is_blank(text):
    """Polars expression: null, or nothing but spaces and invisible characters."""
    return ~text.str.contains(r"[^\s\p{C}]").fill_null(False)
