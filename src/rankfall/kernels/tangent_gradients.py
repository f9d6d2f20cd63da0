"""Conjugate gradients in the tangent space, whole, in one compiled call: for problems that a few passes do not fill.

With D_i = L_i L_iᵀ the system of row i and E_j = C_j C_jᵀ that of column j, the vectors q_e = L_i⁻¹ v_j and
w_e = C_j⁻¹ u_i of entry e = (i, j) turn the preconditioned Schur complement into one without any small system:

    (S x)_j = x_j − Σ_{e in column j} w_e (q_e · y_i),      y_i = Σ_{e in row i} q_e (w_e · x_j)

The vectors have a multiple of four components, filled up by zeros, so that the inner loops are straight code.
"""

from typing import no_type_check

import numpy as np
from numba import njit

_FAST = {"reassoc", "contract", "nsz"}
_LANES = 4
# Entries times rank up to which one thread is as fast as many passes.
WORTH_ONE_CALL = 2**21


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _forward(triangle, vector, solved):
    for a in range(vector.size):
        total = vector[a]
        for k in range(a):
            total -= triangle[a, k] * solved[k]
        solved[a] = total * triangle[a, a]


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _whiten(rows, columns, row_triangles, col_triangles, left, right, by_row, by_col):
    rank = left.shape[1]
    for entry in range(rows.size):
        i, j = rows[entry], columns[entry]
        for a in range(rank):
            of_row, of_col = right[j, a], left[i, a]
            for k in range(a):
                of_row -= row_triangles[i, a, k] * by_row[entry, k]
                of_col -= col_triangles[j, a, k] * by_col[entry, k]
            by_row[entry, a] = of_row * row_triangles[i, a, a]
            by_col[entry, a] = of_col * col_triangles[j, a, a]


# arrays are indexed in full: a view of a row costs more than the row's arithmetic
@njit(cache=True, fastmath=_FAST)
@no_type_check
def _apply(starts, columns, by_row, by_col, vector, image, gathered):
    width = vector.shape[1]
    image[:, :] = vector
    for i in range(starts.size - 1):
        gathered[:] = 0
        for entry in range(starts[i], starts[i + 1]):
            j = columns[entry]
            total = 0.0
            for k in range(width):
                total += by_col[entry, k] * vector[j, k]
            for k in range(width):
                gathered[k] += total * by_row[entry, k]
        for entry in range(starts[i], starts[i + 1]):
            j = columns[entry]
            total = 0.0
            for k in range(width):
                total += by_row[entry, k] * gathered[k]
            for k in range(width):
                image[j, k] -= total * by_col[entry, k]


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _descend(starts, columns, by_row, by_col, gradient, enough, iterations):
    solution, image = np.zeros_like(gradient), np.empty_like(gradient)
    direction = gradient.copy()
    gathered = np.empty(gradient.shape[1])
    flat_solution, flat_image = solution.reshape(-1), image.reshape(-1)
    flat_direction, flat_gradient = direction.reshape(-1), gradient.reshape(-1)
    size = np.dot(flat_gradient, flat_gradient)
    done = 0
    while done < iterations and size > enough:
        _apply(starts, columns, by_row, by_col, direction, image, gathered)
        curvature = np.dot(flat_direction, flat_image)
        if not curvature > 0:
            break
        step = size / curvature
        before, size = size, 0.0
        for place in range(flat_solution.size):
            flat_solution[place] += step * flat_direction[place]
            flat_gradient[place] -= step * flat_image[place]
            size += flat_gradient[place] * flat_gradient[place]
        factor = size / before
        for place in range(flat_solution.size):
            flat_direction[place] = flat_gradient[place] + factor * flat_direction[place]
        done += 1
    return solution, done


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _whiten_lines(triangles, lines, whitened):
    for line in range(lines.shape[0]):
        _forward(triangles[line], lines[line], whitened[line])


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _color_lines(triangles, whitened, lines):
    rank = lines.shape[1]
    for line in range(lines.shape[0]):
        triangle, own = triangles[line], lines[line]
        for a in range(rank - 1, -1, -1):
            total = whitened[line, a]
            for k in range(a + 1, rank):
                total -= triangle[k, a] * own[k]
            own[a] = total * triangle[a, a]


def solve_schur(
    starts: np.ndarray, rows: np.ndarray, columns: np.ndarray, row_triangles: np.ndarray, col_triangles: np.ndarray,
    left: np.ndarray, right: np.ndarray, gradient: np.ndarray, tolerance: float, floor: float, iterations: int,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """The solution (n, k) of the Schur complement in B for the right side `gradient`, and the iterations it took.

    Entries are sorted by rows: `starts` (m + 1,), `rows` and `columns` (entries,). The triangles are those of
    `factor_lines`. `tolerance` is relative, `floor` bounds the squared preconditioned norm.
    """
    rank = left.shape[1]
    width = -(-rank // _LANES) * _LANES
    by_row, by_col = np.zeros((rows.size, width)), np.zeros((rows.size, width))
    _whiten(rows, columns, row_triangles, col_triangles, left, right, by_row, by_col)
    whitened = np.zeros((gradient.shape[0], width))
    _whiten_lines(col_triangles, gradient, whitened)
    enough = max(tolerance**2 * float(np.vdot(whitened, whitened)), floor)
    solved, done = _descend(starts, columns, by_row, by_col, whitened, enough, iterations)
    solution = np.empty_like(gradient)
    _color_lines(col_triangles, solved, solution)
    return solution, done
