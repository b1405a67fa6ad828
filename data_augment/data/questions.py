r"""A question as text: free of instructions on the answer; when two are the same question."""

from collections.abc import Iterable

# Instructions on how to write the answer, as datasets put them around a question. Our agent has its
# own (\boxed{}), which a second one contradicts. An instruction is a sentence of words alone: one
# that holds a digit, an operator or a formula is mathematics, and stays.
# In these patterns white space counts for nothing, and "\ " is a space.
WORDS = r"""[a-z\ ,:'"’“”()<>/*-]*"""
PLEASE = rf"""(?: (?:please|kindly|let'?s|let\ us|remember|make\ sure|be\ sure|ensure
    |you\ (?:must|should|need\ to)) \b {WORDS} )"""
FIRST = rf"""(?: (?:think|reason|solve\ (?:it|this|the)|work|show|explain|now|then|first|finally
    |at\ the\ end|after|once|when\ you|(?:do\ not|don't)\ forget) \b {WORDS} )"""
WRITE = r"""\b (?:output|put|give|write|present|place|provide|enclose|return|express|state|report
    |wrap|box|show|submit|include|surround|format|mark|display|end|finish|conclude|respond) \b"""
ANSWER = r"""\b (?:answer|answers|result|solution|response|it) \b"""

# Where the answer should go: \boxed{}, $\boxed{your answer}$, "####", <answer> </answer>
NOTHING = r"""[\s.…_]* (?:(?:your|the|my)\ )? (?:final\ )? (?:answer|result|solution)? (?:\ here)?
    [\s.…_]*"""
PLACE = rf"""(?: \$* \\+boxed \s* \{{+ {NOTHING} \}}+ \s* \$*
    | ["'`“(]* (?: \#{{2,4}} | <answer> [^.\n]* </answer> | <answer> ) ["'`”)]* )"""

PUT_ANSWER = rf"""(?: {WRITE} {WORDS} {ANSWER} {WORDS} {PLACE} {WORDS} )"""
ANSWER_MUST = rf"""(?: \b(?:your|the)\ (?:final\ )?(?:answer|result|solution)
    \ (?:must|should|needs\ to|has\ to|shall|is\ to) \b {WORDS} {PLACE} {WORDS} )"""
STEP_BY_STEP = r"""(?: (?:think|reason|work) \b [a-z\ ,]* \ step[\ -]by[\ -]step
    (?:\ before\ (?:answering|you\ answer))? )"""
LAST_LINE = r"""(?: the\ (?:last|final)\ line\ of\ your\ (?:response|answer|output|reply|solution)
    \ (?:should|must) [^.\n]* )"""
OWN_LINE = rf"""(?: {WRITE} \ (?:your|the)\ (?:final\ )?answer\ on\ its\ own\ line [^.\n]* )"""
SOLVE_THIS = r"""(?: (?:solve|answer)\ the\ following\ (?:[a-z-]+\ )?(?:[a-z-]+\ )?
    (?:problem|question) (?:,?\ (?:step[\ -]by[\ -]step|carefully|efficiently\ and\ clearly))? )"""
THINK_TAGS = r"""(?: you\ (?:should\ )?first\ think\ about\ the\ reasoning\ process [^.\n]*
    | the\ reasoning\ process\ must\ be\ enclosed [^.\n]* )"""
CHINESE = r"""(?: 请 [^。\n$]* (?: \\boxed \s* \{ \s* \} | 一步一步 | 逐步 ) [^。\n$]* )"""

STOP = r"""(?: \s* [.!:。]+ \)? (?:\s+|$) | [\ \t]* \n\s* | \s* $ )"""
# One that is an instruction wherever it begins, and one that is, where a sentence begins.
ANYWHERE = rf"""(?: (?: {PLEASE} (?:{PUT_ANSWER}|{STEP_BY_STEP}|{OWN_LINE}) | {LAST_LINE}
    | {THINK_TAGS} | {ANSWER_MUST} | {CHINESE} ) {STOP} )"""
A_SENTENCE = rf"""(?: (?: {FIRST}? {PUT_ANSWER} | {STEP_BY_STEP} | {OWN_LINE} | {SOLVE_THIS} )
    {STOP} )"""
INSTRUCTION = rf"""(?ix)
      (?P<before> ^\s* | [.!?:;)\]}}$。！？"'`*] \s+ | [$。！？] | \n\s* )
      \(? (?: {A_SENTENCE} | {ANYWHERE} )+
    | \s+ \(? {ANYWHERE} (?: {A_SENTENCE} | {ANYWHERE} )*
    | ,? \s+ (?:and\ then|and|then) \s+ {PUT_ANSWER} {STOP}"""
LABELS = r"""(?ix) ^\s* (?:question|problem) \s* : \s*
    | \n\s* (?:answer|solution) \s* : \s* $"""
# Only questions with one of these words are searched for instructions.
SIGNS = ["boxed", "##", "<answer", "step by step", "step-by-step", "the following ", "own line"]
SIGNS += ["line of your", "reasoning process", "逐步", "一步一步"]
SIGNS += ["question:", "problem:", "answer:", "solution:"]

# What may differ between two spellings of one question: white space, math delimiters, brackets.
IGNORED = [" ", "\t", "\r", "\n", "\u00a0", "\u200b", "\ufeff", "$"]
IGNORED += [r"\,", r"\;", r"\!", r"\(", r"\)", r"\[", r"\]", r"\left", r"\right"]
REPLACED = {**dict.fromkeys(IGNORED, ""), r"\dfrac": r"\frac", r"\tfrac": r"\frac"}


def without_instructions(texts):
    """Questions (a polars Series) without the sentences that say how to write the answer."""

    def search(some):
        some = some.str.replace_all(INSTRUCTION, "${before}").str.strip_chars()
        return some.str.replace_all(LABELS, "").str.strip_chars()

    texts = texts.str.strip_chars()
    has_sign = texts.str.contains_any(SIGNS, ascii_case_insensitive=True)
    return change_where(has_sign, texts, search)


def change_where(condition, texts, change):
    """`texts` (a polars Series), with `change(some of them)` where `condition` is true."""
    condition = condition.fill_null(False)
    if not condition.any():
        return texts
    some = texts.filter(condition)
    different = some.unique()
    if len(different) < len(some) / 2:  # DAPO has each question a hundred times
        changed = some.replace_strict(different, change(different))
    else:
        changed = change(some)
    if condition.all():  # so that nothing holds the old texts in memory
        return changed
    return texts.scatter(condition.arg_true(), changed)


def normal_forms(texts):
    """The normal form of questions (a polars Series) that are free of instructions."""
    is_unicode = texts.str.len_bytes() != texts.str.len_chars()  # NFC takes long, and ASCII has it
    texts = change_where(is_unicode, texts, lambda some: some.str.normalize("NFC"))
    texts = texts.str.to_lowercase()
    texts = texts.str.replace_many(list(REPLACED), list(REPLACED.values()))
    return texts.str.strip_chars_end(".?!")


def same_question(text):
    """Polars expression: the normal form of a question; equal forms are the same question.

    Instructions, case, white space, math delimiters and the last stop do not matter. Unicode NFC,
    because NFKC would turn 2² into 22.
    """
    import polars as pl

    return text.map_batches(
        lambda texts: normal_forms(without_instructions(texts)), return_dtype=pl.String
    )


def same_questions(texts: Iterable[str]) -> list[str]:
    """The normal form of each of `texts`, as `same_question` makes it."""
    import polars as pl

    return normal_forms(without_instructions(pl.Series(list(texts), dtype=pl.String))).to_list()


def common_sentences(texts, looked_at: int = 10_000) -> dict[str, dict[str, float]]:
    """The commonest last and first sentences of questions, with their share of the questions.

    An instruction that `without_instructions` does not know shows here. Three questions and one in
    200 or more have it in common: less is chance.

    Args:
        texts: a polars Series of questions; of more than `looked_at`, every second or third or ...
            is looked at.
    """
    import polars as pl

    texts = texts.alias("text").gather_every(-(-len(texts) // looked_at) or 1)
    # The end is cut off before it is searched: a long text would be searched in vain.
    sentences = {
        "endings": texts.str.tail(200).str.extract(r"([^.!?。！？\n]+[.!?。！？\s]*)$"),
        "beginnings": texts.str.head(200).str.extract(r"^([^.!?。！？:\n]+[.!?。！？:])"),
    }
    least = max(3, len(texts) / 200)
    shares = {}
    for where, found in sentences.items():
        found = found.str.strip_chars()
        found = found.filter(found.str.len_chars() >= 12)
        counts = found.value_counts(name="rows").filter(pl.col("rows") >= least)
        counts = counts.sort("rows", "text", descending=[True, False]).head(5)
        shares[where] = {text: rows / len(texts) for text, rows in counts.iter_rows()}
    return shares
