"""Compiled passes over observed entries for least squares in the tangent space of the low-rank matrices.

With X = A Vᵀ + U Bᵀ, each row of A and each row of B meets a small k × k system of its own. Four passes are enough:
factor the systems of all lines, solve them, eliminate A row by row, and pull the residuals back to the columns. Lines
come in groups of eight, whose systems are solved side by side. A group belongs to one thread, and a line's entries are
added in storage order: no atomics, and the same bits for any number of threads. Nothing of size m·n is formed.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.inner import inner
from rankfall.kernels.lanes import LANES, load, read, stay_apart, store, write
from rankfall.kernels.padded_rows import ONE, add_row, clear, padded, product, stride_of, unpadded
from rankfall.kernels.prefetch import AHEAD, prefetch, prefetch_row
from rankfall.kernels.row_systems import add_squares
from rankfall.kernels.system_groups import factor_group, solve_group
from rankfall.kernels.threads import share_out

# Multiplications below which waking threads costs more than they save, busy machines included.
WORTH_THREADS = 2**22


@inner
@no_type_check
def _gather(starts, others, line, stride, factor, features):
    """The rows f_j of a line, one behind the other; how many."""
    stay_apart()
    begin, last = starts[line], others.size - 1
    for entry in range(begin, starts[line + 1]):
        prefetch_row(factor, others[min(entry + AHEAD, last)] * stride, stride)
        at, there = (entry - begin) * stride, others[entry] * stride
        for k in range(0, stride, LANES):
            store(features, at + k, load(factor, there + k, ONE))
    return starts[line + 1] - begin


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def _factor(begin, end, starts, others, factor, stride, ridge, jitter, longest, systems):
    rank, lines = ridge.size, starts.size - 1
    features, gram, nothing = np.empty(longest * stride), np.empty(stride * stride), np.empty(0)
    floors = np.empty(LANES)
    for group in range(begin, end):
        first = group * rank * rank * LANES
        for lane in range(LANES):
            line = group * LANES + lane
            clear(gram, 0, gram.size)
            if line < lines:
                count = _gather(starts, others, line, stride, factor, features)
                add_squares(0, count, stride, features, nothing, gram)
            trace = 0.0
            for a in range(rank):
                trace += gram[a * stride + a]
            for a in range(rank):
                gram[a * stride + a] += ridge[a] + jitter * trace
                for b in range(a, rank):
                    write(systems, first + (a * rank + b) * LANES + lane, read(gram, a * stride + b))
            floors[lane] = 1e-30 * trace + 1e-300
        factor_group(systems, first, rank, floors)


@inner
@no_type_check
def solve_rows(systems, group, rank, stride, rows, here, spare):
    """S⁻¹ t in the place of t for up to eight rows of a group, from `here`."""
    stay_apart()
    count = min(LANES, (rows.size - here) // stride)
    for a in range(rank):
        for lane in range(count):
            write(spare, a * LANES + lane, read(rows, here + lane * stride + a))
    solve_group(systems, group * rank * rank * LANES, rank, spare)
    for lane in range(count):
        for a in range(rank):
            write(rows, here + lane * stride + a, read(spare, a * LANES + lane))


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def _solve(begin, end, systems, rank, stride, targets):
    spare = np.zeros(rank * LANES)
    for group in range(begin, end):
        solve_rows(systems, group, rank, stride, targets, group * LANES * stride, spare)


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def _eliminate(begin, end, starts, columns, values, systems, rank, stride, left, right, direction, solved, residuals):
    spare, last = np.zeros(rank * LANES), columns.size - 1
    for group in range(begin, end):
        lines = range(group * LANES, min(group * LANES + LANES, starts.size - 1))
        for i in lines:
            at = i * stride
            clear(solved, at, stride)
            for entry in range(starts[i], starts[i + 1]):
                ahead = columns[min(entry + AHEAD // 2, last)] * stride
                prefetch_row(direction, ahead, stride)
                prefetch_row(right, ahead, stride)
                there = columns[entry] * stride
                total = values[entry] - product(left, at, direction, there, stride)
                residuals[entry] = total
                add_row(solved, at, total, right, there, stride)
        solve_rows(systems, group, rank, stride, solved, group * LANES * stride, spare)
        for i in lines:
            for entry in range(starts[i], starts[i + 1]):
                prefetch_row(right, columns[min(entry + AHEAD // 2, last)] * stride, stride)
                residuals[entry] -= product(solved, i * stride, right, columns[entry] * stride, stride)


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def _pull(begin, end, starts, others, places, values, factor, stride, pulled):
    last = others.size - 1
    for line in range(begin, end):
        at = line * stride
        clear(pulled, at, stride)
        for entry in range(starts[line], starts[line + 1]):
            ahead = min(entry + AHEAD, last)
            prefetch_row(factor, others[ahead] * stride, stride)
            prefetch(values, places[ahead])
            add_row(pulled, at, values[places[entry]], factor, others[entry] * stride, stride)


def _groups(chunks: np.ndarray) -> np.ndarray:
    """Bounds of whole groups near those of lines."""
    bounds = chunks // LANES
    bounds[-1] = -(-chunks[-1] // LANES)
    return bounds


def factor_lines(
    chunks: np.ndarray, starts: np.ndarray, others: np.ndarray, factor: np.ndarray, ridge: np.ndarray, jitter: float
) -> np.ndarray:
    """R of S = Σ_{j in line} f_j f_jᵀ + diag(ridge) + jitter·trace·I = RᵀR for each line, by groups (groups, k, k, 8).

    `factor` holds the f_j (others, k), `ridge` is (k,). Each diagonal holds its inverse; below it is nothing.
    """
    rank, lines = factor.shape[1], starts.size - 1
    systems = np.zeros((-(-lines // LANES), rank, rank, LANES))
    longest = int(np.diff(starts).max(initial=0))
    call = starts, others, padded(factor), stride_of(rank), ridge, jitter, longest, systems.reshape(-1)
    share_out(_factor, _groups(chunks), *call, alone=others.size * rank * rank < WORTH_THREADS)
    return systems


def solve_lines(chunks: np.ndarray, systems: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The solutions (lines, k) of the factored systems for right sides (lines, k)."""
    rank = targets.shape[1]
    solved = padded(targets.copy())
    call = systems.reshape(-1), rank, stride_of(rank), solved
    share_out(_solve, _groups(chunks), *call, alone=targets.size * rank < WORTH_THREADS)
    return unpadded(solved, rank)


def eliminate_rows(
    chunks: np.ndarray, starts: np.ndarray, columns: np.ndarray, values: np.ndarray, systems: np.ndarray,
    left: np.ndarray, right: np.ndarray, direction: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """A that fits values − P(U Bᵀ) best by A Vᵀ, row by row, and what it leaves on the entries.

    `left` U (m, k), `right` V (n, k), `direction` B (n, k); `systems` are those of the rows. Returns A (m, k) and
    the residuals (entries,).
    """
    rank = left.shape[1]
    stride = stride_of(rank)
    solved, residuals = np.empty(len(left) * stride), np.empty_like(values)
    factors = padded(left), padded(right), padded(direction)
    call = starts, columns, values, systems.reshape(-1), rank, stride, *factors, solved, residuals
    share_out(_eliminate, _groups(chunks), *call, alone=values.size * rank < WORTH_THREADS)
    return unpadded(solved, rank), residuals


def pull_lines(
    chunks: np.ndarray, starts: np.ndarray, others: np.ndarray, places: np.ndarray, values: np.ndarray,
    factor: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Σ_{e in line} values_e f_{other(e)} for each line (lines, k): a sparse matrix times a thin one.

    `places` says where the value of each stored entry stands.
    """
    width = factor.shape[1]
    stride = stride_of(width)
    pulled = np.empty((starts.size - 1) * stride)
    call = starts, others, places, values, padded(factor), stride, pulled
    share_out(_pull, chunks, *call, alone=values.size * width < WORTH_THREADS)
    return unpadded(pulled, width)
