"""How good a completion is, column by column, measured on the entries that were held out.

Simple fills are judged on the same entries: the mean of the column, and the sum of row and column means, both of the
entries that were not held out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.estimators.fitted import FittedTable

# Held-out entries from which on a column's error says something, and the share of its spread that it should explain.
_ENOUGH, _LITTLE = 5, 0.1
# Observed entries below which a row is known by little more than averages.
FEW = 3


@dataclass(frozen=True)
class ColumnQuality:
    """The held-out errors of one column, root mean squares in the column's unit.

    Parameters
    ----------
    held : int
        How many entries were held out.
    observed : int
        How many are known.
    spread : float
        Their standard deviation.
    error, column_mean, row_column_mean : float
        Of the fit and of both simple fills; NaN where none was held out.
    explained : float
        1 − error²/column_mean², the share of the variance explained, as the estimator's `column_quality` has it; NaN
        where the mean makes no error.
    is_category : bool
        Whether the column holds categories. Then an error is the root of the share of wrong levels, the column mean
        stands for the most frequent level, and `spread` is the error of that level.
    """

    name: str
    observed: int
    held: int
    spread: float
    error: float
    column_mean: float
    row_column_mean: float
    explained: float
    is_category: bool = False

    @property
    def is_judged(self) -> bool:
        """Whether enough entries were held out to measure its error."""
        return self.held >= _ENOUGH

    @property
    def doubt(self) -> str:
        """The reason not to rely on the column's filled cells; empty if there is none."""
        if not self.is_judged:
            return f"only {self.held} entries were set aside"
        if self.error >= self.column_mean:
            return f"no better than the {'most frequent level' if self.is_category else 'mean'}"
        if self.explained >= _LITTLE:
            return ""
        return "hardly better than the most frequent level" if self.is_category else "explains little of the spread"


def qualities(fitted: FittedTable, names: list[str]) -> list[ColumnQuality]:
    """The quality of every column of a `FittedTable`."""
    held, problem = fitted.selection, fitted.problem
    count = problem.shape[1]
    observed = np.bincount(problem.cols, minlength=count)
    spread = _scales(fitted)
    errors = [
        np.sqrt(_means((guess - held.values) ** 2, held.cols, count))
        for guess in (held.predicted, held.column_means, _row_and_column_means(fitted))
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.where(errors[1] > 0, 1 - (errors[0] / errors[1]) ** 2, np.nan)
    return [
        ColumnQuality(
            names[j], int(observed[j]), int(np.sum(held.cols == j)), float(spread[j]),
            float(errors[0][j]), float(errors[1][j]), float(errors[2][j]), float(explained[j]),
            bool(fitted.is_category[j]),
        )
        for j in range(count)
    ]  # fmt: skip


def method_errors(fitted: FittedTable) -> tuple[dict[str, float], str]:
    """Root mean squared errors on the held-out entries by method, and the unit they are in.

    That is the unit of the table; spreads of the columns where they have units of their own, or are categories, for
    which row means say nothing and are left out.
    """
    held = fitted.selection
    in_spreads = fitted.standardization.mixed or bool(fitted.is_category.any())
    unit = _scales(fitted)[held.cols] if in_spreads else np.ones(held.cols.size)
    guesses = {"rankfall": held.predicted, "column means": held.column_means}
    if not fitted.is_category.any():
        guesses["row + column means"] = _row_and_column_means(fitted)
    known = unit > 0
    errors = {
        name: float(np.sqrt(np.mean(((guess - held.values)[known] / unit[known]) ** 2))) if known.any() else np.nan
        for name, guess in guesses.items()
    }
    return errors, "in spreads of the columns" if in_spreads else "in the unit of the table"


def reliance(columns: list[ColumnQuality], part: str) -> str:
    """How many columns, or other parts, are doubtful, and how many cannot be judged."""
    bad = [column.name for column in columns if column.is_judged and column.doubt]
    unknown = [column.name for column in columns if not column.is_judged]
    found = []
    if bad:
        found.append(f"{len(bad)} of {len(columns)} {part}s should not be relied on, first {bad[0]}")
    if unknown:
        found.append(
            f"{len(unknown)} of {len(columns)} {part}s cannot be judged, as too few of their entries were set aside, "
            f"first {unknown[0]}"
        )
    return "; ".join(found or [f"No {part} is doubtful"]) + "."


def sparse_rows(fitted: FittedTable) -> np.ndarray:
    """Rows with so few observed entries that averages decide what is filled in."""
    return np.flatnonzero(np.bincount(fitted.problem.rows, minlength=fitted.problem.shape[0]) < FEW)


def errors_in_spreads(fitted: FittedTable) -> tuple[float, float]:
    """Root mean squared errors on the held-out entries, of the fit and of column means, in spreads of their columns.

    Columns of different units count alike, as in the quality of each. NaN where nothing was held out.
    """
    held = fitted.selection
    spread = _scales(fitted)[held.cols]
    known = spread > 0
    if not known.any():
        return float("nan"), float("nan")
    errors = [
        np.sqrt(np.mean(((guess - held.values)[known] / spread[known]) ** 2))
        for guess in (held.predicted, held.column_means)
    ]
    return float(errors[0]), float(errors[1])


def _scales(fitted: FittedTable) -> Float[np.ndarray, " n"]:
    """What an error of each column is compared with: its spread; of a category, what its most frequent level misses."""
    held, problem = fitted.selection, fitted.problem
    spread = _spreads(np.asarray(problem.values, dtype=np.float64), problem.cols, problem.shape[1])
    missed = np.sqrt(_means((held.column_means - held.values) ** 2, held.cols, problem.shape[1]))
    return np.where(fitted.is_category, missed, spread)


def _row_and_column_means(fitted: FittedTable) -> Float[np.ndarray, " held"]:
    """Mean of the row + mean of the column − mean of all, at the held-out entries, from the others; NaN for categories.

    Where the columns have different units, each is measured in spreads from its mean first.
    """
    held, problem = fitted.selection, fitted.problem
    (m, n), all_values = problem.shape, np.asarray(problem.values, dtype=np.float64)
    places = problem.rows.astype(np.int64) * n + problem.cols
    kept = ~np.isin(places, held.rows.astype(np.int64) * n + held.cols)
    rows, cols, values = problem.rows[kept], problem.cols[kept], all_values[kept]
    origin, unit = np.zeros(n), np.ones(n)
    if fitted.standardization.mixed:
        origin = np.nan_to_num(_means(values, cols, n), nan=values.mean())
        spread = np.nan_to_num(_spreads(values, cols, n))
        unit = np.where(spread > 0, spread, 1.0)
    values = (values - origin[cols]) / unit[cols]
    whole = values.mean()
    row, col = (np.nan_to_num(_means(values, index, size), nan=whole) for index, size in ((rows, m), (cols, n)))
    found = origin[held.cols] + unit[held.cols] * (row[held.rows] + col[held.cols] - whole)
    return np.where(fitted.is_category[held.cols], np.nan, found)


def _spreads(values: np.ndarray, index: np.ndarray, count: int) -> Float[np.ndarray, " groups"]:
    """The standard deviation of each group, NaN for one without members."""
    center = _means(values, index, count)
    return np.sqrt(_means((values - center[index]) ** 2, index, count))


def _means(values: np.ndarray, index: np.ndarray, count: int) -> Float[np.ndarray, " groups"]:
    """The mean of each group, NaN for one without members."""
    with np.errstate(invalid="ignore"):
        return np.bincount(index, values, count) / np.bincount(index, minlength=count)
