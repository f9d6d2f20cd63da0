"""How the observed entries of a column look: their range, and how many decimals they have."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.problems.completion import Completion

# More decimals than this are measurements as they came, and are not rounded.
_MOST_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class ColumnValues:
    """Lowest and highest observed value (n,), and decimals (n,); more than six decimals count as no rounding."""

    low: Float[np.ndarray, " n"]
    high: Float[np.ndarray, " n"]
    decimals: Int[np.ndarray, " n"]

    @classmethod
    def of(cls, problem: Completion) -> "ColumnValues":
        """Read off the observed entries; a column without any is free."""
        return cls.read(problem.cols, np.asarray(problem.values, dtype=np.float64), problem.shape[1])

    @classmethod
    def read(cls, cols: Int[np.ndarray, " entries"], values: Float[np.ndarray, " entries"], n: int) -> "ColumnValues":
        """Read off a list of entries of n columns."""
        low, high = np.full(n, np.inf), np.full(n, -np.inf)
        np.minimum.at(low, cols, values)
        np.maximum.at(high, cols, values)
        empty = low > high
        low[empty], high[empty] = -np.inf, np.inf
        decimals = np.full(n, _MOST_DECIMALS + 1)
        decimals[~empty] = 0
        rough = np.ones(values.size, dtype=bool)
        for digits in range(_MOST_DECIMALS + 1):
            rough &= np.abs(np.round(values, digits) - values) > 1e-9 * np.maximum(1e-3, np.abs(values))
            decimals[cols[rough]] = digits + 1
        return cls(low, high, decimals)

    def dressed(self, values: Float[np.ndarray, "*entries"], cols: np.ndarray | slice) -> np.ndarray:
        """Values inside the ranges of their columns, with their decimals; column -1, never seen, is free."""
        low, high = np.append(self.low, -np.inf), np.append(self.high, np.inf)
        decimals = np.append(self.decimals, _MOST_DECIMALS + 1)
        if isinstance(cols, slice):
            cols = np.arange(self.low.size)
        digits = np.broadcast_to(decimals[cols], values.shape)
        power = 10.0 ** np.minimum(digits, _MOST_DECIMALS)
        rounded = np.where(digits > _MOST_DECIMALS, values, np.round(values * power) / power)
        return np.clip(rounded, low[cols], high[cols])
