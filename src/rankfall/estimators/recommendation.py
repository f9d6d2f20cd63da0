"""The columns with the highest predictions for rows of the training table, computed in blocks of rows."""

import numpy as np

from rankfall.estimators.fitted import FittedTable

# Numbers of a block.
_BLOCK = 2**22


def recommended(fitted: FittedTable, rows: np.ndarray, k: int, exclude_observed: bool) -> tuple[np.ndarray, np.ndarray]:
    """The k best columns of each row, best first, and their predictions, both (r, k); −∞ where no column is left."""
    best, scores = np.empty((rows.size, k), dtype=int), np.empty((rows.size, k))
    step = max(1, _BLOCK // fitted.problem.shape[1])
    for begin in range(0, rows.size, step):
        block = rows[begin : begin + step]
        values = fitted.trained_rows(block)
        if exclude_observed:
            fitted.hide_observed(block, values)
        here = slice(begin, begin + block.size)
        best[here], scores[here] = best_columns(values, k)
    return best, scores


def best_columns(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the k highest numbers of each row of (r, n), highest first, and those numbers, both (r, k)."""
    top = np.argpartition(-values, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(values, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    return top, np.take_along_axis(values, top, axis=1)
