"""Normal equations of many small least-squares problems, one for each row of a layer.

    A_j = Σ_{e: row(e) = j} w_e φ_e φ_eᵀ,        b_j = Σ_{e: row(e) = j} w_e y_e φ_e,        (A_j + λ_j I) x_j = b_j

Entries are sorted by row. A row belongs to one thread, so the bits are the same for any number of them. A square of
8 × 8 numbers of A_j stays in registers while entries are added to it; squares below the diagonal are left out.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.lanes import LANES, add_multiple, load, multiple, read, stay_apart, store
from rankfall.kernels.padded_rows import ONE, padded, stride_of
from rankfall.kernels.threads import piece_bounds, share_out

# Multiplications below which one thread does the work: a few milliseconds.
WORTH_THREADS = 2**25
# Numbers this much smaller than others of their row are zeros: a ridge takes a component away faster and faster, and
# arithmetic with numbers below the normal ones is a hundred times slower.
_NOTHING = 1e-30


@njit(cache=True, error_model="numpy")
@no_type_check
def add_squares(begin, end, stride, features, weights, gram):
    """Add Σ w φφᵀ to the rows of `gram`, on and above the diagonal. All rows have `stride` numbers.

    Empty weights are ones.
    """
    stay_apart()
    is_weighted = weights.size > 0
    for column in range(0, stride, LANES):
        for row in range(0, column + LANES, LANES):
            at = row * stride + column
            s0, s1 = load(gram, at, ONE), load(gram, at + stride, ONE)
            s2, s3 = load(gram, at + 2 * stride, ONE), load(gram, at + 3 * stride, ONE)
            s4, s5 = load(gram, at + 4 * stride, ONE), load(gram, at + 5 * stride, ONE)
            s6, s7 = load(gram, at + 6 * stride, ONE), load(gram, at + 7 * stride, ONE)
            for e in range(begin, end):
                place = e * stride + row
                lanes = load(features, e * stride + column, ONE)
                if is_weighted:
                    lanes = multiple(read(weights, e), lanes)
                s0 = add_multiple(s0, read(features, place), lanes)
                s1 = add_multiple(s1, read(features, place + 1), lanes)
                s2 = add_multiple(s2, read(features, place + 2), lanes)
                s3 = add_multiple(s3, read(features, place + 3), lanes)
                s4 = add_multiple(s4, read(features, place + 4), lanes)
                s5 = add_multiple(s5, read(features, place + 5), lanes)
                s6 = add_multiple(s6, read(features, place + 6), lanes)
                s7 = add_multiple(s7, read(features, place + 7), lanes)
            store(gram, at, s0)
            store(gram, at + stride, s1)
            store(gram, at + 2 * stride, s2)
            store(gram, at + 3 * stride, s3)
            store(gram, at + 4 * stride, s4)
            store(gram, at + 5 * stride, s5)
            store(gram, at + 6 * stride, s6)
            store(gram, at + 7 * stride, s7)


@njit(cache=True, error_model="numpy")
@no_type_check
def add_entries(begin, end, stride, features, values, weights, gram):
    """Add Σ w φφᵀ as `add_squares` does, and Σ w y φ to the row below the square."""
    stay_apart()
    add_squares(begin, end, stride, features, weights, gram)
    number, is_weighted = features.dtype.type, weights.size > 0
    for column in range(0, stride, LANES):
        at = stride * stride + column
        side = load(gram, at, ONE)
        for e in range(begin, end):
            share = number(read(weights, e) * read(values, e)) if is_weighted else read(values, e)
            side = add_multiple(side, share, load(features, e * stride + column, ONE))
        store(gram, at, side)


@njit(cache=True, error_model="numpy")
@no_type_check
def solve_in_place(width, stride, ridge, jitter, gram):
    """Set b, the row below A in `gram`, to x by the Cholesky factor, which replaces A on and above the diagonal.

    λ = ridge + jitter · tr A / width, and 1 where that is zero. Of A + λI no pivot is below λ.
    """
    stay_apart()
    trace, side = 0.0, stride * stride
    for k in range(width):
        trace += gram[k * stride + k]
    penalty = ridge + jitter * trace / width
    if not penalty > 0:
        penalty = 1.0
    for k in range(width):
        gram[k * stride + k] += penalty
    # A = UᵀU row by row, and Uᵀz = b
    for k in range(width):
        scale = gram.dtype.type(1 / np.sqrt(max(gram[k * stride + k], penalty)))
        for lane in range(k - k % LANES, stride, LANES):
            at = k * stride + lane
            store(gram, at, multiple(scale, load(gram, at, ONE)))
        value = scale * gram[side + k]
        gram[side + k] = value
        for i in range(k + 1, width):
            factor = read(gram, k * stride + i)
            gram[side + i] -= value * factor
            for lane in range(i - i % LANES, stride, LANES):
                at = i * stride + lane
                store(gram, at, add_multiple(load(gram, at, ONE), -factor, load(gram, k * stride + lane, ONE)))
    # U x = z
    for k in range(width - 1, -1, -1):
        value = gram[side + k]
        for i in range(k + 1, width):
            value -= gram[k * stride + i] * gram[side + i]
        gram[side + k] = value / gram[k * stride + k]
    largest = 0.0
    for k in range(width):
        largest = max(largest, abs(gram[side + k]))
    for k in range(width):
        if abs(gram[side + k]) < _NOTHING * largest:
            gram[side + k] = 0


@njit(cache=True)
@no_type_check
def _one_row(j, starts, stride, features, values, weights, grams, sides):
    width = grams.shape[1]
    gram = np.zeros((stride + 1) * stride, grams.dtype)
    add_entries(starts[j], starts[j + 1], stride, features, values, weights, gram)
    for a in range(width):
        sides[j, a] = gram[stride * stride + a]
        for b in range(a, width):
            grams[j, a, b] = grams[j, b, a] = gram[a * stride + b]


@njit(cache=True, nogil=True)
@no_type_check
def _rows(begin, end, starts, stride, features, values, weights, grams, sides):
    for j in range(begin, end):
        _one_row(j, starts, stride, features, values, weights, grams, sides)


@njit(cache=True)
@no_type_check
def _solved_row(j, ridge, jitter, grams, sides, gram, stride):
    width = grams.shape[1]
    for i in range(gram.size):
        gram[i] = 0
    for a in range(width):
        gram[stride * stride + a] = sides[j, a]
        for b in range(a, width):
            gram[a * stride + b] = grams[j, a, b]
    solve_in_place(width, stride, ridge, jitter, gram)
    for a in range(width):
        sides[j, a] = gram[stride * stride + a]


@njit(cache=True)
@no_type_check
def _solved_rows(stride, ridge, jitter, grams, sides):
    gram = np.empty((stride + 1) * stride, grams.dtype)
    for j in range(grams.shape[0]):
        _solved_row(j, ridge, jitter, grams, sides, gram, stride)


def normal_equations(
    starts: np.ndarray, features: np.ndarray, values: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """A (rows, k, k) and b (rows, k); row j holds the entries starts[j] … starts[j + 1] of `features` (entries, k)."""
    (count, width), rows = features.shape, starts.size - 1
    stride = stride_of(width)
    grams, sides = np.empty((rows, width, width), features.dtype), np.empty((rows, width), features.dtype)
    given = np.empty(0, features.dtype) if weights is None else weights
    share_out(
        _rows, piece_bounds(rows), starts, stride, padded(features), values, given, grams, sides,
        alone=count * width * stride < WORTH_THREADS,
    )  # fmt: skip
    return grams, sides


def solve_systems(grams: np.ndarray, sides: np.ndarray, ridge: float, jitter: float) -> np.ndarray:
    """x (rows, k) of (A + λI) x = b for each row, λ = ridge + jitter · tr A / k, and 1 where that is zero."""
    found = sides.copy()
    _solved_rows(stride_of(sides.shape[1]), ridge, jitter, grams, found)
    return found
