"""Rows of any number of numbers for compiled loops: whole blocks of eight lanes, the last one filled up with zeros.

Factors come flat, `stride` numbers a row. A loop is compiled once for all lengths of rows, unlike those of
`lane_passes`, whose rows stay in vector registers whole.
"""

from typing import no_type_check

import numpy as np

from rankfall.kernels.inner import inner
from rankfall.kernels.lanes import LANES, add_multiple, add_times, load, store, sum_of_lanes, zeros

ONE = (0,)


def stride_of(width: int) -> int:
    """Numbers of a row of `width`: whole blocks of lanes."""
    return -(-width // LANES) * LANES


def padded(factor: np.ndarray) -> np.ndarray:
    """The rows (m, k) with zeros behind them, flat; a view where nothing is missing."""
    stride = stride_of(factor.shape[1])
    if factor.shape[1] == stride and factor.flags.c_contiguous:
        return factor.reshape(-1)
    filled = np.zeros((factor.shape[0], stride), factor.dtype)
    filled[:, : factor.shape[1]] = factor
    return filled.reshape(-1)


def unpadded(flat: np.ndarray, width: int) -> np.ndarray:
    """The rows (m, k) of a flat factor, contiguous."""
    return np.ascontiguousarray(flat.reshape(-1, stride_of(width))[:, :width])


@inner
@no_type_check
def product(one, at, other, there, stride):
    """⟨row at `at` of one, row at `there` of the other⟩."""
    total = zeros(one, ONE)
    for k in range(0, stride, LANES):
        total = add_times(total, load(one, at + k, ONE), load(other, there + k, ONE))
    return sum_of_lanes(total)


@inner
@no_type_check
def add_row(total, at, factor, row, there, stride):
    """total += factor · row, in its place."""
    for k in range(0, stride, LANES):
        store(total, at + k, add_multiple(load(total, at + k, ONE), factor, load(row, there + k, ONE)))


@inner
@no_type_check
def clear(row, at, stride):
    """Zeros in the place of the row."""
    for k in range(at, at + stride, LANES):
        store(row, k, zeros(row, ONE))
