"""Difficulty-based task selection (BOTS, arXiv 2510.26374) that a long run can rely on.

Two classes on top of Trinity-RFT 0.6.0's own, named in the YAML by dotted path:
`task_selection.DifficultyBasedSelector` and `task_selection.PassRateCalculator`.
For clean data and an uninterrupted run the selector chooses the batches that Trinity's chooses.
Where it departs from Trinity's:
  state      the whole posterior is saved and restored; Trinity's keeps `current_index` alone
  features   checked once, before training; Trinity lets one NaN spread to every posterior
  feedback   not finite: dropped; outside [0, 1]: clipped; both counted in a warning
  cap_coef   kept where a batch's two reference means are equal; Trinity's explodes there
  pass rate  over runs; Trinity's is over experiences, so that a five-step run counts five times
  references one is enough: it is read beside a second that solves nothing
Cost of a step: `python -m benchmarks.selector`.
"""

import base64
import functools
import hashlib
import json
import os
import time
import zlib
from pathlib import Path

import numpy as np
import trinity.buffer.selector.selector as trinity_selector
from trinity.buffer.selector.difficulty_estimator import InterpolationBetaPREstimator

from task_selection.checks import check_features, check_parameters, clean_feedback

# Two reference means closer than this say nothing about where the policy stands between them: it
# is less than one answer in 16 samples of each of 64 tasks, and the coefficient divides by it.
MIN_REFERENCE_GAP = 1e-3


class InterpolationEstimator(InterpolationBetaPREstimator):
    """Trinity's estimator, whose interpolation coefficient outlives batches that cannot tell it."""

    def update(self, ref_indices: np.ndarray, ref_pass_rates: np.ndarray) -> None:
        weaker, stronger = self.features[ref_indices].mean(axis=0)
        if abs(stronger - weaker) >= MIN_REFERENCE_GAP:
            super().update(ref_indices, ref_pass_rates)
            return
        # Trinity 0.6.0 divides by stronger - weaker + 1e-6 here, and keeps the result for ever.
        # The rest of its update follows; before the first usable batch: midway between the two.
        cap_coef = 0.5 if self.cap_coef is None else self.cap_coef
        low, high = self.features.T
        p_tilde = np.clip((high - low) * cap_coef + low, 0, 1)
        p_tilde[ref_indices] = ref_pass_rates
        successes, failures = np.zeros(self.n), np.zeros(self.n)
        successes[ref_indices] = ref_pass_rates * self.m
        failures[ref_indices] = (1 - ref_pass_rates) * self.m
        self._update(successes, failures, p_tilde)


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

    `feature_keys` names two columns of reference pass rates in [0, 1], the weaker reference
    first. One column is read beside a reference that solves nothing: the policy's pass rate is
    then a multiple of that column's, fitted on the batches.
    `kwargs` and their defaults are Trinity's (selection_checks.PARAMETERS gives the ranges), and:
      prior_strength  start posteriors at Beta(1 + k p, 1 + k (1 - p)), p the mean of the
                      references and k this many pseudo-counts; default 0, the paper's Beta(1, 1)
      state_dir       folder, one per taskset, for `<current_index>.json`, a copy of each state
                      handed out, and for TensorBoard scalars; default none
      state_keep      state files kept there, the newest; default 50

    Scalars, by update: selection/predicted_pass_rate_error, the mean absolute difference between
    the posterior means of a batch and its observed pass rates; selection/never_selected_ratio;
    selection/seconds, what draw, update, state and these scalars themselves cost since the last.
    They have a writer of their own because Trinity 0.6.0 hands a selector no way into the
    explorer's metrics: the operator's process knows no posterior, and feedback returns nothing.

    Raises ValueError on bad features or kwargs.
    """

    def __init__(self, data_source, config) -> None:
        super().__init__(data_source, config)
        state_dir = config.kwargs.get("state_dir")
        self.state_dir = Path(state_dir) if state_dir else None
        self.state_keep = config.kwargs.get("state_keep", 50)
        self.initial_rho = self.diff_estimator.rho
        self.writer = None
        self._start_afresh()

    def build_diff_estimator(self, dataset, feature_keys, config) -> InterpolationEstimator:
        errors, warnings = check_features(dataset, feature_keys)
        errors += check_parameters(config)
        if errors:
            raise ValueError("\n".join(["task_selection.DifficultyBasedSelector:", *errors]))
        for warning in warnings:
            self.logger.warning(warning)
        references = [np.array(dataset[key][:], dtype=float) for key in feature_keys]
        self.prior_mean = np.mean(references, axis=0)  # [n]
        features = np.stack([np.zeros_like(references[0]), *references][-2:], axis=1)  # [n, 2]
        self.fingerprint = {
            "rows": len(features),
            "feature_keys": list(feature_keys),
            "digest": hashlib.sha256(features.tobytes()).hexdigest()[:16],
        }
        return InterpolationEstimator(
            features,
            m=config.get("m", 16),
            lamb=config.get("lamb", 0.2),
            rho=config.get("rho", 0.2),
            adaptive_rho=config.get("adaptive_rho", False),
        )

    def _start_afresh(self) -> None:
        k, p = self.config.kwargs.get("prior_strength", 0), self.prior_mean
        self.diff_estimator.set(1 + k * p, 1 + k * (1 - p))
        self.diff_estimator.cap_coef = None
        self.diff_estimator.rho = self.initial_rho
        self.current_index = self.updates = 0
        self.selected = np.zeros(len(self.prior_mean), dtype=bool)
        self.seconds = 0.0

    @_timed
    def get_indices(self, batch_size, return_extra_info=False):
        drawn = super().get_indices(batch_size, return_extra_info)
        self.selected[np.asarray(drawn[0] if return_extra_info else drawn)] = True
        return drawn

    @_timed
    def feedback(self, indices, values) -> None:
        """Updates every posterior with the pass rates `values` [B] of the tasks `indices` [B]."""
        given = len(indices)
        indices, values, dropped, clipped = clean_feedback(indices, values)
        if dropped or clipped:
            self.logger.warning(
                f"update {self.updates + 1}: of {given} pass rates {dropped} were not finite "
                f"(dropped) and {clipped} outside [0, 1] (clipped); see the judge's rewards"
            )
        if len(indices) == 0:
            return
        error = np.abs(self.diff_estimator.predict_pr(indices=indices) - values).mean()
        super().feedback(indices, values)
        self.updates += 1
        if self.state_dir:
            never_selected = 1 - np.count_nonzero(self.selected) / len(self.selected)
            scalars = {"predicted_pass_rate_error": error, "never_selected_ratio": never_selected}
            self._log(**scalars, seconds=self.seconds)
            self.seconds = 0.0

    def _log(self, **scalars: float) -> None:
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # What an interrupted run wrote from this update on is not shown.
            self.writer = SummaryWriter(str(self.state_dir), purge_step=self.updates)
        for name, value in scalars.items():
            self.writer.add_scalar(f"selection/{name}", value, self.updates)
        self.writer.flush()

    @_timed
    def state_dict(self) -> dict:
        """The whole state as JSON, exact to the bit; also written to `state_dir` where one is set.

        Tasks that share references and were long not selected share a posterior, so the pairs
        (alpha, beta) are stored once each.
        """
        estimator = self.diff_estimator
        posterior = np.stack([estimator.alphas, estimator.betas], axis=1).view(complex).ravel()
        pairs, pair_of_task = np.unique(posterior, return_inverse=True)
        state = {
            "current_index": self.current_index,
            "updates": self.updates,
            "cap_coef": None if estimator.cap_coef is None else float(estimator.cap_coef),
            "rho": float(estimator.rho),
            "dataset": self.fingerprint,
            "posterior": [_pack(pairs), _pack(pair_of_task.astype(np.uint32))],
            "selected": _pack(self.selected),
        }
        if self.state_dir:
            _write_state(self.state_dir, state, self.state_keep)
        return state

    def load_state_dict(self, state_dict: dict) -> None:
        """Restores what `state_dict` returned; `{"current_index": 0}`, a new run's, starts afresh.

        Raises ValueError on a state of another selector or dataset, or a damaged one.
        """
        if "posterior" not in state_dict:
            self._refuse_lost_state(state_dict.get("current_index", 0))
            self._start_afresh()
            return
        saved = state_dict.get("dataset", {})
        differs = [
            f"{key}: saved {saved.get(key)!r}, here {value!r}"
            for key, value in self.fingerprint.items()
            if saved.get(key) != value
        ]
        if differs:
            raise ValueError(
                f"the saved selector state belongs to another dataset ({'; '.join(differs)}): "
                "give the run back its dataset and feature_keys, or start a run of another name"
            )
        try:
            pairs, pair_of_task = state_dict["posterior"]
            posterior = _unpack(pairs, complex)[_unpack(pair_of_task, np.uint32)]
            selected = _unpack(state_dict["selected"], bool)
            cap_coef = state_dict["cap_coef"]
            cap_coef = None if cap_coef is None else float(cap_coef)
            rho, updates = float(state_dict["rho"]), int(state_dict["updates"])
            current_index = int(state_dict["current_index"])
            if not len(posterior) == len(selected) == len(self.selected):
                raise ValueError(f"{len(posterior)} posteriors, {len(selected)} marks")
        except (KeyError, IndexError, TypeError, ValueError, zlib.error) as error:
            raise ValueError(
                f"the saved selector state is damaged ({type(error).__name__}: {error}): put a "
                f"state of {self.state_dir or 'a backup'} into explorer_meta.json"
            ) from error
        self.diff_estimator.set(posterior.real.copy(), posterior.imag.copy())
        self.diff_estimator.cap_coef = cap_coef
        if self.diff_estimator.adaptive_rho:  # otherwise rho is a setting, and the YAML's home
            self.diff_estimator.rho = rho
        self.current_index, self.updates, self.selected = current_index, updates, selected

    def _refuse_lost_state(self, current_index: int) -> None:
        if current_index > 0:
            raise ValueError(
                f"the saved selector state stands at task {current_index} but holds no posterior "
                "(Trinity's own selector wrote it, or the files in state_dir are gone): resume "
                "with --stock, or start a run of another name"
            )
        if self.state_dir and any(self.state_dir.glob("[1-9]*.json")):
            self.logger.warning(
                f"selection starts afresh although {self.state_dir} holds states of later steps"
            )


def _pack(array: np.ndarray) -> str:
    """Text of a 1-D array: byte planes (all first bytes, all second bytes, ...), deflated."""
    planes = array.view(np.uint8).reshape(len(array), -1).T
    return base64.b64encode(zlib.compress(planes.tobytes())).decode("ascii")


def _unpack(text: str, dtype) -> np.ndarray:
    data = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    planes = data.reshape(np.dtype(dtype).itemsize, -1)
    return planes.T.copy().view(dtype).ravel()


def _write_state(folder: Path, state: dict, keep: int) -> None:
    """Writes `<current_index>.json` whole or not at all; keeps the `keep` last written."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{state['current_index']}.json"
    temporary = path.with_suffix(".json.tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    # By time, not by index: after a rewind, lower indices are the newer ones.
    written = sorted(folder.glob("[0-9]*.json*"), key=lambda file: file.stat().st_mtime_ns)
    for stale in written[:-keep]:
        stale.unlink()
