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
# Bounds of the relative tolerance of a step.
_LOOSEST, _TIGHTEST = 1e-4, 1e-10
# Steps after which a fit must have fallen to this share of the first residual, or fall by 0.7 in four steps.
_PATIENCE, _FALLEN, _FALLING = 5, 1e-3, 0.7
# The share of itself by which a residual changes at most where it stays: for one that should vanish, and with noise.
_STUCK, _STEADY = 1e-2, 1e-6


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
        changed = abs(history[-2] - residual) if number else np.inf
        if persistent:
            if changed < _STEADY * residual:
                break
        elif number > 1 and (changed < _STUCK * residual or _is_slow(history)):
            break
        # [eisenstat1996, choice 2]: no step is solved better than the linear model of the last one was
        tolerance = _LOOSEST if not number else min(_LOOSEST, max((residual / history[-2]) ** 2, _TIGHTEST))
        step = fit_tangent(
            sampling, misfit, current.left, current.right, charge, tolerance=tolerance, iterations=_ITERATIONS
        )
        left = np.hstack([current.left * current.values + step.left, current.left])
        current = triplets_of(left, np.hstack([current.right, step.right]), rank, sampling.symmetry)
    return best


def _is_slow(residuals: list[float]) -> bool:
    """Whether they have fallen little in all, and little in the last steps."""
    last = residuals[-1]
    return len(residuals) > _PATIENCE and last > _FALLEN * residuals[0] and last > _FALLING * residuals[-4]
