"""The journal of a measurement: one JSON line a sample, so that none is ever asked for twice.

The first line holds the settings; a journal of other settings is refused. It is a hidden file
beside the output, which load_dataset skips: `.train.weak.journal`.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

from data_augment.errors import BadInput
from safe_files import lock


def journal_path(output: Path, name: str) -> Path:
    """The journal of the model whose columns are called `name`."""
    return output.with_name(f".{output.stem}.{name}.journal")


class Sample(NamedTuple):
    """What came of one sample.

    Fields:
        reward: the judge's.
        finish: finish_reason of the last turn, or "no text".
        answer: what stands in the last box of the response; None without one.
    """

    reward: float
    finish: str
    answer: str | None


class Journal:
    """The samples of one model that are known, in memory and in a file locked for others.

    Attributes:
        samples: row -> number of the sample -> Sample.
    """

    def __init__(self, path: Path, settings: dict):
        """Open `path` and take in what it holds. Raises BadInput where that does not fit."""
        self.path = path
        self.samples: dict[int, dict[int, Sample]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "a+b")  # noqa: SIM115 (it stays open)
        try:
            if not lock(self.file):
                raise BadInput(f"{path}: another measurement is writing it. Wait for it")
            self.take_in(self.read_lines(), settings)
        except BadInput:
            self.file.close()
            raise
        except (ValueError, KeyError, TypeError) as error:
            self.file.close()
            raise BadInput(f"{path}: damaged ({error!r}). Repair or delete it") from None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_) -> None:
        self.file.close()

    def read_lines(self) -> list[dict]:
        """All lines; one that a kill left torn at the end is cut off."""
        self.file.seek(0)
        content = self.file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self.file.truncate(len(whole))
        return [json.loads(line) for line in whole.splitlines()]

    def take_in(self, lines: list[dict], settings: dict) -> None:
        samples = lines[1:]
        if not samples:  # a start that measured nothing binds to nothing
            self.file.truncate(0)
            self.append([settings])
            return
        differences = [
            f"{key}: the journal has {lines[0].get(key)!r:.50}, this command {value!r:.50}"
            for key, value in settings.items()
            if lines[0].get(key) != value
        ]
        if differences:
            raise BadInput(
                f"{self.path}: measured with other settings ({'; '.join(differences)}). Give the "
                "same ones, choose another column name, or delete this journal to start afresh"
            )
        for record in samples:
            self.know(record)

    def write(self, records: list[dict]) -> None:
        """Add samples: {"row", "sample", "reward", "finish", "answer"}."""
        self.append(records)
        for record in records:
            self.know(record)

    def append(self, lines: list[dict]) -> None:
        self.file.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        self.file.flush()  # a killed process loses no line, a power cut some seconds of them

    def know(self, record: dict) -> None:
        known = self.samples.setdefault(record["row"], {})
        finish = sys.intern(record["finish"])
        known[record["sample"]] = Sample(record["reward"], finish, record.get("answer"))

    def missing(self, row: int, samples: int) -> list[int]:
        """Which of the first `samples` samples of a row are not known yet."""
        known = self.samples.get(row, {})
        return [sample for sample in range(samples) if sample not in known]

    def known(self, row: int, samples: int) -> list[Sample]:
        """The known ones among the first `samples` samples of a row."""
        known = self.samples.get(row, {})
        return [known[sample] for sample in range(samples) if sample in known]
