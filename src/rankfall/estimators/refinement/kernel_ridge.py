"""Kernel ridge regression: each column a smooth function of the completed others.

    f(x) = μ + Σ_i c_i k(x, x_i),   k(x, y) = exp(−|x − y|²/(2 ℓ² d)),   c = (K + αI)⁻¹ (y − μ)

The length ℓ, in standard deviations a coordinate, and the ridge α minimize the leave-one-out error on some of the rows,
which one eigendecomposition K = V diag(w) Vᵀ gives for every α:   y_i − f_{−i}(x_i) = c_i / ((K + αI)⁻¹)_ii.
[rasmussen2006]
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.estimators.refinement.learner import Learner

_LENGTHS = (0.7, 1.5, 3.0, 8.0)
_RIDGES = (1e-3, 1e-2, 1e-1, 0.3, 1.0, 3.0, 10.0)
# A row further out than this would be far from all others.
_CLIPPED = 4.0


@dataclass(frozen=True)
class KernelRidge(Learner):
    """Learned from at most `most_rows` rows, ℓ and α from `chosen_on`, drawn by the seed: cost is cubic."""

    most_rows: int = 500
    chosen_on: int = 200
    name: str = "kernel regression"

    def regress(
        self,
        known: Float[np.ndarray, "have k"],
        targets: Float[np.ndarray, "have t"],
        unknown: Float[np.ndarray, "lack k"],
        seed: int,
        is_final: bool,
    ) -> Float[np.ndarray, "lack t"]:
        """f at the unknown rows."""
        from scipy.linalg import solve

        drawn = np.random.default_rng(seed).permutation(len(targets))[: self.most_rows]
        known, targets = np.clip(known[drawn], -_CLIPPED, _CLIPPED), targets[drawn]
        mean = targets.mean(axis=0)
        distances = _squared_distances(known, known)
        few = slice(self.chosen_on)
        length, ridge = _chosen(distances[few, few], targets[few] - mean)
        gram = np.exp(-distances / (2 * length**2)) + ridge * np.eye(len(targets))
        coefficients = solve(gram, targets - mean, assume_a="pos")
        unknown = np.clip(unknown, -_CLIPPED, _CLIPPED)
        return mean + np.exp(-_squared_distances(unknown, known) / (2 * length**2)) @ coefficients


def _chosen(distances: Float[np.ndarray, "k k"], targets: Float[np.ndarray, "k t"]) -> tuple[float, float]:
    """ℓ and α of the least leave-one-out error."""
    best, length, ridge = np.inf, _LENGTHS[0], _RIDGES[0]
    for candidate in _LENGTHS:
        values, vectors = np.linalg.eigh(np.exp(-distances / (2 * candidate**2)))
        turned, squares = vectors.T @ targets, vectors**2
        for alpha in _RIDGES:
            inverse = 1 / (np.maximum(values, 0) + alpha)[:, None]
            error = float(np.mean((vectors @ (inverse * turned) / (squares @ inverse)) ** 2))
            if error < best:
                best, length, ridge = error, candidate, alpha
    return length, ridge


def _squared_distances(left: Float[np.ndarray, "r k"], right: Float[np.ndarray, "s k"]) -> Float[np.ndarray, "r s"]:
    """|x − y|²/d of every pair."""
    from scipy.spatial.distance import cdist

    return cdist(left, right, "sqeuclidean") / max(1, left.shape[1])
