"""Files as people have them: JSON that is not quite JSON, shards, compression, odd shapes."""

import gzip
import json

import polars as pl
import pytest

import prepare_data
from data_augment.data import tasks as tasks_module
from tests.data.conftest import losses, tasks

LINE = '{"question": "What is 1+1?", "answer": "2"}'


def compressed(content: bytes) -> bytes:
    """As gzip writes it, without the time: it is part of the test's name, the same in each worker."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bom.jsonl", b"\xef\xbb\xbf" + LINE.encode()),
        ("crlf.jsonl", LINE.encode() + b"\r\n"),
        ("pretty.jsonl", json.dumps(json.loads(LINE), indent=1).encode()),
        ("pretty.json", json.dumps([json.loads(LINE)], indent=1).encode()),
        ("bom.json", b"\xef\xbb\xbf[" + LINE.encode() + b"]"),
        ("lines.json", LINE.encode() + b"\n"),
        ("array.jsonl", b"[" + LINE.encode() + b"]"),
        ("object.json", b'{"version": 1, "data": [' + LINE.encode() + b"]}"),
        ("columns.json", b'{"question": ["What is 1+1?", "b"], "answer": ["2", "3"]}'),
        ("file.ndjson", LINE.encode()),
        ("file.jsonl.gz", compressed(LINE.encode())),
        ("bom.jsonl.gz", compressed(b"\xef\xbb\xbf" + LINE.encode())),
        ("file.json.gz", compressed(b"[" + LINE.encode() + b"]")),
        ("file.csv", b"question,answer\r\nWhat is 1+1?,2\r\n"),
        ("bom.csv", b"\xef\xbb\xbfquestion,answer\nWhat is 1+1?,2\n"),
        ("file.csv.gz", compressed(b"question,answer\nWhat is 1+1?,2\n")),
        ("file.tsv", b"question\tanswer\nWhat is 1+1?\t2\n"),
        ("FILE.JSONL", LINE.encode()),
    ],
)
def test_a_sound_file_is_read(prepare, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert prepare(tmp_path / name)[0].row(0)[:2] == ("What is 1+1?", "#### 2")


@pytest.mark.parametrize(
    "question",
    [
        [{"role": "system", "content": "Solve."}, {"role": "user", "content": "What is 1+1?"}],
        [{"role": "user", "content": "What is 1+1?"}, {"role": "assistant", "content": "2"}],
        [{"role": "user", "content": [{"type": "text", "text": "What is 1+1?"}]}],
        [{"from": "human", "value": "What is 1+1?"}, {"from": "gpt", "value": "\\boxed{2}"}],
        {"text": "What is 1+1?"},
        ["What is 1+1?"],
        '[{"role": "user", "content": "What is 1+1?"}]',
        "[{'role': 'user', 'content': 'What is 1+1?'}]",
    ],
)
def test_a_question_comes_out_of_its_container(prepare, tmp_path, question):
    (tmp_path / "t.json").write_text(json.dumps([{"prompt": question, "answer": "2"}]))
    assert prepare(tmp_path / "t.json")[0]["question"].to_list() == ["What is 1+1?"]


def test_a_question_in_json_text_keeps_its_line_breaks(prepare):
    question = "First line.\nSecond line with $\\frac{1}{2}$?"
    turns = json.dumps([{"role": "user", "content": question}])
    assert prepare(tasks([turns]))[0]["question"].to_list() == [question]


def test_a_json_file_with_nan_loses_only_the_row_that_has_it(prepare, tmp_path):
    lines = ['{"question": "a", "answer": "1", "a_pass_rate": NaN}']
    lines += ['{"question": "b", "answer": "2", "a_pass_rate": 0.5}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    rows, report = prepare(tmp_path / "t.jsonl")
    assert rows["question"].to_list() == ["b"]
    assert losses(report) == {"a_pass_rate missing or no number": 1}


def test_huge_whole_numbers_keep_every_digit(prepare, tmp_path):
    golds = [7, 2**70 + 1, 10**49 + 7]
    lines = [json.dumps({"question": f"q{i}", "answer": gold}) for i, gold in enumerate(golds)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    rows, _ = prepare(tmp_path / "t.jsonl")
    assert rows["answer"].to_list() == [f"#### {gold}" for gold in golds]


def test_answers_of_mixed_types_and_nested_nulls_are_read(prepare, tmp_path):
    answers = ["x", 2, 1.5, True, ["3"], {"value": "4"}, None, [None]]
    lines = [json.dumps({"question": f"q{i}", "answer": gold}) for i, gold in enumerate(answers)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    rows, report = prepare(tmp_path / "t.jsonl")
    assert rows["answer"].to_list()[:3] == ["#### x", "#### 2", "#### 1.5"]
    assert rows["answer"].to_list()[4:] == ["#### 3", "#### 4"]
    assert losses(report) == {"gold answer missing or blank": 2}


def test_columns_of_categories_are_text(prepare):
    table = tasks("ab", answer=["1", "2"], level=["easy", "hard"])
    rows, _ = prepare(table.with_columns(pl.col(pl.String).cast(pl.Categorical)))
    assert rows["answer"].to_list() == ["#### 1", "#### 2"]
    assert rows["level"].to_list() == ["easy", "hard"]


def test_answer_columns_must_not_disagree(prepare):
    columns = {"answer": ["1", "1/2", None, "4"], "final_answer": ["1", "0.5", "3", "5"]}
    rows, report = prepare(tasks("abcd", **columns))
    assert rows["answer"].to_list() == ["#### 1", "#### 1/2", "#### 3"]
    assert losses(report) == {"answer columns that disagree: answer, final_answer": 1}
    rows, _ = prepare(tasks("abcd", **columns), "--answer-column", "final_answer")
    assert rows["answer"].to_list() == ["#### 1", "#### 0.5", "#### 3", "#### 5"]


def test_the_shards_of_a_split_are_one_source(prepare, tmp_path):
    folder = tmp_path / "shards" / "data"
    folder.mkdir(parents=True)
    for i in range(3):
        tasks([f"q{i}"]).write_parquet(folder / f"train-0000{i}-of-00003.parquet")
    tasks(["held out"]).write_parquet(folder / "test-00000-of-00001.parquet")
    rows, _ = prepare(tmp_path / "shards")
    assert rows["question"].to_list() == ["q0", "q1", "q2"]
    assert rows["source_index"].to_list() == [0, 1, 2]
    assert prepare(tmp_path / "shards", "--split", "test")[0]["question"].to_list() == ["held out"]


def test_shards_of_json_lines_may_differ_in_type(prepare, tmp_path):
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards/train-0.jsonl").write_text('{"question": "a", "answer": "x"}')
    (tmp_path / "shards/train-1.jsonl").write_text('{"question": "b", "answer": 2, "id": 1}')
    assert prepare(tmp_path / "shards")[0]["answer"].to_list() == ["#### x", "#### 2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xlsx", b"x", "unknown suffix"),
        ("t.jsonl", b'{"question": "a", "answer": "1"}\n{"question": "b"', "line 2"),
        ("t.jsonl", b'"text"\n', "should be an object"),
        ("t.jsonl.gz", compressed(LINE.encode())[:-9], "unreadable"),
        ("t.jsonl", b'{"question": "\xff\xfe", "answer": "1"}', "unreadable"),
        ("t.json", b'[{"q": "a", "a": {"b": 1}}]', "Columns found: q, a.b"),
    ],
)
def test_a_damaged_or_strange_file_is_one_message(
    prepare, tmp_path, capsys, name, content, message
):
    (tmp_path / name).write_bytes(content)
    assert prepare(tmp_path / name) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_an_error_of_ours_is_not_called_an_unreadable_file(prepare, monkeypatch):
    def broken(texts):
        raise pl.exceptions.ComputeError("a mistake of ours")

    monkeypatch.setattr(tasks_module, "without_instructions", broken)
    with pytest.raises(pl.exceptions.ComputeError):
        prepare(tasks("a"))


def test_an_evaluation_set_needs_no_answers_and_only_some_split(prepare, tmp_path):
    folder = tmp_path / "eval"
    folder.mkdir()
    pl.DataFrame({"problem": ["Eval one?"]}).write_parquet(folder / "train.parquet")
    rows, _ = prepare(tasks(["eval ONE", "fine"]), "--eval-source", str(folder))
    assert rows["question"].to_list() == ["fine"]


def test_a_folder_gets_train_parquet_and_the_printed_command_names_it(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    tasks("ab", a_pass_rate=[0.5, 0.25]).write_parquet("source.parquet")
    command = ["--source", "source.parquet", "--eval-source", "none", "--no-judge-gold"]
    assert prepare_data.main([*command, "--output", "data/mine"]) == 0
    assert pl.read_parquet("data/mine/train.parquet")["question"].to_list() == ["a", "b"]
    printed = capsys.readouterr().out
    assert "taskset.path=data/mine" in printed and '["a_pass_rate"]' in printed


def test_two_tasksets_in_one_folder_keep_their_reports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, rows in (("train", "ab"), ("test", "abc"), ("train", "abcd")):
        tasks(rows).write_parquet("source.parquet")
        command = ["--source", "source.parquet", "--eval-source", "none", "--no-judge-gold"]
        assert prepare_data.main([*command, "--output", f"data/{name}.parquet"]) == 0
    reports = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("data/*.json"))]
    assert {report["output"]: report["kept"] for report in reports} == {
        "train.parquet": 4,
        "test.parquet": 3,
    }
    from datasets import load_dataset

    loaded = load_dataset("data", cache_dir="cache")
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 4, "test": 3}


def test_endings_that_many_questions_share_are_shown(prepare):
    ending = "Reply with a single integer, nothing else."
    _, report = prepare(tasks(f"What is {i}? {ending}" for i in range(5)))
    assert report["sentences"]["endings"] == {ending: 1.0}
