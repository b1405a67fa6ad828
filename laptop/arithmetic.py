"""Arithmetic of graded difficulty, and the character-level tokenizer that reads it.

The textbook trains its small model on one kind of sum. Here there are six kinds, so that a task
selector has something to select: the base model answers the first nearly always, four with a
chance between, and the last, which it is never taught, not at all. A problem is a row in GSM8K
format: `{"question": "17+25", "answer": "#### 42", "kind": "2+2 digits"}`.
"""

import itertools
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BOX = "\\boxed{"  # one token: a response is "\boxed{", the digits, "}" and the end of the turn
PAD, USER, ASSISTANT, END, UNKNOWN = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>", "<|unk|>"
VOCABULARY = (PAD, USER, ASSISTANT, END, UNKNOWN, BOX, "}", *"0123456789+-*")

# Only the last user message is rendered: the model cannot read the agent's system prompt. What
# the assistant said after it is rendered too, for callers that continue a final message.
CHAT_TEMPLATE = (
    "{%- set ns = namespace(turn='') -%}"
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}"
    f"{{%- set ns.turn = '{USER}' + message['content'] -%}}"
    "{%- elif message['role'] == 'assistant' -%}"
    f"{{%- set ns.turn = ns.turn + '{ASSISTANT}' + message['content'] + '{END}' -%}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{{- ns.turn -}}"
    f"{{%- if add_generation_prompt -%}}{{{{- '{ASSISTANT}' -}}}}{{%- endif -%}}"
)


@dataclass(frozen=True)
class Kind:
    """One kind of task.

    Attributes:
        name: as written in the dataset's `kind` column.
        problems: takes the range of its two-digit numbers, yields every problem of the kind as
            (question, value, key); problems with one key are one problem written in two orders.
        right: share of right answers in the corpus that makes the base unreliable; None for a
            kind that is never taught.
        pool: share of the training tasks.
        held_out: share of the held-out problems.
    """

    name: str
    problems: Callable[[range], Iterator[tuple[str, int, tuple]]]
    right: float | None
    pool: float
    held_out: float


def problems(sign: str, value: Callable, *operands: range) -> Iterator[tuple[str, int, tuple]]:
    """Every problem with an answer that is not negative; see Kind.problems for what is yielded.

    Args:
        sign: between the numbers.
        value: the answer to the numbers.
        operands: the range of each number.
    """
    for numbers in itertools.product(*operands):
        answer = value(*numbers)
        if answer < 0:
            continue
        orders = {numbers}
        if sign != "-":
            orders.add(numbers[::-1])
        key = (sign, *sorted(numbers))
        for order in sorted(orders):
            question = sign.join(str(number) for number in order)
            yield question, answer, key


def add(*numbers: int) -> int:
    return sum(numbers)


ONE = range(1, 10)

KINDS = (
    Kind("2+1 digits", lambda two: problems("+", add, two, ONE), 1.0, 1 / 6, 0),
    Kind("2-1 digits", lambda two: problems("-", operator.sub, two, ONE), 0.85, 1 / 12, 1 / 4),
    Kind("2+2 digits", lambda two: problems("+", add, two, two), 0.5, 1 / 12, 1 / 4),
    Kind("2-2 digits", lambda two: problems("-", operator.sub, two, two), 0.3, 1 / 12, 1 / 4),
    Kind("2+1+1 digits", lambda two: problems("+", add, two, ONE, ONE), 0.15, 1 / 12, 1 / 4),
    Kind("2*2 digits", lambda two: problems("*", operator.mul, two, two), None, 1 / 2, 0),
)


def share_out(
    tasks: int, held_out: int, largest: int = 99, seed: int = 0
) -> tuple[list[dict], list[dict], dict[Kind, list[tuple[str, int]]]]:
    """Share out all problems, none (nor the same one in another order) to two parts.

    Args:
        tasks: number of training tasks, of all kinds together.
        held_out: number of held-out problems.
        largest: the largest two-digit number in a question.
        seed: of the shuffle.
    Returns:
        Training tasks and held-out problems as shuffled rows in GSM8K format, and all the rest:
        the corpus of the supervised training, (question, value) by kind.
    Raises:
        ValueError: a kind has too few problems.
    """
    train_rows: list[dict] = []
    held_rows: list[dict] = []
    corpus: dict[Kind, list[tuple[str, int]]] = {}
    rng = random.Random(seed)
    for kind in KINDS:
        groups: dict[tuple, dict[str, int]] = {}  # question -> value, the orders of one problem
        for question, value, key in kind.problems(range(10, largest + 1)):
            groups.setdefault(key, {})[question] = value
        keys = sorted(groups)
        rng.shuffle(keys)
        held_rows += take(kind, groups, keys, round(held_out * kind.held_out))
        train_rows += take(kind, groups, keys, round(tasks * kind.pool))
        corpus[kind] = [problem for key in keys for problem in groups[key].items()]
    rng.shuffle(train_rows)
    rng.shuffle(held_rows)
    return train_rows, held_rows, corpus


def take(
    kind: Kind, groups: dict[tuple, dict[str, int]], keys: list[tuple], count: int
) -> list[dict]:
    """Rows of `count` problems, whose keys are removed from the end of `keys`.

    Raises:
        ValueError: there are too few.
    """
    rows: list[dict] = []
    while len(rows) < count:
        if not keys:
            raise ValueError(
                f"{kind.name}: {len(groups)} problems are too few for the training tasks and "
                "held-out problems asked for; ask for fewer of them"
            )
        for question, value in groups[keys.pop()].items():
            rows.append({"question": question, "answer": f"#### {value}", "kind": kind.name})
    return rows[:count]


def prompt(question: str) -> str:
    """What the chat template makes of a question."""
    return f"{USER}{question}{ASSISTANT}"


def response(value: int | str) -> str:
    """The assistant's turn that answers `value`, without the end token."""
    return f"{BOX}{value}}}"


def right_response(answer: str) -> str:
    """The one response that is right, by a row's `answer` ("#### 42")."""
    return response(answer.removeprefix("#### "))


def encoded_pairs(rows, encode: Callable) -> list[tuple[list[int], list[int]]]:
    """The token ids of each row's prompt, and of its right response with the end token."""
    pairs = []
    for question, answer in zip(rows["question"][:], rows["answer"][:], strict=True):
        pairs.append((encode(prompt(question)), encode(right_response(answer) + END)))
    return pairs


def wrong_answer(value: int, rng: random.Random) -> int:
    """A slip near the truth: off by a little, by a forgotten carry, or by one digit."""
    slip = rng.choice((1, 1, 2, 10, 10, 9, 11, 20)) * rng.choice((-1, 1))
    wrong = abs(value + slip)
    return wrong if wrong != value else value + 1


def build_tokenizer():
    """The tokenizer, a `PreTrainedTokenizerFast`: a token a character, `\\boxed{` being one.

    It adds no token of its own: the chat template writes the special ones, so the text of a
    rendered prompt may be tokenized again without doubling any.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ids = {token: i for i, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\\boxed\{|[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()  # without it a decoder puts blanks between tokens
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        model_max_length=64,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
