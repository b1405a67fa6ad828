"""New whole lines of a file that another process writes."""

from pathlib import Path


class NewLines:
    """The lines that were added to a file after its first `offset` bytes, or since the last `read`.

    Counts bytes, so that line ends of any kind and broken UTF-8 cost nothing. A line that is still
    being written waits for its end; a file that does not exist yet is empty.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset

    def read(self) -> list[str]:
        if not self.path.exists():
            return []
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            whole, newline, _half = file.read().rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        if not newline:
            return []
        return [line.rstrip("\r") for line in whole.decode(errors="replace").split("\n")]


def size(path: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0
