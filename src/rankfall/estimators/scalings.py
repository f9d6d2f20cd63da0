"""How a table may be read: which origins, units and effects, and what errors of different columns weigh.

- "global": one origin and unit, row and column effects (ratings, pixels);
- "columns": an origin and unit for each column, and effects (mixed units);
- "log": the same of the logarithms of columns that are positive over decades;
- "raw": no origin and no effects, a unit for each column: a product of positive factors is of low rank only so.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.kernels.pieces import line_counts, pieces
from rankfall.problems.completion import Completion

SCALINGS = ("auto", "global", "columns", "log", "raw")
# Columns whose largest value is so many times their smallest are candidates for logarithms.
DECADES, _FEWEST = 20.0, 5
# A spread below this share of the largest value is rounding: the column is constant.
ROUNDING = 1e-9
# Entries from which on a column's own spread is taken; with fewer, that of the others has a part in it.
_ENOUGH = 10


def column_spreads(problem: Completion) -> Float[np.ndarray, " n"]:
    """The standard deviation of each column, drawn towards the median where few entries are known; 0 if constant."""
    cols, n = problem.cols, problem.shape[1]
    counts = line_counts(cols, n)
    sums, squares, largest = np.zeros(n), np.zeros(n), np.zeros(n)
    for places, values in _pieces(problem):
        np.add.at(sums, places, values)
        np.maximum.at(largest, places, np.abs(values))
    means = sums / np.maximum(counts, 1)
    for places, values in _pieces(problem):
        np.add.at(squares, places, (values - means[places]) ** 2)
    return spreads_of(counts, squares, largest)


def _pieces(problem: Completion) -> Iterator[tuple[Int[np.ndarray, " piece"], Float[np.ndarray, " piece"]]]:
    """Columns and values (float64) of the entries, some at a time: a large table has no room for all in float64."""
    for piece in pieces(problem.count):
        yield problem.cols[piece], np.asarray(problem.values[piece], dtype=np.float64)


def spreads_of(
    counts: Int[np.ndarray, " n"], squares: Float[np.ndarray, " n"], largest: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The same from the numbers of entries, Σ (x − mean)² and the largest size of the columns."""
    spreads = np.sqrt(squares / np.maximum(counts - 1, 1))
    varies = (spreads > ROUNDING * largest) & (counts > 1)
    if not varies.any():
        return np.zeros(counts.size)
    common = np.median(np.log(spreads[varies]))
    share = np.minimum(1.0, (counts - 1) / (_ENOUGH - 1))
    shrunk = np.exp(share * np.log(np.where(varies, spreads, 1.0)) + (1 - share) * common)
    return np.where(varies | (counts < 2), np.where(varies, shrunk, np.exp(common)), 0.0)


def columns_over_decades(problem: Completion) -> Bool[np.ndarray, " n"]:
    """Columns of at least a few values, all positive, the largest of which is many times the smallest."""
    n, values = problem.shape[1], np.asarray(problem.values, dtype=np.float64)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, problem.cols, values)
    np.maximum.at(high, problem.cols, values)
    return (low > 0) & (high > DECADES * low) & (line_counts(problem.cols, n) >= _FEWEST)
