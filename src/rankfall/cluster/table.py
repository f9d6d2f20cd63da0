"""A completed table whose entries stay on the workers of a cluster."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rankfall.cluster.entries import ClusterEntries
from rankfall.estimators.column_values import ColumnValues
from rankfall.estimators.fitted import FittedTable
from rankfall.problems.layouts.row_block import RowBlock


@dataclass(frozen=True, eq=False)
class ClusterTable(FittedTable):
    """What a fit on a cluster found: factors and effects here, entries there.

    Parameters
    ----------
    entries : ClusterEntries
        All of them, and the labels of rows and columns.
    ranges : ColumnValues
        Range and decimals of what each column holds.
    """

    entries: ClusterEntries = field(kw_only=True)
    ranges: ColumnValues = field(kw_only=True)

    @property
    def column_values(self) -> ColumnValues:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Range and decimals of what each column holds."""
        return self.ranges

    def hide_observed(self, chosen: np.ndarray, values: Float[np.ndarray, "r n"]) -> None:
        """Put −∞ in place of the observed entries of the rows chosen, which the workers tell."""
        found = self.entries.workers.map(_observed, self.entries.blocks, shared=(np.asarray(chosen),))
        for places, cols in found:
            values[places, cols] = -np.inf


def _observed(block: RowBlock, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places in `chosen`, and columns, of the observed entries of those rows that are in a block."""
    starts = block.starts
    places = np.flatnonzero((chosen >= block.first) & (chosen < block.first + block.shape[0]))
    rows = chosen[places] - block.first
    lines = [block.cols[starts[row] : starts[row + 1]] for row in rows]
    lengths = [line.size for line in lines]
    return np.repeat(places, lengths), np.concatenate([np.zeros(0, np.int32), *lines])
