"""Between neighbors in time: each entry from the nearest known ones before and after it in its column."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.estimators.refinement.member import Member, Split


@dataclass(frozen=True)
class Interpolation(Member):
    """Linear interpolation along each column, the last value beyond the ends."""

    name: str = "interpolation"
    is_simple: ClassVar[bool] = True

    def complete(self, split: Split) -> Float[np.ndarray, "parts m n"]:
        """Every entry from the others of its column."""
        return np.stack([interpolated(table) for table in split.tables])


def interpolated(table: Float[np.ndarray, "m n"]) -> Float[np.ndarray, "m n"]:
    """Each entry, known or not, from the nearest known ones before and after it; 0 where its column has no other."""
    m, n = table.shape
    places = np.arange(m)
    filled = np.zeros((m, n))
    for col in range(n):
        known = np.flatnonzero(~np.isnan(table[:, col]))
        if known.size == 0:
            continue
        before = np.searchsorted(known, places, side="left") - 1
        after = np.searchsorted(known, places, side="right")
        has_before, has_after = before >= 0, after < known.size
        low, high = known[np.maximum(before, 0)], known[np.minimum(after, known.size - 1)]
        left, right = table[low, col], table[high, col]
        share = np.where(high > low, (places - low) / np.maximum(high - low, 1), 0.0)
        both = left + share * (right - left)
        filled[:, col] = np.where(
            has_before & has_after, both, np.where(has_before, left, np.where(has_after, right, 0.0))
        )
    return filled
