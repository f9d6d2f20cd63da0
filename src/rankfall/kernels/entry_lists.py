"""The observed entries of one or many tables as lists by row: what compiled loops over single entries read."""

from dataclasses import dataclass, replace

import numpy as np

from rankfall.kernels.observed import line_starts

# Longer lists are better shared out to threads.
LONGEST = 2**17


@dataclass(frozen=True, eq=False)
class EntryLists:
    """Observed entries row by row, of one table that all runs of a batch share or of one for each run.

        ℓ(W) = ½ Σ s ρ(W_ij, b_ij)

    Parameters
    ----------
    starts : ndarray of int64, shape `(tables, m + 1)`
        Where each row of each table begins.
    columns : ndarray of int32, shape `(entries,)`
        The column of each entry.
    values, shares : ndarray, shape `(entries,)`
        b, and s = 2w/Σw.
    kind, parameter
        What ρ is, as in `rankfall.kernels.entry_costs`.
    shape : tuple of int
        (m, n).
    """

    starts: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    shares: np.ndarray
    kind: int
    parameter: float
    shape: tuple[int, int]

    @classmethod
    def of(
        cls, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, weights: np.ndarray | None, kind: int,
        parameter: float, shape: tuple[int, int],
    ) -> "EntryLists":  # fmt: skip
        """The lists of entries in row-major order; `values` and `weights` (entries,) or (tables, entries).

        Where every table has weights of its own, its entries of weight zero are left out.
        """
        if weights is None:
            weights = np.ones(rows.size, values.dtype)
        shares = (2 * weights / weights.sum(axis=-1, keepdims=True)).astype(values.dtype, copy=False)
        if values.ndim == shares.ndim == 1:
            starts, columns = line_starts(rows, shape[0])[None], columns.astype(np.int32)
            return cls(starts, columns, values.copy(), shares, kind, parameter, shape)
        values, shares = np.broadcast_arrays(values, shares)
        table, place = np.nonzero(shares)
        counts = np.bincount(table * shape[0] + rows[place], minlength=len(values) * shape[0])
        ends = np.cumsum(counts).reshape(len(values), shape[0])
        starts = np.concatenate([np.concatenate([[0], ends[:-1, -1]])[:, None], ends], axis=1)
        columns = columns[place].astype(np.int32)
        return cls(starts, columns, values[table, place], shares[table, place], kind, parameter, shape)

    def of_tables(self, chosen: int | np.integer | np.ndarray) -> "EntryLists":
        """Those of the chosen tables, by an index array or one number; a table that runs share is the same for all."""
        return replace(self, starts=self.starts[np.atleast_1d(chosen)]) if len(self.starts) > 1 else self

    @property
    def longest(self) -> int:
        """The most entries of a table."""
        return int((self.starts[:, -1] - self.starts[:, 0]).max())
