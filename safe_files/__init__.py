"""Files that a kill cannot spoil: written whole or not at all, and locked while in use.

The ground floor: every other folder may import it, and it imports none.
"""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent  # the folder of this pack


def write_whole(path: str | Path, content: str | bytes | Callable[[Path], object]) -> None:
    """Write `path` whole or not at all, making its folder where there is none.

    Args:
        content: text (written as UTF-8), bytes, or a function that writes the file it is given.

    The temporary file stands beside `path` under a hidden name, which `datasets` skips, and keeps
    the suffix, by which pandas and matplotlib choose a format. It reaches the disk before the
    rename, so that a power cut leaves the old file or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.tmp.{path.name}")
    try:
        if callable(content):
            content(temporary)
        else:
            data = content.encode("utf-8") if isinstance(content, str) else content
            temporary.write_bytes(data)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def lock(file) -> bool:
    """Take an open file for this process alone; False where another process has it.

    The lock ends when the file is closed or the process dies, so that none is ever left behind.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_json(path: Path) -> dict | None:
    """A JSON object from a file; None where there is none, or a damaged one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def append_json_line(path: Path, record: dict) -> None:
    """Add one JSON line to a file by a single write, so that several processes may share it.

    A line that a kill left torn is closed first: it stays alone, and readers skip it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as file:
        size = file.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
        line = json.dumps(record).encode() + b"\n"
        file.write(b"\n" + line if torn else line)


def read_json_lines(path: Path) -> list[dict]:
    """The whole lines of a file of JSON lines, in order; torn ones are left out, [] without it."""
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records
