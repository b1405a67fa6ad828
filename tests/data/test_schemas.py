r"""Public math datasets, each by a small table in its columns and types, with made-up content.

What a dataset needs besides --source is its options here; the first task that comes out follows.
"""

import copy
import json
import shlex

import polars as pl
import pytest

import prepare_data
from safe_files import REPO

BOX = " Let's think step by step and output the final answer within \\boxed{}."
DAPO_BEFORE = (
    "Solve the following math problem step by step. The last line of your response should be of "
    "the form Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n"
)
DAPO_AFTER = '\n\nRemember to put your answer on its own line after "Answer:".'
QUESTIONS = ["What is 3 + 4?", "What is $5 - 3$?", "How many primes are below 10?"]
GOLDS = ["7", "2", "4"]


def table(**columns):
    """Rows with the three questions and gold answers; a function gets (question, gold, number)."""
    rows = []
    for i, (question, gold) in enumerate(zip(QUESTIONS, GOLDS, strict=True)):
        made = {
            name: value(question, gold, i) if callable(value) else value
            for name, value in columns.items()
        }
        rows.append(made)
    return rows


def question(q, g, i):
    return q


def gold(q, g, i):
    return g


def verl(wrap="{}", answer=gold, **columns):
    """The verl format: chat turns, and a struct with the gold answer."""
    return table(
        data_source="math",
        prompt=lambda q, g, i: [{"role": "user", "content": wrap.format(q)}],
        ability="math",
        reward_model=lambda q, g, i: {"ground_truth": answer(q, g, i), "style": "rule"},
        **columns,
    )


def turns(q, g, i):
    return [{"from": "human", "value": q}, {"from": "assistant", "ground_truth": {"value": g}}]


MODELS = ("DeepSeek-R1-Distill-Qwen-1.5B", "DeepSeek-R1-Distill-Qwen-7B")
LEVELS = "extra_info.model_difficulty"
FIRST = ("What is 3 + 4?", "#### 7")

# name: (rows, options, columns of the first task after question and answer, rows that are kept)
SCHEMAS = {
    "guru-RL-92k": (
        [
            row | {"qwen2.5_7b_pass_rate": 0.25, "qwen3_30b_pass_rate": 0.5 + i / 4}
            for i, row in enumerate(
                verl(
                    "{} Please output the final answer within \\boxed{{}}.",
                    extra_info=lambda q, g, i: {"index": i, "original_question": q},
                )
            )
        ],
        [],
        {"qwen2.5_7b_pass_rate": 0.25, "qwen3_30b_pass_rate": 0.5},
    ),
    "Big-Math-RL-Verified": (
        table(
            problem=question,
            answer=gold,
            source="cn_k12",
            domain=lambda q, g, i: ["Mathematics -> Algebra"],
            llama8b_solve_rate=lambda q, g, i: [0.25, None, 0.5][i],
        ),
        [],
        {"llama8b_solve_rate": 0.25},
        2,
    ),
    "Polaris-Dataset-53K": (
        table(problem=question, answer=gold, difficulty=lambda q, g, i: f"{7 - i}/8"),
        [],
        {"difficulty": 0.875},
    ),
    "Skywork-OR1-RL-Data": (
        verl(
            "{}" + BOX.replace("{", "{{").replace("}", "}}"),
            answer=lambda q, g, i: json.dumps([g]) if i < 2 else "",
            extra_info=lambda q, g, i: {
                "index": i,
                "model_difficulty": {MODELS[0]: 16 - i, MODELS[1]: 4 * i},
            },
        ),
        [
            "--feature-columns",
            f"weak=1-{LEVELS}.{MODELS[0]}/16",
            f"strong=1-{LEVELS}.{MODELS[1]}/16",
        ],
        {"weak": 0.0, "strong": 1.0},
        2,
    ),
    "DeepMath-103K": (
        table(
            question=question,
            final_answer=gold,
            difficulty=lambda q, g, i: [2.5, 8.0, -1.0][i],
            topic="Mathematics -> Number Theory",
            r1_solution_1="t",
        ),
        [],
        {"difficulty": 2.5},
    ),
    "DAPO-Math-17k": (
        verl(DAPO_BEFORE + "{}" + DAPO_AFTER, extra_info=lambda q, g, i: {"index": f"9a-{i}"}) * 2,
        [],
        {},
    ),
    "DAPO-Math-17k-Processed": (
        table(
            prompt=question,
            solution=gold,
            data_source="math_dapo",
            source_prompt=lambda q, g, i: [{"content": "...", "role": "user"}],
            reward_model=lambda q, g, i: {"ground_truth": g, "style": "rule-lighteval/MATH_v2"},
            pass_rate_generations=lambda q, g, i: ["a", "b"],
            pass_rate_rewards=lambda q, g, i: [1.0, i / 2],
        ),
        ["--feature-columns", "r1=pass_rate_rewards"],
        {"r1": 0.5},
    ),
    "DeepScaleR-Preview": (table(problem=question, answer=gold, solution=""), [], {}),
    "DeepScaleR_Difficulty": (
        table(
            problem=question,
            answer=gold,
            solution="",
            solved_percentage=lambda q, g, i: [62.5, 0.0, 100.0][i],
        ),
        [],
        {"solved_percentage": 0.625},
    ),
    "orz_math_57k": ([turns(q, g, 0) for q, g in zip(QUESTIONS, GOLDS, strict=True)], [], {}),
    "NuminaMath-1.5": (
        table(
            problem=question,
            solution="...",
            answer=lambda q, g, i: [g, "proof", "notfound"][i],
            problem_type="Algebra",
            question_type="math-word-problem",
            source="olympiads",
            problem_is_valid="Yes",
            synthetic=False,
        ),
        [],
        {},
        1,
    ),
    "OpenR1-Math-220k": (
        table(
            problem=question,
            solution="so 7",
            answer=gold,
            source="olympiads",
            generations=lambda q, g, i: ["a", "b"],
            correctness_math_verify=lambda q, g, i: [True, i > 0],
            correctness_llama=lambda q, g, i: None,
            correctness_count=1,
            messages=lambda q, g, i: [
                {"role": "user", "content": q},
                {"role": "assistant", "content": "a"},
            ],
        ),
        ["--feature-columns", "r1=correctness_math_verify"],
        {"r1": 0.5},
    ),
    "MATH-lighteval": (
        table(
            problem=question,
            level=lambda q, g, i: ["Level 1", "Level 5", "Level ?"][i],
            type="Prealgebra",
            solution=lambda q, g, i: f"First \\boxed{{0}}? No, we get $\\boxed{{{g}}}$.",
        ),
        [],
        {"level": "Level 1"},
    ),
    "MATH-500": (
        table(
            problem=question,
            solution="..",
            answer=gold,
            subject="Algebra",
            level=lambda q, g, i: i + 2,
            unique_id="test/algebra/1.json",
        ),
        [],
        {"level": 2},
    ),
    "HuggingFaceH4/aime_2024": (
        table(
            id=60,
            problem=question,
            solution="..",
            answer=lambda q, g, i: f"00{g}",
            url="u",
            year="2024",
        ),
        [],
        {},
    ),
    "Maxwell-Jia/AIME_2024": (
        table(
            ID=lambda q, g, i: f"2024-II-{i}",
            Problem=question,
            Solution="..",
            Answer=lambda q, g, i: int(g),
        ),
        [],
        {},
    ),
    "math-ai/aime24": (
        table(id=1, problem=question, solution=lambda q, g, i: f"\\boxed{{{g}}}", url="u"),
        [],
        {},
    ),
    "math-ai/aime25": (table(problem=question, answer=gold, id="0"), [], {}),
    "MathArena/aime_2025": (
        table(
            problem_idx=1,
            problem=question,
            answer=lambda q, g, i: int(g),
            problem_type=lambda q, g, i: ["Number Theory"],
        ),
        [],
        {},
    ),
    "opencompass/AIME2025": (table(question=question, answer=gold), [], {}),
    "verl aime24": (verl("{}" + BOX.replace("{", "{{").replace("}", "}}")), [], {}),
    "verl amc23": (verl(answer=lambda q, g, i: float(g)), [], {}),
    "verl minerva, olympiad": (
        verl(answer=lambda q, g, i: [[f"{g}\n"], ["1", "2"], [f"${g}$"]][i]),
        [],
        {},
        2,
    ),
    "Omni-MATH": (
        table(
            domain=lambda q, g, i: ["Mathematics -> Algebra"],
            difficulty=lambda q, g, i: 8.0 - i,
            problem=question,
            solution="..",
            answer=gold,
            source="china_team_selection_test",
        ),
        [],
        {"difficulty": 8.0},
    ),
}


def first_task(rows):
    """The first row of a taskset, without the columns that every taskset has."""
    names = ("source", "source_index")
    return {name: value for name, value in rows.row(0, named=True).items() if name not in names}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_public_dataset_comes_out_as_tasks(prepare, tmp_path, name):
    rows, options, features, *kept = SCHEMAS[name]
    source = pl.DataFrame(rows) if isinstance(rows[0], dict) else tmp_path / "orz.json"
    if not isinstance(rows[0], dict):
        source.write_text(json.dumps(rows, indent=1))
    taskset, report = prepare(source, *options, judge=True)
    assert len(taskset) == (kept[0] if kept else 3) == report["kept"]
    answer = "#### 007" if name == "HuggingFaceH4/aime_2024" else FIRST[1]
    assert first_task(taskset) == {"question": FIRST[0], "answer": answer} | features


@pytest.mark.slow
def test_every_schema_passes_the_check_of_main_with_the_printed_options(workplace, capsys):
    from data_augment.training.experiment_yaml import apply_override, compose, with_defaults
    from data_augment.training.plan import Plan
    from data_augment.training.taskset_checks import check_tasksets

    small = ["buffer.batch_size=1", "buffer.explorer_input.eval_tasksets=[]"]
    experiments = {}
    for config in ("config_random.yaml", "config_difficulty.yaml"):
        experiments[config] = with_defaults(compose(str(REPO / config), "gpu8", small))
    for name, (rows, options, *_) in SCHEMAS.items():
        source = workplace / "source.json"
        source.write_text(json.dumps(rows))
        output = workplace / "out" / name.replace("/", "_")
        command = ["--source", str(source), "--output", str(output), "--eval-source", "none"]
        assert prepare_data.main([*command, *options, "--no-judge-gold"]) == 0
        printed = capsys.readouterr().out.splitlines()[-1]
        python, main, flag, config, *overrides = shlex.split(printed)
        assert (python, main, flag) == ("python", "main.py", "--config")
        settings = copy.deepcopy(experiments[config])
        for override in overrides:
            apply_override(settings, override)
        plan = Plan()
        check_tasksets(settings, plan)
        assert plan.errors == [], name
