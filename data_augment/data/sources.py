"""Where rows come from: a file, a folder, a saved dataset or the Hub."""

import re
from argparse import Namespace
from pathlib import Path

from data_augment.data.questions import is_blank, same_question, without_instructions
from data_augment.errors import BadInput

QUESTIONS = ("question", "problem", "prompt")  # GSM8K, AIME, guru and Trinity
ANSWERS = ("answer", "response", "reward_model")  # GSM8K and AIME, Trinity, guru


def download(repo_id: str, file: str, revision: str | None) -> tuple[str, str]:
    """Fetch a dataset's file through the Hub's cache; return its local path and its commit."""
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, HTTPError

    where = {"repo_id": repo_id, "revision": revision}
    try:  # asked first: without a network it fails at once, hf_hub_download after 23 s of retries
        HfApi().dataset_info(**where)
        path = hf_hub_download(filename=file, repo_type="dataset", **where)
    except (HTTPError, OSError, EntryNotFoundError) as error:  # hub 2.4: no common base class
        path = try_to_load_from_cache(filename=file, repo_type="dataset", **where)
        if not isinstance(path, str):
            raise BadInput(
                f"{repo_id}/{file}: not here, not in the Hub's cache, no download: {error}; check "
                "name, --revision, network, or use --source FILE --eval-source FILE (or none)"
            ) from None
    return path, re.search(r"snapshots/(\w+)/", Path(path).as_posix())[1]


def scan(source: str, args: Namespace):
    """Open a source: a polars LazyFrame of all columns, and the Hub's commit (None if local)."""
    import polars as pl

    path = source
    commit = None
    on_hub = re.fullmatch(r"(\w[\w.-]*/[\w.-]+)/(.+)", source)
    if on_hub and not Path(source).exists():
        path, commit = download(on_hub[1], on_hub[2], args.revision)
    readers = {
        ".parquet": pl.scan_parquet,
        ".jsonl": lambda path: pl.scan_ndjson(path, infer_schema_length=None),
        ".json": lambda path: pl.read_json(path, infer_schema_length=None).lazy(),
        ".csv": lambda path: pl.scan_csv(path, infer_schema=False),  # as text: "007" stays "007"
    }
    reader = readers.get(Path(path).suffix)
    if reader is not None:
        return reader(path), commit

    from datasets import load_dataset, load_from_disk
    from datasets.exceptions import DatasetsError

    if (Path(path) / "state.json").exists():  # Dataset.save_to_disk; load_dataset refuses it
        return load_from_disk(path).to_polars().lazy(), None
    try:
        rows = load_dataset(path, args.subset, split=args.split, revision=args.revision)
    except DatasetsError as error:
        raise BadInput(f"{source}: {error.__cause__ or error}") from None
    commit = re.search(r"/([0-9a-f]{40})/|$", str(rows.cache_files[:1]))[1]  # its cache folder
    return rows.to_polars().lazy(), commit


def read(source: str, args: Namespace):
    """Return a DataFrame of question, key, gold, rates, source and index; rate names; commit."""
    import polars as pl

    try:
        rows, commit = scan(source, args)
        schema = rows.collect_schema()
        q = args.question_column or next((n for n in QUESTIONS if n in schema), "question")
        a = args.answer_column or next((n for n in ANSWERS if n in schema), "answer")
        rates = args.feature_columns or [n for n in schema if n.endswith("_pass_rate")]
        absent = [name for name in (q, a, *rates) if name not in schema]
        if absent:
            raise BadInput(
                f"{source}: no column {', '.join(absent)}. Columns found: {', '.join(schema)}. "
                "Name yours with --question-column, --answer-column, --feature-columns"
            )
        question = pl.col(q)
        if isinstance(schema[q], pl.List):  # chat messages; the last is the user's
            question = question.list.last().struct.field("content")
        info = schema.get("extra_info")
        if q == "prompt" and isinstance(info, pl.Struct) and "original_question" in dict(info):
            original = pl.col("extra_info").struct.field("original_question").cast(pl.String)
            question = pl.when(is_blank(original)).then(question).otherwise(original)
        gold = pl.col(a)
        if isinstance(schema[a], pl.Struct):
            gold = gold.struct.field("ground_truth")
        rows = rows.select(
            *(pl.col(name).cast(pl.Float64, strict=False) for name in rates),
            question=without_instructions(question.cast(pl.String)),
            gold=gold.cast(pl.String).str.replace(r"(?s)^.*####", "").str.strip_chars(),
            source=pl.lit(source if commit else Path(source).name),
        ).with_columns(key=same_question(pl.col("question")))
        return rows.with_row_index("source_index").collect(), rates, commit
    except (pl.exceptions.PolarsError, OSError, LookupError, ValueError) as error:
        raise BadInput(f"{source}: unreadable or cut short: {error}".splitlines()[0]) from None
