"""Which rollouts are shown, and what stands beside them."""

from data_augment.rollouts.choice import chosen, learned, rollouts_of
from tests.rollouts.runs import group, rollout, turn, write_run


def found(rollouts):
    return [(line["step"], line["task"], line["run"]) for line in rollouts]


def test_rollouts_of_a_task_stand_together_with_all_rewards_of_their_group(tmp_path):
    mixed = [rollout(1, 9, 1, 1.0), rollout(1, 4, 0, 1.0), rollout(1, 9, 0)]
    run = write_run(tmp_path, mixed)
    rollouts = list(rollouts_of(run, [1]))
    assert found(rollouts) == [(1, 4, 0), (1, 9, 0), (1, 9, 1)]
    assert [line["rewards"] for line in rollouts] == [[1.0], [0.0, 1.0], [0.0, 1.0]]


def test_the_prediction_is_that_of_the_draw_and_of_its_last_one(tmp_path):
    run = write_run(tmp_path, group(1, 4, [0]), group(2, 4, [0]), predicted={1: {4: 0.2}})
    write_run(run, predicted={1: {4: 0.3}})  # drawn again after a resume
    assert [line["predicted"] for line in rollouts_of(run, [1, 2])] == [0.3, None]


def test_filters_leave_what_they_say():
    cut = [turn("a" * 9), turn("b" * 9, cut_off=True)]
    rollouts = [rollout(1, 4), rollout(1, 4, 1, 1.0), rollout(1, 5), rollout(1, 5, 1, turns=cut)]
    assert found(chosen(rollouts)) == found(rollouts)
    assert found(chosen(rollouts, task=5)) == [(1, 5, 0), (1, 5, 1)]
    assert found(chosen(rollouts, reward=1)) == [(1, 4, 1)]
    assert found(chosen(rollouts, reward=0)) == [(1, 4, 0), (1, 5, 0), (1, 5, 1)]
    assert found(chosen(rollouts, cut_off=True)) == [(1, 5, 1)]


def test_the_task_that_was_learned_is_the_one_whose_pass_rate_rose_most(tmp_path):
    run = write_run(
        tmp_path,
        group(1, 1, [0, 0, 0, 1]),
        group(2, 2, [1, 0, 0, 0]),
        group(3, 3, [1, 1, 1, 1]),
        group(7, 2, [0, 1, 1, 1]),
        group(8, 1, [0, 1, 1, 0]),
        group(9, 3, [0, 0, 0, 0]),
    )
    wrong, right = learned(rollouts_of(run, [1, 2, 3, 7, 8, 9]))
    assert (wrong["step"], wrong["task"], wrong["reward"]) == (2, 2, 0)
    assert (right["step"], right["task"], right["reward"]) == (7, 2, 1)


def test_of_equal_rises_the_longest_is_shown(tmp_path):
    run = write_run(
        tmp_path, group(1, 1, [0]), group(1, 2, [0]), group(5, 1, [1]), group(9, 2, [1])
    )
    wrong, right = learned(rollouts_of(run, [1, 5, 9]))
    assert (wrong["task"], right["step"]) == (2, 9)


def test_where_no_task_came_twice_or_none_rose_nothing_was_learned(tmp_path):
    once = write_run(tmp_path / "a", group(1, 1, [0, 0]), group(2, 2, [1, 1]))
    assert learned(rollouts_of(once, [1, 2])) is None
    fell = write_run(tmp_path / "b", group(1, 1, [1, 0]), group(2, 1, [0, 1]))
    assert learned(rollouts_of(fell, [1, 2])) is None
