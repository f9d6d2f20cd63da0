"""One ridge regression a row, compiled: the half sweep of alternating least squares.

    (Σ_j w_ij r_j r_jᵀ + ridge d_i I) l_i = Σ_j w_ij b_ij r_j,     d_i = Σ_j w_ij

A row belongs to one thread, which adds its entries in storage order and factors its own k × k matrix (Cholesky), so the
bits do not depend on the number of threads. A row costs |Ω_i| k² + k³/3 flops.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from rankfall.kernels.threads import piece_bounds, share_out

# Below this many multiplications the threads cost more than they bring.
_WORTH_THREADS = 2**20


@njit(cache=True)
@no_type_check
def _solve_in_place(gram, target):
    """x with gram x = target by Cholesky, overwriting both."""
    size = target.size
    for j in range(size):
        for k in range(j):
            gram[j, j] -= gram[j, k] * gram[j, k]
        gram[j, j] = np.sqrt(max(gram[j, j], 1e-300))
        for i in range(j + 1, size):
            for k in range(j):
                gram[i, j] -= gram[i, k] * gram[j, k]
            gram[i, j] /= gram[j, j]
    for i in range(size):
        for k in range(i):
            target[i] -= gram[i, k] * target[k]
        target[i] /= gram[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            target[i] -= gram[k, i] * target[k]
        target[i] /= gram[i, i]


@njit(cache=True)
@no_type_check
def _regress_line(line, starts, others, values, weights, factor, ridge, jitter, solved):
    rank = factor.shape[1]
    gram = np.zeros((rank, rank))
    target = np.zeros(rank)
    degree = 0.0
    for entry in range(starts[line], starts[line + 1]):
        row = factor[others[entry]]
        weight = weights[entry]
        degree += weight
        for a in range(rank):
            scaled = weight * row[a]
            target[a] += scaled * values[entry]
            for b in range(a + 1):
                gram[a, b] += scaled * row[b]
    trace = 0.0
    for a in range(rank):
        trace += gram[a, a]
    if trace > 0:
        for a in range(rank):
            gram[a, a] += ridge * degree + jitter * trace
        _solve_in_place(gram, target)
    solved[line] = target


@njit(cache=True, nogil=True)
@no_type_check
def _regress(begin, end, starts, others, values, weights, factor, ridge, jitter, solved):
    for line in range(begin, end):
        _regress_line(line, starts, others, values, weights, factor, ridge, jitter, solved)


def regress_lines(
    starts: Int[np.ndarray, " starts"],
    others: Int[np.ndarray, " entries"],
    values: Float[np.ndarray, " entries"],
    weights: Float[np.ndarray, " entries"],
    factor: Float[np.ndarray, "other k"],
    ridge: float,
    jitter: float,
    solved: Float[np.ndarray, "lines k"],
) -> None:
    """Write into `solved` the factor that minimizes the ridge objective while `factor` stays.

    Entries come line by line, `starts` telling where each line begins; `jitter` times its trace is added to the
    diagonal of each k × k matrix. Lines without entries become zero.
    """
    work = values.size * factor.shape[1] ** 2
    share_out(
        _regress, piece_bounds(starts.size - 1), starts, others, values, weights, factor, ridge, jitter, solved,
        alone=work < _WORTH_THREADS,
    )  # fmt: skip
