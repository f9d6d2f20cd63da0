"""Residuals on the observed entries and their products with a factor, compiled and deterministic.

With W = L Rᵀ and G supported on the observed entries, a chain needs the loss, G R and Gᵀ L. One pass over the rows
forms each residual once, keeps it, and accumulates G R; one pass over the columns reads the residuals through a
permutation and accumulates Gᵀ L. A row, and a column, belongs to one thread, which adds its entries in storage order:
no atomics, and the same bits for any number of threads. Nothing of size m·n or |Ω|·k is ever formed; a pass costs
4·|Ω|·k flops.
"""

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
from numba import njit, prange

# Sums inside one entry's dot product may be re-associated (this is what lets them vectorize); sums over entries, and
# not-a-number, keep their meaning.
_FAST = {"reassoc", "contract", "nsz"}
_CHUNKS_PER_THREAD = 8


@njit(parallel=True, cache=True, fastmath=_FAST)
def _row_pass(starts, columns, values, weights, left, right, chunks, residuals, pulled, losses):
    rank = left.shape[1]
    weighted = weights.size > 0
    for chunk in prange(chunks.size - 1):
        for i in range(chunks[chunk], chunks[chunk + 1]):
            row = left[i]
            out = pulled[i]
            out[:] = 0
            loss = left.dtype.type(0)
            for entry in range(starts[i], starts[i + 1]):
                other = right[columns[entry]]
                total = left.dtype.type(0)
                for k in range(rank):
                    total += row[k] * other[k]
                residual = total - values[entry]
                pull = residual * weights[entry] if weighted else residual
                loss += residual * pull
                residuals[entry] = pull
                for k in range(rank):
                    out[k] += pull * other[k]
            losses[i] = loss


@njit(parallel=True, cache=True, fastmath=_FAST)
def _column_pass(starts, rows, order, residuals, left, chunks, pulled):
    rank = left.shape[1]
    for chunk in prange(chunks.size - 1):
        for j in range(chunks[chunk], chunks[chunk + 1]):
            out = pulled[j]
            out[:] = 0
            for entry in range(starts[j], starts[j + 1]):
                pull = residuals[order[entry]]
                row = left[rows[entry]]
                for k in range(rank):
                    out[k] += pull * row[k]


@njit(parallel=True, cache=True, fastmath=_FAST)
def _predict(rows, columns, left, right, predicted):
    rank = left.shape[1]
    for entry in prange(rows.size):
        row = left[rows[entry]]
        other = right[columns[entry]]
        total = left.dtype.type(0)
        for k in range(rank):
            total += row[k] * other[k]
        predicted[entry] = total


def predict(rows: np.ndarray, columns: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(L Rᵀ)_ij at the given positions, (|rows|,), without forming the product."""
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    predicted = np.empty(rows.size, dtype=left.dtype)
    _predict(rows, columns, left, right, predicted)
    return predicted


def _equal_work(starts: np.ndarray, chunk_count: int) -> np.ndarray:
    """Boundaries that deal the lines out in chunks of about equal numbers of entries."""
    targets = np.linspace(0, starts[-1], chunk_count + 1)
    bounds = np.searchsorted(starts, targets, side="left")
    bounds[0], bounds[-1] = 0, starts.size - 1
    return np.unique(bounds)


def _line_starts(lines: np.ndarray, line_count: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.bincount(lines, minlength=line_count))]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Entries:
    """Observed entries of an m × n matrix in row-major order, with what the two passes need.

    `rows`, `columns` int32 (|Ω|,), sorted by row, then column; `values` (|Ω|,); `weights` (|Ω|,) or empty.
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    shape: tuple[int, int]

    @cached_property
    def _row_starts(self) -> np.ndarray:
        return _line_starts(self.rows, self.shape[0])

    @cached_property
    def _by_column(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        order = np.argsort(self.columns, kind="stable").astype(np.int32 if self.rows.size < 2**31 else np.int64)
        return _line_starts(self.columns, self.shape[1]), self.rows[order], order

    @cached_property
    def _residuals(self) -> np.ndarray:
        return np.empty(self.values.size, dtype=self.values.dtype)

    def pulls(self, left: np.ndarray, right: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Σ w (L Rᵀ − b)², and P R (m, k), Pᵀ L (n, k), where P = w (L Rᵀ − b) on the observed entries.

        `left` (m, k) and `right` (n, k) of the values' dtype. Half the gradient of the sum; the caller owns factors.
        """
        left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
        row_pulls, column_pulls = np.empty_like(left), np.empty_like(right)
        losses = np.empty(self.shape[0], dtype=left.dtype)
        row_starts = self._row_starts
        column_starts, rows_by_column, order = self._by_column
        chunk_count = _CHUNKS_PER_THREAD * numba.config.NUMBA_NUM_THREADS
        _row_pass(
            row_starts, self.columns, self.values, self.weights, left, right,
            _equal_work(row_starts, chunk_count), self._residuals, row_pulls, losses,
        )  # fmt: skip
        _column_pass(
            column_starts, rows_by_column, order, self._residuals, left,
            _equal_work(column_starts, chunk_count), column_pulls,
        )  # fmt: skip
        return float(losses.sum(dtype=np.float64)), row_pulls, column_pulls
