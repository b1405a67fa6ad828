"""An online logistic regression: weights that all tasks share, learned from batches of results."""

import numpy as np
from scipy.special import expit

MAX_NEWTON_STEPS = 20


def sigmoid(scores: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-scores)), never 0 or 1."""
    return expit(np.clip(scores, -30, 30))


class LogisticModel:
    """p = (1 - o) sigmoid(w . x + shift), w ~ N(mean, precision^-1) by Laplace's approximation.

    Each batch's posterior is the next one's prior, part of which is forgotten, so that w follows
    the policy. Two things keep the columns from being believed too much:
        rho  overdispersion: results of one task vary more than a binomial does, because the columns
             do not say everything; estimated from the residuals, and m rollouts count as
             m / (1 + (m - 1) rho)
        o    the share of the tasks that are never solved, whatever the columns say (a wrong gold
             answer, a figure that is missing); estimated as the weight of such a component in a
             mixture. A task that was expected to be solved and never was tells w accordingly less

    Args:
        prior_mean, prior_sd: [d].
        forget: [d], share of each weight's evidence that is forgotten at an update.
        m: rollouts of a task.
    """

    def __init__(self, prior_mean, prior_sd, forget, m: int) -> None:
        self.prior_mean = prior_mean
        self.prior_precision = 1 / prior_sd**2
        self.keep = np.sqrt(1 - forget)
        self.m = m
        self.mean = prior_mean.copy()
        self.precision = np.diag(self.prior_precision)  # [d, d]
        self.squares = 2.5 * 0.2  # moving averages, of squared residuals times m ...
        self.variances = 0.2  # ... and of p (1 - p); their ratio is 1 + (m - 1) rho
        self.never_solved = 0.02  # o

    @property
    def overdispersion(self) -> float:
        ratio = self.squares / self.variances
        return float(np.clip((ratio - 1) / max(self.m - 1, 1), 0.01, 0.9))

    @property
    def noise(self) -> float:
        """Variance of a task's pass rate, in units of p (1 - p)."""
        return (1 + (self.m - 1) * self.overdispersion) / self.m

    def draw(self, rng) -> np.ndarray:
        factor = np.linalg.cholesky(self.precision)
        return self.mean + np.linalg.solve(factor.T, rng.standard_normal(len(self.mean)))

    def standardized_error(self, predicted, observed) -> float:
        """Error of a batch's mean pass rate, in units of its standard deviation."""
        variance = np.sum(predicted * (1 - predicted)) * self.noise
        return float(np.sum(observed - predicted) / np.sqrt(variance + 1e-12))

    def update(self, x, shift, values, visits) -> None:
        """Count a batch: rows x [B, d], shifts [B], pass rates [B], earlier visits [B].

        A task that was seen before tells the shared weights less.
        """
        predicted = sigmoid(x @ self.mean + shift)
        solvable = 1 - self._chance_never_solved(predicted, values)
        self.never_solved = 0.98 * self.never_solved + 0.02 * np.mean(1 - solvable)
        squares = self.m * np.average((values - predicted) ** 2, weights=solvable)
        variances = np.average(predicted * (1 - predicted), weights=solvable)
        self.squares = 0.95 * self.squares + 0.05 * squares
        self.variances = 0.95 * self.variances + 0.05 * variances

        forgotten = 1 - self.keep**2
        precision = self.precision * np.outer(self.keep, self.keep)
        precision[np.diag_indices_from(precision)] += forgotten * self.prior_precision
        counts = solvable / self.noise / (1 + visits)
        self.mean, self.precision = _fit(x, shift, values, counts, self.mean, precision)

    def _chance_never_solved(self, predicted, values) -> np.ndarray:
        """[B], for each task the chance that it belongs to those that are never solved."""
        none_solved = (1 - predicted) ** (1 / self.noise)
        chance = self.never_solved / (self.never_solved + (1 - self.never_solved) * none_solved)
        return np.where(values == 0, np.minimum(chance, 0.99), 0.0)


def _fit(x, shift, values, counts, prior_mean, precision):
    """Mode of the posterior and its precision, by Newton's method with halved steps."""

    def loss(w):
        scores = x @ w + shift
        likelihood = counts * (values * scores - np.logaddexp(0, scores))
        offset = w - prior_mean
        return 0.5 * offset @ precision @ offset - likelihood.sum()

    w = prior_mean
    current = loss(w)
    for _ in range(MAX_NEWTON_STEPS):
        p = sigmoid(x @ w + shift)
        gradient = precision @ (w - prior_mean) - x.T @ (counts * (values - p))
        hessian = precision + x.T @ (x * (counts * p * (1 - p))[:, None])
        direction = np.linalg.solve(hessian, gradient)
        size = 1.0
        while loss(w - size * direction) > current and size > 1e-4:
            size /= 2
        w = w - size * direction
        before, current = current, loss(w)
        if before - current < 1e-6:
            break
    p = sigmoid(x @ w + shift)
    hessian = precision + x.T @ (x * (counts * p * (1 - p))[:, None])
    return w, hessian
