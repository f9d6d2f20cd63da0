"""Entries of a tree of matrices, and the way back, compiled and deterministic.

    leaf of mode n:   h = W[i_n, :]            inner node:   h = Wᵀ (h_1 ∘ ⋯ ∘ h_k) over its k children
    W_i = h of the root

Nodes are numbered children first, the root last. `parents[v]` is −1 for the root; `modes[v]` is the axis of a leaf and
−1 for an inner node. The matrix of node v, (rows[v], cols[v]), lies at offsets[v]; `tensor_chunks` says why threads
change no bit.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from numba import njit, prange

from rankfall.kernels.tensor_chunks import WORTH_THREADS, chunk_bounds

_FAST = {"reassoc", "contract", "nsz"}


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of a tree as the loops read them: int64 arrays, one number a node."""

    parents: np.ndarray
    modes: np.ndarray
    rows: np.ndarray
    cols: np.ndarray
    offsets: np.ndarray

    @property
    def table(self) -> np.ndarray:
        """All of them in one array (5, nodes)."""
        return np.stack([self.parents, self.modes, self.rows, self.cols, self.offsets]).astype(np.int64)

    @property
    def work(self) -> int:
        """Multiplications of an entry."""
        return int(np.sum(np.where(self.modes < 0, self.rows, 1) * self.cols))


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _climb(e, positions, table, weights, products, outputs):
    """products[v] = h_1 ∘ ⋯ ∘ h_k at each inner node v, outputs[v] = h at each node."""
    parents, modes, rows, cols, offsets = table
    for v in range(parents.size):
        out = outputs[v]
        width = cols[v]
        if modes[v] >= 0:
            at = offsets[v] + positions[modes[v], e] * width
            row = weights[at : at + width]
            for k in range(width):
                out[k] = row[k]
        else:
            matrix, below = weights[offsets[v] : offsets[v] + rows[v] * width], products[v]
            out[:width] = 0
            for r in range(rows[v]):
                share = below[r]
                below[r] = 1
                for k in range(width):
                    out[k] += share * matrix[r * width + k]
        if parents[v] >= 0:
            above = products[parents[v]]
            for k in range(width):
                above[k] *= out[k]


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _values(begin, end, positions, table, weights, predicted):
    count, widest = table.shape[1], table[3].max()
    products, outputs = np.ones((count, widest), weights.dtype), np.empty((count, widest), weights.dtype)
    for e in range(begin, end):
        _climb(e, positions, table, weights, products, outputs)
        predicted[e] = outputs[count - 1, 0]


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _adjoint(begin, end, positions, table, weights, slopes, pulled):
    parents, modes, rows, cols, offsets = table
    count, widest = parents.size, cols.max()
    products, outputs = np.ones((count, widest), weights.dtype), np.empty((count, widest), weights.dtype)
    others, pulls = np.empty((count, widest), weights.dtype), np.empty((count, widest), weights.dtype)
    pulled[:] = 0
    for e in range(begin, end):
        _climb(e, positions, table, weights, products, outputs)
        # others[v]: the product of the outputs of the siblings of v that come after it, then of all of them
        for v in range(count - 1, -1, -1):
            p = parents[v]
            if p >= 0:
                other, product, out = others[v], products[p], outputs[v]
                for k in range(cols[v]):
                    other[k] = product[k]
                    product[k] *= out[k]
        for v in range(count):
            if modes[v] < 0:
                products[v, : rows[v]] = 1
        for v in range(count):
            p = parents[v]
            if p >= 0:
                other, product, out = others[v], products[p], outputs[v]
                for k in range(cols[v]):
                    other[k] *= product[k]
                    product[k] *= out[k]
        pulls[count - 1, 0] = slopes[e]
        for v in range(count - 1, -1, -1):
            p, width = parents[v], cols[v]
            pull = pulls[v]
            if p >= 0:
                down, other = pulls[p], others[v]
                for k in range(width):
                    pull[k] = down[k] * other[k]
            if modes[v] >= 0:
                at = offsets[v] + positions[modes[v], e] * width
                out = pulled[at : at + width]
                for k in range(width):
                    out[k] += pull[k]
                continue
            # outputs[v] is of no more use; it takes what comes down to the product of the children
            size = rows[v] * width
            matrix, out = weights[offsets[v] : offsets[v] + size], pulled[offsets[v] : offsets[v] + size]
            below, product = outputs[v], products[v]
            for r in range(rows[v]):
                share = product[r]
                product[r] = 1
                total = weights.dtype.type(0)
                for k in range(width):
                    out[r * width + k] += share * pull[k]
                    total += matrix[r * width + k] * pull[k]
                below[r] = total
            for r in range(rows[v]):
                pull[r] = below[r]


@njit(cache=True)
@no_type_check
def _serial_values(chunks, positions, table, weights, predicted):
    for b in range(weights.shape[0]):
        _values(0, positions.shape[1], positions, table, weights[b], predicted[b])


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_values(chunks, positions, table, weights, predicted):
    count = chunks.size - 1
    for job in prange(weights.shape[0] * count):
        b, c = job // count, job % count
        _values(chunks[c], chunks[c + 1], positions, table, weights[b], predicted[b])


@njit(cache=True)
@no_type_check
def _serial_adjoint(chunks, positions, table, weights, slopes, pulled):
    for b in range(weights.shape[0]):
        for c in range(chunks.size - 1):
            _adjoint(chunks[c], chunks[c + 1], positions, table, weights[b], slopes[b], pulled[b, c])


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_adjoint(chunks, positions, table, weights, slopes, pulled):
    count = chunks.size - 1
    for job in prange(weights.shape[0] * count):
        b, c = job // count, job % count
        _adjoint(chunks[c], chunks[c + 1], positions, table, weights[b], slopes[b], pulled[b, c])


def values(positions: np.ndarray, nodes: Nodes, weights: np.ndarray) -> np.ndarray:
    """W at `positions` (N, entries), (batch, entries), from `weights` (batch, p)."""
    weights = np.ascontiguousarray(weights)
    predicted = np.empty((weights.shape[0], positions.shape[1]), weights.dtype)
    chunks = chunk_bounds(positions.shape[1], nodes.work, 1, weights.shape[0])
    is_small = predicted.size * nodes.work < WORTH_THREADS
    (_serial_values if is_small else _parallel_values)(chunks, positions, nodes.table, weights, predicted)
    return predicted


def adjoint(positions: np.ndarray, nodes: Nodes, weights: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """∂/∂weights of Σ_e slopes_e W_e, (batch, p), slopes (batch, entries)."""
    weights, slopes = np.ascontiguousarray(weights), np.ascontiguousarray(slopes, dtype=weights.dtype)
    runs, size = weights.shape
    chunks = chunk_bounds(positions.shape[1], nodes.work, size, runs)
    pulled = np.empty((runs, chunks.size - 1, size), weights.dtype)
    is_small = slopes.size * nodes.work < WORTH_THREADS
    (_serial_adjoint if is_small else _parallel_adjoint)(chunks, positions, nodes.table, weights, slopes, pulled)
    return pulled.sum(axis=1) if chunks.size > 2 else pulled[:, 0]
