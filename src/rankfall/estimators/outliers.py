"""Outliers: where held-out residuals have heavy tails, a fit by Huber's loss competes with that by squares.

Both are judged by the mean of squared residuals in robust spreads of their columns, capped, so that the outliers
themselves decide nothing.
"""

import numpy as np
from jaxtyping import Float

from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.robust_scaling import NORMAL_MEDIAN

# Larger tables are fitted by squares alone, which costs a single fit.
MOST_ENTRIES = 20_000
# Residuals of so many robust spreads are far; more than this share of them is a distribution, not outliers.
_FAR, _MOST = 12.0, 0.1
# Residuals count up to so many spreads, and Huber's loss must be better by this factor: it is slower, and biased
# where a column is skewed.
_CAPPED, _BETTER = 5.0, 0.9
# Columns with fewer held-out entries borrow the spread of all others.
_FEWEST = 10


def robust_spreads(fitted: FittedTable) -> Float[np.ndarray, " n"]:
    """The spread of each column's held-out residuals, from medians; no less than half of that of all columns.

    Columns are compared in their robust units, the spreads of what is observed.
    """
    held, n = fitted.selection, fitted.problem.shape[1]
    unit = _medians(np.abs(_centered(fitted)), fitted.problem.cols, n, 1)
    unit = np.where(unit > 0, unit, fitted.error_units)
    residuals = np.abs(held.values - held.predicted) / unit[held.cols]
    own = _medians(residuals, held.cols, n, _FEWEST)
    common = float(np.median(residuals))
    shares = np.maximum(np.where(np.isnan(own), common, own), common / 2)
    # columns that are predicted exactly are known to rounding
    return unit * np.maximum(shares, np.finfo(float).eps) / NORMAL_MEDIAN


def has_outliers(fitted: FittedTable) -> bool:
    """Whether some held-out entries lie far from what is predicted for them, but few."""
    held = fitted.selection
    if not held.values.size:
        return False
    share = np.mean(np.abs(held.values - held.predicted) > _FAR * robust_spreads(fitted)[held.cols])
    return bool(0 < share <= _MOST)


def resists_better(robust: FittedTable, squares: FittedTable) -> bool:
    """Whether the fit by Huber's loss has clearly smaller residuals, outliers apart."""
    spreads = robust_spreads(squares)
    errors = []
    for held in (robust.selection, squares.selection):
        residuals = np.abs(held.values - held.predicted)
        errors.append(np.mean(np.minimum(residuals / spreads[held.cols], _CAPPED) ** 2))
    return bool(errors[0] < _BETTER * errors[1])


def _centered(fitted: FittedTable) -> Float[np.ndarray, " entries"]:
    cols, values = fitted.problem.cols, np.asarray(fitted.problem.values, dtype=np.float64)
    return values - _medians(values, cols, fitted.problem.shape[1], 1)[cols]


def _medians(values: np.ndarray, cols: np.ndarray, columns: int, fewest: int) -> Float[np.ndarray, " n"]:
    """The median of each column's values, NaN where there are fewer than `fewest`."""
    order = np.argsort(cols, kind="stable")
    parts = np.split(values[order], np.cumsum(np.bincount(cols, minlength=columns))[:-1])
    return np.asarray([np.median(part) if part.size >= fewest else np.nan for part in parts])
