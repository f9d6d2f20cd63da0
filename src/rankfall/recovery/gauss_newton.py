"""Fits of a given rank: Gauss–Newton on the manifold.

    (A, B) = argmin ‖b − P(W) − P(A Vᵀ + U Bᵀ)‖²,     W ← the q leading triplets of W + A Vᵀ + U Bᵀ

Near an exact fit a step squares the error, so few are needed; far from one they stall, and are given up.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.observed import Observed
from rankfall.recovery.spectrum import Triplets, triplets_of

_STEPS, _ITERATIONS = 25, 500
# The tangent space is written with q² parameters too many; so small a ridge picks the least of the solutions.
_RIDGE = 1e-12
_ROUNDING = 3e-14
# Steps after which a fit must have fallen to this share of the first residual, or fall by 0.7 in four steps.
_PATIENCE, _FALLEN, _FALLING = 5, 1e-3, 0.7


@dataclass(frozen=True, eq=False)
class RankFit:
    """A matrix of rank q = len(values) and how far it is from the entries: ‖b − P(W)‖/‖b‖."""

    triplets: Triplets
    residual: float

    @property
    def rank(self) -> int:
        """q."""
        return self.triplets.values.size


def fit_rank(
    sampling: Observed,
    entries: Float[np.ndarray, " entries"],
    start: Triplets,
    rank: int,
    persistent: bool = False,
) -> RankFit:
    """The best of the Gauss–Newton iterates of this rank, from the leading triplets of `start`.

    persistent: go on where the residual stalls, as it does with noise, until it is steady.
    """
    unit = float(np.linalg.norm(entries))
    current = start.leading(rank)
    charge = np.full(rank, _RIDGE)
    best, history = RankFit(current, np.inf), []
    for number in range(_STEPS):
        misfit = entries - sampling.read(current.left * current.values, current.right)
        residual = float(np.linalg.norm(misfit)) / unit
        history.append(residual)
        if residual < best.residual:
            best = RankFit(current, residual)
        if residual < _ROUNDING or (number and residual < 1e-12 and residual > 0.3 * history[-2]):
            break
        if persistent:
            if number and abs(history[-2] - residual) < 1e-6 * residual:
                break
        elif number >= _PATIENCE and residual > _FALLEN * history[0] and residual > _FALLING * history[-4]:
            break
        tolerance = min(1e-4, max(residual, 1e-10))
        step = fit_tangent(
            sampling, misfit, current.left, current.right, charge, tolerance=tolerance, iterations=_ITERATIONS
        )
        left = np.hstack([current.left * current.values + step.left, current.left])
        current = triplets_of(left, np.hstack([current.right, step.right]), rank, sampling.symmetry)
    return best
