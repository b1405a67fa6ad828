"""The difficulty-based selector (BOTS, arXiv 2510.26374), made safe for a long run.

A subclass of Trinity-RFT 0.6.0's, named in the YAML as `task_selection.DifficultyBasedSelector`.
For clean data, an uninterrupted run and `prior_strength` 0 it chooses the batches that Trinity's
class chooses. It differs from Trinity's in these points:

    state       the whole posterior is saved and restored; Trinity's keeps only `current_index`
    features    checked once, before training; in Trinity's one NaN spreads to every posterior
    feedback    what is not finite is dropped, what is outside [0, 1] is clipped; both are logged
    lost tasks  a task of which no rollout came back counts as failed; Trinity's forgets it
    references  one is enough: the second then solves nothing
    estimate    see task_selection/estimator.py

What a step costs: `python -m tests.task_selection.benchmark`.
"""

import functools
import time
from pathlib import Path

import numpy as np
import trinity.buffer.selector.selector as trinity_selector

from task_selection.checks import Parameters, check_features, check_parameters
from task_selection.draws import write_draw
from task_selection.estimator import InterpolationEstimator
from task_selection.in_flight import InFlight
from task_selection.metrics import pool_metrics, write_line
from task_selection.state import (
    fingerprint,
    pack_arrays,
    refuse_damaged,
    refuse_other_dataset,
    unpack_arrays,
    write_state,
)

# Updates in a row with the coefficient outside [0, 1] after which the log says so.
LONG_OUTSIDE = 20


def _timed(method):
    """Adds the method's seconds to `self.seconds`."""

    @functools.wraps(method)
    def timed(self, *args, **kwargs):
        started = time.perf_counter()
        try:
            return method(self, *args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - started

    return timed


class DifficultyBasedSelector(trinity_selector.DifficultyBasedSelector):
    """Draws the tasks whose posterior pass rate is nearest to `target_reward`.

    `feature_keys` names two columns of reference pass rates in [0, 1], the weaker reference first.
    With one column the policy's pass rate is taken as a multiple of that column's, and the factor
    is fitted on the batches.

    `kwargs` has the keys of `checks.Parameters`. Trinity knows all but these three:
        prior_strength  posteriors start at, and decay to, Beta(1 + k p, 1 + k (1 - p)), where p is
                        the mean of the references and k this number of pseudo-counts (default 0)
        state_dir       folder of this taskset for `<current_index>.json`, a copy of each state,
                        for metrics.jsonl and for draws.jsonl, see draws.py (default: none)
        state_keep      number of state files kept there, the newest (default 50)

    metrics.jsonl gets one line at each update: see task_selection/metrics.py. The predicted pass
    rates are the means of the posteriors. After a resume the steps go on from the restored state: a
    step that comes again replaces the earlier line and all lines between.

    Raises ValueError on bad features or kwargs.
    """

    def __init__(self, data_source, config) -> None:
        super().__init__(data_source, config)
        self.state_dir = Path(self.parameters.state_dir) if self.parameters.state_dir else None
        self._start_afresh()

    def build_diff_estimator(self, dataset, feature_keys, config) -> InterpolationEstimator:
        """Called by Trinity's constructor."""
        errors, warnings = check_features(dataset, feature_keys)
        errors += check_parameters(config)
        if errors:
            raise ValueError("\n".join(["task_selection.DifficultyBasedSelector:", *errors]))
        for warning in warnings:
            self.logger.warning(warning)

        self.parameters = Parameters.model_validate(config)
        references = [np.array(dataset[key][:], dtype=float) for key in feature_keys]
        if len(references) == 1:
            references.insert(0, np.zeros_like(references[0]))
            prior_mean = references[1]
        else:
            prior_mean = np.mean(references, axis=0)
        features = np.stack(references, axis=1)  # [n, 2]
        self.fingerprint = fingerprint(feature_keys, features)
        return InterpolationEstimator(
            features,
            prior_alphas=1 + self.parameters.prior_strength * prior_mean,
            prior_betas=1 + self.parameters.prior_strength * (1 - prior_mean),
            m=self.parameters.m,
            lamb=self.parameters.lamb,
            rho=self.parameters.rho,
            adaptive_rho=self.parameters.adaptive_rho,
        )

    def _start_afresh(self) -> None:
        self.diff_estimator.start_afresh()
        self.current_index = 0
        self.updates = 0
        self.updates_outside = 0
        self.selected = np.zeros(self.diff_estimator.n, dtype=bool)
        self.in_flight = InFlight()
        self.seconds = 0.0

    @_timed
    def get_indices(self, batch_size, return_extra_info=False):
        result = super().get_indices(batch_size, return_extra_info)
        drawn = result[0] if return_extra_info else result
        drawn = np.asarray(drawn)
        self.selected[drawn] = True
        predicted = self.diff_estimator.predict_pr(indices=drawn)
        self.in_flight.add(drawn, predicted)
        if self.state_dir:
            write_draw(self.state_dir, self.current_index // batch_size, drawn, predicted)
        return result

    @_timed
    def feedback(self, indices, values) -> None:
        """Updates every posterior with the pass rates `values` [B] of the tasks `indices` [B]."""
        indices, values, predicted, warning = self.in_flight.complete(indices, values)
        if warning:
            self.logger.warning(f"update {self.updates + 1}: {warning}")
        if len(indices) == 0:
            return

        self.diff_estimator.update(indices, values)
        self.updates += 1
        self._watch_coefficient()
        if self.state_dir:
            estimator = self.diff_estimator
            expected = estimator.alphas / (estimator.alphas + estimator.betas)
            metrics = pool_metrics(expected, estimator.likely(), self.parameters.m)
            selected = np.count_nonzero(self.selected)
            metrics["never_selected_ratio"] = 1 - selected / estimator.n
            metrics["seconds"] = self.seconds
            write_line(self.state_dir, self.updates, predicted, values, metrics)
            self.seconds = 0.0

    def _watch_coefficient(self) -> None:
        """Says in the log when the policy has long stood outside the two references."""
        if len(self.config.feature_keys) == 1:
            return  # the coefficient is then a factor, which may be above 1
        coefficient = self.diff_estimator.cap_coef
        inside = coefficient is None or 0 <= coefficient <= 1
        self.updates_outside = 0 if inside else self.updates_outside + 1
        if self.updates_outside == LONG_OUTSIDE:
            place = "above the stronger" if coefficient > 1 else "below the weaker"
            advice = "stronger" if coefficient > 1 else "weaker"
            self.logger.warning(
                f"update {self.updates}: for {LONG_OUTSIDE} updates the policy has stood {place} "
                f"reference (interpolation coefficient {coefficient:.2f}, expected 0 to 1), so the "
                f"two do not bracket it. A {advice} reference would tell the tasks apart better"
            )

    @_timed
    def state_dict(self) -> dict:
        """The whole state for JSON, exact to the bit; also written to `state_dir` if one is set.

        Batches in flight are no part of it: a run that starts again does not get their feedback.
        """
        estimator = self.diff_estimator
        state = {
            "current_index": self.current_index,
            "updates": self.updates,
            "cap_coef": None if estimator.cap_coef is None else float(estimator.cap_coef),
            "rho": float(estimator.rho),
            "dataset": self.fingerprint,
            "arrays": pack_arrays(
                alphas=estimator.alphas, betas=estimator.betas, selected=self.selected
            ),
        }
        if self.state_dir:
            write_state(self.state_dir, state, self.parameters.state_keep)
        return state

    def load_state_dict(self, state_dict: dict) -> None:
        """Restores what `state_dict` returned; `{"current_index": 0}`, a new run's, starts afresh.

        Raises ValueError on a state of another selector, version or dataset, or a damaged one.
        """
        if "arrays" not in state_dict:
            self._refuse_foreign_state(state_dict)
            self._start_afresh()
            return
        refuse_other_dataset(state_dict.get("dataset", {}), self.fingerprint)
        with refuse_damaged(self.state_dir):
            arrays = unpack_arrays(state_dict["arrays"])
            alphas = arrays["alphas"]
            betas = arrays["betas"]
            selected = arrays["selected"]
            cap_coef = state_dict["cap_coef"]
            if cap_coef is not None:
                cap_coef = float(cap_coef)
            rho = float(state_dict["rho"])
            updates = int(state_dict["updates"])
            current_index = int(state_dict["current_index"])
            for name, array in arrays.items():
                if array.shape != (self.diff_estimator.n,):
                    raise ValueError(f"{name} has the shape {array.shape}")

        self._start_afresh()
        self.diff_estimator.set(alphas, betas)
        self.diff_estimator.cap_coef = cap_coef
        if self.parameters.adaptive_rho:  # otherwise rho is a setting: the YAML decides
            self.diff_estimator.rho = rho
        self.current_index = current_index
        self.updates = updates
        self.selected = selected

    def _refuse_foreign_state(self, state_dict: dict) -> None:
        if "posterior" in state_dict:
            raise ValueError(
                "the saved selector state was written by an earlier version of task_selection: "
                "finish this run with the version that started it, or start a run with another "
                "name"
            )
        current_index = state_dict.get("current_index", 0)
        if current_index > 0:
            raise ValueError(
                f"the saved selector state stands at task {current_index} but holds no posterior "
                "(Trinity's own selector wrote it, or the files in state_dir are gone): resume "
                "with --stock, or start a run with another name"
            )
        if self.state_dir and any(self.state_dir.glob("[1-9]*.json")):
            self.logger.warning(
                f"selection starts afresh although {self.state_dir} holds states of later steps"
            )
