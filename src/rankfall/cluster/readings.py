"""What choosing needs of a table whose entries are in row blocks on a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from rankfall.cluster.completion import ClusterCompletion
from rankfall.cluster.entries import ClusterEntries
from rankfall.cluster.operators import BlockFeatures, BlockMatrix, shares_of_mask
from rankfall.cluster.sums import BlockSums, column_values, moments
from rankfall.estimators.candidate import Candidate
from rankfall.estimators.column_values import ColumnValues
from rankfall.estimators.fold import Fold, fold_of
from rankfall.estimators.folds import is_near_whole
from rankfall.estimators.moments import Moments
from rankfall.estimators.readings import Readings
from rankfall.estimators.scaling_choice import BETTER, missed_by_effects
from rankfall.estimators.scalings import spreads_of
from rankfall.estimators.standardization import Standardization, standardized
from rankfall.models.chain import Chain
from rankfall.models.lifted import Lifted
from rankfall.models.model import Model
from rankfall.problems.completion import Completion
from rankfall.problems.layouts.row_block import RowBlock


@dataclass(frozen=True, eq=False)
class ReadBlocks:
    """Entries on a cluster, and how they are read: effects, residuals, features.

    Parameters
    ----------
    entries : ClusterEntries
        All, or those for training.
    dtype : type
        Of runs.
    """

    entries: ClusterEntries
    dtype: type = np.float32

    @cached_property
    def moments(self) -> Moments:
        """Means and spreads of the columns."""
        return moments(self.entries)

    @cached_property
    def column_values(self) -> ColumnValues:
        """Ranges and decimals of the columns."""
        return column_values(self.entries)

    @cached_property
    def spreads(self) -> Float[np.ndarray, " n"]:
        """Of the columns, as `rankfall.estimators.scalings.column_spreads`."""
        found, ranges = self.moments, self.column_values
        largest = np.where(found.counts > 0, np.maximum(np.abs(ranges.low), np.abs(ranges.high)), 0.0)
        return spreads_of(found.counts, found.spreads**2 * found.counts, largest)

    @cached_property
    def problem(self) -> ClusterCompletion:
        """The entries as they are."""
        return ClusterCompletion.of(
            self.entries.workers, self.entries.blocks, self.entries.bounds, self.entries.degrees, self.dtype
        )

    def standardization(self, scaling: str) -> Standardization:
        """For "global" or "columns"."""
        is_mixed = scaling != "global"
        origin, unit = self.moments.origins_and_units(is_mixed)
        return standardized(BlockSums(self.entries, origin, unit), origin, unit, is_mixed)

    def residuals(self, shape: Standardization, held_out: Completion | None = None) -> ClusterCompletion:
        """What effects leave: residuals over s_i t_j with weights (s_i t_j)², in blocks of their own."""
        entries, is_flat = self.entries, np.ptp(shape.row_slow) == 0 and np.ptp(shape.column_slow) == 0
        (columns,) = entries.workers.hold(
            [(shape.origin, shape.unit, shape.mean, shape.column_effect, shape.column_slow)]
        )
        blocks = [
            entries.workers.apply(
                _residuals, block, shape.row_effect[first:end], shape.row_slow[first:end], columns, is_flat, self.dtype
            )
            for block, (first, end) in zip(entries.blocks, pairwise(entries.bounds), strict=True)
        ]
        total = None
        if not is_flat:
            total = float(sum(entries.workers.map(_total_weight, blocks)))
        return ClusterCompletion.of(
            entries.workers, blocks, entries.bounds, entries.degrees, self.dtype, total, shape.loss, held_out
        )

    def model(self, candidate: Candidate, residuals: ClusterCompletion) -> Model:
        """A chain, with features of the mask of these entries where the candidate has any."""
        chain = Chain(int(candidate.depth), min(candidate.width, *residuals.shape))
        if not candidate.features:
            return chain
        entries = self.entries
        row_degrees, column_degrees = entries.degrees
        (columns,) = entries.workers.hold([column_degrees])
        masks = [
            entries.workers.apply(
                shares_of_mask, block, row_degrees[first:end], columns, candidate.features, self.dtype
            )
            for block, (first, end) in zip(entries.blocks, pairwise(entries.bounds), strict=True)
        ]
        mask = BlockMatrix(masks, residuals.stored, residuals.shape, self.dtype)
        return Lifted(chain, BlockFeatures(mask), BlockFeatures(mask.adjoint()))


@dataclass(frozen=True, eq=False)
class BlockReadings(Readings):
    """One split of the entries on a cluster: those for training stay there, the others are here."""

    train: ReadBlocks
    held: Completion

    @property
    def pairs(self) -> Sequence[tuple[Completion, Completion]]:
        """The one split."""
        return [(self.train.problem, self.held)]

    def scalings(self, scaling: str, is_open: bool) -> tuple[str, ...]:
        """ "global" or "columns", whose effects predict the held-out entries better."""
        if scaling != "auto":
            return (scaling,)
        errors = [
            np.sum(missed_by_effects(self._shapes(name), self.held, self.train.spreads) ** 2) ** 0.5
            for name in ("columns", "global")
        ]
        return ("columns",) if errors[0] < BETTER * errors[1] else ("global",)

    def standardizations(self, scaling: str) -> list[Standardization]:
        """Of the training entries."""
        return [self._shapes(scaling)]

    def _shapes(self, scaling: str) -> Standardization:
        known = self._known
        if scaling not in known:
            known[scaling] = self.train.standardization(scaling)
        return known[scaling]

    @cached_property
    def _known(self) -> dict[str, Standardization]:
        return {}

    def fold(self, split: int, standardization: Standardization, seed: int) -> Fold:
        """The split, with the weights of its held-out entries."""
        fold = fold_of(self.train.problem, self.held, standardization, seed)
        spreads = self.train.spreads[self.held.cols]
        fold.entry_weights = np.divide(1.0, spreads**2, where=spreads > 0, out=np.zeros(spreads.size))
        return fold

    def residuals(self, folds: list[Fold], dtype: type) -> Completion:
        """What effects leave of the training entries; a run that is the fit records its error on the others."""
        shape = folds[0].standardization
        held = shape.residual_problem(self.held, dtype) if is_near_whole(folds) else None
        return self.train.residuals(shape, held)

    def model(self, candidate: Candidate, residuals: Completion) -> Model:
        """A chain, with features where the candidate has any."""
        assert isinstance(residuals, ClusterCompletion)
        return self.train.model(candidate, residuals)

    def column_means(self, split: int) -> Float[np.ndarray, " n"]:
        """Of the training entries."""
        return self.train.moments.means


def _residuals(
    block: RowBlock, row_effect: np.ndarray, row_slow: np.ndarray, columns: tuple, is_flat: bool, dtype: type
) -> RowBlock:
    origin, unit, mean, column_effect, column_slow = columns
    rows, cols = block.rows, block.cols
    slow = row_slow[rows] * column_slow[cols]
    rest = ((block.values - origin[cols]) / unit[cols] - (mean + row_effect[rows] + column_effect[cols])) / slow
    return block.with_values(rest.astype(dtype), None if is_flat else (slow**2).astype(dtype))


def _total_weight(block: RowBlock) -> float:
    return float(np.sum(np.asarray(block.weights), dtype=np.float64))
