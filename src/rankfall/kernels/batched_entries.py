"""Many tables at once, each with observed entries of its own: residuals and their products with the factors.

A batch of small problems has as many short lists of entries as it has runs. A table belongs to one thread, which takes
the two passes of `observed` over its list; so there are no atomics, and the bits are the same for any number of
threads. Nothing of the tables' own size is formed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.entry_costs import SQUARED
from rankfall.kernels.entry_passes import pull_columns, pull_rows
from rankfall.kernels.observed import WORTH_THREADS
from rankfall.kernels.threads import piece_bounds, share_out


@njit(cache=True)
@no_type_check
def _table(t, row_lists, column_lists, shares, cost, left, right, residuals, row_pulls, column_pulls, losses):
    row_starts, columns, values = row_lists
    column_starts, rows, order = column_lists
    kind, parameter = cost
    pull_rows(
        0, left.shape[1], row_starts[t], columns, values, shares, kind, parameter, left[t], right[t], residuals,
        row_pulls[t], losses[t],
    )  # fmt: skip
    column_pulls[t] = 0
    pull_columns(0, right.shape[1], column_starts[t], rows, order, residuals, left[t], column_pulls[t])


@njit(cache=True, nogil=True)
@no_type_check
def _tables(
    begin, end, row_lists, column_lists, shares, cost, left, right, residuals, row_pulls, column_pulls, losses
):  # fmt: skip
    for t in range(begin, end):
        _table(t, row_lists, column_lists, shares, cost, left, right, residuals, row_pulls, column_pulls, losses)


@dataclass(frozen=True, eq=False)
class TableEntries:
    """Positions of the observed entries of tables m × n, in the order of tables, rows, columns.

    `table`, `rows`, `columns` (entries,) integers; `count` tables.
    """

    table: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    count: int
    shape: tuple[int, int]

    @cached_property
    def _by_row(self) -> tuple[np.ndarray, np.ndarray]:
        return self._starts(self.rows, self.shape[0]), self.columns.astype(np.int32)

    @cached_property
    def _by_column(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        order = np.argsort(self.table * self.shape[1] + self.columns, kind="stable").astype(np.int32)
        return self._starts(self.columns, self.shape[1]), self.rows[order].astype(np.int32), order

    def _starts(self, lines: np.ndarray, line_count: int) -> np.ndarray:
        """Where each line of each table starts, (tables, lines + 1)."""
        counts = np.bincount(self.table * line_count + lines, minlength=self.count * line_count)
        ends = np.cumsum(counts).reshape(self.count, line_count)
        first = np.concatenate([[0], ends[:-1, -1]])
        return np.concatenate([first[:, None], ends], axis=1)

    def loss_and_products(
        self,
        values: np.ndarray,
        shares: np.ndarray,
        left: np.ndarray,
        right: np.ndarray,
        kind: int = SQUARED,
        parameter: float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Σ s ρ(L Rᵀ, b) of each table, (tables,), and P R (tables, m, k), Pᵀ L (tables, n, k), P = ½ s ∂ρ/∂z.

        `values` b and `shares` s (entries,); `left` (tables, m, k) and `right` (tables, n, k) of the values' dtype.
        """
        left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
        row_pulls, column_pulls, residuals = np.empty_like(left), np.empty_like(right), np.empty_like(values)
        losses = np.empty(left.shape[:2], left.dtype)
        share_out(
            _tables, piece_bounds(self.count), (*self._by_row, values), self._by_column, shares,
            (kind, left.dtype.type(parameter)), left, right, residuals, row_pulls, column_pulls, losses,
            alone=values.size * left.shape[-1] < WORTH_THREADS,
        )  # fmt: skip
        return losses.sum(axis=1), row_pulls, column_pulls
