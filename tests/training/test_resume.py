"""After a kill, explorer and selector stand at the step of the weights; nothing starts afresh unsaid."""

import json

from data_augment.rollouts.files import step_files, write_step
from data_augment.training.resume import align, checkpointed_step, saved_steps
from safe_files import append_json_line, read_json_lines

BATCH = 8


def write_run(folder, weights=None, explorer=None, handed_out=None, states=(), trained=None):
    """The state files of a run as Trinity, monitor.py and task_selection leave them."""
    if weights is not None:
        (folder / f"global_step_{weights}").mkdir(parents=True)
        (folder / f"global_step_{weights}/remote_checkpoint_path.txt").write_text("tinker://x")
        (folder / "latest_checkpointed_iteration.txt").write_text(str(weights))
        for step in range(1, (trained or max(weights, explorer or 0)) + 1):
            write_metrics(folder, step)
    if explorer is not None:
        state = {"current_index": explorer * BATCH, "posterior": f"at {explorer}"}
        meta = {"latest_iteration": explorer, "taskset_states": [state]}
        (folder / "explorer_meta.json").write_text(json.dumps(meta))
    if handed_out is not None:
        (folder / "latest_state_dict_iteration.txt").write_text(str(handed_out))
    for step in states:
        (folder / "selector").mkdir(exist_ok=True)
        state = {"current_index": step * BATCH, "posterior": f"at {step}"}
        (folder / f"selector/{step * BATCH}.json").write_text(json.dumps(state))
    return folder


def write_metrics(folder, step):
    """The lines of a step that was rolled out and trained."""
    rollouts = {"role": "explorer", "step": step, "metrics": {"rollout/accuracy/mean": 0.5}}
    update = {"role": "trainer", "step": step, "metrics": {"time/train_step": 1.0}}
    selected = {"role": "explorer", "step": step, "metrics": {"selection/error": 0.1}}
    append_json_line(folder / "metrics.jsonl", rollouts)
    append_json_line(folder / "metrics.jsonl", update)
    append_json_line(folder / "selector/metrics.jsonl", selected)
    append_json_line(folder / "selector/draws.jsonl", {"step": step, "tasks": [], "predicted": []})
    write_step(folder / "rollouts", step, [])


def steps_of(path):
    return sorted({line["step"] for line in read_json_lines(path)})


def explorer_of(folder):
    return json.loads((folder / "explorer_meta.json").read_text())


def test_explorer_ahead_goes_back_to_the_weights_with_the_posterior_of_that_step(tmp_path):
    run = write_run(tmp_path, weights=100, explorer=137, handed_out=137, states=range(90, 138))
    assert align(run, BATCH) == "explorer rewound from step 137 to step 100, that of the weights"
    state = {"current_index": 800, "posterior": "at 100"}
    assert explorer_of(run) == {"latest_iteration": 100, "taskset_states": [state]}
    assert not (run / "latest_state_dict_iteration.txt").exists()
    assert align(run, BATCH) == ""  # once


def test_explorer_at_the_step_of_the_weights_is_left_alone(tmp_path):
    run = write_run(tmp_path, weights=20, explorer=20, handed_out=20, states=[20])
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert align(run, BATCH) == ""
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_explorer_behind_comes_forward(tmp_path):
    run = write_run(tmp_path, weights=58, explorer=56, states=[52, 56, 60])
    assert align(run, BATCH).endswith(
        "to step 58, that of the weights; its selector remembers step 56"
    )
    state = {"current_index": 58 * BATCH, "posterior": "at 56"}
    assert explorer_of(run)["taskset_states"] == [state]


def test_truncated_explorer_state_falls_back_to_the_saved_one(tmp_path):
    run = write_run(tmp_path, weights=20, explorer=20, states=[19, 20])
    (run / "explorer_meta.json").write_text('{"latest_iteration": 20, "tasks')
    assert "from an unreadable state to step 20" in align(run, BATCH)
    assert explorer_of(run)["taskset_states"][0]["posterior"] == "at 20"


def test_truncated_selector_state_falls_back_to_the_one_before(tmp_path):
    run = write_run(tmp_path, weights=20, explorer=23, states=[18, 19, 20])
    (run / "selector/160.json").write_text("{")
    assert "its selector remembers step 19" in align(run, BATCH)
    assert explorer_of(run)["taskset_states"][0]["posterior"] == "at 19"


def test_selector_without_memory_is_where_its_index_is(tmp_path):
    run = write_run(tmp_path, weights=20, explorer=33)
    meta = {"latest_iteration": 33, "taskset_states": [{"current_index": 33 * BATCH}]}
    (run / "explorer_meta.json").write_text(json.dumps(meta))
    assert align(run, BATCH).endswith("that of the weights")
    assert explorer_of(run)["taskset_states"] == [{"current_index": 160}]


def test_memory_that_was_saved_nowhere_else_is_kept(tmp_path):
    """A selector of one's own keeps one state, the latest: better than none."""
    run = write_run(tmp_path, weights=20, explorer=33)
    assert align(run, BATCH).endswith("its selector remembers step 33")
    state = {"current_index": 160, "posterior": "at 33"}
    assert explorer_of(run)["taskset_states"] == [state]


def test_killed_before_the_first_checkpoint_starts_again_and_says_so(tmp_path):
    run = write_run(tmp_path, explorer=7, handed_out=1, states=range(1, 8))
    assert "from step 7 to the start" in align(run, BATCH)
    assert not (run / "explorer_meta.json").exists()
    assert not (run / "latest_state_dict_iteration.txt").exists()


def test_truncated_pointer_is_found_again_from_the_checkpoints(tmp_path):
    run = write_run(write_run(tmp_path, weights=20), weights=40, explorer=44, states=[40])
    (run / "latest_checkpointed_iteration.txt").write_text("")
    assert checkpointed_step(run) == 40
    align(run, BATCH)
    assert (run / "latest_checkpointed_iteration.txt").read_text() == "40"
    assert explorer_of(run)["latest_iteration"] == 40


def test_checkpoint_in_the_making_does_not_count(tmp_path):
    (tmp_path / "global_step_20/actor").mkdir(parents=True)
    assert checkpointed_step(tmp_path) == 0


def test_a_copy_that_somebody_kept_is_no_checkpoint(tmp_path):
    for name in ("global_step_20", "global_step_20_old"):
        (tmp_path / name / "actor").mkdir(parents=True)
    assert saved_steps(tmp_path) == [20]


def test_new_run_is_left_alone(tmp_path):
    assert align(tmp_path / "nowhere", BATCH) == ""
    assert align(tmp_path, BATCH) == ""
    assert list(tmp_path.iterdir()) == []


def test_curves_and_states_of_the_abandoned_branch_are_gone_after_a_rewind(tmp_path):
    run = write_run(tmp_path, weights=4, explorer=7, states=range(1, 8))
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"role": "trainer", "st')  # torn by the kill
    align(run, BATCH)
    assert steps_of(run / "metrics.jsonl") == [1, 2, 3, 4]
    assert steps_of(run / "selector/metrics.jsonl") == [1, 2, 3, 4]
    assert steps_of(run / "selector/draws.jsonl") == [1, 2, 3, 4]
    assert list(step_files(run)) == [1, 2, 3, 4]
    states = sorted(int(path.stem) for path in run.glob("selector/[0-9]*.json"))
    assert states == [8, 16, 24, 32]


def test_the_evaluation_before_the_first_step_stays_when_a_run_starts_over(tmp_path):
    write_metrics(tmp_path, 0)
    write_run(tmp_path, explorer=2)
    write_metrics(tmp_path, 1)
    align(tmp_path, BATCH)
    assert steps_of(tmp_path / "metrics.jsonl") == [0]


def test_a_step_that_raised_is_no_checkpoint(tmp_path):
    """Trinity saves after an error in step 13 what it calls step 13."""
    run = write_run(tmp_path, weights=12, explorer=12, states=range(1, 17))
    write_run(run, weights=13, trained=12)
    assert checkpointed_step(run) == 12
    align(run, BATCH)
    assert (run / "latest_checkpointed_iteration.txt").read_text() == "12"
    assert explorer_of(run)["latest_iteration"] == 12


def test_an_error_in_the_first_step_leaves_nothing_trained(tmp_path):
    run = write_run(tmp_path, explorer=1, states=[1])
    (run / "global_step_1/actor").mkdir(parents=True)
    (run / "latest_checkpointed_iteration.txt").write_text("1")
    append_json_line(run / "metrics.jsonl", {"role": "explorer", "step": 1, "metrics": {}})
    assert checkpointed_step(run) == 0
    assert "to the start" in align(run, BATCH)
    assert not (run / "latest_checkpointed_iteration.txt").exists()


def test_metrics_without_an_update_do_not_make_a_step_trained(tmp_path):
    """The trainer writes a line of its own when it only hands out weights."""
    run = write_run(tmp_path, weights=4, trained=3)
    sync = {"role": "trainer", "step": 4, "metrics": {"time/sync_weight": 1.0}}
    append_json_line(run / "metrics.jsonl", sync)
    assert checkpointed_step(run) == 0
