"""Fits of noisy entries whose directions are charged by what the noise does to them.

    (A, B) = argmin ‖b − P(A Vᵀ + U Bᵀ)‖² + Σ_a λ_a (‖A_a‖² + ‖B_a‖²),   λ_a = σ² √(mn) / s_a²

and W ← the leading triplets of A Vᵀ + U Bᵀ, again and again. Plain least squares gives a row with few entries any size.
The rows of W have components of deviation s_a/√m along V: a normal prior of that size beside noise of deviation σ gives
λ_a = σ² m/s_a², and columns λ_a = σ² n/s_a². It is the frozen problem of the path at a scale ε that stays, with ε² of
the order σ² √(mn), and without the bulk. A direction that the noise accounts for shrinks to nothing, and is dropped.
"""

import numpy as np
from jaxtyping import Float

from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.observed import Observed
from rankfall.recovery.spectrum import Triplets, triplets_of

_STEPS, _ITERATIONS, _TOLERANCE = 30, 500, 1e-3
# A step that moves the singular values by less than this share of their size is the last.
_STEADY = 1e-5
# Where a share p of the entries is observed and y is the value that they suggest, s is steady for
# p (y − s) = σ² √(mn) / (2 s), which has no solution below s² = σ² √(mn) / (2 p).
_VANISHING = 0.25


def fit_charged(
    sampling: Observed, entries: Float[np.ndarray, " entries"], start: Triplets, rank: int, noise: float
) -> Triplets:
    """The charged fit of at most this rank, from the leading triplets of `start`; `noise` is σ."""
    charge = noise**2 * float(np.sqrt(sampling.shape[0] * sampling.shape[1]))
    current = start.leading(rank)
    for _ in range(_STEPS):
        current = current.leading(max(int((current.values**2 > _VANISHING * charge).sum()), 1))
        values = np.maximum(current.values, np.sqrt(_VANISHING * charge))
        step = fit_tangent(
            sampling, entries, current.left, current.right, charge / values**2, current.right * (current.values / 2),
            tolerance=_TOLERANCE, iterations=_ITERATIONS,
        )  # fmt: skip
        left, right = np.hstack([step.left, current.left]), np.hstack([current.right, step.right])
        before, current = current.values, triplets_of(left, right, current.values.size, sampling.symmetry)
        if np.linalg.norm(current.values - before) < _STEADY * np.linalg.norm(before):
            break
    return current
