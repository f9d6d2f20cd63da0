"""What noisy entries determine up to noise: the lines on which the noise of the entries is not amplified.

An exact fit is checked by rounding: nothing but the matrix behind the entries leaves so little. A noisy fit is not, and
a fit of too low a rank, or one in a wrong basin, looks like noise too. So more is asked of it, on the block that the
entries would determine if they were exact:

1. its entries exceed its degrees of freedom by a fair share, so that the noise level can be estimated;
2. noise of the level found, sent through the tangent space of the fit, moves no singular direction away;
3. a row is kept where the noise that reaches it, in the mean over the kept columns, is at most a few times the level.

Noise is sent through by drawing it: δ = A Vᵀ + U Bᵀ is the least squares fit of a random vector of unit entries.
"""

import numpy as np
from jaxtyping import Bool, Float

from rankfall.recovery.certificate import Certificate, certify
from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.measurements import Measurements
from rankfall.recovery.observed import Observed
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets, triplets_of

# Redundancy as a share of the degrees of freedom, below which the noise is not known.
_CHECKED = 0.5
# Noise in a certified line, in units of that of an entry.
_AMPLIFIED = 2.0
# Lines above this share of the loudest one are left out together.
_LOUDEST = 0.5
# Spectral norm of what the noise does, as a share of the least singular value of the block.
_KEPT_APART = 0.5
_DRAWS = 24
_RIDGE = 1e-12
_ITERATIONS = 1000


def certify_noisy(sampling: Sampling, fit: Triplets, noise: float, seed: int = 0, closed: bool = True) -> Certificate:
    """The certificate of a fit whose residual is noise of deviation `noise`; `closed` as for `certify`."""
    certificate = certify(sampling, fit, seed, closed)
    rows, cols = certificate.rows.copy(), certificate.cols.copy()
    rank = fit.values.size
    inside = rows[sampling.rows] & cols[sampling.cols]
    freedom = sampling.symmetry.freedom(rank, int(rows.sum()), int(cols.sum()))
    redundancy = int((inside & sampling.counted).sum()) - freedom
    if certificate.count == 0 or redundancy < _CHECKED * freedom:
        return Certificate.nothing(sampling.shape)
    block, row_places, col_places = sampling.select(inside).compact()
    local = triplets_of(fit.left[row_places] * fit.values, fit.right[col_places], rank, block.symmetry)
    kept_rows, kept_cols, moved = _quiet_lines(block, local, np.random.default_rng([seed, 3]))
    if noise * moved > _KEPT_APART * local.values[-1]:
        return Certificate.nothing(sampling.shape)
    rows[:], cols[:] = False, False
    rows[row_places[kept_rows]], cols[col_places[kept_cols]] = True, True
    if not (rows.any() and cols.any()):
        return Certificate.nothing(sampling.shape)
    return Certificate(rows, cols, redundancy)


def certify_noisy_measured(
    given: Measurements, orthonormal: Measurements, fit: Triplets, noise: float, seed: int = 0
) -> Certificate:
    """The same for measurements as they were taken, for the whole matrix or nothing: points 1 and 2 alone."""
    certificate, rank = certify(orthonormal, fit, seed), fit.values.size
    freedom = given.symmetry.freedom(rank, *given.shape)
    if certificate.count == 0 or given.count - freedom < _CHECKED * freedom:
        return Certificate.nothing(given.shape)
    moves = _moves(given, fit, np.random.default_rng([seed, 3]))
    moved = max(float(triplets_of(left, right, 1).values[0]) for left, right in moves)
    return Certificate.nothing(given.shape) if noise * moved > _KEPT_APART * fit.values[-1] else certificate


def _moves(seen: Observed, fit: Triplets, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """What noise of deviation 1 does to the fit, drawn again and again: factors of δ."""
    charge = np.full(fit.values.size, _RIDGE)
    moves = []
    for _ in range(_DRAWS):
        drawn = seen.mirrored(rng.standard_normal(seen.count))
        found = fit_tangent(seen, drawn, fit.left, fit.right, charge, tolerance=1e-4, iterations=_ITERATIONS)
        moves.append((np.hstack([found.left, fit.left]), np.hstack([fit.right, found.right])))
    return moves


def _quiet_lines(
    block: Sampling, fit: Triplets, rng: np.random.Generator
) -> tuple[Bool[np.ndarray, " p"], Bool[np.ndarray, " q"], float]:
    """Rows and columns that unit noise reaches little amplified; the largest spectral norm of what it does."""
    moves = _moves(block, fit, rng)
    rows, cols = np.ones(block.shape[0], bool), np.ones(block.shape[1], bool)
    while True:
        # mean over draws and kept columns j of (δ_ij)², for each row i; and the other way round
        by_row = np.mean([_mean_squares(left, right[cols]) for left, right in moves], axis=0)
        by_col = np.mean([_mean_squares(right, left[rows]) for left, right in moves], axis=0)
        calm_rows, calm_cols = rows & (by_row <= _AMPLIFIED**2), cols & (by_col <= _AMPLIFIED**2)
        if calm_rows.sum() == rows.sum() and calm_cols.sum() == cols.sum():
            break
        # the loudest go first: the others may be loud because of them
        loudest = max(by_row[rows].max(), by_col[cols].max())
        rows &= calm_rows | (by_row < _LOUDEST * loudest)
        cols &= calm_cols | (by_col < _LOUDEST * loudest)
        if not (rows.any() and cols.any()):
            return rows, cols, np.inf
    norms = [triplets_of(left[rows], right[cols], 1).values[0] for left, right in moves]
    return rows, cols, float(max(norms))


def _mean_squares(of: Float[np.ndarray, "a k"], over: Float[np.ndarray, "b k"]) -> Float[np.ndarray, " a"]:
    """The mean of (f_i · g_j)² over j, for each i."""
    return np.einsum("ik,kl,il->i", of, over.T @ over / len(over), of)
