"""Bounds on what is filled in: one pair for the whole table, or one pair for each column."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import TypeAlias

import numpy as np

from rankfall.errors import InputError

# (low, high), either of them None
Pair: TypeAlias = Sequence[float | None] | np.ndarray
BoundsLike: TypeAlias = Pair | Sequence[Pair | None] | None


@dataclass(frozen=True, eq=False)
class Bounds:
    """Lower and upper ends, arrays of size 1 (the whole table) or n (one for each column); ±∞ where there is none."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, given: object, columns: int | None = None) -> "Bounds":
        """The bounds that a user wrote as None, (low, high), or a list of such pairs, one for each of `columns`.

        Raises InputError where an entry is no pair of finite numbers, a lower end exceeds its upper end, or the count
        is another.
        """
        if given is None:
            return cls(np.full(1, -np.inf), np.full(1, np.inf))
        is_scalar = isinstance(given, str) or (isinstance(given, np.ndarray) and given.ndim == 0)
        if is_scalar or not isinstance(given, Iterable):
            raise InputError(f"bounds must be (low, high) or one such pair for each column, got {given!r}")
        pairs: list[object] = list(given)
        is_one = len(pairs) == 2 and all(np.asarray(end, dtype=object).ndim == 0 for end in pairs)
        ends = [_ends(pair) for pair in ([pairs] if is_one else pairs)]
        numbers = [end for pair in ends for end in pair if end is not None]
        if not all(isinstance(end, Real) and isfinite(end) for end in numbers):
            raise InputError(f"bounds must be finite numbers, got {given!r}; None leaves an end free")
        low = np.asarray([-np.inf if end[0] is None else end[0] for end in ends], dtype=np.float64)
        high = np.asarray([np.inf if end[1] is None else end[1] for end in ends], dtype=np.float64)
        wrong = ~(low <= high)
        if wrong.any():
            first = int(np.argmax(wrong))
            raise InputError(
                f"a lower bound must not exceed the upper one, got {low[first]:g} and {high[first]:g}; swap them"
            )
        if columns is not None and not is_one and low.size != columns:
            raise InputError(
                f"bounds for columns need one pair for each of the {columns} columns, got {low.size}; None "
                "leaves a column free"
            )
        return cls(low, high)

    def clip(self, values: np.ndarray, cols: np.ndarray | slice) -> np.ndarray:
        """Values brought into the bounds of their columns; column -1, never seen, is bounded by those of the table."""
        if self.low.size == 1:
            return np.clip(values, self.low[0], self.high[0])
        low, high = np.append(self.low, self.low.min()), np.append(self.high, self.high.max())
        if isinstance(cols, slice):
            return np.clip(values, low[:-1], high[:-1])
        return np.clip(values, low[cols], high[cols])


def _ends(pair: object) -> tuple[object, object]:
    if pair is None:
        return None, None
    ends = np.asarray(pair, dtype=object)
    if ends.ndim != 1 or ends.size != 2:
        raise InputError(f"bounds must be (low, high) or one such pair for each column, got {pair!r} among them")
    return ends[0], ends[1]
