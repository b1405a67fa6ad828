"""Step 1: a real math dataset in, a clean taskset in GSM8K format out.

    python prepare_data.py          guru-RL-92k -> data/math/train.parquet and AIME-24 ->
                                    data/aime24/test.parquet, which both configurations read
    python prepare_data.py --source my.jsonl --output data/mine/train.parquet

A row is a task: `question`, `answer` ("#### <gold>"), pass rates of reference models (float64 in
[0, 1]), `source`, `source_index` (its row there, from 0). The usual script reformats and trusts;
this one drops, counting by reason, what harms a run: blanks, missing or impossible pass rates (one
NaN ruins a selector's posterior), questions of an evaluation set, gold answers that the judge
itself scores 0, duplicates. `prepare_report.json`, beside it, has counts, examples, statistics.
"""

import json
import os
import re
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from data_augment.errors import BadInput

GURU = "LLM360/guru-RL-92k/train/math__combined_54.4k.parquet"
AIME = "HuggingFaceH4/aime_2024/data/train-00000-of-00001.parquet"
AIME_OUTPUT = "data/aime24/test.parquet"
QUESTIONS = ("question", "problem", "prompt")  # GSM8K, AIME, guru and Trinity
ANSWERS = ("answer", "response", "reward_model")  # GSM8K and AIME, Trinity, guru
# "Please put your final answer within \boxed{}." and its kin. Only empty or "your answer" braces
# count: a \boxed{} that holds mathematics, or a sentence without "answer", is part of the problem.
INSTRUCTION = r"""(?ix) \s*
    (?: (?: \b(?:please|let'?s|you\ (?:must|should)|remember|make\ sure)\b [^.!?\n$]{0,60} )?
        \b(?:output|put|give|write|present|place|provide|enclose)\b [^.!?\n$]{0,40} \banswer\b
      | \b(?:your|the)\ (?:final\ )?answer\ (?:must|should)\b ) [^.!?\n$]{0,40}
    \$? \\boxed \s* \{ [\s.…]* (?:(?:your|the)\ )? (?:final\ )? (?:answer)? [\s.…]* \} \$?
    (?:\ tags?)? \s* [.!]?"""
# Questions that differ only in case, spacing, math delimiters or the last stop are the same.
NOT_IN_KEY = [*" \t\r\n\u00a0$", *(rf"\{mark}" for mark in [*",;!()[]", "left", "right"])]
BINS = ["0", *(f"{i / 10:.1f}-{(i + 1) / 10:.1f}" for i in range(10)), "1"]


def parse_arguments(argv: list[str] | None) -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    # fmt: off
    add = parser.add_argument
    add("--source", default=GURU, metavar="PATH_OR_HUB_ID", help="parquet, jsonl, json, csv file, "
        "folder, saved `datasets` folder, or OWNER/NAME[/FILE] on the Hub (default: %(default)s)")
    add("--split", default="train", help="of a folder or OWNER/NAME (default: %(default)s)")
    add("--subset", help="of a folder or OWNER/NAME (default: its only one)")
    add("--revision", help="branch, tag or commit on the Hub (default: the newest)")
    add("--question-column", metavar="COLUMN", help=f"default: {', '.join(QUESTIONS)}")
    add("--answer-column", metavar="COLUMN", help=f"default: {', '.join(ANSWERS)}")
    add("--feature-columns", nargs="+", metavar="COLUMN", help="default: every *_pass_rate")
    add("--missing-pass-rate", type=lambda v: v if v in ("drop", "error") else float(v),
        default="drop", metavar="{drop,error,VALUE}",
        help="drop a row whose pass rate is missing or NaN, stop, or put in VALUE (default: drop)")
    add("--eval-source", action="append", metavar="PATH_OR_HUB_ID", help="evaluation set to keep "
        f"out; repeatable; none for none (default: {AIME}, also written to {AIME_OUTPUT})")
    add("--output", type=Path, default="data/math/train.parquet", help="default: %(default)s")
    add("--limit", type=int, metavar="ROWS", help="keep so many of the clean rows (default: all)")
    add("--seed", type=int, default=0, help="of the draw for --limit (default: %(default)s)")
    add("--no-judge-gold", dest="judge_gold", action="store_false",
        help="do not send each gold answer through gsm8k_judge (default: do, on all cores)")
    # fmt: on
    return parser.parse_args(argv)


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

    path, commit = source, None
    on_hub = re.fullmatch(r"(\w[\w.-]*/[\w.-]+)/(.+)", source)
    if on_hub and not Path(source).exists():
        path, commit = download(*on_hub.groups(), args.revision)
    readers = {
        ".parquet": pl.scan_parquet,
        ".jsonl": lambda path: pl.scan_ndjson(path, infer_schema_length=None),
        ".json": lambda path: pl.read_json(path, infer_schema_length=None).lazy(),
        ".csv": lambda path: pl.scan_csv(path, infer_schema=False),  # as text: "007" stays "007"
    }
    if reader := readers.get(Path(path).suffix):
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
        if absent := [n for n in (q, a, *rates) if n not in schema]:
            raise BadInput(
                f"{source}: no column {', '.join(absent)}. Columns found: {', '.join(schema)}. "
                "Name yours with --question-column, --answer-column, --feature-columns"
            )
        question, gold, info = pl.col(q), pl.col(a), schema.get("extra_info")
        if isinstance(schema[q], pl.List):  # chat messages; the last is the user's
            question = question.list.last().struct.field("content")
        if q == "prompt" and isinstance(info, pl.Struct) and "original_question" in dict(info):
            original = pl.col("extra_info").struct.field("original_question").cast(pl.String)
            question = pl.when(is_blank(original)).then(question).otherwise(original)
        if isinstance(schema[a], pl.Struct):
            gold = gold.struct.field("ground_truth")
        rows = rows.select(
            *(pl.col(n).cast(pl.Float64, strict=False) for n in rates),
            question=question.cast(pl.String).str.replace_all(INSTRUCTION, "").str.strip_chars(),
            gold=gold.cast(pl.String).str.replace(r"(?s)^.*####", "").str.strip_chars(),
            source=pl.lit(source if commit else Path(source).name),
        ).with_columns(key=same_question(pl.col("question")))
        return rows.with_row_index("source_index").collect(), rates, commit
    except (pl.exceptions.PolarsError, OSError, LookupError, ValueError) as error:
        raise BadInput(f"{source}: unreadable or cut short: {error}".splitlines()[0]) from None


def is_blank(text):
    """Expression: null, or nothing but spaces and invisible characters."""
    return ~text.str.contains(r"[^\s\p{C}]").fill_null(False)


def same_question(text):
    """Expression: the form in which duplicates are equal (NFC: NFKC would turn 2² into 22)."""
    text = text.str.normalize("NFC").str.to_lowercase().str.strip_chars_end(" .?!")
    return text.str.replace_many(dict.fromkeys(NOT_IN_KEY, ""))


def judged_wrong(golds: list[str]) -> list[str]:
    """The gold answers to which gsm8k_judge, boxed as a response, gives 0; on all cores."""
    from tqdm import tqdm

    from math_agent.answers import gold_answer, is_correct

    boxes = [rf"\boxed{{{gold}}}" for gold in golds]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:  # polars threads: no fork
        right = pool.map(is_correct, boxes, map(gold_answer, golds), chunksize=64)
        right = tqdm(right, "gold answers judged", len(golds))
        return [gold for gold, is_right in zip(golds, right, strict=True) if not is_right]


def clean(rows, rates: list[str], forbidden: list, args: Namespace):
    """Drop what harms a run, and forbidden keys (a list of Series), from what `read` returned.

    Returns the clean rows and, of the others, {reason: {"rows": n, "examples": [at most 3 rows]}}.
    """
    import polars as pl

    dropped, question, gold, key = {}, pl.col("question"), pl.col("gold"), pl.col("key")

    def drop(rows, reason, condition):
        if lost := len(bad := rows.filter(condition)):
            bad = bad.head(3).with_columns(pl.col(rates).cast(pl.String))  # JSON knows no NaN
            dropped[reason] = {"rows": lost, "examples": bad.drop("key", "source").to_dicts()}
        return rows.filter(~condition) if lost else rows

    fill = args.missing_pass_rate if isinstance(args.missing_pass_rate, float) else float("nan")
    rows = rows.with_columns(pl.col(rates).fill_nan(None).fill_null(fill))
    rows = drop(rows, "question missing or blank", is_blank(question))
    rows = drop(rows, "gold answer missing or blank", is_blank(gold))
    for name in rates:
        if args.missing_pass_rate == "error" and (lacking := rows[name].is_nan().sum()):
            raise BadInput(f"{args.source}: {lacking} rows lack {name}; see --missing-pass-rate")
        rows = drop(rows, f"{name} missing or NaN", pl.col(name).is_nan())
        rows = drop(rows, f"{name} outside [0, 1]", ~pl.col(name).is_between(0, 1))
    known = pl.concat([rows["key"].clear(), *forbidden])
    rows = drop(rows, "question of an evaluation set", key.is_in(known.implode()))
    if args.judge_gold:
        wrong = judged_wrong(rows["gold"].unique(maintain_order=True).to_list())
        rows = drop(rows, "gold answer that gsm8k_judge scores 0", gold.is_in(wrong))
    # Last, so that the copy that stays is sound in every other respect.
    rows = rows.with_columns(kept_gold=gold.first().over("key"))
    rows = drop(rows, "duplicate question, another gold answer", gold != pl.col("kept_gold"))
    rows = drop(rows, "duplicate question", ~key.is_first_distinct())
    if args.limit is not None:
        rows = drop(rows, "beyond --limit", pl.int_range(pl.len()).shuffle(args.seed) >= args.limit)
    answer = pl.format("#### {}", gold).alias("answer")
    return rows.select("question", answer, *rates, "source", "source_index"), dropped


def statistics(rows, rates: list[str]) -> dict:
    """Pass-rate figures (shares of the rows), and advice where they will not serve a selector."""
    if not rates:
        return {"advice": ["no pass rates; difficulty_based needs two: measure_pass_rates.py"]}
    columns, advice = {}, []
    for name in rates:
        bins = ((rows[name] * 10).floor() + (rows[name] > 0)).cast(int).to_list()
        histogram = {label: bins.count(i) for i, label in enumerate(BINS)}
        columns[name] = {"mean": rows[name].mean(), "histogram": histogram}
        if rows[name].n_unique() == 1:
            advice.append(f"{name} is constant: it tells no task from another")
        if histogram["0"] >= 0.9 * len(rows):
            advice.append(f"{name} is 0 almost everywhere: never solved, or never measured?")
    by_mean = sorted(rates, key=lambda name: columns[name]["mean"])
    weak, strong = rows[by_mean[0]], rows[by_mean[-1]]
    if (weak == strong).all():
        advice.append("the pass-rate columns are equal: difficulty_based needs two that differ")
    return {
        "columns": columns,
        "feature_keys": by_mean,
        "weaker_beats_stronger": (weak > strong).mean(),
        "both_0": ((weak == 0) & (strong == 0)).mean(),
        "both_1": ((weak == 1) & (strong == 1)).mean(),
        "productively_challenging": ((weak + strong) / 2).is_between(0, 1, closed="none").mean(),
        "advice": advice,
    }


def prepare(args: Namespace):
    """Return the clean rows of `args.source` and the report on them."""
    rows, rates, commit = read(args.source, args)
    forbidden = sorted({*args.eval_source} - {"none"})
    forbidden = [read(s, parse_arguments(["--split", "test"]))[0]["key"] for s in forbidden]
    kept, dropped = clean(rows, rates, forbidden, args)
    if kept.is_empty():
        counts = {reason: lost["rows"] for reason, lost in dropped.items()}
        raise BadInput(f"{args.source}: no row is left of {len(rows)}; dropped: {counts}")
    report = {"source": args.source, "revision": commit, "rows": len(rows), "kept": len(kept)}
    return kept, {**report, "dropped": dropped, "pass_rates": statistics(kept, rates)}


def save(output: Path, rows, report: dict) -> None:
    """Write data and report, each under a hidden name (load_dataset skips those), then rename."""
    hidden = output.with_name(f".{output.name}.tmp")
    rows.write_parquet(hidden)
    os.replace(hidden, output)
    hidden.write_bytes(json.dumps(report, indent=1, ensure_ascii=False).encode())
    os.replace(hidden, output.with_name("prepare_report.json"))


def show(output: Path, report: dict) -> None:
    """Print the report, its examples cut short."""
    print("{}: {kept:,} of {rows:,} rows of {source}, revision {revision}".format(output, **report))
    for reason, lost in report["dropped"].items():
        print(f"  dropped {lost['rows']:,}: {reason}")
        for row in lost["examples"]:
            print(f"    row {row['source_index']}: {row['question']!r:.70} -> {row['gold']!r:.25}")
    print(*(f"  {name}: {value}" for name, value in report["pass_rates"].items()), sep="\n")


def main(argv: list[str] | None = None) -> int:
    args = parse_arguments(argv)
    jobs = [args]
    if not args.eval_source:
        aime = ["--source", AIME, "--output", AIME_OUTPUT, "--eval-source", "none"]
        jobs.append(parse_arguments(aime if args.judge_gold else [*aime, "--no-judge-gold"]))
        args.eval_source = [AIME]
    try:
        for path in (job.output for job in jobs):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir() or not os.access(path.parent, os.W_OK):
                raise BadInput(f"{path}: cannot be written; choose another --output")
        done = [prepare(job) for job in jobs]  # all of it, before anything is overwritten
        for job, result in zip(jobs, done, strict=True):
            save(job.output, *result)
            show(job.output, result[1])
    except (BadInput, OSError) as error:
        print(f"prepare_data: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
