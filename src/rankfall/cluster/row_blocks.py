"""From partitions to row blocks: every entry goes to the block of its row, on whichever worker that is.

All of it is Dask tasks, so that a lost block is computed again from its partitions.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from rankfall.cluster.numbering import known_entries
from rankfall.errors import InputError
from rankfall.problems.layouts.row_block import RowBlock

if TYPE_CHECKING:
    import pandas as pd

Piece = tuple[np.ndarray, np.ndarray, np.ndarray]


def dealt(
    frame: "pd.DataFrame", columns: Sequence[str], row_labels: "pd.Index", col_labels: "pd.Index",
    bounds: Sequence[int], dtype: type,
) -> list[Piece]:  # fmt: skip
    """The known entries of a partition as numbers, a piece for each row block: rows (from its first), columns, values.

    The order of entries within a piece is that of the partition.
    """
    known = known_entries(frame, columns)
    rows, cols = (numbers(known.iloc[:, side], labels) for side, labels in enumerate((row_labels, col_labels)))
    values = known.iloc[:, 2].to_numpy(dtype=dtype)
    block = np.searchsorted(bounds, rows, side="right") - 1
    order = np.argsort(block, kind="stable")
    ends = np.searchsorted(block[order], np.arange(len(bounds)))
    pieces = []
    for place, (begin, end) in enumerate(pairwise(ends.tolist())):
        chosen = order[begin:end]
        pieces.append(((rows[chosen] - bounds[place]).astype(np.int32), cols[chosen], values[chosen]))
    return pieces


def joined(
    pieces: Sequence[Piece], first: int, shape: tuple[int, int], duplicates: str, names: Sequence[str]
) -> RowBlock:
    """The block of its pieces, in the order of partitions; repeats as `duplicates` says.

    Raises
    ------
    InputError
        For a position that comes twice where `duplicates` is "error".
    """
    rows, cols, values = (np.concatenate([piece[k] for piece in pieces]) for k in range(3))
    key = rows.astype(np.int64) * shape[1] + cols
    order = np.argsort(key, kind="stable")
    key = key[order]
    fresh = np.ones(key.size, dtype=bool)
    fresh[1:] = key[1:] != key[:-1]
    if fresh.all():
        return RowBlock.of(first, rows[order], cols[order], values[order], shape)
    if duplicates == "error":
        raise InputError(
            f"each pair of {names[0]} and {names[1]} may occur once, got {int((~fresh).sum())} repeats in the "
            f"block of row {first + 1}; duplicates 'mean' averages them, 'last' keeps the last"
        )
    starts, values = np.flatnonzero(fresh), values[order]
    if duplicates == "last":
        values = values[np.append(starts[1:], key.size) - 1]
    else:
        lengths = np.diff(np.append(starts, key.size))
        values = (np.add.reduceat(values.astype(np.float64), starts) / lengths).astype(values.dtype)
    rows, cols = np.divmod(key[fresh], shape[1])
    return RowBlock.of(first, rows, cols, values, shape)


def is_held_out(block: RowBlock, share: float, seed: int) -> np.ndarray:
    """Which entries of a block are held out: a hash of each pair, the same however the data are partitioned."""
    key = (block.rows.astype(np.uint64) + np.uint64(block.first)) * np.uint64(block.shape[1])
    key += block.cols.astype(np.uint64)
    # two seeds give two unrelated draws
    key ^= np.random.default_rng(seed).integers(2**63, dtype=np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        key = (key ^ (key >> np.uint64(shift))) * np.uint64(factor)
    key ^= key >> np.uint64(31)
    return key < np.uint64(share * 2.0**64)


def kept(block: RowBlock, share: float, seed: int) -> RowBlock:
    """The entries of a block that are not held out."""
    return block.select(~is_held_out(block, share, seed))


def held_out(block: RowBlock, share: float, seed: int) -> Piece:
    """Rows of the table, columns and values of those that are."""
    aside = is_held_out(block, share, seed)
    return block.rows[aside].astype(np.int64) + block.first, block.cols[aside], block.values[aside]


def degrees(block: RowBlock) -> tuple[np.ndarray, np.ndarray]:
    """How many entries the rows of a block have, and its share of those of the columns."""
    return np.bincount(block.rows, minlength=block.shape[0]), np.bincount(block.cols, minlength=block.shape[1])


def numbers(labels: "pd.Series", known: "pd.Index") -> np.ndarray:
    import pandas as pd

    if not pd.api.types.is_integer_dtype(labels):
        labels = labels.astype(str).astype(object)
    return known.get_indexer(pd.Index(labels)).astype(np.int32)
