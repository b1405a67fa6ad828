"""What a selector believes, and what came back: a line for each update in `metrics.jsonl`.

    {"role": "selector", "step": 7, "time": 1764081000.1,
     "metrics": {"selection/expected_pass_rate": 0.31, ...},
     "predicted": [0.52, 0.47, ...], "observed": [0.375, 0.0, ...]}

The step is the number of the update. The two lists have a value for each task of its batch: the
pass rate predicted when the task was drawn (draws.py), and the one that came back, in which a lost
rollout is a failure. `plot_result.py --selection` draws all of it.

    selection/expected_pass_rate         mean of the expected pass rates of all tasks. It does not
                                         depend on what is drawn, as the rollouts' accuracy does
    selection/solved_ratio               share of the tasks of which a whole group of rollouts
                                         succeeds more often than not (8 rollouts: at a pass rate
                                         above 0.917), so that nothing is left to learn
    selection/hopeless_ratio             the same for a whole group that fails (below 0.083)
    selection/never_selected_ratio       share of the tasks that were never drawn
    selection/predicted_pass_rate_error  mean absolute difference of predicted and observed
    selection/seconds                    what draw, update, state and metrics have cost since the
                                         last line

The selector writes them itself because Trinity 0.6.0 hands it no way into the explorer's metrics:
the operator's process knows no posterior, and `feedback` returns nothing.
"""

import time
from pathlib import Path

import numpy as np

from safe_files import append_json_line


def pool_metrics(expected: np.ndarray, likely: np.ndarray, m: int) -> dict[str, float]:
    """What is believed of all tasks.

    Args:
        expected: [n], the mean of what is believed of each task's pass rate.
        likely: [n], its most likely value, which a prior does not pull to the middle; NaN where
            too little is known.
        m: rollouts of a group.
    """
    one_half = 0.5 ** (1 / m)  # the pass rate at which all m rollouts succeed every second time
    return {
        "expected_pass_rate": float(expected.mean()),
        "solved_ratio": np.count_nonzero(likely > one_half) / len(likely),
        "hopeless_ratio": np.count_nonzero(likely < 1 - one_half) / len(likely),
    }


def write_line(folder: Path, step: int, predicted, observed, metrics: dict) -> None:
    """Add the line of an update to `folder`/metrics.jsonl.

    Args:
        predicted, observed: [B], of the tasks of its batch; a task that was not drawn since the
            selector started has the prediction NaN and is left out.
        metrics: the other metrics, without `selection/`.
    """
    drawn = np.isfinite(predicted)
    predicted, observed = predicted[drawn], observed[drawn]
    if drawn.any():
        error = float(np.mean(np.abs(predicted - observed)))
        metrics = {"predicted_pass_rate_error": error, **metrics}
    record = {
        "role": "selector",
        "step": step,
        "time": time.time(),
        "metrics": {f"selection/{name}": value for name, value in metrics.items()},
        "predicted": predicted.round(4).tolist(),
        "observed": observed.round(4).tolist(),
    }
    append_json_line(folder / "metrics.jsonl", record)
