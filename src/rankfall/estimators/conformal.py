"""Intervals by split-conformal calibration on held-out entries.

Every held-out entry was predicted without being seen, so the size of its error, in units of what is usual for its row
and column, says how large the error of a new entry is likely to be. With c calibration scores and the ⌈(c + 1)(1 − α)⌉
smallest of them as half-width, an interval covers an exchangeable new entry with probability at least 1 − α.

What is usual is a variance v + v_r/(1 + n_i) + v_c/(1 + n_j), fitted to the squared errors without negative terms:
rows and columns seen less often are known less well.   [Vovk et al. 2005; Lei et al. 2018]

In a table of few columns each column has a half-width of its own, from its own scores and, with the weight of forty of
them, those of all columns: errors of one column may have longer tails than those of another.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.errors import InputError

# How many scores' worth the whole table weighs in each column, and the most columns that are told apart.
_BORROWED, _MOST_COLUMNS = 40.0, 200


@dataclass(frozen=True, eq=False)
class Calibration:
    """Sorted scores of the held-out entries, in units of their own spread, and the variances that make up a spread.

    Parameters
    ----------
    cols : (held,) ndarray of int, optional
        The column of each score, where columns are told apart; else None.
    """

    scores: Float[np.ndarray, " held"]
    variances: Float[np.ndarray, " three"]
    row_counts: Float[np.ndarray, " m"]
    column_counts: Float[np.ndarray, " n"]
    cols: Int[np.ndarray, " held"] | None = None

    def spread(self, rows: np.ndarray, cols: np.ndarray) -> Float[np.ndarray, " entries"]:
        """The usual error at positions; an index of −1, never seen, has no observed entry to lean on."""
        return np.sqrt(
            _terms(self._counts(self.row_counts, rows), self._counts(self.column_counts, cols)) @ self.variances
        )

    def half_width(self, rows: np.ndarray, cols: np.ndarray, alpha: float) -> Float[np.ndarray, " entries"]:
        """Half-width of the intervals that miss a share `alpha` of entries; infinite where too few were held out."""
        if not 0 < alpha < 1:
            raise InputError(f"alpha must lie between 0 and 1, got {alpha}; 0.1 asks for intervals that cover 90 %")
        if not self.scores.size:
            raise InputError(
                "intervals need held-out entries to calibrate on, got a table with too few; observe at least 10 entries"
            )
        place = math.ceil((self.scores.size + 1) * (1 - alpha))
        factor = self.scores[place - 1] if place <= self.scores.size else math.inf
        if self.cols is None or not math.isfinite(factor):
            return factor * self.spread(rows, cols)
        return self._column_factors(self.cols, alpha, factor)[cols] * self.spread(rows, cols)

    def _column_factors(self, held: Int[np.ndarray, " held"], alpha: float, common: float) -> Float[np.ndarray, " np1"]:
        """The weighted (1 − α) quantile of each column; that of the table for column −1, never seen."""
        count = self.column_counts.size
        factors = np.full(count + 1, common)
        for col in range(count):
            mine = held == col
            weights = np.where(mine, 1.0, _BORROWED / max(1, held.size - int(mine.sum())))
            mass = np.cumsum(weights)
            place = int(np.searchsorted(mass, (1 - alpha) * (mass[-1] + 1)))
            factors[col] = self.scores[min(place, held.size - 1)]
        return factors

    @staticmethod
    def _counts(counts: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.append(counts, 0.0)[index]


def calibrate(
    errors: Float[np.ndarray, " held"],
    rows: np.ndarray,
    cols: np.ndarray,
    row_counts: Float[np.ndarray, " m"],
    column_counts: Float[np.ndarray, " n"],
    kept: float = 1.0,
) -> Calibration:
    """The calibration from held-out errors (in units of each column) at their positions.

    kept: share of the other entries of its row that a held-out entry was predicted from; it was not among them itself.
    In a narrow table that is much less than what an unknown entry has to lean on. 1 is for tables where it is nothing.
    """
    if not errors.size:
        return Calibration(np.zeros(0), np.zeros(3), row_counts, column_counts)
    from scipy.optimize import nnls

    leaning = row_counts[rows] if kept == 1.0 else kept * (row_counts[rows] - 1)
    terms = _terms(leaning, column_counts[cols])
    squares = errors**2
    variances, _ = nnls(terms.T @ terms, terms.T @ squares)
    # a floor keeps every spread positive where errors vanish
    variances[0] = max(variances[0], 1e-12 * float(squares.mean()) + np.finfo(float).tiny)
    scores = np.abs(errors) / np.sqrt(terms @ variances)
    order = np.argsort(scores)
    own = cols[order] if column_counts.size <= _MOST_COLUMNS else None
    return Calibration(scores[order], variances, row_counts, column_counts, own)


def _terms(row_counts: np.ndarray, column_counts: np.ndarray) -> Float[np.ndarray, "entries three"]:
    return np.stack([np.ones_like(row_counts), 1 / (1 + row_counts), 1 / (1 + column_counts)], axis=-1)
