"""prepare_data.py: every schema in, clean tasksets out; bad input leaves the old output alone."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest
import yaml

import prepare_data
from tests.data.conftest import BOXED, guru, losses, tasks

SCRIPT = Path(prepare_data.__file__)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("row", "options"),
    [
        (guru("What is 1+1?" + BOXED, "2"), ()),
        (guru("another", "2", original="What is 1+1?"), ()),
        ({"question": "What is 1+1?", "answer": "1+1 = <<1+1=2>>2\n#### 2"}, ()),
        ({"problem": " What is 1+1?\n", "solution": "so \\boxed{2}", "answer": "2"}, ()),
        ({"prompt": "What is 1+1?", "response": "2"}, ()),
        ({"q": "What is 1+1?", "a": 2}, ("--question-column", "q", "--answer-column", "a")),
    ],
    ids=["guru", "guru with original_question", "gsm8k", "aime", "trinity", "named columns"],
)
def test_every_schema_gives_the_same_task(prepare, row, options):
    rows, _ = prepare(pl.DataFrame([row]), *options)
    assert rows.row(0)[:2] == ("What is 1+1?", "#### 2")
    assert (rows["source"].item(), rows["source_index"].item()) == ("source.parquet", 0)


def test_dirty_table_comes_out_clean_and_every_row_is_counted(prepare):
    table = [
        guru("Wie groß ist π²?", "9.87"),
        guru(None, "1"),
        guru(" \u200b ", "1"),
        guru("no gold", None),
        guru("blank gold", " "),
        guru("NaN", "1", weak=float("nan")),
        guru("None", "1", strong=None),
        guru("above", "1", weak=1.5),
        guru("infinite", "1", strong=float("inf")),
        guru("below", "1", strong=-0.1),
        guru("wie  groß ist $π²$", "9.87"),
        {**guru("x", "1"), "prompt": []},
        {**guru("x", "1"), "prompt": None, "extra_info": None},
        {**guru("x", "1"), "reward_model": None},
    ]
    rows, report = prepare(pl.DataFrame(table))
    assert rows["question"].to_list() == ["Wie groß ist π²?"]
    assert losses(report) == {
        "question missing or blank": 4,
        "gold answer missing or blank": 3,
        "qwen2.5_7b_pass_rate missing or no number": 1,
        "qwen2.5_7b_pass_rate outside [0, 1]": 1,
        "qwen3_30b_pass_rate missing or no number": 1,
        "qwen3_30b_pass_rate outside [0, 1]": 2,
        "duplicate question": 1,
    }
    assert report["rows"] == report["kept"] + sum(losses(report).values()) == len(table)
    examples = [len(lost["examples"]) for lost in report["dropped"].values()]
    assert examples == [min(3, n) for n in losses(report).values()]


def test_duplicates_differ_only_in_form(prepare):
    same = ["Is $x$ = 2?", "is x=2", "Is \\(x\\)\n= 2 ?"]
    others = ["Is x = 2+1?", "Is x = 2-1?", "Is x = 2²?", "Is x = 22?", "Cafe\u0301", "Café"]
    rows, report = prepare(tasks(same + others))
    assert rows["question"].to_list() == [same[0], *others[:-1]]
    assert losses(report) == {"duplicate question": 3}


def test_no_row_of_a_question_with_two_gold_answers_is_trusted(prepare):
    rows, report = prepare(tasks("aaabbc", answer=["1", "2", "1", "1/2", "\\frac12", "7"]))
    assert rows["answer"].to_list() == ["#### 1/2", "#### 7"]
    (conflict, duplicate) = report["dropped"].values()
    assert [row["gold"] for row in conflict["examples"]] == ["1", "2", "1"]
    assert duplicate["rows"] == 1


def test_the_sound_copy_of_a_duplicate_is_kept(prepare):
    rows, _ = prepare(tasks("aa", a_pass_rate=[None, 0.5]))
    assert rows["source_index"].to_list() == [1]


def test_questions_of_every_evaluation_set_are_kept_out(prepare, tmp_path):
    sets = []
    for name, question in (("one", "EVAL one"), ("two", "eval $two$?")):
        sets += ["--eval-source", str(tmp_path / f"{name}.jsonl")]
        Path(sets[-1]).write_text(json.dumps({"problem": question, "answer": "1"}))
    rows, report = prepare(tasks(["Eval one", "fine", "eval two"]), *sets)
    assert rows["question"].to_list() == ["fine"]
    assert losses(report) == {"question of an evaluation set": 2}


def test_missing_pass_rates_are_dropped_filled_or_refused(prepare, capsys):
    table = tasks("abc", a_pass_rate=[0.5, None, float("nan")])
    assert prepare(table)[0]["a_pass_rate"].to_list() == [0.5]
    filled, _ = prepare(table, "--missing-pass-rate", "0.25")
    assert filled["a_pass_rate"].to_list() == [0.5, 0.25, 0.25]
    assert prepare(table, "--missing-pass-rate", "error") == 2
    assert "2 rows lack a_pass_rate" in capsys.readouterr().err


def test_feature_columns_choose_what_is_carried(prepare):
    table = tasks("a").with_columns(difficulty=pl.lit("0.5"))
    rows, _ = prepare(table, "--feature-columns", "difficulty")
    assert rows.columns == ["question", "answer", "difficulty", "source", "source_index"]
    assert rows["difficulty"].to_list() == [0.5]


@pytest.mark.parametrize("name", ["question", "source_index", "key", "gold", "gold_fault"])
def test_a_feature_cannot_have_a_name_that_is_taken(prepare, capsys, name):
    assert prepare(tasks("a"), "--feature-columns", f"{name}=a_pass_rate") == 2
    assert f"{name} is a name that prepare_data.py needs for itself" in capsys.readouterr().err


def test_numbers_of_a_csv_are_carried_as_numbers(prepare, tmp_path):
    lines = [f"q{i},{i},{i / 4}" for i in range(9)]
    (tmp_path / "t.csv").write_text("\n".join(["question,answer,difficulty", *lines]))
    rows, _ = prepare(tmp_path / "t.csv")
    assert rows["difficulty"].to_list() == [i / 4 for i in range(9)]


def test_what_a_question_is_about_stands_before_it(prepare):
    table = {"Body": ["Tom has 3 pens.", None], "Question": ["How many?", "Who?"]}
    rows, _ = prepare(pl.DataFrame(table | {"Answer": [3.0, 4.0]}))
    assert rows["question"].to_list() == ["Tom has 3 pens. How many?", "Who?"]


def test_choices_that_are_not_read_are_said(prepare):
    table = tasks("a").with_columns(choices=pl.lit("2, 3"))
    _, report = prepare(table)
    assert "choices is not read" in report["notes"][0]
    assert prepare(tasks("a"))[1]["notes"] == []


def test_gold_answers_go_through_the_judge(prepare):
    table = tasks("abc", answer=["1,000", "\\frac{1}{2", "\\frac12"])
    rows, report = prepare(table, judge=True)
    assert rows["answer"].to_list() == ["#### 1,000", "#### \\frac12"]
    assert losses(report) == {"gold answer that gsm8k_judge scores 0": 1}
    assert len(prepare(table)[0]) == 3


def test_every_kind_of_source_is_read(prepare, tmp_path):
    from datasets import Dataset, DatasetDict

    (tmp_path / "t.csv").write_text('question,answer,a_pass_rate\n"two\nlines",007,0.5\n')
    assert prepare(tmp_path / "t.csv")[0].row(0)[:3] == ("two\nlines", "#### 007", 0.5)
    (tmp_path / "t.json").write_text('[{"problem": "p", "answer": 25}]')
    assert prepare(tmp_path / "t.json")[0].row(0)[:2] == ("p", "#### 25")
    data = Dataset.from_list([{"question": "p", "answer": "1"}])
    data.save_to_disk(tmp_path / "saved")
    assert prepare(tmp_path / "saved")[0].row(0)[:2] == ("p", "#### 1")
    others = Dataset.from_list([{"question": "other", "answer": "2"}] * 3)
    DatasetDict(train=others, test=data).save_to_disk(
        tmp_path / "splits", num_shards={"train": 2, "test": 1}
    )
    data.to_json(tmp_path / "plain" / "test.jsonl")
    for folder in ("splits", "plain"):
        assert prepare(tmp_path / folder, "--split", "test")[0].row(0)[:2] == ("p", "#### 1")
        assert prepare(tmp_path / folder, "--split", "dev") == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.jsonl", b'{"foo": 1, "bar": 2}', "Columns found: foo, bar"),
        ("bad.jsonl", b'{"question": "a", "answer": "1"}\n{"question": "b", "ans', "cut short"),
        ("bad.jsonl", b"", "unreadable"),
        ("bad.jsonl", b'{"question": [1], "answer": "1"}', "no row is left of 1"),
        ("bad.jsonl", b'{"question": "", "answer": "1"}', "no row is left of 1"),
        ("bad.parquet", b"PAR1 and no end", "unreadable"),
        ("bad.txt/absent.jsonl", None, "No such file"),
    ],
)
def test_bad_input_is_one_message_and_the_old_output_stays(
    prepare, tmp_path, capsys, name, content, message
):
    prepare(tasks(["old"]))
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert prepare(tmp_path / name) == 2
    printed = capsys.readouterr()
    assert message in printed.err and str(tmp_path / name) in printed.err
    assert printed.out == "" and printed.err.count("\n") == 1
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("output", ["a.parquet", "a_file/train.parquet", "a.jsonl"])
def test_an_output_that_cannot_be_written_is_refused_first(tmp_path, capsys, output):
    (tmp_path / "a.parquet").mkdir()
    (tmp_path / "a_file").write_text("")
    command = ["--source", "not_even_read", "--eval-source", "none", "--output"]
    assert prepare_data.main([*command, str(tmp_path / output)]) == 2
    assert output.split("/")[0] in capsys.readouterr().err


def test_same_input_gives_same_bytes(prepare, tmp_path):
    written = []
    for seed in ("0", "0", "1"):
        rows, report = prepare(tasks(map(str, range(50))), "--limit", "10", "--seed", seed)
        written.append({p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()})
        assert len(rows) == 10 and rows["source_index"].is_sorted()
        assert losses(report) == {"beyond --limit": 40}
    assert written[0] == written[1] != written[2]


def test_a_kill_while_writing_leaves_the_old_output_whole(prepare, tmp_path):
    from datasets import load_dataset

    prepare(tasks(["old"]))
    before = (tmp_path / "out" / "train.parquet").read_bytes()
    killed = f"""
import os, polars, prepare_data
def write_half(frame, path):
    path.write_bytes(b"PAR1 half")
    os.kill(os.getpid(), {int(signal.SIGKILL)})
polars.DataFrame.write_parquet = write_half
prepare_data.main("--source source.parquet --eval-source none --no-judge-gold --output".split()
                  + ["out/train.parquet"])
"""
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent)}
    process = subprocess.run([sys.executable, "-c", killed], cwd=tmp_path, env=environment)
    assert process.returncode == -signal.SIGKILL
    assert (tmp_path / "out" / "train.parquet").read_bytes() == before
    rows = load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows.to_polars().row(0) == ("old", "#### 1", 0.5, "source.parquet", 0)


def test_pass_rate_figures(prepare):
    table = tasks("abcde", a_pass_rate=[0.0, 0.25, 1, 0.5, 1], b_pass_rate=[0.0, 0, 1, 0, 0.0625])
    figures = prepare(table)[1]["pass_rates"]
    assert figures["feature_keys"] == ["b_pass_rate", "a_pass_rate"]  # the weaker one first
    histogram = figures["columns"]["a_pass_rate"]["histogram"]
    assert {k: n for k, n in histogram.items() if n} == {"0": 1, "0.25": 1, "0.5": 1, "1": 2}
    names = ("weaker_beats_stronger", "both_0", "both_1", "productively_challenging", "advice")
    assert [figures[name] for name in names[:-1]] == [0, 0.2, 0.2, 0.6]
    assert "1 rows are 0 in every" in figures["advice"][0]


@pytest.mark.parametrize(
    ("columns", "advice"),
    [
        ({"a_pass_rate": [0.5, 0.5], "b_pass_rate": [0.5, 0.75]}, "a_pass_rate is constant"),
        ({"a_pass_rate": [0.25, 0.5], "b_pass_rate": [0.25, 0.5]}, "columns are equal"),
        (
            {"a_pass_rate": [0.0] * 19 + [0.1], "b_pass_rate": [0.1] * 19 + [1.0]},
            "a_pass_rate is 0",
        ),
        ({"solved": [1]}, "measure_pass_rates.py"),
    ],
)
def test_advice_where_the_columns_will_not_serve(prepare, columns, advice):
    table = tasks(map(str, range(len(next(iter(columns.values()))))), **columns)
    table = table if "a_pass_rate" in columns else table.drop("a_pass_rate")
    (line,) = prepare(table)[1]["pass_rates"]["advice"]
    assert advice in line


class FakeHub(BaseHTTPRequestHandler):
    """The routes of the Hub that dataset_info and hf_hub_download call."""

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        body = self.server.files.get(("/".join(parts[1:3]), "/".join(parts[5:])))
        if parts[:2] == ["api", "datasets"]:
            body = json.dumps({"id": "/".join(parts[2:4]), "sha": COMMIT}).encode()
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(body or b"").hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body or b"")

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.mark.slow
def test_the_default_command_makes_what_the_configurations_read(tmp_path):
    hub = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    hub.files = {}
    for source, rows in (
        (prepare_data.GURU, [guru("train" + BOXED, "1"), guru("aime", "2")]),
        (prepare_data.AIME, [{"problem": "AIME?", "solution": "s", "answer": "025"}]),
    ):
        pl.DataFrame(rows).write_parquet(tmp_path / "t.parquet")
        owner, name, file = source.split("/", 2)
        hub.files[f"{owner}/{name}", file] = (tmp_path / "t.parquet").read_bytes()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}"}

    def run(cache):
        home = {"HF_HOME": str(tmp_path / cache)}
        command = [sys.executable, SCRIPT, "--no-judge-gold"]
        return subprocess.run(
            command, env=environment | home, cwd=tmp_path, capture_output=True, text=True
        )

    first = run("cache")
    hub.shutdown()
    hub.server_close()
    assert first.returncode == 0, first.stderr
    for config in ("config_random.yaml", "config_difficulty.yaml"):
        explorer = yaml.safe_load((SCRIPT.parent / config).read_text())["buffer"]["explorer_input"]
        sets = {"train": explorer["taskset"], "AIME?": explorer["eval_tasksets"][0]}
        for question, taskset in sets.items():
            path = tmp_path / taskset["path"] / f"{taskset['split']}.parquet"
            assert pl.read_parquet(path)["question"].to_list() == [question]
            report = json.loads(path.with_name("prepare_report.json").read_text())
            assert report["revision"] == COMMIT

    before = path.read_bytes()
    assert run("cache").returncode == 0  # no network any more, but a cached download
    lost = run("empty cache")
    assert lost.returncode == 2 and "no download" in lost.stderr and "Traceback" not in lost.stderr
    assert "--source FILE" in lost.stderr and path.read_bytes() == before


def test_help_answers_without_heavy_imports():
    script = "import sys, prepare_data; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, cwd=SCRIPT.parent, capture_output=True, text=True).stdout
    heavy = {"polars", "pyarrow", "datasets", "huggingface_hub", "torch", "answers", "rich"}
    assert "prepare_data" in loaded and not heavy & set(loaded.split())
