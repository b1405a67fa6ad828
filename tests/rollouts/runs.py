"""Small runs with rollouts, as the store and the selector leave them."""

from data_augment.rollouts.files import write_step
from safe_files import append_json_line


def turn(wrote, given="", tokens=None, cut_off=False):
    tokens = len(wrote) if tokens is None else tokens
    return {"given": given, "wrote": wrote, "tokens": tokens, "cut_off": cut_off}


def rollout(step, task, run=0, reward=0.0, wrote=r"\boxed{1}", box="1", **changed):
    return {
        "step": step,
        "task": task,
        "run": run,
        "question": f"question {task}",
        "answer": f"it is #### gold {task}",
        "reward": reward,
        "box": box,
        "model_version": step - 1,
        "turns": [turn(wrote)],
    } | changed


def group(step, task, rewards, **changed):
    return [rollout(step, task, run, reward, **changed) for run, reward in enumerate(rewards)]


def write_run(folder, *groups, predicted=None):
    """A run's folder with the groups' rollouts; `predicted`: step -> {task: pass rate}."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("")
    steps = {}
    for rollouts in groups:
        steps.setdefault(rollouts[0]["step"], []).extend(rollouts)
    for step, rollouts in steps.items():
        write_step(folder / "rollouts", step, rollouts)
    for step, rates in (predicted or {}).items():
        draw = {"step": step, "tasks": list(rates), "predicted": list(rates.values())}
        append_json_line(folder / "selector/draws.jsonl", draw)
    return folder
