r"""Text out of the containers that datasets put it in: chat turns, structs, JSON kept as text.

[{"role": "user", "content": "2+2?"}]          verl, guru, DAPO
[{"from": "human", "value": "2+2?"}]           Open-Reasoner-Zero, ShareGPT
{"style": "rule", "ground_truth": "4"}         verl's reward_model
'["4"]', '{"ground_truth": "4"}'               Skywork-OR1; a struct that went through CSV
"""

import ast
import json
import re

ROLES = ("role", "from")
USERS = ("user", "human")
TEXTS = ("content", "value", "text", "question", "problem")
GOLDS = ("ground_truth", "value", "answer", "final_answer", "target", "text", "content")


def first_of(names, fields) -> str | None:
    """The first of `names` that is in `fields`; a single field is taken whatever its name."""
    for name in names:
        if name in fields:
            return name
    fields = list(fields)
    return fields[0] if len(fields) == 1 else None


# A backslash that nobody escaped: of LaTeX ("\frac" would be a form feed and "rac"), not of "\n".
LATEX_BACKSLASH = re.compile(r"""(?<!\\)\\(?!u[0-9a-fA-F]{4})(?=[a-zA-Z]{2}|[^a-zA-Z"'\\/])""")


def decoded(text: str, is_formula: bool = False):
    """What a text holds that is a JSON (or Python) list, dict or string; else the text itself.

    Args:
        is_formula: a backslash before letters begins a command of LaTeX, escaped or not.
    """
    text = text.strip()
    if not text.startswith(("[", "{", '"')):
        return text
    escaped = LATEX_BACKSLASH.sub(r"\\\\", text) if is_formula else text
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(escaped)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        if isinstance(value, list | dict | str):
            return value
    return text


def is_turns(value) -> bool:
    """Whether a value is a list of chat turns."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(turn, dict) and any(role in turn for role in ROLES) for turn in value)


def question_text(value) -> str | None:
    """The question in a value of any shape; None where there is none."""
    if isinstance(value, str):
        inner = decoded(value)
        is_container = isinstance(inner, list | dict)
        return (question_text(inner) or value) if is_container else value
    if isinstance(value, dict):
        name = first_of(TEXTS, value)
        return question_text(value[name]) if name else None
    if isinstance(value, list):
        if is_turns(value):
            asked = [turn for turn in value if (turn.get("role") or turn.get("from")) in USERS]
            return question_text((asked or value)[-1])
        texts = [question_text(part) for part in value if isinstance(part, str | dict)]
        texts = [text for text in texts if text]
        return "\n".join(texts) if texts else None
    return None if value is None else str(value)


def gold_texts(value) -> list[str]:
    """The gold answers in a value of any shape; several where it is a list of several.

    A list of numbers that is kept as text ("[0, 1]") is mathematics, and stays one answer.
    """
    if value is None:
        return []
    if isinstance(value, bool):
        return [str(value)]
    if isinstance(value, float):
        return [str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)]
    if isinstance(value, str):
        inner = decoded(value, is_formula=True)
        if isinstance(inner, str):
            return [inner]
        is_numbers = isinstance(inner, list) and not any(isinstance(x, str | dict) for x in inner)
        if is_numbers and len(inner) > 1:
            return [value]
        return gold_texts(inner)
    if isinstance(value, dict):
        name = first_of(GOLDS, [name for name, inner in value.items() if inner is not None])
        return gold_texts(value[name]) if name else []
    if isinstance(value, list):
        if is_turns(value):
            value = value[-1:]
        return [text for inner in value for text in gold_texts(inner)]
    return [str(value)]
