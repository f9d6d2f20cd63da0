"""Entries of a train, W_i = G_1[i_1] G_2[i_2] ⋯ G_N[i_N], and the way back, compiled and deterministic.

    ∂/∂G_n[j] = Σ_{i: i_n = j} λ_i (G_1[i_1] ⋯ G_{n−1}[i_{n−1}])ᵀ (G_{n+1}[i_{n+1}] ⋯ G_N[i_N])ᵀ

Core n is stored as (d_n, r_{n−1}, r_n), one matrix for each index. An entry is a row of vectors passed along the train,
forth and back. `tensor_chunks` says why threads change no bit.
"""

from typing import no_type_check

import numpy as np
from numba import njit, prange

from rankfall.kernels.tensor_chunks import WORTH_THREADS, chunk_bounds

_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _pass_forth(e, positions, offsets, ranks, weights, left):
    """left[n] = G_1[i_1] ⋯ G_n[i_n], from left[0] = 1."""
    for n in range(offsets.size):
        rows, cols = ranks[n], ranks[n + 1]
        at = offsets[n] + positions[n, e] * rows * cols
        core, here, ahead = weights[at : at + rows * cols], left[n], left[n + 1]
        ahead[:cols] = 0
        for a in range(rows):
            share = here[a]
            for b in range(cols):
                ahead[b] += share * core[a * cols + b]


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _values(begin, end, positions, offsets, ranks, weights, predicted):
    left = np.ones((offsets.size + 1, ranks.max()), weights.dtype)
    for e in range(begin, end):
        _pass_forth(e, positions, offsets, ranks, weights, left)
        predicted[e] = left[offsets.size, 0]


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _adjoint(begin, end, positions, offsets, ranks, weights, slopes, pulled):
    order = offsets.size
    left = np.ones((order + 1, ranks.max()), weights.dtype)
    right, below = np.empty(ranks.max(), weights.dtype), np.empty(ranks.max(), weights.dtype)
    pulled[:] = 0
    for e in range(begin, end):
        _pass_forth(e, positions, offsets, ranks, weights, left)
        right[0] = slopes[e]
        for n in range(order - 1, -1, -1):
            rows, cols = ranks[n], ranks[n + 1]
            at = offsets[n] + positions[n, e] * rows * cols
            core, out, here = weights[at : at + rows * cols], pulled[at : at + rows * cols], left[n]
            for a in range(rows):
                share = here[a]
                total = weights.dtype.type(0)
                for b in range(cols):
                    out[a * cols + b] += share * right[b]
                    total += core[a * cols + b] * right[b]
                below[a] = total
            right[:rows] = below[:rows]


@njit(cache=True)
@no_type_check
def _serial_values(chunks, positions, offsets, ranks, weights, predicted):
    for b in range(weights.shape[0]):
        _values(0, positions.shape[1], positions, offsets, ranks, weights[b], predicted[b])


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_values(chunks, positions, offsets, ranks, weights, predicted):
    count = chunks.size - 1
    for job in prange(weights.shape[0] * count):
        b, c = job // count, job % count
        _values(chunks[c], chunks[c + 1], positions, offsets, ranks, weights[b], predicted[b])


@njit(cache=True)
@no_type_check
def _serial_adjoint(chunks, positions, offsets, ranks, weights, slopes, pulled):
    for b in range(weights.shape[0]):
        for c in range(chunks.size - 1):
            _adjoint(chunks[c], chunks[c + 1], positions, offsets, ranks, weights[b], slopes[b], pulled[b, c])


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_adjoint(chunks, positions, offsets, ranks, weights, slopes, pulled):
    count = chunks.size - 1
    for job in prange(weights.shape[0] * count):
        b, c = job // count, job % count
        _adjoint(chunks[c], chunks[c + 1], positions, offsets, ranks, weights[b], slopes[b], pulled[b, c])


@njit(parallel=True, cache=True, fastmath=_FAST)
@no_type_check
def _features(chunks, layer, positions, offsets, ranks, weights, found):
    order, widest = offsets.size, ranks.max()
    for c in prange(chunks.size - 1):
        left, right, moved = np.empty(widest), np.empty(widest), np.empty(widest)
        for e in range(chunks[c], chunks[c + 1]):
            left[0] = right[0] = 1
            for n in range(layer):
                rows, cols = ranks[n], ranks[n + 1]
                at = offsets[n] + positions[n, e] * rows * cols
                for b in range(cols):
                    moved[b] = 0
                for a in range(rows):
                    share = left[a]
                    for b in range(cols):
                        moved[b] += share * weights[at + a * cols + b]
                for b in range(cols):
                    left[b] = moved[b]
            for n in range(order - 1, layer, -1):
                rows, cols = ranks[n], ranks[n + 1]
                at = offsets[n] + positions[n, e] * rows * cols
                for a in range(rows):
                    total = 0.0
                    for b in range(cols):
                        total += weights[at + a * cols + b] * right[b]
                    moved[a] = total
                for a in range(rows):
                    right[a] = moved[a]
            cols = ranks[layer + 1]
            for a in range(ranks[layer]):
                for b in range(cols):
                    found[e, a * cols + b] = left[a] * right[b]


def features(
    layer: int, positions: np.ndarray, offsets: np.ndarray, ranks: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """(G_1 ⋯ G_{n−1})ᵀ (G_{n+1} ⋯ G_N)ᵀ of each entry, n the layer, flattened: (entries, r_{n−1} r_n), float64."""
    found = np.empty((positions.shape[1], ranks[layer] * ranks[layer + 1]))
    work = int(ranks[:-1] @ ranks[1:])
    chunks = chunk_bounds(positions.shape[1], work, 1, 1)
    if positions.shape[1] * work < WORTH_THREADS:
        chunks = chunks[[0, -1]]
    _features(chunks, layer, positions, offsets, ranks, np.asarray(weights, np.float64), found)
    return found


def values(positions: np.ndarray, offsets: np.ndarray, ranks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """W at `positions` (N, entries), (batch, entries); ranks (r_0 = 1, …, r_N = 1), core n at offsets[n]."""
    weights = np.ascontiguousarray(weights)
    predicted = np.empty((weights.shape[0], positions.shape[1]), weights.dtype)
    work = int(ranks[:-1] @ ranks[1:])
    chunks = chunk_bounds(positions.shape[1], work, 1, weights.shape[0])
    is_small = predicted.size * work < WORTH_THREADS
    (_serial_values if is_small else _parallel_values)(chunks, positions, offsets, ranks, weights, predicted)
    return predicted


def adjoint(
    positions: np.ndarray, offsets: np.ndarray, ranks: np.ndarray, weights: np.ndarray, slopes: np.ndarray
) -> np.ndarray:
    """∂/∂weights of Σ_e slopes_e W_e, (batch, p), slopes (batch, entries)."""
    weights, slopes = np.ascontiguousarray(weights), np.ascontiguousarray(slopes, dtype=weights.dtype)
    runs, size = weights.shape
    work = int(ranks[:-1] @ ranks[1:])
    chunks = chunk_bounds(positions.shape[1], work, size, runs)
    pulled = np.empty((runs, chunks.size - 1, size), weights.dtype)
    is_small = slopes.size * work < WORTH_THREADS
    (_serial_adjoint if is_small else _parallel_adjoint)(chunks, positions, offsets, ranks, weights, slopes, pulled)
    return pulled.sum(axis=1) if chunks.size > 2 else pulled[:, 0]
