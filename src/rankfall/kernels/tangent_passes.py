"""Compiled passes over observed entries for least squares in the tangent space of the low-rank matrices.

With X = A Vᵀ + U Bᵀ, each row of A and each row of B meets a small k × k system of its own. Four passes are enough:
factor the systems of all lines, solve them, eliminate A row by row, and pull the residuals back to the columns. A line
belongs to one thread, which adds its entries in storage order: no atomics, and the same bits for any number of
threads. Nothing of size m·n is formed.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.threads import share_out

_FAST = {"reassoc", "contract", "nsz"}
# Multiplications below which waking threads costs more than they save, busy machines included.
WORTH_THREADS = 2**21


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def _factor(begin, end, starts, others, factor, ridge, jitter, triangles):
    rank = factor.shape[1]
    for line in range(begin, end):
        gram = triangles[line]
        gram[:, :] = 0
        for entry in range(starts[line], starts[line + 1]):
            other = others[entry]
            for a in range(rank):
                for b in range(a + 1):
                    gram[a, b] += factor[other, a] * factor[other, b]
        trace = 0.0
        for a in range(rank):
            trace += gram[a, a]
        for a in range(rank):
            gram[a, a] += ridge[a] + jitter * trace
        for a in range(rank):
            for b in range(a):
                total = gram[a, b]
                for k in range(b):
                    total -= gram[a, k] * gram[b, k]
                # the diagonal holds the inverse of the triangle's
                gram[a, b] = total * gram[b, b]
            total = gram[a, a]
            for k in range(a):
                total -= gram[a, k] * gram[a, k]
            gram[a, a] = 1 / np.sqrt(max(total, 1e-30 * trace + 1e-300))


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _solve_line(triangle, target):
    rank = target.size
    for a in range(rank):
        total = target[a]
        for k in range(a):
            total -= triangle[a, k] * target[k]
        target[a] = total * triangle[a, a]
    for a in range(rank - 1, -1, -1):
        total = target[a]
        for k in range(a + 1, rank):
            total -= triangle[k, a] * target[k]
        target[a] = total * triangle[a, a]


@njit(cache=True)
@no_type_check
def _solve(begin, end, triangles, targets, solved):
    for line in range(begin, end):
        solved[line] = targets[line]
        _solve_line(triangles[line], solved[line])


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def _eliminate(begin, end, starts, columns, values, triangles, left, right, direction, solved, residuals):
    rank = left.shape[1]
    for i in range(begin, end):
        row = left[i]
        own = solved[i]
        own[:] = 0
        for entry in range(starts[i], starts[i + 1]):
            j = columns[entry]
            total = values[entry]
            for k in range(rank):
                total -= row[k] * direction[j, k]
            residuals[entry] = total
            for k in range(rank):
                own[k] += total * right[j, k]
        _solve_line(triangles[i], own)
        for entry in range(starts[i], starts[i + 1]):
            j = columns[entry]
            total = residuals[entry]
            for k in range(rank):
                total -= own[k] * right[j, k]
            residuals[entry] = total


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def _pull(begin, end, starts, others, places, values, factor, pulled):
    rank = factor.shape[1]
    for line in range(begin, end):
        own = pulled[line]
        own[:] = 0
        for entry in range(starts[line], starts[line + 1]):
            value = values[places[entry]]
            other = others[entry]
            for k in range(rank):
                own[k] += value * factor[other, k]


def factor_lines(
    chunks: np.ndarray, starts: np.ndarray, others: np.ndarray, factor: np.ndarray, ridge: np.ndarray, jitter: float
) -> np.ndarray:
    """Cholesky factors of Σ_{j in line} f_j f_jᵀ + diag(ridge) + jitter·trace·I, one for each line (lines, k, k).

    `factor` holds the f_j (others, k), `ridge` is (k,). Each diagonal holds the inverse of the triangle's.
    """
    rank = factor.shape[1]
    triangles = np.empty((starts.size - 1, rank, rank))
    is_small = others.size * rank * rank < WORTH_THREADS
    share_out(_factor, chunks, starts, others, factor, ridge, jitter, triangles, alone=is_small)
    return triangles


def solve_lines(chunks: np.ndarray, triangles: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The solutions (lines, k) of the factored systems for right sides (lines, k)."""
    solved = np.empty_like(targets)
    is_small = targets.size * targets.shape[1] < WORTH_THREADS
    share_out(_solve, chunks, triangles, targets, solved, alone=is_small)
    return solved


def eliminate_rows(
    chunks: np.ndarray, starts: np.ndarray, columns: np.ndarray, values: np.ndarray, triangles: np.ndarray,
    left: np.ndarray, right: np.ndarray, direction: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """A that fits values − P(U Bᵀ) best by A Vᵀ, row by row, and what it leaves on the entries.

    `left` U (m, k), `right` V (n, k), `direction` B (n, k); `triangles` are those of the rows. Returns A (m, k) and
    the residuals (entries,).
    """
    solved, residuals = np.empty_like(left), np.empty_like(values)
    arguments = starts, columns, values, triangles, left, right, direction, solved, residuals
    share_out(_eliminate, chunks, *arguments, alone=values.size * left.shape[1] < WORTH_THREADS)
    return solved, residuals


def pull_lines(
    chunks: np.ndarray, starts: np.ndarray, others: np.ndarray, places: np.ndarray, values: np.ndarray,
    factor: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Σ_{e in line} values_e f_{other(e)} for each line (lines, k): a sparse matrix times a thin one.

    `places` says where the value of each stored entry stands.
    """
    pulled = np.empty((starts.size - 1, factor.shape[1]))
    is_small = values.size * factor.shape[1] < WORTH_THREADS
    share_out(_pull, chunks, starts, others, places, values, factor, pulled, alone=is_small)
    return pulled
