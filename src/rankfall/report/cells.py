"""The filled cells with their intervals, as many as a page can carry."""

import math
from dataclasses import dataclass

import numpy as np

from rankfall.estimators import DeepMatrixFactorization, DeepTensorCompletion

MOST = 8_000
ALPHA = 0.1


@dataclass(frozen=True, eq=False)
class FilledCells:
    """The cells that the page lists: the first `MOST` of those that were filled, row by row.

    Parameters
    ----------
    places : (axes, c) ndarray
        Where they are: row and column, or the index along each axis of a tensor.
    values : (c,) ndarray
        What they were filled with.
    low, high : (c,) ndarrays, optional
        Ends of their intervals, where there are any.
    total : int
        How many cells were filled.
    """

    places: np.ndarray
    values: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None
    total: int


def filled_cells(model: DeepMatrixFactorization) -> FilledCells:
    """The cells that a fitted estimator fills, with intervals that cover nine of ten new entries."""
    problem = model.fitted_.problem
    m, n = problem.shape
    rows, cols = _unobserved(problem.rows, problem.cols, m, n)
    values = model.predict(rows, cols)
    low = high = None
    if model.fitted_.signs is None and model.fitted_.selection.values.size:
        low, high = np.full((2, rows.size), np.nan)
        numbers = ~model.fitted_.is_category[cols]
        low[numbers], high[numbers] = model.predict_interval(rows[numbers], cols[numbers], ALPHA)
    return FilledCells(np.stack([rows, cols]), values, low, high, m * n - problem.rows.size)


def filled_entries(model: DeepTensorCompletion) -> FilledCells:
    """The entries that a fitted `DeepTensorCompletion` fills, with intervals that cover nine of ten new entries."""
    shape, observed = model.shape_, np.sort(np.ravel_multi_index(tuple(model.problem_.indices), model.shape_))
    # of the first k + MOST positions at least MOST are free, where k of all are observed
    first = np.arange(min(math.prod(shape), observed.size + MOST))
    free = np.setdiff1d(first, observed, assume_unique=True)[:MOST]
    places = np.stack(np.unravel_index(free, shape))
    low = high = None
    if model.scores_.size:
        low, high = model.intervals(places, ALPHA)
    return FilledCells(places, model.predict(places), low, high, math.prod(shape) - observed.size)


def _unobserved(rows: np.ndarray, cols: np.ndarray, m: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first positions without an observed entry, row by row; the mask of all is never formed."""
    found: list[np.ndarray] = []
    count = 0
    starts = np.searchsorted(rows, np.arange(m + 1))
    for row in range(m):
        free = np.setdiff1d(np.arange(n), cols[starts[row] : starts[row + 1]], assume_unique=True)
        found.append(np.stack([np.full(free.size, row), free]))
        count += free.size
        if count >= MOST:
            break
    places = np.concatenate(found, axis=1)[:, :MOST]
    return places[0], places[1]
