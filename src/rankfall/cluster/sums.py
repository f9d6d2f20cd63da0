"""Sums over the entries in row blocks: moments of columns, and what effects leave."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.cluster.entries import ClusterEntries
from rankfall.estimators.column_values import ColumnValues
from rankfall.estimators.effects import Sums
from rankfall.estimators.moments import Moments
from rankfall.kernels.residual_sums import residual_sums
from rankfall.problems.layouts.row_block import RowBlock


@dataclass(frozen=True, eq=False)
class BlockSums(Sums):
    """Sums over row blocks, of values in units of their columns."""

    entries: ClusterEntries
    origin: Float[np.ndarray, " n"]
    unit: Float[np.ndarray, " n"]

    @cached_property
    def row_mass(self) -> Float[np.ndarray, " m"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The number of entries of the rows."""
        return self.entries.degrees[0].astype(np.float64)

    @cached_property
    def column_mass(self) -> Float[np.ndarray, " n"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The number of entries of the columns."""
        return self.entries.degrees[1].astype(np.float64)

    @cached_property
    def mean(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Of the entries in units."""
        return float(
            self._pass(np.zeros(self.row_mass.size), np.zeros(self.column_mass.size), 0.0)[1].sum() / self._all
        )

    def of_columns(self, row_effects: Float[np.ndarray, " m"]) -> Float[np.ndarray, " n"]:
        """One pass of the workers."""
        return self._pass(row_effects, np.zeros(self.column_mass.size), self.mean)[1]

    def of_rows(self, column_effects: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
        """One pass of the workers."""
        return self._pass(np.zeros(self.row_mass.size), column_effects, self.mean)[0]

    def variance(self, row_effects: Float[np.ndarray, " m"], column_effects: Float[np.ndarray, " n"]) -> float:
        """One pass of the workers."""
        return self._pass(row_effects, column_effects, self.mean)[2] / self._all

    @property
    def _all(self) -> float:
        return float(self.row_mass.sum())

    def _pass(
        self, row_effects: np.ndarray, column_effects: np.ndarray, mean: float
    ) -> tuple[np.ndarray, np.ndarray, float]:
        parts = [(part,) for part in self.entries.parts(row_effects)]
        own, by_column = self.entries.workers.map_sum(
            _residual_sums, self.entries.blocks, parts, (column_effects, mean, self.origin, self.unit)
        )
        return np.concatenate([rows for rows, _ in own]), by_column, sum(squares for _, squares in own)


def moments(entries: ClusterEntries) -> Moments:
    """Means and spreads of the columns, in two passes."""
    counts, workers = entries.degrees[1], entries.workers
    _, sums = workers.map_sum(_column_sums, entries.blocks)
    total = counts.sum()
    center = float(sums.sum() / total)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), center)
    _, squares = workers.map_sum(_column_squares, entries.blocks, shared=(means,))
    # Σ (x − center)² = Σ_j [Σ (x − mean_j)² + count_j (mean_j − center)²]
    typical = float(np.sqrt((squares.sum() + (counts * (means - center) ** 2).sum()) / total))
    return Moments.read(counts, counts.astype(np.float64), means, squares, center, typical)


def column_values(entries: ClusterEntries) -> ColumnValues:
    """Range and decimals of what each column holds."""
    parts = entries.workers.map(_column_values, entries.blocks)
    low, high, decimals = (np.stack([getattr(part, name) for part in parts]) for name in ("low", "high", "decimals"))
    seen = np.isfinite(low)
    return ColumnValues(
        np.where(seen.any(0), np.where(seen, low, np.inf).min(0), -np.inf),
        np.where(seen.any(0), np.where(seen, high, -np.inf).max(0), np.inf),
        np.where(seen.any(0), np.where(seen, decimals, 0).max(0), decimals[0]),
    )


def _residual_sums(
    block: RowBlock, row_effects: np.ndarray, column_effects: np.ndarray, mean: float, origin: np.ndarray,
    unit: np.ndarray,
) -> tuple[tuple[np.ndarray, float], np.ndarray]:  # fmt: skip
    by_row, by_column, squares = residual_sums(
        block.rows, block.cols, block.values, (origin, unit), mean, row_effects, column_effects
    )
    return (by_row, squares), by_column


def _column_sums(block: RowBlock) -> tuple[None, np.ndarray]:
    return None, np.bincount(block.cols, block.values, block.shape[1])


def _column_squares(block: RowBlock, means: np.ndarray) -> tuple[None, np.ndarray]:
    return None, np.bincount(block.cols, (block.values - means[block.cols]) ** 2, block.shape[1])


def _column_values(block: RowBlock) -> ColumnValues:
    return ColumnValues.read(block.cols, block.values.astype(np.float64), block.shape[1])
