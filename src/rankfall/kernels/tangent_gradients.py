"""Conjugate gradients in the tangent space, whole, in one compiled call: for problems that a few passes do not fill.

    (S x)_j = λ ∘ x_j + Σ_{i in column j} u_i (u_i · x_j − v_j · y_i),      y_i = D_i⁻¹ Σ_{j in row i} v_j (u_i · x_j)

An iteration reads short tables of rows, which stay in the cache. Nothing is prepared or kept for single entries, so
that a few iterations cost little.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.inner import fast_inner, inner
from rankfall.kernels.lanes import LANES, add_multiple, load, read, stay_apart, store, times, write, zeros
from rankfall.kernels.padded_rows import ONE, add_row, padded, product, stride_of, unpadded
from rankfall.kernels.tangent_passes import solve_rows

# Entries times rank up to which one thread is as fast as many passes.
WORTH_ONE_CALL = 2**21


@inner
@no_type_check
def _gather(begin, end, columns, left, at, right, vector, stride, pulls, kept, solved, there):
    """u_i · x_j of the entries of row i to `pulls`, Σ v_j (u_i · x_j) to `solved`."""
    stay_apart()
    for entry in range(begin, end):
        write(pulls, kept + entry - begin, product(left, at, vector, columns[entry] * stride, stride))
    for k in range(0, stride, LANES):
        total = zeros(solved, ONE)
        for entry in range(begin, end):
            pull = read(pulls, kept + entry - begin)
            total = add_multiple(total, pull, load(right, columns[entry] * stride + k, ONE))
        store(solved, there + k, total)


@inner
@no_type_check
def _apply(starts, columns, systems, ridge, rank, left, right, vector, image, pulls, solved, spare):
    """S x to `image`."""
    stay_apart()
    stride, rows = ridge.size, starts.size - 1
    for at in range(0, vector.size, stride):
        for k in range(0, stride, LANES):
            store(image, at + k, times(load(ridge, k, ONE), load(vector, at + k, ONE)))
    for first in range(0, rows, LANES):
        lines, before = range(first, min(first + LANES, rows)), starts[first]
        for i in lines:
            at, there, kept = i * stride, (i - first) * stride, starts[i] - before
            _gather(starts[i], starts[i + 1], columns, left, at, right, vector, stride, pulls, kept, solved, there)
        solve_rows(systems, first // LANES, rank, stride, solved, 0, spare)
        for i in lines:
            at, there = i * stride, (i - first) * stride
            for entry in range(starts[i], starts[i + 1]):
                column = columns[entry] * stride
                left_over = read(pulls, entry - before) - product(solved, there, right, column, stride)
                add_row(image, column, left_over, left, at, stride)


@inner
@no_type_check
def _precondition(systems, rank, stride, gradient, scaled, spare):
    """E_j⁻¹ g_j to `scaled`."""
    for k in range(0, gradient.size, LANES):
        store(scaled, k, load(gradient, k, ONE))
    width = LANES * stride
    for here in range(0, gradient.size, width):
        solve_rows(systems, here // width, rank, stride, scaled, here, spare)


@fast_inner
@no_type_check
def _add(total, factor, vector):
    """total += factor · vector, in its place."""
    for place in range(total.size):
        total[place] += factor * vector[place]


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def _solve(
    starts, columns, row_systems, col_systems, ridge, rank, left, right, gradient, solution, tolerance, floor,
    iterations,
):  # fmt: skip
    """x of S x = g to `solution`, and the iterations it took; `gradient` is what is left of g."""
    stride = ridge.size
    pulls, solved, spare = np.empty(columns.size), np.zeros(LANES * stride), np.zeros(rank * LANES)
    image, scaled = np.empty_like(gradient), np.empty_like(gradient)
    _precondition(col_systems, rank, stride, gradient, scaled, spare)
    direction = scaled.copy()
    size = np.dot(gradient, scaled)
    enough, done = max(tolerance * tolerance * size, floor), 0
    while done < iterations and size > enough:
        _apply(starts, columns, row_systems, ridge, rank, left, right, direction, image, pulls, solved, spare)
        curvature = np.dot(direction, image)
        if not curvature > 0:
            break
        step = size / curvature
        _add(solution, step, direction)
        _add(gradient, -step, image)
        _precondition(col_systems, rank, stride, gradient, scaled, spare)
        before, size = size, np.dot(gradient, scaled)
        factor = size / before
        for place in range(direction.size):
            direction[place] = scaled[place] + factor * direction[place]
        done += 1
    return done


def solve_schur(
    starts: np.ndarray, columns: np.ndarray, row_systems: np.ndarray, col_systems: np.ndarray, ridge: np.ndarray,
    left: np.ndarray, right: np.ndarray, gradient: np.ndarray, tolerance: float, floor: float, iterations: int,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """The solution (n, k) of the Schur complement in B for the right side `gradient`, and the iterations it took.

    Entries are sorted by rows: `starts` (m + 1,), `columns` (entries,). The systems are those of `factor_lines`, λ is
    `ridge` (k,). `tolerance` is relative, `floor` bounds the squared preconditioned norm.
    """
    rank = left.shape[1]
    stride = stride_of(rank)
    solution, charge = np.zeros(len(gradient) * stride), np.zeros(stride)
    charge[:rank] = ridge
    rest = padded(gradient.copy())
    done = _solve(
        starts, columns, row_systems.reshape(-1), col_systems.reshape(-1), charge, rank, padded(left), padded(right),
        rest, solution, tolerance, floor, iterations,
    )  # fmt: skip
    return unpadded(solution, rank), done
