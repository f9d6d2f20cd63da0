"""Conjugate gradients in the tangent space, whole, in one compiled call: for problems that a few passes do not fill.

With D_i = R_iᵀ R_i the system of row i and E_j = C_jᵀ C_j that of column j, the vectors q_e = R_i⁻ᵀ v_j and
w_e = C_j⁻ᵀ u_i of entry e = (i, j) turn the preconditioned Schur complement into one without any small system:

    (S x)_j = x_j − Σ_{e in column j} w_e (q_e · y_i),      y_i = Σ_{e in row i} q_e (w_e · x_j)

The triangles are inverted, once for each line, so that a vector of an entry is a few multiples of rows.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.inner import aligned, fast_inner, inner
from rankfall.kernels.lanes import LANES, add_multiple, load, read, stay_apart, store, write, zeros
from rankfall.kernels.padded_rows import ONE, add_row, clear, padded, product, stride_of, unpadded
from rankfall.kernels.system_groups import invert_group

# Entries times rank up to which one thread is as fast as many passes.
WORTH_ONE_CALL = 2**21


@inner
@no_type_check
def _inverses(systems, rank, stride, lines):
    """The rows of R⁻¹, `stride` numbers each, for all lines, flat."""
    stay_apart()
    inverses, spare = np.zeros(lines * rank * stride), np.zeros(rank * rank * LANES)
    for first in range(0, lines, LANES):
        invert_group(systems, first * rank * rank, rank, spare)
        for line in range(first, min(first + LANES, lines)):
            for a in range(rank):
                for b in range(a, rank):
                    value = read(spare, (a * rank + b) * LANES + line - first)
                    write(inverses, (line * rank + a) * stride + b, value)
    return inverses


@inner
@no_type_check
def _whiten(inverses, first, stride, rank, vector, at, out, there):
    """R⁻ᵀ v to `out`."""
    for k in range(0, stride, LANES):
        total = zeros(out, ONE)
        for a in range(min(rank, k + LANES)):
            total = add_multiple(total, read(vector, at + a), load(inverses, first + a * stride + k, ONE))
        store(out, there + k, total)


@inner
@no_type_check
def _apply(starts, columns, by_row, by_col, stride, vector, image, gathered):
    stay_apart()
    for k in range(0, vector.size, LANES):
        store(image, k, load(vector, k, ONE))
    for i in range(starts.size - 1):
        clear(gathered, 0, stride)
        for entry in range(starts[i], starts[i + 1]):
            total = product(by_col, entry * stride, vector, columns[entry] * stride, stride)
            add_row(gathered, 0, total, by_row, entry * stride, stride)
        for entry in range(starts[i], starts[i + 1]):
            total = product(by_row, entry * stride, gathered, 0, stride)
            add_row(image, columns[entry] * stride, -total, by_col, entry * stride, stride)


@fast_inner
@no_type_check
def _descend(starts, columns, by_row, by_col, stride, gradient, solution, enough, iterations):
    """x of S x = g to `solution`, and the iterations it took; `gradient` is what is left of g."""
    image, direction, gathered = np.empty_like(gradient), gradient.copy(), np.empty(stride)
    size, done = np.dot(gradient, gradient), 0
    while done < iterations and size > enough:
        _apply(starts, columns, by_row, by_col, stride, direction, image, gathered)
        curvature = np.dot(direction, image)
        if not curvature > 0:
            break
        step = size / curvature
        before, size = size, 0.0
        for place in range(solution.size):
            solution[place] += step * direction[place]
            gradient[place] -= step * image[place]
            size += gradient[place] * gradient[place]
        factor = size / before
        for place in range(solution.size):
            direction[place] = gradient[place] + factor * direction[place]
        done += 1
    return done


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def _solve(
    starts, rows, columns, row_systems, col_systems, stride, rank, left, right, gradient, solution, tolerance, floor,
    iterations,
):  # fmt: skip
    lines, size = gradient.size // stride, rank * stride
    of_rows = _inverses(row_systems, rank, stride, left.size // stride)
    of_cols = _inverses(col_systems, rank, stride, lines)
    by_row, by_col = aligned(rows.size * stride, left), aligned(rows.size * stride, left)
    for entry in range(rows.size):
        i, j = rows[entry], columns[entry]
        _whiten(of_rows, i * size, stride, rank, right, j * stride, by_row, entry * stride)
        _whiten(of_cols, j * size, stride, rank, left, i * stride, by_col, entry * stride)
    whitened, solved = np.empty_like(gradient), np.zeros_like(gradient)
    for j in range(lines):
        _whiten(of_cols, j * size, stride, rank, gradient, j * stride, whitened, j * stride)
    enough = max(tolerance * tolerance * np.dot(whitened, whitened), floor)
    done = _descend(starts, columns, by_row, by_col, stride, whitened, solved, enough, iterations)
    for j in range(lines):
        for a in range(rank):
            solution[j * stride + a] = product(of_cols, j * size + a * stride, solved, j * stride, stride)
    return done


def solve_schur(
    starts: np.ndarray, rows: np.ndarray, columns: np.ndarray, row_systems: np.ndarray, col_systems: np.ndarray,
    left: np.ndarray, right: np.ndarray, gradient: np.ndarray, tolerance: float, floor: float, iterations: int,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """The solution (n, k) of the Schur complement in B for the right side `gradient`, and the iterations it took.

    Entries are sorted by rows: `starts` (m + 1,), `rows` and `columns` (entries,). The systems are those of
    `factor_lines`. `tolerance` is relative, `floor` bounds the squared preconditioned norm.
    """
    rank = left.shape[1]
    stride = stride_of(rank)
    solution = np.zeros(len(gradient) * stride)
    done = _solve(
        starts, rows, columns, row_systems.reshape(-1), col_systems.reshape(-1), stride, rank, padded(left),
        padded(right), padded(gradient), solution, tolerance, floor, iterations,
    )  # fmt: skip
    return unpadded(solution, rank), done
