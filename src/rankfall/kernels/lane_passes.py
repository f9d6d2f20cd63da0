"""The passes of `entry_passes` over long lists, for rows of 8 B numbers that stay in vector registers (`lanes`).

Factors come flat, each row filled up with zeros. One row is read an entry, and nothing but a residual is written; the
loops of any width read and write the row that they add up as often as they have entries. A row, and a column, is added
up in the order of its entries, as there.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.entry_costs import weighed
from rankfall.kernels.lanes import LANES, add_multiple, aligned_zeros, dot, load, store, zeros
from rankfall.kernels.prefetch import AHEAD, prefetch, prefetch_row

# Numbers of a row at most, and the multiplications above which a list is long: the loops are compiled for each B.
WIDEST, LONG = 8 * LANES, 2**20


def filled_up(factor: np.ndarray, tag: tuple[int, ...]) -> np.ndarray:
    """The rows (m, k) with zeros behind them, (m, 8 B); as they are where k = 8 B."""
    width = len(tag) * LANES
    if factor.shape[1] == width:
        return factor
    filled = aligned_zeros((factor.shape[0], width), factor.dtype)
    filled[:, : factor.shape[1]] = factor
    return filled


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def pull_rows(
    begin, end, starts, columns, values, weights, kind, parameter, left, right, residuals, pulled, losses, tag
):  # fmt: skip
    width = len(tag) * LANES
    weighted, last = weights.size > 0, columns.size - 1
    for i in range(begin, end):
        row = load(left, i * width, tag)
        out = zeros(pulled, tag)
        loss = left.dtype.type(0)
        for entry in range(starts[i], starts[i + 1]):
            prefetch_row(right, columns[min(entry + AHEAD, last)] * width, width)
            other = load(right, columns[entry] * width, tag)
            total = dot(row, other)
            weight = weights[entry] if weighted else left.dtype.type(1)
            cost, pull = weighed(kind, parameter, total, values[entry], weight)
            loss += cost
            residuals[entry] = pull
            out = add_multiple(out, pull, other)
        store(pulled, i * width, out)
        losses[i] = loss


@njit(cache=True, nogil=True, error_model="numpy")
@no_type_check
def pull_columns(begin, end, starts, rows, order, residuals, left, pulled, tag):
    width, last = len(tag) * LANES, rows.size - 1
    for j in range(begin, end):
        out = load(pulled, j * width, tag)
        for entry in range(starts[j], starts[j + 1]):
            ahead = min(entry + AHEAD, last)
            prefetch_row(left, rows[ahead] * width, width)
            prefetch(residuals, order[ahead])
            out = add_multiple(out, residuals[order[entry]], load(left, rows[entry] * width, tag))
        store(pulled, j * width, out)
