"""Which columns of a source hold the question and the answer, and paths into structs."""

from data_augment.data.containers import GOLDS, ROLES, TEXTS, USERS, first_of
from data_augment.errors import BadInput

# The first that is there holds the question; upper and lower case do not matter.
QUESTIONS = ("question", "problem", "prompt", "query", "conversations", "messages", "0")
# Beside `question`: what is asked about (SVAMP, ASDiv). The question begins with it.
BODY = "body"
# Beside the question: what there is to choose from. It is not read.
CHOICES = ("choices", "options")
# Each that is there holds the answer; a row whose answers disagree is dropped.
ANSWERS = ("answer", "final_answer", "expected_answer", "ground_truth", "reward_model")
# Without one of those, the first of these: a solution that ends on its answer, or \boxed{}.
SOLUTIONS = ("solution", "response", "conversations", "messages", "1")


def find_column(schema: dict, path: str):
    """(expression, type) of a column or of a dotted path into structs; None where there is none.

    Names may hold dots themselves ("info.Model-1.5B"): the longest name that fits is taken.
    """
    import polars as pl

    if path in schema:
        return pl.col(path), schema[path]
    for name in sorted(schema, key=len, reverse=True):
        if path.startswith(f"{name}."):
            found = find_field(pl.col(name), schema[name], path[len(name) + 1 :])
            if found:
                return found
    return None


def find_field(struct, dtype, path: str):
    """As `find_column`, inside the struct expression `struct` of type `dtype`."""
    import polars as pl

    if not isinstance(dtype, pl.Struct):
        return None
    fields = dict(dtype)
    if path in fields:
        return struct.struct.field(path), fields[path]
    for name in sorted(fields, key=len, reverse=True):
        if path.startswith(f"{name}."):
            found = find_field(struct.struct.field(name), fields[name], path[len(name) + 1 :])
            if found:
                return found
    return None


def paths(schema: dict) -> list[str]:
    """Every column, and in its place every field of a struct, as a dotted path."""
    import polars as pl

    found = []
    for name, dtype in schema.items():
        if isinstance(dtype, pl.Struct):
            found += [f"{name}.{field}" for field in paths(dict(dtype))]
        else:
            found.append(name)
    return found


def named(names, schema: dict) -> list[str]:
    """The columns of `schema` that are called one of `names`, in the order of `names`."""
    by_lower = {name.lower(): name for name in reversed(schema)}
    return [by_lower[name] for name in names if name in by_lower]


def column_or_error(schema: dict, path: str, option: str, source: str):
    """`find_column`, or BadInput with the columns that are there."""
    found = find_column(schema, path)
    if found is None:
        raise BadInput(
            f"{source}: {option} {path}: no such column. Columns found: {', '.join(paths(schema))}"
        )
    return found


def question_column(schema: dict, wish: str | None, source: str) -> str:
    """The column with the question: `wish`, or the first usual name. Raises BadInput."""
    if wish:
        column_or_error(schema, wish, "--question-column", source)
        return wish
    found = named(QUESTIONS, schema)
    if not found:
        raise BadInput(
            f"{source}: no column for the question ({', '.join(QUESTIONS)}). Columns found: "
            f"{', '.join(paths(schema))}. Name yours: --question-column COLUMN"
        )
    return found[0]


def answer_columns(schema: dict, wish: str | None, source: str) -> list[str]:
    """The columns with the gold answer: `wish`, or the usual names. Raises BadInput."""
    if wish:
        column_or_error(schema, wish, "--answer-column", source)
        return [wish]
    found = named(ANSWERS, schema) or named(SOLUTIONS, schema)[:1]
    if not found:
        raise BadInput(
            f"{source}: no column for the answer ({', '.join((*ANSWERS, *SOLUTIONS))}). Columns "
            f"found: {', '.join(paths(schema))}. Name yours: --answer-column COLUMN"
        )
    return found


def question_expression(schema: dict, path: str):
    """The raw question: text where polars can reach it, any other value as it is."""
    import polars as pl

    question, dtype = find_column(schema, path)
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
        turn = dict(dtype.inner)
        role = first_of(ROLES, [name for name in turn if name in ROLES])
        text = first_of(TEXTS, [name for name in turn if name in TEXTS])
        if role and text and turn[text] == pl.String:
            asked = question.list.filter(pl.element().struct.field(role).is_in(USERS))
            last = question.list.last().struct.field(text)
            question = pl.coalesce(asked.list.last().struct.field(text), last)
            dtype = pl.String
    body = named([BODY], schema)
    if path.lower() == "question" and body and schema[body[0]] == pl.String == dtype:
        question = pl.concat_str(pl.col(body[0]), question, separator=" ", ignore_nulls=True)
    if path == "prompt":  # guru keeps the question as it was before its instruction
        original = find_column(schema, "extra_info.original_question")
        if original and original[1] == pl.String and dtype == pl.String:
            is_there = original[0].str.contains(r"[^\s\p{C}]")
            question = pl.when(is_there).then(original[0]).otherwise(question)
    return question


def answer_expression(schema: dict, path: str):
    """The raw answer: a number or text where polars can reach it, any other value as it is."""
    import polars as pl

    answer, dtype = find_column(schema, path)
    while isinstance(dtype, pl.Struct):
        field = first_of(GOLDS, dict(dtype))
        if field is None:
            break
        answer = answer.struct.field(field)
        dtype = dict(dtype)[field]
    return answer
