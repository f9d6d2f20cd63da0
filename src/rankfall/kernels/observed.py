"""Residuals on the observed entries and their products with a factor, compiled and deterministic.

With W = L Rᵀ and G supported on the observed entries, a chain needs the loss, G R and Gᵀ L. One pass over the rows
forms each residual once, keeps it, and accumulates G R; one pass over the columns reads the residuals through a
permutation and accumulates Gᵀ L. It goes tile by tile, a tile being as many rows as have their residuals and factors in
the cache together. A row, and a column, belongs to one thread, which adds its entries in the order of rows: no atomics,
and the same bits for any number of threads. Nothing of size m·n or |Ω|·k is ever formed; a pass costs
4·|Ω|·k flops.

What an entry costs is one of four kinds ρ(z, b) with one parameter; the dataclasses of `rankfall.problems.losses`
say what they mean. The pull of an entry is ½ ∂ρ/∂z, which for squares is the residual.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import no_type_check

import numpy as np
from numba import config, njit, prange

# Sums inside one entry's dot product may be re-associated (this is what lets them vectorize); sums over entries, and
# not-a-number, keep their meaning.
_FAST = {"reassoc", "contract", "nsz"}
_CHUNKS_PER_THREAD = 8
# Entries of a tile of rows: 2 MB of residuals in float32.
TILE = 2**19
# Multiplications below which waking threads costs more than they save.
WORTH_THREADS = 2**18

SQUARED, HUBER, ABSOLUTE, LOGISTIC = range(4)


@njit(cache=True)
@no_type_check
def cost_and_pull(kind, parameter, prediction, target):
    """ρ and ½ ∂ρ/∂z of an entry, for all kinds but squares."""
    residual = prediction - target
    if kind == HUBER:
        # compared this way round, a residual that is not a number passes through
        pull = parameter if residual > parameter else -parameter if residual < -parameter else residual
        return pull * (2 * residual - pull), pull
    if kind == ABSOLUTE:
        length = np.sqrt(residual * residual + parameter * parameter)
        return residual * residual / (length + parameter), residual / (2 * length)
    margin = target * (prediction + parameter)
    small = np.exp(-abs(margin))
    # σ(−margin) = e^{−margin}/(1 + e^{−margin}), from whichever exponential does not overflow
    miss = small / (1 + small) if margin > 0 else 1 / (1 + small)
    return max(-margin, 0) + np.log1p(small), -target * miss / 2


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def pull_rows(begin, end, starts, columns, values, weights, kind, parameter, left, right, residuals, pulled, losses):
    rank = left.shape[1]
    weighted = weights.size > 0
    for i in range(begin, end):
        row = left[i]
        out = pulled[i]
        out[:] = 0
        loss = left.dtype.type(0)
        for entry in range(starts[i], starts[i + 1]):
            other = right[columns[entry]]
            total = left.dtype.type(0)
            for k in range(rank):
                total += row[k] * other[k]
            weight = weights[entry] if weighted else left.dtype.type(1)
            if kind == SQUARED:
                residual = total - values[entry]
                pull = residual * weight
                loss += residual * pull
            else:
                cost, slope = cost_and_pull(kind, parameter, total, values[entry])
                pull = left.dtype.type(slope) * weight
                loss += left.dtype.type(cost) * weight
            residuals[entry] = pull
            for k in range(rank):
                out[k] += pull * other[k]
        losses[i] = loss


@njit(cache=True, fastmath=_FAST, nogil=True)
@no_type_check
def pull_columns(begin, end, starts, rows, order, residuals, left, pulled):
    rank = left.shape[1]
    for j in range(begin, end):
        out = pulled[j]
        for entry in range(starts[j], starts[j + 1]):
            pull = residuals[order[entry]]
            row = left[rows[entry]]
            for k in range(rank):
                out[k] += pull * row[k]


@njit(cache=True, fastmath=_FAST)
@no_type_check
def _entries(begin, end, rows, columns, left, right, predicted):
    rank = left.shape[1]
    for entry in range(begin, end):
        row = left[rows[entry]]
        other = right[columns[entry]]
        total = left.dtype.type(0)
        for k in range(rank):
            total += row[k] * other[k]
        predicted[entry] = total


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_rows(
    chunks, starts, columns, values, weights, kind, parameter, left, right, residuals, pulled, losses
):  # fmt: skip
    for c in prange(chunks.size - 1):
        pull_rows(
            chunks[c], chunks[c + 1], starts, columns, values, weights, kind, parameter, left, right, residuals,
            pulled, losses,
        )  # fmt: skip


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_columns(chunks, starts, rows, order, residuals, left, pulled):
    for tile in range(starts.shape[0]):
        for c in prange(chunks.size - 1):
            pull_columns(chunks[c], chunks[c + 1], starts[tile], rows, order, residuals, left, pulled)


@njit(parallel=True, cache=True)
@no_type_check
def _parallel_entries(chunks, rows, columns, left, right, predicted):
    for c in prange(chunks.size - 1):
        _entries(chunks[c], chunks[c + 1], rows, columns, left, right, predicted)


def predict(rows: np.ndarray, columns: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(L Rᵀ)_ij at the given positions, (|rows|,), without forming the product."""
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    predicted = np.empty(rows.size, dtype=left.dtype)
    # a quarter of the work of the two passes
    if rows.size * left.shape[1] < 4 * WORTH_THREADS:
        _entries(0, rows.size, rows, columns, left, right, predicted)
    else:
        chunks = np.linspace(0, rows.size, _chunk_count() + 1).astype(np.int64)
        _parallel_entries(chunks, rows, columns, left, right, predicted)
    return predicted


def _chunk_count() -> int:
    return _CHUNKS_PER_THREAD * config.NUMBA_NUM_THREADS  # pyright: ignore[reportAttributeAccessIssue]


def equal_work(starts: np.ndarray) -> np.ndarray:
    """Boundaries that deal the lines out in chunks of about equal numbers of entries, several for each thread."""
    targets = np.linspace(0, starts[-1], _chunk_count() + 1)
    bounds = np.searchsorted(starts, targets, side="left")
    bounds[0], bounds[-1] = 0, starts.size - 1
    return np.unique(bounds)


def line_starts(lines: np.ndarray, line_count: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.bincount(lines, minlength=line_count))]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Entries:
    """Positions of the observed entries of an m × n matrix in row-major order, with what the two passes need.

    `rows`, `columns` int32 `(|Ω|,)`, sorted by row, then column. `tile`: about how many entries a tile has.
    `is_threaded`: whether long lists are shared out to threads; False where the caller has a thread for each list.
    """

    rows: np.ndarray
    columns: np.ndarray
    shape: tuple[int, int]
    tile: int = TILE
    is_threaded: bool = True

    @cached_property
    def _by_row(self) -> tuple[np.ndarray, np.ndarray]:
        starts = line_starts(self.rows, self.shape[0])
        return starts, equal_work(starts)

    @cached_property
    def _by_column(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Starts of the columns in each tile (tiles, n + 1), chunks of columns, and rows and places in that order."""
        n, count = self.shape[1], self.rows.size
        small = np.int32 if count < 2**31 else np.int64
        bounds = (
            np.unique(np.searchsorted(self.rows, self.rows[:: self.tile], side="left")) if count else np.zeros(1, int)
        )
        order, starts = np.empty(count, small), np.empty((bounds.size, n + 1), np.int64)
        for tile, (begin, end) in enumerate(pairwise([*bounds.tolist(), count])):
            order[begin:end] = np.argsort(self.columns[begin:end], kind="stable") + begin
            starts[tile] = begin + line_starts(self.columns[begin:end], n)
        return starts, equal_work(line_starts(self.columns, n)), self.rows[order], order

    def loss_and_products(
        self,
        values: np.ndarray,
        weights: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        kind: int = SQUARED,
        parameter: float = 0.0,
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Σ w ρ(L Rᵀ, b), and P R (m, k), Pᵀ L (n, k), where P = ½ w ∂ρ/∂z on the observed entries.

        `values` b (|Ω|,); `weights` w (|Ω|,), or empty for ones; `left` (m, k) and `right` (n, k) of the values' dtype;
        `kind` and `parameter` say what ρ is, squares unless given. P R and Pᵀ L are half the gradient of the sum.
        """
        values, weights, left, right = map(np.ascontiguousarray, (values, weights, left, right))
        row_pulls, column_pulls, residuals = np.empty_like(left), np.empty_like(right), np.empty_like(values)
        losses = np.empty(self.shape[0], dtype=left.dtype)
        row_starts, row_chunks = self._by_row
        column_starts, column_chunks, rows_by_column, order = self._by_column
        by_row = (
            row_starts, self.columns, values, weights, kind, left.dtype.type(parameter), left, right, residuals,
            row_pulls, losses,
        )  # fmt: skip
        by_column = (column_starts, rows_by_column, order, residuals, left, column_pulls)
        column_pulls[:] = 0
        if not self.is_threaded or values.size * left.shape[1] < WORTH_THREADS:
            pull_rows(0, self.shape[0], *by_row)
            for tile in range(column_starts.shape[0]):
                pull_columns(0, self.shape[1], column_starts[tile], *by_column[1:])
        else:
            _parallel_rows(row_chunks, *by_row)
            _parallel_columns(column_chunks, *by_column)
        return float(losses.sum(dtype=np.float64)), row_pulls, column_pulls

    def predict(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """(L Rᵀ)_ij on the observed entries, (|Ω|,)."""
        return predict(self.rows, self.columns, left, right)

    def products(self, slopes: np.ndarray, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P R (m, k) and Pᵀ L (n, k) for P = `slopes` (|Ω|,) on the observed entries and zero off them."""
        slopes, left, right = map(np.ascontiguousarray, (slopes, left, right))
        by_row, by_column = np.zeros_like(left), np.zeros_like(right)
        row_starts, row_chunks = self._by_row
        column_starts, column_chunks, rows_by_column, order = self._by_column
        in_place = self._in_place
        if not self.is_threaded or slopes.size * left.shape[1] < WORTH_THREADS:
            pull_columns(0, self.shape[0], row_starts, self.columns, in_place, slopes, right, by_row)
            for tile in range(column_starts.shape[0]):
                pull_columns(0, self.shape[1], column_starts[tile], rows_by_column, order, slopes, left, by_column)
        else:
            _parallel_columns(row_chunks, row_starts[None, :], self.columns, in_place, slopes, right, by_row)
            _parallel_columns(column_chunks, column_starts, rows_by_column, order, slopes, left, by_column)
        return by_row, by_column

    @cached_property
    def _in_place(self) -> np.ndarray:
        """The order of entries by row: their own."""
        return np.arange(self.rows.size, dtype=np.int32 if self.rows.size < 2**31 else np.int64)
