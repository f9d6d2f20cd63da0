"""Residuals on the observed entries and their products with a factor, compiled and deterministic.

With W = L Rᵀ and G supported on the observed entries, a chain needs the loss, G R and Gᵀ L. One pass over the rows
forms each residual once, keeps it, and accumulates G R; one pass over the columns reads the residuals through a
permutation and accumulates Gᵀ L. It goes tile by tile, a tile being as many rows as have their residuals and factors in
the cache together. A row, and a column, belongs to one thread, which adds its entries in the order of rows: no atomics,
and the same bits for any number of threads. Nothing of size m·n or |Ω|·k is ever formed; a pass costs
4·|Ω|·k flops.

Short lists and wide rows are passed over by `entry_passes`, long lists by `lane_passes`.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from rankfall.kernels import entry_passes, lane_passes
from rankfall.kernels.entry_costs import SQUARED
from rankfall.kernels.lanes import LANES, tag_of
from rankfall.kernels.pieces import line_counts
from rankfall.kernels.threads import count_pieces, piece_bounds, share_out

# Entries of a tile of rows: 2 MB of residuals in float32.
TILE = 2**19
# Multiplications below which waking threads costs more than they save.
WORTH_THREADS = 2**19


def predict(rows: np.ndarray, columns: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(L Rᵀ)_ij at the given positions, (|rows|,), without forming the product."""
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    predicted = np.empty(rows.size, dtype=left.dtype)
    # a quarter of the work of the two passes
    is_short = rows.size * left.shape[1] < 4 * WORTH_THREADS
    share_out(entry_passes.values_at, piece_bounds(rows.size), rows, columns, left, right, predicted, alone=is_short)
    return predicted


def equal_work(starts: np.ndarray) -> np.ndarray:
    """Boundaries that deal the lines out in chunks of about equal numbers of entries, several for each thread."""
    targets = np.linspace(0, starts[-1], count_pieces() + 1)
    bounds = np.searchsorted(starts, targets, side="left")
    bounds[0], bounds[-1] = 0, starts.size - 1
    return np.unique(bounds)


def line_starts(lines: np.ndarray, line_count: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(line_counts(lines, line_count))]).astype(np.int64)


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
        factors = _Factors.of(left, right, values.size)
        residuals, losses = np.empty_like(values), np.empty(self.shape[0], dtype=left.dtype)
        row_starts, row_chunks = self._by_row
        by_row = (
            row_starts, self.columns, values, weights, kind, left.dtype.type(parameter), factors.left, factors.right,
            residuals, factors.row_pulls, losses, *factors.tag,
        )  # fmt: skip
        share_out(factors.passes.pull_rows, row_chunks, *by_row, alone=self._is_serial(left))
        self._pull_columns(factors, residuals, left)
        return float(losses.sum(dtype=np.float64)), *factors.pulled(left.shape[1])

    def predict(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """(L Rᵀ)_ij on the observed entries, (|Ω|,)."""
        return predict(self.rows, self.columns, left, right)

    def products(self, slopes: np.ndarray, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P R (m, k) and Pᵀ L (n, k) for P = `slopes` (|Ω|,) on the observed entries and zero off them."""
        slopes, left, right = map(np.ascontiguousarray, (slopes, left, right))
        factors = _Factors.of(left, right, slopes.size)
        row_starts, row_chunks = self._by_row
        by_row = (row_starts, self.columns, self._in_place, slopes, factors.right, factors.row_pulls, *factors.tag)
        share_out(factors.passes.pull_columns, row_chunks, *by_row, alone=self._is_serial(left))
        self._pull_columns(factors, slopes, left)
        return factors.pulled(left.shape[1])

    def _pull_columns(self, factors: "_Factors", slopes: np.ndarray, left: np.ndarray) -> None:
        starts, chunks, rows, order = self._by_column
        by_column = (rows, order, slopes, factors.left, factors.column_pulls, *factors.tag)
        for tile in starts:
            share_out(factors.passes.pull_columns, chunks, tile, *by_column, alone=self._is_serial(left))

    def _is_serial(self, left: np.ndarray) -> bool:
        return not self.is_threaded or self.columns.size * left.shape[1] < WORTH_THREADS

    @cached_property
    def _in_place(self) -> np.ndarray:
        """The order of entries by row: their own."""
        return np.arange(self.rows.size, dtype=np.int32 if self.rows.size < 2**31 else np.int64)


@dataclass(frozen=True, eq=False)
class _Factors:
    """L and R, and their products with P, zero at first, as the loops take them: in lanes where a list is long."""

    passes: Any
    tag: tuple[tuple[int, ...], ...]
    left: np.ndarray
    right: np.ndarray
    row_pulls: np.ndarray
    column_pulls: np.ndarray

    @classmethod
    def of(cls, left: np.ndarray, right: np.ndarray, count: int) -> "_Factors":
        width = left.shape[1]
        if width > lane_passes.WIDEST or count * width < lane_passes.LONG:
            return cls(entry_passes, (), left, right, np.zeros_like(left), np.zeros_like(right))
        tag = tag_of(width)
        flat = [lane_passes.filled_up(factor, tag).ravel() for factor in (left, right)]
        return cls(lane_passes, (tag,), *flat, *(np.zeros_like(factor) for factor in flat))

    def pulled(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """P R (m, k) and Pᵀ L (n, k)."""
        if not self.tag:
            return self.row_pulls, self.column_pulls
        rows, columns = (pulls.reshape(-1, len(self.tag[0]) * LANES) for pulls in (self.row_pulls, self.column_pulls))
        return np.ascontiguousarray(rows[:, :width]), np.ascontiguousarray(columns[:, :width])
