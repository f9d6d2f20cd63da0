"""Means and spreads of columns, and the origins and units they suggest."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.estimators.scalings import ROUNDING
from rankfall.kernels.pieces import line_counts, line_totals, total

# Equal entries from which on a column counts as constant.
_CONSTANT = 4


@dataclass(frozen=True, eq=False)
class Moments:
    """What the entries of a table say about its columns, by weights where there are any.

    Parameters
    ----------
    counts : ndarray of int, shape (n,)
        Entries of each column.
    means, spreads : ndarray, shape (n,)
        Mean, that of the table where a column has no weight, and standard deviation; a spread that is rounding is 0.
    center, typical : float
        Mean and standard deviation of the table; of a constant one, a deviation too small to show.
    """

    counts: Int[np.ndarray, " n"]
    means: Float[np.ndarray, " n"]
    spreads: Float[np.ndarray, " n"]
    center: float
    typical: float

    @classmethod
    def of(cls, cols: np.ndarray, values: np.ndarray, weights: np.ndarray | None, n: int) -> "Moments":
        """Those of a list of entries."""

        def weighed(piece: slice, center: np.ndarray | float = 0.0, power: int = 1) -> np.ndarray:
            terms = (values[piece].astype(np.float64) - center) ** power
            return terms if weights is None else weights[piece] * terms

        counts = line_counts(cols, n)
        mass = counts if weights is None else line_totals(cols, weights.__getitem__, n)
        whole = float(mass.sum())
        center = total(weighed, values.size) / whole
        means = np.where(mass > 0, line_totals(cols, weighed, n) / np.maximum(mass, 1e-300), center)
        squares = line_totals(cols, lambda piece: weighed(piece, means[cols[piece]], 2), n)
        typical = np.sqrt(total(lambda piece: weighed(piece, center, 2), values.size) / whole)
        return cls.read(counts, mass, means, squares, center, float(typical))

    @classmethod
    def read(
        cls, counts: np.ndarray, mass: np.ndarray, means: np.ndarray, squares: np.ndarray, center: float,
        typical: float,
    ) -> "Moments":  # fmt: skip
        """Those of sums: Σ w (n,), means, Σ w (x − mean)² (n,), and mean and deviation of the table."""
        spreads = np.sqrt(squares / np.maximum(mass, 1e-300))
        spreads = np.where(spreads > ROUNDING * np.abs(means), spreads, 0.0)
        return cls(counts, means, spreads, center, typical or 1e-12 * max(1.0, abs(center)))

    @property
    def is_constant(self) -> Bool[np.ndarray, " n"]:
        """Which columns have several entries, all equal."""
        return (self.counts >= _CONSTANT) & (self.spreads == 0)

    @property
    def tiny(self) -> Float[np.ndarray, " n"]:
        """A unit too small for anything but the constant to be filled in."""
        return 1e-12 * np.maximum(1.0, np.abs(self.means))

    def origins_and_units(self, is_mixed: bool) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """An origin and a unit for each column where their units are mixed; else one for all."""
        n = self.means.size
        if not is_mixed:
            return np.full(n, self.center), np.full(n, self.typical)
        known = self.spreads[self.spreads > 0]
        usual = np.median(known) if known.size else self.typical
        return self.means, np.where(self.is_constant, self.tiny, np.where(self.spreads > 0, self.spreads, usual))
