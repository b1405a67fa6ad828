"""The taskset that is measured: read as main.py reads it, written with the new columns."""

import json
from hashlib import sha256
from pathlib import Path

from data_augment.errors import BadInput
from safe_files import write_whole

MAKE_ONE = "Make one: python prepare_data.py --source YOURS --output NEW.parquet"


class Taskset:
    """The rows to measure.

    Attributes:
        path: as it was given, a file or a folder.
        table: pyarrow Table of all columns.
        file: what it was read from; None where that are several files.
        tasks: question and answer of each row.
    """

    def __init__(self, path: Path, table, file: Path | None):
        self.path = path
        self.table = table
        self.file = file
        self.tasks: list[dict] = table.select(["question", "answer"]).to_pylist()

    @property
    def digest(self) -> str:
        """What tells whether a journal is of these questions and answers."""
        return sha256(json.dumps(self.tasks, default=str).encode()).hexdigest()

    def check_columns_are_ours(self, name: str, journal: Path) -> None:
        """Raise BadInput where a column of pass rates exists that no journal accounts for."""
        column = f"{name}_pass_rate"
        if column in self.table.column_names and not journal.exists():
            raise BadInput(
                f"{self.path}: has a column {column} that was not measured here (no {journal}). "
                f"Choose another name than {name}"
            )


def read_taskset(path: Path, split: str) -> Taskset:
    """Read a parquet file, or the split of a folder. Raises BadInput.

    A folder is read as main.py reads it, by datasets.load_dataset: SPLIT.parquet, shards such as
    SPLIT-00000-of-00002.parquet, or a folder for each split.
    """
    if path.is_dir():
        files = files_of_split(path, split)
        is_one_file = len(files) == 1 and files[0].suffix == ".parquet"
        file = files[0] if is_one_file else None
    else:
        file = path
    table = read_parquet(file) if file else read_folder(path, split)
    check_columns(file or path, table)
    return Taskset(path, table, file)


def files_of_split(folder: Path, split: str) -> list[Path]:
    """The files of a folder that load_dataset reads as `split`."""
    import datasets

    try:
        files = datasets.load_dataset_builder(str(folder)).config.data_files
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise BadInput(f"{folder}: no taskset ({first_line(error)}). {MAKE_ONE}") from None
    if split not in files:
        found = ", ".join(map(str, files))
        raise BadInput(f"{folder}: no split {split}, only {found}. Name one by --split")
    return [Path(file) for file in files[split]]


def read_folder(folder: Path, split: str):
    """All files of a split as one pyarrow Table."""
    import datasets

    datasets.disable_progress_bars()
    try:
        rows = datasets.load_dataset(str(folder), split=split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise BadInput(
            f"{folder} [{split}]: unreadable ({first_line(error)}). {MAKE_ONE}"
        ) from None
    return rows.with_format("arrow")[:]


def read_parquet(file: Path):
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file).read()
    except (OSError, ValueError) as error:  # pyarrow's are one or the other
        raise BadInput(f"{file}: no parquet file ({first_line(error)}). {MAKE_ONE}") from None


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def check_columns(path: Path, table) -> None:
    """Questions and answers are there: one text or number a row, none empty. Raises BadInput."""
    import pyarrow as pa

    for column in ("question", "answer"):
        if column not in table.column_names:
            found = ", ".join(table.column_names)
            raise BadInput(f"{path}: no column {column}, only {found}. {MAKE_ONE}")
        values = table.column(column)
        if pa.types.is_nested(values.type):
            raise BadInput(
                f"{path}: column {column} holds {values.type}, expected text or a number a row. "
                f"prepare_data.py knows the usual forms. {MAKE_ONE}"
            )
        blank = [i for i, value in enumerate(values.to_pylist()) if is_blank(value)]
        if blank:
            found = f"{column} is empty in {len(blank)} rows, first {blank[:5]}"
            raise BadInput(f"{path}: {found}. prepare_data.py drops such rows")


def is_blank(value) -> bool:
    is_nan = value != value
    return value is None or is_nan or not str(value).strip()


def choose_output(output: Path | None, taskset: Taskset, split: str) -> Path:
    """Where the columns are written: into the file that was read, or `output`. Raises BadInput."""
    path = taskset.path
    if output is None:
        if taskset.file is None:
            raise BadInput(
                f"{path}: the split {split} lies in several files, which stay as they are. Name a "
                f"new one: --output {path.name}-measured/{split}.parquet"
            )
        return taskset.file
    if output.suffix != ".parquet" or output.is_dir():
        raise BadInput(f"--output {output}: expected a file whose name ends in .parquet")
    inside = path.is_dir() and output.resolve().is_relative_to(path.resolve())
    if inside and (taskset.file is None or output.resolve() != taskset.file.resolve()):
        raise BadInput(
            f"--output {output}: lies in the taskset's own folder, where load_dataset would read "
            "both. Choose another folder"
        )
    return output


def table_to_extend(output: Path, taskset: Taskset):
    """The table that gets the new columns: what `output` has of earlier models, or the taskset's.

    Raises BadInput where `output` holds other questions.
    """
    if not output.exists() or output == taskset.file:
        return taskset.table
    table = read_parquet(output)
    names = ("question", "answer")
    same = all(name in table.column_names for name in names)
    if not same or Taskset(output, table, output).digest != taskset.digest:
        raise BadInput(
            f"--output {output}: is there, with other questions or answers than {taskset.path}. "
            "Remove it, or name another file"
        )
    return table


def write_columns(output: Path, table, columns: dict[str, tuple[list, str]]) -> None:
    """Write `table` with new or replaced columns (name: values, pyarrow type), whole or not."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, (values, kind) in columns.items():
        array = pa.array(values, kind)
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, array)
        else:
            table = table.append_column(name, array)
    write_whole(output, lambda file: pq.write_table(table, file))
