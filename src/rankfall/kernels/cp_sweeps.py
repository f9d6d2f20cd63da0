"""Sweeps of alternating least squares over a sum of components, compiled.

    φ_e = ∘_{m≠n} w^m[i_m],     (Σ_{e: i_n = j} w_e φ_e φ_eᵀ + λ_j I) w^n[j] = Σ_{e: i_n = j} w_e y_e φ_e

for every row j of every layer n, one layer after another. The features of some tens of entries at a time are formed in
a buffer that stays in the nearest cache, so that nothing of size |Ω|·R is written. A row belongs to one thread: the
bits are the same for any number of them.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.inner import aligned
from rankfall.kernels.lanes import LANES, aligned_zeros, load, stay_apart, store, times
from rankfall.kernels.padded_rows import ONE, stride_of
from rankfall.kernels.row_systems import WORTH_THREADS, add_entries, solve_in_place
from rankfall.kernels.threads import piece_bounds, share_out

# Numbers of the buffer of features.
_BUFFER = 2048


@njit(cache=True, error_model="numpy")
@no_type_check
def _form_features(n, begin, end, positions, firsts, stride, rows, features):
    stay_apart()
    order, first = firsts.size, 1 if n == 0 else 0
    for e in range(begin, end):
        for lane in range(0, stride, LANES):
            row = load(rows, (firsts[first] + positions[first, e]) * stride + lane, ONE)
            for m in range(first + 1, order):
                if m != n:
                    row = times(row, load(rows, (firsts[m] + positions[m, e]) * stride + lane, ONE))
            store(features, (e - begin) * stride + lane, row)


@njit(cache=True, error_model="numpy", nogil=True)
@no_type_check
def _rows_of(begin, end, n, starts, positions, values, weights, firsts, width, rows, ridge, jitter):
    """Rows begin … end of layer n to their places in `rows`."""
    stride = -(-width // LANES) * LANES
    lanes = max(1, _BUFFER // stride)
    features, gram = aligned(lanes * stride, rows), aligned((stride + 1) * stride, rows)
    for j in range(begin, end):
        for i in range(gram.size):
            gram[i] = 0
        for block in range(starts[j], starts[j + 1], lanes):
            last = min(starts[j + 1], block + lanes)
            _form_features(n, block, last, positions, firsts, stride, rows, features)
            part = weights[block:last] if weights.size > 0 else weights
            add_entries(0, last - block, stride, features, values[block:last], part, gram)
        solve_in_place(width, stride, ridge, jitter, gram)
        for lane in range(0, stride, LANES):
            store(rows, (firsts[n] + j) * stride + lane, load(gram, stride * stride + lane, ONE))


def sweep(
    starts: np.ndarray, ends: np.ndarray, positions: np.ndarray, values: np.ndarray, weights: np.ndarray,
    firsts: np.ndarray, rows: np.ndarray, ridge: float, jitter: float,
) -> np.ndarray:  # fmt: skip
    """The layers (d_1 + … + d_N, R) after one sweep; λ_j = ridge + jitter · tr A_j / R.

    Parameters
    ----------
    starts, ends
        Where the entries of each row begin among those sorted by axis n: starts[ends[n] : ends[n + 1]].
    positions, values, weights
        (N, N, entries), (N, entries) and (N, entries) or (N, 0): the entries, sorted by each axis.
    firsts
        Where the rows of each layer begin in `rows`.
    """
    width = rows.shape[1]
    packed = aligned_zeros((rows.shape[0], stride_of(width)), rows.dtype)
    packed[:, :width] = rows
    is_small = positions.shape[2] * width * width < WORTH_THREADS
    for n in range(firsts.size):
        own = starts[ends[n] : ends[n + 1]]
        share_out(
            _rows_of, piece_bounds(own.size - 1), n, own, positions[n], values[n], weights[n], firsts, width,
            packed.reshape(-1), ridge, jitter, alone=is_small,
        )  # fmt: skip
    return packed[:, :width]
