"""Where rows come from: a file, a folder, a saved dataset or the Hub.

What reading raises is "unreadable" here, and only here: an error of ours stays a traceback.
"""

import re
import zlib
from contextlib import contextmanager
from pathlib import Path

from data_augment.errors import BadInput

SUFFIXES = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
KNOWN = f"known: {', '.join(SUFFIXES)}; all but .parquet also with .gz"


@contextmanager
def reading(source: str):
    """Turn what a reader raises into one BadInput."""
    import polars as pl

    try:
        yield
    except FileNotFoundError as error:
        raise BadInput(f"{source}: No such file or folder ({error})".splitlines()[0]) from None
    except (
        pl.exceptions.ComputeError,
        pl.exceptions.NoDataError,
        pl.exceptions.SchemaError,
        OSError,
        EOFError,
        zlib.error,
        ValueError,
    ) as error:
        raise BadInput(f"{source}: unreadable or cut short: {error}".splitlines()[0]) from None


def open_source(source: str, splits: list[str], subset: str | None, revision: str | None):
    """(LazyFrame of all columns, the Hub's commit or None), of a local path or a Hub id.

    Args:
        splits: of a folder or OWNER/NAME; the first that is there is taken.

    Raises BadInput.
    """
    path = Path(source)
    if path.is_dir():
        return open_folder(path, splits, subset), None
    suffix = data_suffix(source)
    if path.exists():
        if suffix is None:
            raise BadInput(f"{source}: unknown suffix; {KNOWN}")
        return scan_file(source, path), None
    on_hub = re.fullmatch(r"(\w[\w.-]*/[\w.-]+)/(.+)", source)
    if on_hub and suffix:
        file, commit = download(on_hub[1], on_hub[2], revision)
        return scan_file(source, file), commit
    if re.fullmatch(r"\w[\w.-]*/[\w.-]+", source) and not suffix:
        return load_from_hub(source, splits, subset, revision)
    raise BadInput(
        f"{source}: No such file or folder, and no Hub id (OWNER/NAME, or OWNER/NAME/FILE)"
    )


def data_suffix(path: str | Path) -> str | None:
    """The suffix that says how a file is read, without .gz; None for any other."""
    suffix = Path(str(path).lower().removesuffix(".gz")).suffix
    return suffix if suffix in SUFFIXES else None


def scan_file(source: str, path: str | Path):
    """A file as a LazyFrame; text columns of CSV stay text, so that "007" stays "007"."""
    import polars as pl

    suffix = data_suffix(path)
    with reading(source):
        if suffix == ".parquet":
            rows = pl.scan_parquet(path)
        elif suffix in (".csv", ".tsv"):
            separator = "\t" if suffix == ".tsv" else ","
            rows = pl.scan_csv(path, infer_schema=False, separator=separator)
        else:
            rows = scan_json(path, suffix)
        rows.collect_schema()
    return rows


def scan_json(path: str | Path, suffix: str):
    """JSON as a LazyFrame: by polars where it can, by Python where polars refuses."""
    import polars as pl

    from data_augment.data.loose_json import read_loose_json

    try:
        if suffix == ".json":
            rows = pl.read_json(path, infer_schema_length=None)
            # One row may be {"data": [rows]}.
            return read_loose_json(path).lazy() if len(rows) == 1 else rows.lazy()
        rows = pl.scan_ndjson(path, infer_schema_length=None)
        rows.collect_schema()
        return rows
    except pl.exceptions.PolarsError:
        return read_loose_json(path).lazy()


def open_folder(path: Path, splits: list[str], subset: str | None):
    """A split of a folder: of a saved `datasets` folder, or of data files named by split."""
    import polars as pl
    from datasets import load_dataset_builder, load_from_disk
    from datasets.exceptions import DatasetsError

    if (path / "state.json").exists():  # Dataset.save_to_disk
        with reading(str(path)):
            return load_from_disk(str(path)).to_polars().lazy()
    if (path / "dataset_dict.json").exists():  # DatasetDict.save_to_disk
        with reading(str(path)):
            saved = load_from_disk(str(path))
        return saved[one_split(str(path), splits, saved)].to_polars().lazy()
    try:
        files = load_dataset_builder(str(path), subset).config.data_files
    except (DatasetsError, ValueError, OSError) as error:  # no data files, no such subset
        raise BadInput(f"{path}: {error}".splitlines()[0]) from None
    files = {str(split): names for split, names in files.items()}
    frames = []
    for name in files[one_split(str(path), splits, files)]:
        if data_suffix(name) is None:
            raise BadInput(f"{name}: unknown suffix; {KNOWN}")
        frames.append(scan_file(str(path), name))
    with reading(str(path)):
        rows = pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]
        rows.collect_schema()
    return rows


def one_split(source: str, splits: list[str], there) -> str:
    """The first of `splits` that is there. Raises BadInput with those that are."""
    for split in splits:
        if split in there:
            return split
    raise BadInput(f"{source}: no split {splits[0]}, only {', '.join(there)}; choose by --split")


def load_from_hub(source: str, splits: list[str], subset: str | None, revision: str | None):
    """A split of a dataset on the Hub, and its commit."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    for split in splits:
        try:
            rows = load_dataset(source, subset, split=split, revision=revision)
            break
        except DatasetsError as error:
            raise BadInput(f"{source}: {error.__cause__ or error}") from None
        except OSError as error:
            raise BadInput(f"{source}: not downloaded: {error}".splitlines()[0]) from None
        except ValueError as error:  # no such split, or no such subset
            if split == splits[-1]:
                raise BadInput(f"{source}: {error}".splitlines()[0]) from None
    commit = re.search(r"/([0-9a-f]{40})/|$", str(rows.cache_files[:1]))[1]  # its cache folder
    return rows.to_polars().lazy(), commit


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
