"""Entries of a sum of components, W = Σ_r w_r¹ ⊗ ⋯ ⊗ w_r^N, and the way back, compiled and deterministic.

    W_i = Σ_r Π_n w_r^n[i_n],        ∂/∂w_r^n[j] = Σ_{i: i_n = j} λ_i Π_{m≠n} w_r^m[i_m]

One pass over the entries each; the products of the other factors come from prefixes and suffixes, so an entry costs
3·N·R multiplications and nothing of size |Ω|·R is formed. `tensor_chunks` says why threads change no bit.
"""

from typing import no_type_check

import numpy as np
from numba import njit, prange

from rankfall.kernels.tensor_chunks import WORTH_THREADS, chunk_bounds

_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _values(begin, end, positions, firsts, rows, predicted):
    order, rank = firsts.size, rows.shape[1]
    partial = np.empty(rank, rows.dtype)
    for e in range(begin, end):
        row = rows[firsts[0] + positions[0, e]]
        for r in range(rank):
            partial[r] = row[r]
        for n in range(1, order - 1):
            row = rows[firsts[n] + positions[n, e]]
            for r in range(rank):
                partial[r] *= row[r]
        row = rows[firsts[order - 1] + positions[order - 1, e]]
        total = rows.dtype.type(0)
        for r in range(rank):
            total += partial[r] * row[r]
        predicted[e] = total


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _adjoint(begin, end, positions, firsts, rows, slopes, pulled):
    order, rank = firsts.size, rows.shape[1]
    suffix = np.ones((order + 1, rank), rows.dtype)
    prefix = np.empty(rank, rows.dtype)
    pulled[:] = 0
    for e in range(begin, end):
        for n in range(order - 1, 0, -1):
            row, behind, here = rows[firsts[n] + positions[n, e]], suffix[n + 1], suffix[n]
            for r in range(rank):
                here[r] = behind[r] * row[r]
        prefix[:] = slopes[e]
        for n in range(order):
            at = firsts[n] + positions[n, e]
            row, out, behind = rows[at], pulled[at], suffix[n + 1]
            for r in range(rank):
                out[r] += prefix[r] * behind[r]
                prefix[r] *= row[r]


@njit(cache=True)
@no_type_check
def _serial_values(chunks, positions, firsts, rows, predicted):
    for b in range(rows.shape[0]):
        _values(0, positions.shape[1], positions, firsts, rows[b], predicted[b])


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_values(chunks, positions, firsts, rows, predicted):
    count = chunks.size - 1
    for job in prange(rows.shape[0] * count):
        b, c = job // count, job % count
        _values(chunks[c], chunks[c + 1], positions, firsts, rows[b], predicted[b])


@njit(cache=True)
@no_type_check
def _serial_adjoint(chunks, positions, firsts, rows, slopes, pulled):
    for b in range(rows.shape[0]):
        for c in range(chunks.size - 1):
            _adjoint(chunks[c], chunks[c + 1], positions, firsts, rows[b], slopes[b], pulled[b, c])


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_adjoint(chunks, positions, firsts, rows, slopes, pulled):
    count = chunks.size - 1
    for job in prange(rows.shape[0] * count):
        b, c = job // count, job % count
        _adjoint(chunks[c], chunks[c + 1], positions, firsts, rows[b], slopes[b], pulled[b, c])


def values(positions: np.ndarray, firsts: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """W at `positions` (N, entries), (batch, entries), from `rows` (batch, d_1 + … + d_N, R): axis n from firsts[n]."""
    rows = np.ascontiguousarray(rows)
    runs, width = rows.shape[0], rows.shape[2] * firsts.size
    predicted = np.empty((runs, positions.shape[1]), rows.dtype)
    chunks = chunk_bounds(positions.shape[1], width, 1, runs)
    is_small = predicted.size * width < WORTH_THREADS
    (_serial_values if is_small else _parallel_values)(chunks, positions, firsts, rows, predicted)
    return predicted


def adjoint(positions: np.ndarray, firsts: np.ndarray, rows: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """∂/∂rows of Σ_e slopes_e W_e, of the shape of `rows`; slopes (batch, entries)."""
    rows, slopes = np.ascontiguousarray(rows), np.ascontiguousarray(slopes, dtype=rows.dtype)
    width = rows.shape[2] * firsts.size
    chunks = chunk_bounds(positions.shape[1], width, rows[0].size, rows.shape[0])
    pulled = np.empty((rows.shape[0], chunks.size - 1, *rows.shape[1:]), rows.dtype)
    is_small = slopes.size * width < WORTH_THREADS
    (_serial_adjoint if is_small else _parallel_adjoint)(chunks, positions, firsts, rows, slopes, pulled)
    return pulled.sum(axis=1) if chunks.size > 2 else pulled[:, 0]
