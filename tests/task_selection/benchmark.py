"""Cost of task selection: Trinity's own selector, ours, and feature_based, in the same run.

    python -m tests.task_selection.benchmark

One step is one update with the pass rates of a batch and one draw of the next; ours and
feature_based also write their lines of metrics. They take turns, in an order that alternates.
Trinity's and ours see the same feedback and choose the same batches, feature_based its own. The
limits are 10 ms at 54,404 tasks (guru-RL-92k, math) and 200 ms at 1,000,000.
"""

import argparse
import tempfile
import time

LIMIT_MS = {54_404: 10, 1_000_000: 200}


BOTS = {"m": 8, "lamb": 0.1, "rho": 0.1, "target_reward": 0.8, "tau": 0, "do_sample": True}


def build(selector_class, tasks: int, **kwargs):
    """A selector over `tasks` synthetic tasks, with two references of 16 samples each."""
    from types import SimpleNamespace

    import numpy as np
    from datasets import Dataset
    from trinity.common.config import DataSelectorConfig

    rng = np.random.default_rng(0)
    ability = rng.beta(0.5, 0.6, tasks)
    dataset = Dataset.from_dict(
        {
            "weak": rng.binomial(16, 0.7 * ability) / 16,
            "strong": rng.binomial(16, np.sqrt(ability)) / 16,
        }
    )
    config = DataSelectorConfig(feature_keys=["weak", "strong"], kwargs=kwargs)
    source = SimpleNamespace(dataset=dataset, dataset_size=tasks)
    return selector_class(source, config), ability


def compare(tasks: int, steps: int, batch_size: int, folder: str) -> dict:
    """Median times in ms of a step of each selector and of a save of ours, and its size in KB."""
    import json

    import numpy as np
    import trinity.buffer.selector.selector as trinity_selector

    from task_selection import DifficultyBasedSelector, FeatureBasedSelector

    selectors = {"trinity": build(trinity_selector.DifficultyBasedSelector, tasks, **BOTS)[0]}
    ours = build(DifficultyBasedSelector, tasks, state_dir=f"{folder}/ours", **BOTS)
    selectors["ours"], ability = ours
    features = build(FeatureBasedSelector, tasks, state_dir=f"{folder}/features")
    selectors["features"] = features[0]
    batches = {name: s.get_indices(batch_size).tolist() for name, s in selectors.items()}
    rng = np.random.default_rng(1)
    times = {name: [] for name in selectors}
    for step in range(steps):
        if batches["ours"] != batches["trinity"]:
            raise RuntimeError(f"step {step}: the two selectors chose different batches")
        values = (rng.binomial(8, ability[batches["ours"]]) / 8).tolist()
        other_values = (rng.binomial(8, ability[batches["features"]]) / 8).tolist()
        for name in list(selectors)[:: 1 if step % 2 else -1]:
            observed = other_values if name == "features" else values
            start = time.perf_counter()
            selectors[name].feedback(batches[name], observed)
            drawn = selectors[name].get_indices(batch_size)
            times[name].append(1e3 * (time.perf_counter() - start))
            batches[name] = drawn.tolist()

    saves = []
    for _ in range(5):
        start = time.perf_counter()
        state = json.dumps(selectors["ours"].state_dict())
        saves.append(1e3 * (time.perf_counter() - start))
    return {
        **{name: float(np.median(values)) for name, values in times.items()},
        "save": float(np.median(saves)),
        "size": len(state) / 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tasks", type=int, nargs="+", default=list(LIMIT_MS), help="dataset sizes, in tasks"
    )
    parser.add_argument("--batch-size", type=int, default=96, help="tasks a step (default: 96)")
    parser.add_argument(
        "--steps", type=int, help="steps timed (default: 500; 60 from 500,000 tasks on)"
    )
    args = parser.parse_args()
    print(
        f"{'tasks':>9} {'Trinity':>9} {'ours':>9} {'ratio':>6} {'features':>9} {'limit':>7} "
        f"{'save':>9} {'size':>9}"
    )
    for tasks in args.tasks:
        steps = args.steps or (500 if tasks < 500_000 else 60)
        with tempfile.TemporaryDirectory() as folder:
            result = compare(tasks, steps, args.batch_size, folder)
        limit = f"{LIMIT_MS[tasks]} ms" if tasks in LIMIT_MS else "-"
        print(
            f"{tasks:>9,} {result['trinity']:>6.2f} ms {result['ours']:>6.2f} ms "
            f"{result['ours'] / result['trinity']:>6.3f} {result['features']:>6.2f} ms {limit:>7} "
            f"{result['save']:>6.0f} ms {result['size']:>6,.0f} KB",
            flush=True,
        )


if __name__ == "__main__":
    main()
