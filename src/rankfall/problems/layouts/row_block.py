"""A row block: the observed entries of neighboring rows, and what is computed on them where they lie.

With rows I of a block, P = ½ w ∂ρ/∂z on its entries and zero off them:

    Σ w ρ(W_ij, b_ij),    P R  (|I|, k),    Pᵀ L_I  (n, k)

The sums over blocks of the first and the last are those of the table; the second has rows of its own in each block.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from rankfall.kernels.observed import Entries, line_starts
from rankfall.problems.layouts.entry_sums import entry_sums
from rankfall.problems.loss import Loss

# Entries of a block: few enough to keep many workers busy, and at most what is read again when a worker dies.
_FEWEST, _MOST, _BLOCKS = 250_000, 4_000_000, 16


def block_bounds(row_counts: Int[np.ndarray, " m"], block_entries: int | None = None) -> Int[np.ndarray, " bounds"]:
    """Where the row blocks begin and end, (blocks + 1,), by the numbers of entries of the rows.

    It depends on the data and on `block_entries`, about how many entries a block has, never on the workers; and so do
    all sums over blocks.
    """
    ends: np.ndarray = np.cumsum(row_counts)
    size = int(np.clip(ends[-1] / _BLOCKS, _FEWEST, _MOST)) if block_entries is None else block_entries
    targets: np.ndarray = np.arange(1, int(ends[-1]) // size + 1) * size
    bounds: np.ndarray = np.searchsorted(ends, targets, side="left") + 1
    return np.unique(np.concatenate([[0], bounds[bounds < row_counts.size], [row_counts.size]]))


@dataclass(frozen=True, eq=False)
class RowBlock:
    """Entries of the rows `first` … `first` + |I| − 1; `entries` counts rows from `first`.

    Parameters
    ----------
    first : int
        The first row of the block.
    entries : Entries
        Positions, in row-major order.
    values : ndarray, shape (entries,)
        b.
    weights : ndarray, shape (entries,), or None
        w; None for ones.
    """

    first: int
    entries: Entries
    values: Float[np.ndarray, " entries"]
    weights: Float[np.ndarray, " entries"] | None = None

    @classmethod
    def of(
        cls, first: int, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: tuple[int, int],
        weights: np.ndarray | None = None,
    ) -> "RowBlock":  # fmt: skip
        """The block of entries in row-major order, `rows` counted from `first`, `shape` (|I|, n).

        One thread computes on it: the others have blocks of their own.
        """
        rows, cols = (index.astype(np.int32, copy=False) for index in (rows, cols))
        return cls(first, Entries(rows, cols, shape, is_threaded=False), values, weights)

    @property
    def rows(self) -> Int[np.ndarray, " entries"]:
        """Rows, counted from `first`."""
        return self.entries.rows

    @property
    def cols(self) -> Int[np.ndarray, " entries"]:
        """Columns of the table."""
        return self.entries.columns

    @property
    def shape(self) -> tuple[int, int]:
        """(|I|, n)."""
        return self.entries.shape

    @cached_property
    def starts(self) -> Int[np.ndarray, " lines"]:
        """Where the entries of each row begin, and their number: (|I| + 1,)."""
        return line_starts(self.rows, self.shape[0])

    def with_values(self, values: np.ndarray, weights: np.ndarray | None) -> "RowBlock":
        """The same positions, whose index lists are shared, with other values and weights."""
        return replace(self, values=values, weights=weights)

    def select(self, kept: np.ndarray) -> "RowBlock":
        """Those of the entries that a boolean mask keeps."""
        weights = None if self.weights is None else self.weights[kept]
        return RowBlock.of(self.first, self.rows[kept], self.cols[kept], self.values[kept], self.shape, weights)

    def __sizeof__(self) -> int:
        # with the lists by column, which the first gradient makes: schedulers place work by the size of what it needs
        return self.values.size * (self.values.itemsize * (1 if self.weights is None else 2) + 16)


def gradient_of(
    block: RowBlock, left: Float[np.ndarray, "i k"], right: Float[np.ndarray, "n k"], loss: Loss
) -> tuple[tuple[float, np.ndarray], np.ndarray]:
    """(Σ w ρ, P R) of a block's own rows, and its share Pᵀ L of the sum over blocks."""
    values = block.values.astype(left.dtype, copy=False)
    weights = np.empty(0, left.dtype) if block.weights is None else block.weights.astype(left.dtype, copy=False)
    total, rows, cols = entry_sums(block.entries, loss, values, weights, left, right)
    return (total, rows), cols


def sum_in_order(shares: Sequence[np.ndarray]) -> np.ndarray:
    """The sum of some arrays, one after the other."""
    total = shares[0].copy()
    for share in shares[1:]:
        total += share
    return total
