"""Bad input ends in one message and exit 2, before anything is started or written."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from data_augment.training.experiment_yaml import REPO, compose, save, use_fixed_classes
from main import main
from safe_files import append_json_line
from tests.conftest import write_taskset

SELECTOR = "buffer.explorer_input.taskset.task_selector"
EVAL = "buffer.explorer_input.eval_tasksets.0"


def check(capsys, *args, config="config_difficulty.yaml"):
    """Exit status, standard output and standard error of `main.py --check`."""
    status = main(["--config", str(REPO / config), "--check", "--no-gpu-check", *args])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_good_input_gives_a_plan_and_starts_nothing(workplace, capsys):
    before = sorted(workplace.rglob("*"))
    status, out, err = check(capsys, "buffer.total_steps=40")
    assert (status, err) == (0, "")
    for shown in ("Difficulty-Based-Selector", "40 rows", "4 to roll out, 4 to train", "m 8, lamb 0.1",
                  "40 of 16 tasks x 8 rollouts", "mean 0.47: qwen2.5_7b_pass_rate", "3 problems x 8",
                  "task_selection.DifficultyBasedSelector", str(workplace / "checkpoints")):  # fmt: skip
        assert shown in out
    assert sorted(workplace.rglob("*")) == before


def test_planned_steps_follow_from_rows_and_epochs(workplace, capsys):
    assert "5 of 16 tasks" in check(capsys, "buffer.total_epochs=2")[1]  # 2 x 40 rows // 16


MESSAGES = {  # override: what the message must say besides the key
    "buffer.total_stpes=5": r"buffer\.total_stpes: unknown key; did you mean total_steps\?",
    "algorithm.repeat_time=4": r"algorithm\.repeat_time: .*did you mean repeat_times\?",
    "buffer.batch_size=64": r"buffer\.batch_size: 64 tasks a step, but .* has 40 rows",
    "total_steps": r"override 'total_steps': write it as key=value",
    "project=''": r"project: missing. project and name are both needed",
    "model.model_path=data/laptop/models/base": r"python -m laptop\.make_base",
    f"{SELECTOR}.selector_type=dificulty_based": r"Did you mean difficulty_based\?.*shuffle",
    f"{SELECTOR}.selector_type=Random": r"Did you mean random\?",
    f"{SELECTOR}.selector_type=examples.my_selector.Variance": r"classes there: .*VarianceSelector",
    f"{SELECTOR}.feature_keys=[a_pass_rate,qwen3_30b_pass_rate]": (
        r"feature column 'a_pass_rate' is not in the dataset, which has: question"
    ),
    f"{SELECTOR}.kwargs.m=16": r"kwargs\.m: 16, but algorithm\.repeat_times is 8",
    "data_processor.experience_pipeline.operators=[]": r"pass_rate_calculator is missing",
    "data_processor.experience_pipeline.operators=[{name: reward_filter},{name: pass_rate_calculator}]": (
        r"reward_filter stands before it"
    ),
    "trainer.save_interval=50": r"Set it to 48 or 52",
    "synchronizer.sync_offset=2": r"synchronizer\.sync_offset: 2 is no multiple of .* 4",
    "buffer.train_batch_size=32": r"train_batch_size: 32, but a batch has 16 x 8 rollouts.*Leave it out",
    "cluster.gpu_per_node=0": r"cluster\.gpu_per_node: 1 node\(s\) of 0 GPU\(s\)",
    "explorer.rollout_model.enable_history=false": r"enable_history: found 'False', expected true",
    f"{SELECTOR}.seed=-1": r"task_selector\.seed: found -1",
    "model.tinker={enable: true}": r"TINKER_API_KEY: not set",
    "model.tinker={enable: true, base_url: 'http://127.0.0.1:1'}": r"nothing answers at http://127",
}  # fmt: skip


@pytest.mark.parametrize("override", MESSAGES)
def test_the_message_says_how_to_go_on(workplace, capsys, override):
    status, out, err = check(capsys, override)
    assert (status, out) == (2, "")
    assert re.search(MESSAGES[override], err), err
    assert not (workplace / "checkpoints").exists()


BAD_COLUMNS = {  # columns of the training taskset: what the message must say
    "no question": (dict(question=None), r"no column 'question' among answer, qwen2"),
    "no answer": (dict(answer=None), r"no column 'answer'"),
    "blank question": (dict(question=["1+1="] * 39 + [" "]), r"'question' is empty in 1 rows, first \[39\]"),
    "null answer": (dict(answer=["#### 2"] * 38 + [None] * 2), r"'answer' is empty in 2 rows, first \[38, 39\]"),
    "NaN": ({"qwen3_30b_pass_rate": [0.5] * 39 + [float("nan")]}, r"'qwen3_30b_pass_rate': 1 of 40 values are not finite \(first rows: 39\)"),
    "null": ({"qwen3_30b_pass_rate": [0.5] * 39 + [None]}, r"1 of 40 values are (missing|not finite)"),
    "above 1": ({"qwen2.5_7b_pass_rate": [1.5] + [0.5] * 39}, r"'qwen2.5_7b_pass_rate': 1 of 40 values are outside \[0, 1\] \(first rows: 0\)"),
    "negative": ({"qwen2.5_7b_pass_rate": [-0.1] + [0.5] * 39}, r"1 of 40 values are outside"),
    "words": ({"qwen2.5_7b_pass_rate": ["half"] * 40}, r"40 of 40 values are not numbers"),
    "equal": ({"qwen2.5_7b_pass_rate": [0.5] * 40, "qwen3_30b_pass_rate": [0.5] * 40}, r"are equal everywhere"),
    "trains on evaluation": (dict(question=["what is $3^4$"] + [f"{i}" for i in range(39)]),
                             r"1 questions stand in the training taskset, e.g. 'what is \$3\^4\$'"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_COLUMNS)
def test_bad_data(workplace, capsys, case):
    columns, message = BAD_COLUMNS[case]
    write_taskset(workplace / "data/math/train.parquet", **columns)
    status, _, err = check(capsys)
    assert status == 2
    assert re.search(message, err), err


def test_answers_may_be_whole_numbers_and_one_of_them_0(workplace, capsys):
    write_taskset(workplace / "data/math/train.parquet", answer=[0, *range(1, 40)])
    status, _, err = check(capsys)
    assert (status, err) == (0, "")


DROPPERS = {
    "dapo_dynamic_sampling": "data_processor.experience_pipeline.operators="
    "[{name: pass_rate_calculator},{name: dapo_dynamic_sampling}]",
    "reward_filter": "data_processor.experience_pipeline.operators="
    "[{name: pass_rate_calculator},{name: reward_filter}]",
    "std_threshold": "algorithm.advantage_fn_args={std_threshold: 0.0}",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DROPPERS)
@pytest.mark.parametrize(("style", "status"), [("fixed", 2), ("dynamic_by_explorer", 0)])
def test_a_filter_starves_a_trainer_that_waits_for_a_whole_batch(
    workplace, capsys, name, style, status
):
    found, out, err = check(capsys, DROPPERS[name], f"synchronizer.sync_style={style}")
    assert found == status
    assert f"{name} drops rollouts" in (err if status else out)  # else a note of the plan


@pytest.mark.slow
def test_two_evaluations_of_one_name(workplace, capsys):
    taskset = "{name: a, path: data/aime24, split: test}"
    key = "buffer.explorer_input.eval_tasksets"
    status, _, err = check(capsys, f"{key}=[{taskset},{taskset}]")
    assert (status, f"{key}[1].name: 'a' is the name of another" in err) == (2, True), err


@pytest.mark.slow
def test_groups_of_one_are_a_note(workplace, capsys):
    status, out, _ = check(capsys, "algorithm.repeat_times=1", f"{SELECTOR}.kwargs.m=1")
    assert (status, "advantage is 0" in out) == (0, True)


@pytest.mark.slow
def test_an_evaluation_between_two_syncs_is_a_note(workplace, capsys):
    status, out, _ = check(capsys, "explorer.eval_interval=10")
    assert (status, "Trinity makes it 8" in out) == (0, True)


@pytest.mark.slow
def test_empty_and_broken_files(workplace, capsys):
    write_taskset(workplace / "data/math/train.parquet", rows=0)
    assert "is empty" in check(capsys)[2] or "cannot be loaded" in check(capsys)[2]
    (workplace / "data/math/train.parquet").write_bytes(b"PAR1 half a file")
    status, _, err = check(capsys)
    assert (status, "cannot be loaded" in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [1", "not valid YAML"), ("- a\n- b", "a YAML mapping"), ("a: ${nowhere}", "nowhere")],
)
def test_bad_yaml(workplace, capsys, text, message):
    Path("mine.yaml").write_text(text)
    assert main(["--config", "mine.yaml", "--check"]) == 2
    assert message in capsys.readouterr().err


def test_missing_experiment_names_those_there(workplace, capsys):
    assert main(["--config", "nowhere.yaml", "--check"]) == 2
    assert (
        "config_difficulty.yaml, config_features.yaml, config_random.yaml"
        in capsys.readouterr().err
    )


@pytest.mark.slow
def test_missing_gpus_are_an_error_or_with_the_flag_a_note(workplace, capsys, monkeypatch):
    monkeypatch.setattr("data_augment.training.machine_checks.gpu_memory", lambda: [80 << 30] * 2)
    assert main(["--config", str(REPO / "config_random.yaml"), "--check"]) == 2
    assert "cluster.gpu_per_node: 8 GPU(s) expected, 2 on this machine" in capsys.readouterr().err
    status, out, _ = check(capsys)
    assert (status, "8 GPU(s) expected, 2 on this machine" in out) == (0, True)


@pytest.mark.slow
def test_missing_gpu_packages_are_an_error_or_with_the_flag_a_note(workplace, capsys, monkeypatch):
    monkeypatch.setattr("data_augment.training.machine_checks.gpu_memory", lambda: [80 << 30] * 8)
    monkeypatch.setattr(
        "data_augment.training.machine_checks.find_spec",
        lambda name: None if name == "flash_attn" else name,
    )
    experiment = str(REPO / "config_random.yaml")
    assert main(["--config", experiment, "--check"]) == 2
    assert "packages: flash_attn not installed. Install req" in capsys.readouterr().err
    assert "packages: flash_attn not installed" in check(capsys)[1]
    monkeypatch.setattr("data_augment.training.machine_checks.find_spec", lambda name: name)
    assert main(["--config", experiment, "--check"]) == 0


def test_all_errors_are_said_at_once(workplace, capsys):
    _, _, err = check(capsys, "model.model_path=nowhere", f"{SELECTOR}.kwargs.m=4")
    assert "model.model_path" in err
    assert "kwargs.m" in err


@pytest.mark.slow
def test_doubtful_features_are_notes(workplace, capsys):
    write_taskset(workplace / "data/math/train.parquet", **{"qwen2.5_7b_pass_rate": [0.9] * 40})
    status, out, _ = check(capsys)
    assert status == 0
    assert "'qwen2.5_7b_pass_rate' is 0.9 for every task" in out
    assert "are they swapped?" in out


@pytest.mark.slow
def test_stock_selector_wants_two_columns(workplace, capsys):
    status, _, err = check(capsys, "--stock", f"{SELECTOR}.feature_keys=[qwen3_30b_pass_rate]")
    assert (status, "Trinity's own selector needs two columns" in err) == (2, True)
    assert check(capsys, f"{SELECTOR}.feature_keys=[qwen3_30b_pass_rate]")[0] == 0


@pytest.mark.slow
def test_stock_calculator_fails_with_sequential(workplace, capsys):
    sequential = f"{SELECTOR}.selector_type=sequential"
    status, _, err = check(capsys, "--stock", sequential, config="config_random.yaml")
    assert (status, "fails with sequential" in err) == (2, True)
    assert check(capsys, sequential, config="config_random.yaml")[0] == 0


@pytest.mark.slow
def test_unevaluated_last_step_is_a_note(workplace, capsys):
    assert "last evaluation is at step 40: 50 steps" in check(capsys, "buffer.total_steps=50")[1]
    assert "last evaluation" not in check(capsys, "buffer.total_steps=60")[1]


def begin():
    """The folder of a run of the baseline, as main.py leaves it."""
    config = compose(str(REPO / "config_random.yaml"), "gpu8", [])
    use_fixed_classes(config)
    return save(config).parent


def trained(folder, step):
    """A checkpoint of a step that was really trained."""
    (folder / "latest_checkpointed_iteration.txt").write_text(str(step))
    update = {"role": "trainer", "step": step, "metrics": {"time/train_step": 1.0}}
    append_json_line(folder / "metrics.jsonl", update)


@pytest.mark.slow
def test_folder_of_another_experiment_is_refused_and_a_longer_run_continues(workplace, capsys):
    folder = begin()
    trained(folder, 20)
    longer = check(capsys, "buffer.total_steps=60", config="config_random.yaml")
    assert (longer[0], "continues after step 20" in longer[1]) == (0, True)
    status, _, err = check(capsys, "algorithm.optimizer.lr=1e-5", config="config_random.yaml")
    assert status == 2
    assert "algorithm.optimizer.lr: the saved run has 1e-06, this command 1e-05" in err
    assert "name=Another" in err


@pytest.mark.slow
def test_finished_run_is_left_alone(workplace, capsys):
    folder = begin()
    trained(folder, 2)
    assert main(["--config", str(REPO / "config_random.yaml"), "--no-gpu-check"]) == 0
    assert "All 2 steps are trained already" in capsys.readouterr().out
    assert OmegaConf.load(folder / "config.yaml").name == "Random-Selector"
