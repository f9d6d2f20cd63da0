"""A bracket around the least nuclear norm, from any iterate whatever: the best feasible pair seen so far.

    ‖P(X)‖_*  ≥  min ‖X‖_*  ≥  ⟨b, λ⟩ − slack ‖λ‖_1,     P(X) feasible,  ‖A*(λ)‖ ≤ 1 (spectral norm)

The first holds because P projects on the constraints, the second by weak duality. Singular values are computed in full.
Over X ⪰ 0 the dual only asks A*(λ) ⪯ I, and P(X) is feasible up to its negative eigenvalues, whose size counts as more.
"""

import numpy as np
from jaxtyping import Float
from scipy import linalg

from rankfall.baselines.constraints import EntryConstraints, LinearConstraints

# Share of the relative infeasibility that must meet the gap tolerance too. On a degenerate problem resetting the
# observed entries can repair an X that is still far from them, so that the gap alone would say nothing about X.
_FIT = 0.1
RECORDED = ("iteration", "residual", "primal", "dual", "gap", "infeasibility")


class Certificate:
    """The best feasible pair so far: bounds that hold whatever the iteration does; `positive`: over X ⪰ 0."""

    def __init__(self, constraints: EntryConstraints | LinearConstraints, *, positive: bool = False) -> None:
        self._constraints = constraints
        self._size = largest_eigenvalue if positive else spectral_norm
        self._unit = float(np.linalg.norm(constraints.values))
        self.triplets: tuple[np.ndarray, np.ndarray, np.ndarray] = (np.zeros((0, 0)), np.zeros(0), np.zeros((0, 0)))
        self.dual = np.zeros(constraints.values.size)
        self._upper, self._lower, self._infeasibility = np.inf, 0.0, np.inf

    @property
    def gap(self) -> float:
        """(primal − dual)/primal of the pair kept."""
        return self._gap_of(self._upper)

    @property
    def distance(self) -> float:
        """What must come down to the tolerance, the gap and a share of the relative infeasibility."""
        return max(self.gap, _FIT * self._infeasibility)

    def _gap_of(self, upper: float) -> float:
        return 1.0 if np.isinf(upper) else max(upper - self._lower, 0.0) / upper

    def row(self, iteration: int, residual: float) -> tuple[float, ...]:
        """One line of the history, in the order of `RECORDED`."""
        return float(iteration), residual, self._upper, self._lower, self.gap, self._infeasibility

    def update(
        self,
        low: Float[np.ndarray, "m n"],
        triplets: tuple[np.ndarray, np.ndarray, np.ndarray],
        multipliers: Float[np.ndarray, " entries"],
    ) -> None:
        """Keep the multipliers, scaled into the spectral ball, if they bound better, and `low` if it is nearer."""
        multipliers = multipliers / max(self._size(self._constraints.adjoint(multipliers)), 1.0)
        slack = self._constraints.slack
        lower = float(self._constraints.values @ multipliers - slack * np.abs(multipliers).sum())
        if lower > self._lower:
            self._lower, self.dual = lower, multipliers
        feasible, _ = self._constraints.project(low)
        infeasibility = self._constraints.infeasibility(low) / self._unit
        upper = float(np.linalg.svd(feasible, compute_uv=False).sum())
        if max(self._gap_of(upper), _FIT * infeasibility) < self.distance:
            self._upper, self._infeasibility, self.triplets = upper, infeasibility, triplets


def spectral_norm(matrix: Float[np.ndarray, "m n"]) -> float:
    """σ_1, from the largest eigenvalue of the smaller Gram matrix, rounded up by its rounding error."""
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    last = tall.shape[1] - 1
    square = linalg.eigvalsh(tall.T @ tall, subset_by_index=(last, last))[0]
    return float(np.sqrt(max(square, 0.0)) * (1 + tall.shape[1] * np.finfo(float).eps))


def largest_eigenvalue(matrix: Float[np.ndarray, "n n"]) -> float:
    """λ_1 of the symmetric part, rounded up by its rounding error."""
    last = len(matrix) - 1
    symmetric = (matrix + matrix.T) / 2
    value = linalg.eigvalsh(symmetric, subset_by_index=(last, last))[0]
    return float(value + len(matrix) * np.finfo(float).eps * np.linalg.norm(symmetric))
