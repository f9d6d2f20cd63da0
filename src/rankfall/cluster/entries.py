"""The entries of a table on a cluster: read, numbered and dealt out to row blocks, never all in one place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from rankfall.cluster import row_blocks
from rankfall.cluster.numbering import Labels, counted, labels_of, merged
from rankfall.cluster.partitions import reading_failed
from rankfall.cluster.workers import DaskWorkers, gathered
from rankfall.problems.layouts.row_block import block_bounds
from rankfall.problems.layouts.row_blocks import ARITY

if TYPE_CHECKING:
    import dask.dataframe as dd


@dataclass(frozen=True, eq=False)
class ClusterEntries:
    """Row blocks on workers, and what the caller knows of them.

    Parameters
    ----------
    workers : DaskWorkers
        Who holds the blocks.
    blocks : sequence of Future
        `RowBlock`s, in the order of rows.
    bounds : sequence of int
        Where they begin and end, (blocks + 1,).
    labels : Labels
        Of rows and columns.
    """

    workers: DaskWorkers
    blocks: Sequence[object]
    bounds: Sequence[int]
    labels: Labels

    @classmethod
    def read(
        cls, workers: DaskWorkers, frame: "dd.DataFrame", duplicates: str = "error", dtype: type = np.float32,
        block_entries: int | None = None,
    ) -> "ClusterEntries":  # fmt: skip
        """The entries of a frame of row, column and value, on its cluster.

        The partitions are read twice: once for the labels, once for the entries. Memory on the workers: about 24 bytes
        an entry; here: the labels.

        Raises
        ------
        InputError
            For partitions that cannot be read, values that are no finite numbers, missing ids, and repeats where
            `duplicates` is "error".
        """
        from dask import delayed

        client, parts, names = workers.client, frame.to_delayed(), list(frame.columns)
        counts = [delayed(merged)([delayed(counted)(part, names)]) for part in parts]
        while len(counts) > 1:
            counts = [delayed(merged)(counts[k : k + ARITY]) for k in range(0, len(counts), ARITY)]
        labels = labels_of(gathered(workers, client.compute(counts[0]), reading_failed))
        workers.entries = int(labels.row_counts.sum())
        bounds = block_bounds(labels.row_counts, block_entries).tolist()
        ids = workers.hold([labels.rows, labels.cols])
        pieces = [delayed(row_blocks.dealt, nout=len(bounds) - 1)(part, names, *ids, bounds, dtype) for part in parts]
        made = [
            delayed(row_blocks.joined)(
                [cast(Any, piece)[place] for piece in pieces], first, (end - first, labels.shape[1]), duplicates, names
            )
            for place, (first, end) in enumerate(pairwise(bounds))
        ]  # fmt: skip
        blocks = client.compute(made)
        gathered(workers, blocks, reading_failed, results=False)
        return cls(workers, blocks, bounds, labels)

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.labels.shape

    @cached_property
    def degrees(self) -> tuple[np.ndarray, np.ndarray]:
        """How many entries of each row, and of each column, there are."""
        rows, cols = self.workers.map_sum(row_blocks.degrees, self.blocks)
        return np.concatenate(rows), cols

    def parts(self, rows: np.ndarray) -> list[np.ndarray]:
        """What belongs to the rows of each block, of an array with one line for each row of the table."""
        return [rows[first:end] for first, end in pairwise(self.bounds)]

    def first(self, count: int) -> "ClusterEntries":
        """The entries of the rows of the first blocks."""
        end = self.bounds[count]
        labels = replace(self.labels, rows=self.labels.rows[:end], row_counts=self.labels.row_counts[:end])
        return ClusterEntries(self.workers, self.blocks[:count], self.bounds[: count + 1], labels)

    def split(self, share: float, seed: int) -> "tuple[ClusterEntries, tuple[np.ndarray, np.ndarray, np.ndarray]]":
        """The entries that are not held out, still on the workers, and rows, columns and values of those that are."""
        train = [self.workers.apply(row_blocks.kept, block, share, seed) for block in self.blocks]
        pieces = self.workers.map(row_blocks.held_out, self.blocks, shared=(share, seed))
        rows, cols, values = (np.concatenate([piece[k] for piece in pieces]) for k in range(3))
        return ClusterEntries(self.workers, train, self.bounds, self.labels), (rows, cols, values)
