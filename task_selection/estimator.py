"""The estimate behind the difficulty-based selector: a Beta posterior of each task's pass rate."""

import numpy as np
from trinity.buffer.selector.difficulty_estimator import InterpolationBetaPREstimator

# A batch whose two reference means differ by less says little about where the policy stands between
# them: with 16 tasks of 8 rollouts the policy's own mean is uncertain by about 0.07.
WELL_CONDITIONED_GAP = 0.05


class InterpolationEstimator(InterpolationBetaPREstimator):
    """Trinity 0.6.0's estimator (BOTS, arXiv 2510.26374) with two changes.

    prior        the posterior decays to the prior that it started from; Trinity's always decays to
                 Beta(1, 1), so that of four pseudo-counts 1.4 are left after ten steps at lamb 0.1.
                 In simulation the posterior with a prior finds more useful tasks this way
                 (python -m tests.task_selection.simulation)
    coefficient  a batch whose reference means are close counts less; Trinity divides by their
                 difference, so that one batch can throw the coefficient off for dozens of steps

    With the prior Beta(1, 1), and where every batch's reference means differ by at least
    WELL_CONDITIONED_GAP, posteriors are those of Trinity's class to the bit.

    Args:
        features: [n, 2], pass rates of the weaker and the stronger reference.
        prior_alphas, prior_betas: [n], each at least 1.
    """

    def __init__(
        self,
        features: np.ndarray,
        prior_alphas: np.ndarray,
        prior_betas: np.ndarray,
        m: int,
        lamb: float,
        rho: float,
        adaptive_rho: bool,
    ) -> None:
        super().__init__(features, m=m, lamb=lamb, rho=rho, adaptive_rho=adaptive_rho)
        self.prior_alphas = prior_alphas
        self.prior_betas = prior_betas
        self.alphas_regained = lamb * prior_alphas  # [n], the prior's part in each decay
        self.betas_regained = lamb * prior_betas
        self.initial_rho = rho
        self.start_afresh()

    def start_afresh(self) -> None:
        self.set(self.prior_alphas.copy(), self.prior_betas.copy())
        self.cap_coef = None
        self.rho = self.initial_rho

    def update(self, indices: np.ndarray, pass_rates: np.ndarray) -> None:
        """Count a batch: tasks `indices` [B], each once, and their `pass_rates` [B] in [0, 1].

        What is counted goes to the tasks of the batch, with weight 1 - rho. What the references
        and the coefficient say of a task goes to all the others, with weight rho.
        """
        self._update_coefficient(indices, pass_rates)
        coefficient = 0.5 if self.cap_coef is None else self.cap_coef  # unknown: midway
        weaker, stronger = self.features.T
        expected = np.clip((stronger - weaker) * coefficient + weaker, 0, 1)  # [n]
        error = np.mean(np.abs(expected[indices] - pass_rates))
        if self.adaptive_rho and error >= 0.25:
            self.rho *= 0.5
        expected[indices] = pass_rates

        successes = np.zeros(self.n)
        failures = np.zeros(self.n)
        successes[indices] = pass_rates * self.m
        failures[indices] = (1 - pass_rates) * self.m

        self.alphas = (
            (1 - self.lamb) * self.alphas
            + self.alphas_regained
            + (1 - self.rho) * successes
            + self.rho * expected * self.m
        )
        self.betas = (
            (1 - self.lamb) * self.betas
            + self.betas_regained
            + (1 - self.rho) * failures
            + self.rho * (1 - expected) * self.m
        )

    def likely(self) -> np.ndarray:
        """The most likely pass rate of each task [n]; NaN where less than one rollout is known."""
        successes = self.alphas - 1
        rollouts = successes + self.betas - 1
        return np.divide(successes, rollouts, out=np.full(self.n, np.nan), where=rollouts >= 1)

    def _update_coefficient(self, indices: np.ndarray, pass_rates: np.ndarray) -> None:
        """Move `cap_coef`, where the policy stands: 0 at the weaker reference, 1 at the stronger.

        A batch's own estimate is excess / gap. Its variance goes with 1 / gap^2, so a batch of a
        small gap counts with a weight that goes with gap^2. The first estimate is taken whole;
        it has to be a well-conditioned one.
        """
        weaker, stronger = self.features[indices].mean(axis=0)
        excess = np.mean(pass_rates) - weaker
        gap = stronger - weaker
        newest = 1 - self.cap_coef_update_discount
        if abs(gap) >= WELL_CONDITIONED_GAP:
            estimate = excess / (gap + 1e-6)  # as Trinity's, to the bit
            if self.cap_coef is None:
                self.cap_coef = estimate
            else:
                self.cap_coef = (1 - newest) * self.cap_coef + newest * estimate
        elif self.cap_coef is not None:
            weight = (gap / WELL_CONDITIONED_GAP) ** 2
            weighted_estimate = excess * gap / WELL_CONDITIONED_GAP**2
            self.cap_coef = (1 - newest * weight) * self.cap_coef + newest * weighted_estimate
