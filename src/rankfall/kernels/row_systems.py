"""Normal equations of many small least-squares problems, one for each row of a layer.

    A_j = Σ_{e: row(e) = j} w_e φ_e φ_eᵀ,        b_j = Σ_{e: row(e) = j} w_e y_e φ_e

Entries are sorted by row. A row belongs to one thread, so the bits are the same for any number of them. Four entries at
a time are added to a row of A_j, which is as many vectors of eight lanes (`lanes`) as fit in registers beside them.
"""

from typing import no_type_check

import numpy as np
from numba import njit, prange

from rankfall.kernels.lanes import LANES, add_multiple, load, read, store, zeros

# Multiplications below which one thread does the work: a few milliseconds.
WORTH_THREADS = 2**25
# Blocks of eight lanes that are added at once; each is compiled once.
_BLOCKS = (1, 2, 4)


@njit(cache=True, error_model="numpy")
@no_type_check
def _accumulate_row(begin, end, stride, width, features, values, weights, gram, side, tag):
    """A_j on and below its diagonal, in rows of `stride` numbers, and b_j."""
    step = len(tag) * LANES
    for i in range(gram.size):
        gram[i] = 0
    for first in range(0, stride, step):
        sums = zeros(features, tag)
        whole = end - (end - begin) % 4
        for e in range(begin, whole, 4):
            at = e * stride
            one, two = load(features, at + first, tag), load(features, at + stride + first, tag)
            three = load(features, at + 2 * stride + first, tag)
            four = load(features, at + 3 * stride + first, tag)
            sums = add_multiple(sums, read(weights, e) * read(values, e), one)
            sums = add_multiple(sums, read(weights, e + 1) * read(values, e + 1), two)
            sums = add_multiple(sums, read(weights, e + 2) * read(values, e + 2), three)
            sums = add_multiple(sums, read(weights, e + 3) * read(values, e + 3), four)
            for a in range(first, width):
                row = load(gram, a * stride + first, tag)
                row = add_multiple(row, read(weights, e) * read(features, at + a), one)
                row = add_multiple(row, read(weights, e + 1) * read(features, at + stride + a), two)
                row = add_multiple(row, read(weights, e + 2) * read(features, at + 2 * stride + a), three)
                row = add_multiple(row, read(weights, e + 3) * read(features, at + 3 * stride + a), four)
                store(gram, a * stride + first, row)
        for e in range(whole, end):
            one = load(features, e * stride + first, tag)
            sums = add_multiple(sums, read(weights, e) * read(values, e), one)
            for a in range(first, width):
                at = a * stride + first
                share = read(weights, e) * read(features, e * stride + a)
                store(gram, at, add_multiple(load(gram, at, tag), share, one))
        store(side, first, sums)


@njit(cache=True)
@no_type_check
def _one_row(j, starts, stride, features, values, weights, grams, sides, tag):
    width = grams.shape[1]
    gram, side = np.empty(width * stride, grams.dtype), np.empty(stride, grams.dtype)
    _accumulate_row(starts[j], starts[j + 1], stride, width, features, values, weights, gram, side, tag)
    for a in range(width):
        sides[j, a] = side[a]
        for b in range(a + 1):
            grams[j, a, b] = grams[j, b, a] = gram[a * stride + b]


@njit(cache=True)
@no_type_check
def _serial_rows(starts, stride, features, values, weights, grams, sides, tag):
    for j in range(starts.size - 1):
        _one_row(j, starts, stride, features, values, weights, grams, sides, tag)


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_rows(starts, stride, features, values, weights, grams, sides, tag):
    for j in prange(starts.size - 1):
        _one_row(j, starts, stride, features, values, weights, grams, sides, tag)


def normal_equations(
    starts: np.ndarray, features: np.ndarray, values: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """A (rows, k, k) and b (rows, k); row j holds the entries starts[j] … starts[j + 1] of `features` (entries, k)."""
    (count, width), rows = features.shape, starts.size - 1
    blocks = next((blocks for blocks in _BLOCKS if width <= LANES * blocks), _BLOCKS[-1])
    stride = -(-width // (LANES * blocks)) * LANES * blocks
    padded = features
    if stride > width or not features.flags.c_contiguous:
        padded = np.zeros((count, stride), features.dtype)
        padded[:, :width] = features
    grams, sides = np.empty((rows, width, width), features.dtype), np.empty((rows, width), features.dtype)
    given = np.ones(count, features.dtype) if weights is None else weights
    run = _serial_rows if count * width * stride < WORTH_THREADS else _parallel_rows
    run(starts, stride, padded.reshape(-1), values, given, grams, sides, (0,) * blocks)
    return grams, sides
