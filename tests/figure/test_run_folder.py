"""A run's metrics from its folder: JSON lines, TensorBoard files, copies, links and damage."""

import os

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from data_augment.errors import BadInput
from data_augment.figure.run_folder import find_runs, read_config, read_values
from safe_files import append_json_line

NAMES = {"rollout/accuracy/mean": "accuracy", "selection/seconds": "seconds"}


def add_line(run, step, value, name="rollout/accuracy/mean", file="metrics.jsonl"):
    record = {"role": "explorer", "step": step, "time": 1.0, "metrics": {name: value}}
    append_json_line(run / file, record)


def write_events(run, values, time, folder="monitor/tensorboard/explorer"):
    """An event file of the explorer that was begun at `time`; returns it."""
    before = set((run / folder).glob("*"))
    writer = EventFileWriter(str(run / folder))  # the one of torch's SummaryWriter
    for i, (step, value) in enumerate(values):
        scalar = Summary.Value(tag="rollout/accuracy/mean", simple_value=value)
        writer.add_event(Event(step=step, wall_time=time + i, summary=Summary(value=[scalar])))
    writer.close()
    (file,) = set((run / folder).glob("*")) - before
    return file


def test_of_a_step_trained_twice_the_later_line_counts(tmp_path):
    for step, value in [(1, 0.1), (2, 0.2), (3, 0.3), (2, 0.9)]:
        add_line(tmp_path, step, value)
    assert read_values(tmp_path, NAMES) == {
        (1, "accuracy"): 0.1,
        (2, "accuracy"): 0.9,
        (3, "accuracy"): 0.3,
    }


def test_the_selectors_own_metrics_are_read(tmp_path):
    add_line(tmp_path, 1, 0.5)
    add_line(tmp_path, 1, 0.003, name="selection/seconds", file="selector/metrics.jsonl")
    assert read_values(tmp_path, NAMES) == {(1, "accuracy"): 0.5, (1, "seconds"): 0.003}


def test_json_lines_count_where_a_run_has_both(tmp_path):
    write_events(tmp_path, [(1, 0.9), (2, 0.9)], time=100)
    add_line(tmp_path, 1, 0.1)
    assert read_values(tmp_path, NAMES) == {(1, "accuracy"): 0.1}


def test_lines_that_are_no_metrics_are_passed_over(tmp_path):
    with open(tmp_path / "metrics.jsonl", "w") as file:
        file.write('{"step": 1}\n{"step": "x", "metrics": {"rollout/accuracy/mean": 1}}\n')
        file.write('{"step": 2, "metrics": {"rollout/accuracy/mean": "high"}}\n{"step": 3, "met')
    add_line(tmp_path, 4, 0.4)
    assert read_values(tmp_path, NAMES) == {(4, "accuracy"): 0.4}


def test_a_copied_folder_does_not_show_the_lost_branch_of_a_resume(tmp_path):
    lost = write_events(tmp_path, [(step, 0.1) for step in range(1, 26)], time=1_000)
    resumed = write_events(tmp_path, [(step, 0.9) for step in range(21, 31)], time=2_000)
    os.utime(lost, (9_999_999_999, 9_999_999_999))
    os.utime(resumed, (1, 1))
    os.rename(lost, lost.with_name("events.out.tfevents.z"))  # nor do the names decide
    values = read_values(tmp_path, NAMES)
    assert values[20, "accuracy"] == pytest.approx(0.1)
    assert values[25, "accuracy"] == pytest.approx(0.9)


@pytest.mark.parametrize("damage", ["a byte", "cut off", "no events at all"])
def test_a_damaged_event_file_is_said_and_the_rest_of_the_run_is_read(tmp_path, capsys, damage):
    file = write_events(tmp_path, [(step, 0.1) for step in range(1, 21)], time=1_000)
    write_events(tmp_path, [(21, 0.5)], time=2_000)
    content = bytearray(file.read_bytes())
    if damage == "a byte":
        content[len(content) // 2] ^= 0xFF
    elif damage == "cut off":
        content = content[:-7]
    else:
        content = b"hello"
    file.write_bytes(content)
    values = read_values(tmp_path, NAMES)
    assert values[21, "accuracy"] == pytest.approx(0.5)
    assert (20, "accuracy") not in values
    assert ((1, "accuracy") in values) == (damage != "no events at all")
    error = capsys.readouterr().err
    assert str(file) in error and "not read" in error


def test_whole_event_files_are_no_warning(tmp_path, capsys):
    write_events(tmp_path, [(1, 0.1)], time=1_000)
    read_values(tmp_path, NAMES)
    assert capsys.readouterr().err == ""


def test_runs_are_found_at_any_depth_and_behind_links(tmp_path):
    for name in ("source/a", "source/group/b", "elsewhere/c", "single"):
        add_line(tmp_path / name, 1, 0.5)
    source = tmp_path / "source"
    (source / "linked").symlink_to(tmp_path / "elsewhere")
    (source / "alone").symlink_to(tmp_path / "single")
    (source / "circle").symlink_to(source)
    (source / "gone").symlink_to(tmp_path / "nothing")
    assert set(find_runs([str(source)])) == {"a", "group/b", "linked/c", "alone"}


def test_a_run_that_two_sources_hold_is_one_run(tmp_path):
    add_line(tmp_path / "group/a", 1, 0.5)
    found = find_runs([str(tmp_path), str(tmp_path / "group"), str(tmp_path / "group/a")])
    assert list(found) == ["group/a"]


def test_runs_of_one_name_in_two_sources_stay_apart(tmp_path):
    for source in ("x", "y"):
        add_line(tmp_path / source / "a", 1, 0.5)
    assert len(find_runs([str(tmp_path / "x"), str(tmp_path / "y")])) == 2


def test_a_source_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BadInput, match="nothing"):
        find_runs([str(tmp_path / "nothing")])


@pytest.mark.parametrize(
    "content",
    ["a: [1", "- 1\n- 2", "text", "mine: 1", "a: ${b", "a: !!python/object:os.system {}", "\xff"],
)
def test_a_config_that_cannot_be_read_is_a_message_with_its_path(tmp_path, capsys, content):
    (tmp_path / "config.yaml").write_bytes(content.encode("latin-1"))
    assert read_config(tmp_path) is None
    assert str(tmp_path / "config.yaml") in capsys.readouterr().err


def test_a_config_with_an_open_reference_is_read(tmp_path):
    taskset = "buffer: {explorer_input: {taskset: {path: data}}}"
    (tmp_path / "config.yaml").write_text(f"a: ${{oc.env:NOT_SET}}\nb: 1e-6\n{taskset}\n")
    config = read_config(tmp_path)
    assert (config["a"], config["b"]) == ("${oc.env:NOT_SET}", 1e-6)
