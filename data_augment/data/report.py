"""What came out: the taskset and its report, written whole, and shown in the terminal."""

import json
from pathlib import Path

from data_augment.files import write_whole


def save(output: Path, rows, report: dict) -> None:
    """Write the taskset as parquet, and the report as prepare_report.json beside it."""
    write_whole(output, rows.write_parquet)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    write_whole(output.with_name("prepare_report.json"), text)


def show(output: Path, report: dict) -> None:
    """Print the report, its examples cut short."""
    print("{}: {kept:,} of {rows:,} rows of {source}, revision {revision}".format(output, **report))
    for reason, lost in report["dropped"].items():
        print(f"  dropped {lost['rows']:,}: {reason}")
        for row in lost["examples"]:
            print(f"    row {row['source_index']}: {row['question']!r:.70} -> {row['gold']!r:.25}")
    for name, value in report["pass_rates"].items():
        print(f"  {name}: {value}")
