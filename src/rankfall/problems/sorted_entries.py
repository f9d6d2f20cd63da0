"""The entries of a tensor, once for each axis, sorted by their index there: what solving row by row reads."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class SortedEntries:
    """Copies of a list of entries, copy n sorted by the index on axis n and otherwise in the order of the list.

    Parameters
    ----------
    positions : ndarray of int, shape `(order, order, entries)`
        The indices of the entries, one row for each axis, in each copy.
    values : ndarray, shape `(order, entries)`
    weights : ndarray, shape `(order, entries)` or `(order, 0)`
        Empty for ones.
    starts, ends : ndarray of int
        `starts[ends[n] : ends[n + 1]]` says where each slice of axis n begins in copy n, and where the last one ends.
    """

    positions: Int[np.ndarray, "order order entries"]
    values: Float[np.ndarray, "order entries"]
    weights: Float[np.ndarray, "order _"]
    starts: Int[np.ndarray, " starts"]
    ends: Int[np.ndarray, " ends"]

    @classmethod
    def of(
        cls, indices: np.ndarray, values: np.ndarray, weights: np.ndarray | None, shape: tuple[int, ...]
    ) -> "SortedEntries":
        """The entries at `indices` (order, entries), in float64."""
        orders = [np.argsort(index, kind="stable") for index in indices]
        counts = [np.bincount(index, minlength=side) for index, side in zip(indices, shape, strict=True)]
        starts = [np.concatenate([[0], np.cumsum(count)]) for count in counts]
        values = np.asarray(values, dtype=np.float64)
        weights = np.empty(0) if weights is None else np.asarray(weights, dtype=np.float64)
        return cls(
            np.stack([indices[:, order] for order in orders]),
            np.stack([values[order] for order in orders]),
            np.stack([weights[order] if weights.size else weights for order in orders]),
            np.concatenate(starts),
            np.cumsum([0, *(each.size for each in starts)]),
        )

    def starts_of(self, axis: int) -> Int[np.ndarray, " starts"]:
        """Where each slice of an axis begins in its copy, and where the last one ends."""
        return self.starts[self.ends[axis] : self.ends[axis + 1]]
