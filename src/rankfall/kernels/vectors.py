"""Sums of long vectors in one pass.

A Chebyshev stage combines five vectors of all weights, its error estimate four, a formed gradient three matrices.
NumPy goes through memory once for every product and sum; compiled, each is one pass. Rows are runs of a batch, each
with its own step.
"""

from typing import no_type_check

import numpy as np
from numba import njit

# Sums of squares may be re-associated, which lets them vectorize; the order is fixed, and so are the bits.
_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, fastmath={"contract"})
@no_type_check
def _stage(f0, f1, f2, f3, f4, steps, origin, slope, before, current, force, out):
    for run in range(out.shape[0]):
        h1, h4 = out.dtype.type(f1 * steps[run]), out.dtype.type(f4 * steps[run])
        c0, c2, c3 = out.dtype.type(f0), out.dtype.type(f2), out.dtype.type(f3)
        for i in range(out.shape[1]):
            out[run, i] = (
                c0 * origin[run, i]
                + h1 * slope[run, i]
                + c2 * before[run, i]
                + c3 * current[run, i]
                + h4 * force[run, i]
            )


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _step_error(steps, old, new, old_slope, new_slope, squares):
    for run in range(old.shape[0]):
        h = old.dtype.type(0.4 * steps[run])
        c = old.dtype.type(0.8)
        total = 0.0
        for i in range(old.shape[1]):
            term = c * (old[run, i] - new[run, i]) - h * (old_slope[run, i] + new_slope[run, i])
            total += term * term
        squares[run] = total


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _squares(shares, table, product, gradient, sums):
    for run in range(product.shape[0]):
        place = run if table.shape[0] > 1 else 0
        total = 0.0
        for i in range(product.shape[1]):
            residual = product[run, i] - table[place, i]
            pull = shares[place, i] * residual
            gradient[run, i] = pull
            total += pull * residual
        sums[run] = total


def stage(
    factors: tuple[float, float, float, float, float],
    steps: np.ndarray,
    origin: np.ndarray,
    slope: np.ndarray,
    before: np.ndarray,
    current: np.ndarray,
    force: np.ndarray,
) -> np.ndarray:
    """f_0 Y_0 + f_1 h G_0 + f_2 Y_{j−2} + f_3 Y_{j−1} + f_4 h G_{j−1}, (batch, p), h a run's own."""
    out = np.empty_like(origin)
    _stage(*factors, steps, origin, slope, before, current, force, out)
    return out


def step_error(
    steps: np.ndarray, old: np.ndarray, new: np.ndarray, old_slope: np.ndarray, new_slope: np.ndarray
) -> np.ndarray:
    """‖0.8 (y_n − y_{n+1}) − 0.4 h (G_n + G_{n+1})‖ of each run, (batch,)."""
    squares = np.empty(old.shape[0])
    _step_error(steps, old, new, old_slope, new_slope, squares)
    return np.sqrt(squares)


def squares(shares: np.ndarray, table: np.ndarray, product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ s (W − b)² of each run, (batch,), and s (W − b), (batch, m n), in one pass.

    `product` W (batch, m n); `shares` s and `table` b (1, m n) or (batch, m n).
    """
    gradient, sums = np.empty_like(product), np.empty(product.shape[0], product.dtype)
    _squares(shares, table, product, gradient, sums)
    return sums, gradient
