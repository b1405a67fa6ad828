"""A selector that learns what makes a task hard from whatever columns the dataset has.

Named in the YAML as `task_selection.FeatureBasedSelector`. Most datasets have no measured pass
rates, but nearly all have a source, a level, a topic. With 54,404 tasks and 400 steps of 16 hardly
a task is seen twice, so what counts is what one batch says about the tasks that are not in it.

    p(task) = (1 - o) sigmoid(w . x + shift(task))

x comes from the columns (task_selection/columns.py). w is learned from the results of each batch,
and so is o, the share of the tasks that are never solved, whatever the columns say
(task_selection/logistic.py). The shift is what a task's own results say beyond its columns.

A draw takes w from its posterior, so that the selector explores in the few numbers that all tasks
share, and then draws tasks in proportion to a power of p (1 - p), the variance of a reward, which
is what GRPO learns from. A task that was drawn rests for a share of the dataset, so that the
selector does not train on the same few tasks. A small share of every batch is drawn at random, so
that a wrong model is found out.
"""

import time
from pathlib import Path

import numpy as np
from trinity.buffer.selector.selector import BaseSelector
from trinity.utils.log import get_logger

from task_selection.checks import FeatureParameters, check_parameters
from task_selection.columns import check_columns, encode
from task_selection.draws import write_draw
from task_selection.in_flight import InFlight
from task_selection.logistic import LogisticModel, sigmoid
from task_selection.metrics import pool_metrics, write_line
from task_selection.state import (
    fingerprint,
    pack_arrays,
    refuse_damaged,
    refuse_other_dataset,
    unpack_arrays,
    write_state,
)

# The share drawn at random while the predictions are wrong beyond noise.
WIDE_RANDOM_SHARE = 0.5

# Updates between two lines in the log that say what the weights are.
SAY_WEIGHTS_EVERY = 50


class FeatureBasedSelector(BaseSelector):
    """Draws the tasks whose rewards are expected to vary most, by what the columns say of them.

    `feature_keys` names one column or more, of any kind and in any order. `kwargs` has the keys of
    `checks.FeatureParameters`. Files in `state_dir` are those of DifficultyBasedSelector, with one
    more metric:
        selection/random_share  the share of the last batches that was drawn at random

    Raises ValueError on bad features or kwargs.
    """

    def __init__(self, data_source, config) -> None:
        super().__init__(data_source, config)
        self.logger = get_logger("feature_based_selector")
        errors = check_columns(data_source.dataset, config.feature_keys)
        errors += check_parameters(config.kwargs, FeatureParameters)
        if errors:
            raise ValueError("\n".join(["task_selection.FeatureBasedSelector:", *errors]))
        self.parameters = FeatureParameters.model_validate(config.kwargs)
        self.encoding = encode(data_source.dataset, config.feature_keys)
        self.fingerprint = fingerprint(config.feature_keys, self.encoding.contents())
        self.n = self.encoding.rows
        self.state_dir = Path(self.parameters.state_dir) if self.parameters.state_dir else None
        self._start_afresh()

    def _start_afresh(self) -> None:
        self.model = LogisticModel(
            self.encoding.prior_mean,
            self.encoding.prior_sd,
            np.minimum(self.encoding.forget_scale * self.parameters.forget, 1.0),
            self.parameters.m,
        )
        self.current_index = 0
        self.updates = 0
        self.last_drawn = np.full(self.n, -1, dtype=np.int64)  # current_index at the last draw
        self.shift = np.zeros(self.n, dtype=np.float32)
        self.visits = np.zeros(self.n, dtype=np.int32)  # answered draws
        self.in_flight = InFlight()
        self.bias = 0.0  # moving average of the batches' standardized errors; its noise is 1
        self.seconds = 0.0

    def predict(self, indices) -> np.ndarray:
        """Pass rates of the tasks `indices` [B], for the mean of w."""
        scores = self.encoding.rows_of(np.asarray(indices)) @ self.model.mean
        solvable = sigmoid(scores + self.shift[indices])
        return (1 - self.model.never_solved) * solvable

    @property
    def random_share(self) -> float:
        """Wider as the predictions are wrong by 3 to 6 times their noise."""
        narrow = self.parameters.random_share
        wide = max(narrow, WIDE_RANDOM_SHARE)
        return narrow + (wide - narrow) * min(max(abs(self.bias) / 3 - 1, 0.0), 1.0)

    def get_indices(self, batch_size, return_extra_info=False):
        started = time.perf_counter()
        # Seeded by position: the batch after a resume is the one that was due.
        rng = np.random.default_rng([self.config.seed, self.current_index])
        p = self.pass_rates(rng)

        # Gumbel's trick: the largest of log weight + noise are a draw without replacement.
        keys = self.parameters.power * np.log(p * (1 - p))
        keys += rng.gumbel(size=self.n)
        awake = self._awake(batch_size)
        keys[~awake] = -np.inf

        expected = self.random_share * batch_size
        at_random = int(expected) + int(rng.random() < expected % 1)
        keys[rng.choice(np.flatnonzero(awake), at_random, replace=False)] = np.inf

        drawn = np.argpartition(-keys, batch_size - 1)[:batch_size]
        rng.shuffle(drawn)
        self.last_drawn[drawn] = self.current_index
        predicted = self.predict(drawn)
        self.in_flight.add(drawn, predicted)
        self.current_index += batch_size
        if self.state_dir:
            write_draw(self.state_dir, self.current_index // batch_size, drawn, predicted)
        self.seconds += time.perf_counter() - started
        return (drawn, {}) if return_extra_info else drawn

    def pass_rates(self, rng) -> np.ndarray:
        """Pass rates of all tasks, [n], for a w drawn from its posterior."""
        return sigmoid(self.encoding.scores(self.model.draw(rng)) + self.shift)

    def _awake(self, batch_size: int) -> np.ndarray:
        """[n], the tasks that may be drawn: all that do not rest, or all where too few do not."""
        rest_began = self.current_index - int(self.parameters.rest * self.n)
        awake = (self.last_drawn < 0) | (self.last_drawn < rest_began)
        if np.count_nonzero(awake) < batch_size:
            return np.ones(self.n, dtype=bool)
        return awake

    def feedback(self, indices, values) -> None:
        """Learn from the pass rates `values` [B] of the tasks `indices` [B]."""
        started = time.perf_counter()
        indices, values, when_drawn, warning = self.in_flight.complete(indices, values)
        if warning:
            self.logger.warning(f"update {self.updates + 1}: {warning}")
        if len(indices) == 0:
            return
        predicted = self.predict(indices)
        wide_before = self.random_share > self.parameters.random_share
        z = self.model.standardized_error(predicted, values)
        self.bias = 0.9 * self.bias + np.sqrt(1 - 0.9**2) * z
        if self.random_share > self.parameters.random_share and not wide_before:
            self.logger.warning(
                f"update {self.updates + 1}: predicted pass rates have been wrong beyond noise for "
                f"several batches ({abs(self.bias):.1f} times), so more tasks are drawn at random"
            )

        x = self.encoding.rows_of(indices)
        shift = self.shift[indices].astype(float)
        self.model.update(x, shift, values, self.visits[indices])
        self._update_shift(indices, x, values)
        self.updates += 1
        self.seconds += time.perf_counter() - started
        if self.state_dir:
            self._write_metrics(when_drawn, values)
        if self.updates % SAY_WEIGHTS_EVERY == 0:
            self.logger.info(f"update {self.updates}: {self.explain()}")

    def _update_shift(self, indices, x, values) -> None:
        """Move a task's own shift: Beta(k p, k (1 - p)) before its results, k by overdispersion."""
        rho = self.model.overdispersion
        k = (1 - rho) / rho + self.parameters.m * self.visits[indices]
        scores = x @ self.model.mean
        p = sigmoid(scores + self.shift[indices])
        after = (k * p + self.parameters.m * values) / (k + self.parameters.m)
        after = np.clip(after, 1e-3, 1 - 1e-3)
        self.shift[indices] = np.log(after / (1 - after)) - scores
        self.visits[indices] += 1

    def explain(self) -> str:
        """The weights that are clearest against their errors: `source olympiads -1.3 +- 0.2`."""
        errors = np.sqrt(np.diag(np.linalg.inv(self.model.precision)))
        clearest = np.argsort(-np.abs(self.model.mean) / errors)[:12]
        return ", ".join(
            f"{self.encoding.labels[i]} {self.model.mean[i]:+.2f} +- {errors[i]:.2f}"
            for i in clearest
        )

    def _write_metrics(self, predicted, observed) -> None:
        started = time.perf_counter()
        p = sigmoid(self.encoding.scores(self.model.mean) + self.shift)
        p *= 1 - self.model.never_solved
        metrics = pool_metrics(p, p, self.parameters.m)
        metrics["never_selected_ratio"] = float(np.mean(self.last_drawn < 0))
        metrics["random_share"] = float(self.random_share)
        metrics["seconds"] = self.seconds + time.perf_counter() - started
        write_line(self.state_dir, self.updates, predicted, observed, metrics)
        self.seconds = 0.0

    def state_dict(self) -> dict:
        """The whole state for JSON, exact to the bit; also written to `state_dir` if one is set."""
        drawn = np.flatnonzero(self.last_drawn >= 0)
        state = {
            "current_index": self.current_index,
            "updates": self.updates,
            "bias": float(self.bias),
            "never_solved": float(self.model.never_solved),
            "squares": float(self.model.squares),
            "variances": float(self.model.variances),
            "dataset": self.fingerprint,
            "arrays": pack_arrays(
                mean=self.model.mean,
                precision=self.model.precision,
                drawn=drawn.astype(np.int32),
                last_drawn=self.last_drawn[drawn],
                shift=self.shift[drawn],
                visits=self.visits[drawn],
            ),
        }
        if self.state_dir:
            write_state(self.state_dir, state, self.parameters.state_keep)
        return state

    def load_state_dict(self, state_dict: dict) -> None:
        """Restores what `state_dict` returned; `{"current_index": 0}`, a new run's, starts afresh.

        Raises ValueError on a state of another selector or dataset, or a damaged one.
        """
        if "arrays" not in state_dict:
            if state_dict.get("current_index", 0) > 0:
                raise ValueError(
                    "the saved selector state holds no weights (another selector wrote it): start "
                    "a run with another name"
                )
            self._start_afresh()
            return
        refuse_other_dataset(state_dict.get("dataset", {}), self.fingerprint)
        with refuse_damaged(self.state_dir):
            arrays = unpack_arrays(state_dict["arrays"])
            names = ("bias", "never_solved", "squares", "variances")
            numbers = {name: float(state_dict[name]) for name in names}
            counts = {key: int(state_dict[key]) for key in ("updates", "current_index")}
            d = len(self.encoding.labels)
            if arrays["mean"].shape != (d,) or arrays["precision"].shape != (d, d):
                raise ValueError(f"weights of the shape {arrays['mean'].shape}, expected {d}")
            rows = arrays["drawn"]
            own = [arrays[key] for key in ("last_drawn", "shift", "visits")]
            if any(array.shape != rows.shape for array in own):
                raise ValueError("tasks and their results differ in number")

        self._start_afresh()
        self.model.mean = arrays["mean"]
        self.model.precision = arrays["precision"]
        self.model.never_solved = numbers["never_solved"]
        self.model.squares = numbers["squares"]
        self.model.variances = numbers["variances"]
        self.bias = numbers["bias"]
        self.last_drawn[rows], self.shift[rows], self.visits[rows] = own
        self.updates = counts["updates"]
        self.current_index = counts["current_index"]
