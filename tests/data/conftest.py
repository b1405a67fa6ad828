"""Tables as a user would have them, and the command run on one."""

import json

import polars as pl
import pytest

import prepare_data

BOXED = " Please output the final answer within \\boxed{}."


def guru(question, gold, weak=0.25, strong=0.75, original=None):
    """A row in the schema of guru-RL-92k."""
    return {
        "prompt": [
            {"role": "system", "content": "Solve it."},
            {"role": "user", "content": question},
        ],
        "reward_model": {"style": "rule", "ground_truth": gold},
        "extra_info": {"index": 0, "original_question": original},
        "qwen2.5_7b_pass_rate": weak,
        "qwen3_30b_pass_rate": strong,
    }


def tasks(question, **columns):
    """A table of questions with the answer 1 and a pass rate of 0.5, unless given."""
    question = list(question)
    table = {"question": question, "answer": ["1"] * len(question)}
    return pl.DataFrame(table | {"a_pass_rate": [0.5] * len(question)} | columns)


@pytest.fixture
def prepare(tmp_path):
    """Run the command on a table or path; return (rows, report), or the exit status if not 0."""

    def run(source, *options, judge=False):
        if isinstance(source, pl.DataFrame):
            source.write_parquet(tmp_path / "source.parquet")
            source = tmp_path / "source.parquet"
        output = tmp_path / "out" / "train.parquet"
        options = [*options, *([] if "--eval-source" in options else ["--eval-source", "none"])]
        options += [] if judge else ["--no-judge-gold"]
        if status := prepare_data.main(
            ["--source", str(source), "--output", str(output), *options]
        ):
            return status
        report = json.loads(output.with_name("prepare_report.json").read_text("utf-8"))
        return pl.read_parquet(output), report

    return run


def losses(report):
    return {reason: lost["rows"] for reason, lost in report["dropped"].items()}
