"""Which tasksets are measured, and where the columns are written."""

import pyarrow.parquet as pq
import pytest

import measure_pass_rates
from tests.conftest import write_taskset
from tests.pass_rates.conftest import ROWS, UNDISTURBED, columns, measure, right

pytestmark = pytest.mark.slow  # whole measurements against a server

BAD_TASKSETS = {
    "no parquet file": lambda folder: (folder / "train.parquet").write_text("{}"),
    "no column answer, only question": lambda folder: write_taskset(
        folder / "train.parquet", answer=None
    ),
    "question is empty in 1 rows, first [0]": lambda folder: write_taskset(
        folder / "train.parquet", 2, question=[" ", "1+1="]
    ),
    "answer is empty in 2 rows, first [0, 1]": lambda folder: write_taskset(
        folder / "train.parquet", 2, answer=[None, float("nan")]
    ),
    "answer holds list": lambda folder: write_taskset(
        folder / "train.parquet", 2, answer=[["0"], ["2"]]
    ),
    "no split train, only test": lambda folder: (folder / "train.parquet").rename(
        folder / "test.parquet"
    ),
    "no taskset": lambda folder: (folder / "train.parquet").unlink(),
}


@pytest.mark.parametrize(("message", "spoil"), BAD_TASKSETS.items())
def test_bad_tasksets(taskset, capsys, message, spoil):
    spoil(taskset)
    before = sorted(taskset.iterdir())
    assert measure(taskset, "http://h/v1") == 2
    assert message in capsys.readouterr().err
    assert sorted(taskset.iterdir()) == before


def test_a_path_that_is_not_there(taskset, capsys):
    assert measure(taskset / "nothing", "http://h/v1") == 2
    assert "nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer", [[2 * i for i in range(ROWS)], [2.0 * i for i in range(ROWS)]], ids=["int", "float"]
)
def test_answers_that_are_numbers(taskset, serve, answer):
    write_taskset(taskset / "train.parquet", ROWS, answer=answer)
    assert measure(taskset, serve(lambda request, before: right(request))) == 0
    assert columns(taskset) == ([1.0] * ROWS, [4] * ROWS)
    assert pq.read_table(taskset / "train.parquet")["answer"].to_pylist() == answer


def split_into(taskset, *names):
    """Write the rows of train.parquet as several files in its place."""
    table = pq.read_table(taskset / "train.parquet")
    (taskset / "train.parquet").unlink()
    size = -(-len(table) // len(names))
    for i, name in enumerate(names):
        (taskset / name).parent.mkdir(exist_ok=True)
        pq.write_table(table.slice(i * size, size), taskset / name)


SHARDED = {
    "shards": ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet"),
    "shards in data/": ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"),
    "a folder for the split": ("train/0000.parquet", "train/0001.parquet"),
    "no names of splits": ("part-0.parquet", "part-1.parquet"),
}


@pytest.mark.parametrize("names", SHARDED.values(), ids=SHARDED)
def test_several_files_are_read_as_training_reads_them(taskset, serve, tmp_path, capsys, names):
    split_into(taskset, *names)
    server = serve()
    assert measure(taskset, server) == 2
    assert "--output" in capsys.readouterr().err
    assert measure(taskset, server, f"--output={taskset / 'measured.parquet'}") == 2
    assert server.requests == []

    output = tmp_path / "measured/train.parquet"
    assert measure(taskset, server, f"--output={output}") == 0
    assert columns(output.parent) == UNDISTURBED


def test_an_output_keeps_the_columns_of_an_earlier_model(taskset, serve, tmp_path, capsys):
    split_into(taskset, "part-0.parquet", "part-1.parquet")
    output = tmp_path / "measured/train.parquet"
    assert measure(taskset, serve(), f"--output={output}") == 0
    other = [str(taskset), f"--model=other=m@{serve().url}", "--samples=4", f"--output={output}"]
    assert measure_pass_rates.main(other) == 0
    names = pq.read_table(output).column_names
    assert {"weak_pass_rate", "other_pass_rate"} <= set(names)

    write_taskset(output, 2)
    before = output.read_bytes()
    assert measure_pass_rates.main(other) == 2
    assert "with other questions" in capsys.readouterr().err
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["train-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]
)
def test_a_single_shard_gets_the_columns_itself(taskset, serve, name):
    split_into(taskset, name)
    assert measure(taskset, serve()) == 0
    table = pq.read_table(taskset / name).to_pydict()
    assert (table["weak_pass_rate"], table["weak_samples"]) == UNDISTURBED


def test_what_is_written_is_what_load_dataset_reads(taskset, serve):
    """Also where the file carries the column types of an earlier `Dataset.to_parquet`."""
    import datasets

    rows = datasets.load_dataset(str(taskset), split="train")
    rows.to_parquet(taskset / "train.parquet")
    assert measure(taskset, serve()) == 0
    again = datasets.load_dataset(str(taskset), split="train")
    assert again["weak_pass_rate"][:] == UNDISTURBED[0]


@pytest.mark.parametrize("output", ["measured.csv", "data"])
def test_an_output_that_is_no_parquet_file(taskset, capsys, output):
    assert measure(taskset, "http://h/v1", f"--output={taskset.parent / output}") == 2
    assert "--output" in capsys.readouterr().err
