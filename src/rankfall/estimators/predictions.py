"""What a fitted estimator answers: predictions, intervals, fold-in and recommendations.

Everything is computed from factors, in blocks of rows; the whole product is formed only where a whole table is asked
for.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from rankfall.errors import InputError
from rankfall.estimators.bounds import Bounds, BoundsLike
from rankfall.estimators.categories import columns_of
from rankfall.estimators.conformal import Calibration
from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.inputs import check_known, dense, validated
from rankfall.estimators.quality import ColumnQuality
from rankfall.estimators.recommendation import recommended
from rankfall.problems.losses import Logistic, Loss

if TYPE_CHECKING:
    import numpy.typing as npt

    from rankfall.estimators.inputs import TableLike

_BLOCK = 2**22
UNSEEN = ("mean", "nan", "raise")


def _tells_probabilities(model: "Predictions") -> bool:
    if model.loss == "logistic" or isinstance(model.loss, Logistic):
        return True
    raise AttributeError(f"predict_proba needs loss='logistic', got {model.loss!r}; predict gives numbers")


class Predictions:
    """The questions a fitted `DeepMatrixFactorization` can be asked; `fitted_` knows the answers."""

    fitted_: FittedTable
    bounds: BoundsLike
    levels: Sequence[float] | np.ndarray | None
    decimals: str | None
    loss: str | Loss

    def predict(self, rows: "TableLike", cols: "npt.ArrayLike | None" = None, *, unseen: str = "mean") -> np.ndarray:
        """Predicted values at positions of the training table, in input units.

        With the logistic loss, the more likely of the two values.

        Parameters
        ----------
        rows, cols : array_like of int, shape (k,)
            Positions, from 0; -1 stands for a row or column never seen. One table (r, n) in place of both asks for the
            prediction of each of its entries, observed or not.
        unseen : {"mean", "nan", "raise"}
            What a row or column never seen is: filled from what is known of the other one, NaN, or an error.

        Returns
        -------
        ndarray, shape (k,) or (r, n)
        """
        check_is_fitted(self)
        if cols is None:
            return self._values(self._table(rows))
        rows, cols = self._positions(rows, cols)
        new = (rows < 0) | (cols < 0)
        if unseen not in UNSEEN:
            raise InputError(f"unseen must be one of {', '.join(UNSEEN)}, got {unseen!r}; 'mean' fills with averages")
        if unseen == "raise" and new.any():
            raise InputError(
                f"every position must be of the training table, got one never seen in entry {int(np.argmax(new))}; "
                "pass unseen='mean' or 'nan'"
            )
        values = self._bounded(self.fitted_.predict(rows, cols), cols)
        return np.where(new, np.nan, values) if unseen == "nan" else values

    @available_if(_tells_probabilities)
    def predict_proba(self, rows: "npt.ArrayLike", cols: "npt.ArrayLike") -> np.ndarray:
        """Probabilities of the higher of the two values at positions, with the logistic loss only.

        Parameters
        ----------
        rows, cols : array_like of int, shape (k,)
            Positions, from 0; -1 stands for a row or column never seen.

        Returns
        -------
        ndarray, shape (k,)
        """
        check_is_fitted(self)
        if self.fitted_.signs is None:
            raise InputError("probabilities need a fit with loss='logistic', got one before it was set; call fit again")
        return self._probabilities(self.fitted_.predict(*self._positions(rows, cols)))

    def predict_interval(
        self, rows: "npt.ArrayLike", cols: "npt.ArrayLike", alpha: float = 0.1
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of intervals that cover a new entry with probability 1 − alpha.

        Split-conformal, calibrated on held-out entries; wider for rows and columns with few observed entries.

        Parameters
        ----------
        rows, cols : array_like of int, shape (k,)
            Positions, from 0; -1 stands for a row or column never seen.
        alpha : float
            The share of new entries that may lie outside, default 0.1.

        Returns
        -------
        low, high : ndarray, shape (k,)

        Raises
        ------
        InputError
            For a table of two values, which have no interval between them.
        """
        check_is_fitted(self)
        if self.fitted_.signs is not None:
            raise InputError(
                "intervals are for tables of numbers, got one of two values (loss='logistic'); predict_proba says how "
                "sure a prediction is"
            )
        rows, cols = self._positions(rows, cols)
        is_category = np.append(self.fitted_.is_category, False)[cols]
        if is_category.any():
            raise InputError(
                f"intervals are for columns of numbers, got column {int(cols[is_category][0]) + 1} of categories; "
                "level_probabilities says how sure a level is"
            )
        center = self.fitted_.predict(rows, cols)
        units = np.append(self.fitted_.error_units, np.median(self.fitted_.error_units))[cols]
        width = units * self.calibration_.half_width(rows, cols, alpha)
        low, high = center - width, center + width
        return self._within_bounds(low, cols), self._within_bounds(high, cols)

    def level_probabilities(self, rows: "npt.ArrayLike", column: int | str) -> np.ndarray:
        """Probabilities of the levels of a column of categories, (|rows|, levels), in the order of `categories_`.

        Parameters
        ----------
        rows : array_like of int, shape (k,)
            Places in the training table, −1 for an average row.
        column : int or str
            Its place or name.
        """
        check_is_fitted(self)
        col = columns_of([column], self.fitted_.problem.shape[1], self._column_names)[0]
        rows = np.atleast_1d(np.asarray(rows))
        return self.fitted_.probabilities(self._positions(rows, np.full(rows.shape, col))[0], col)

    def column_quality(self) -> ColumnQuality:
        """The held-out error of each column, beside those of its mean and of the best simple method."""
        check_is_fitted(self)
        fitted = self.fitted_
        return ColumnQuality.of(fitted.selection, fitted.problem.shape[1], fitted.simple)

    @property
    def _column_names(self) -> np.ndarray | None:
        """What the fitted table calls its columns: scikit-learn keeps them where it does."""
        return vars(self).get("feature_names_in_")

    @property
    def calibration_(self) -> Calibration:
        """Scores of the held-out entries, for intervals."""
        check_is_fitted(self)
        return self.fitted_.calibration

    def fold_in(self, rows: "TableLike") -> np.ndarray:
        """Predictions of whole new rows (r, n) from their observed entries, without fitting again."""
        check_is_fitted(self)
        table = np.asarray(self._table(rows), dtype=np.float64)
        return self._bounded(self.fitted_.fold_in(table), slice(None))

    def recommend(
        self, rows: "npt.ArrayLike", k: int = 10, *, exclude_observed: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k columns with the highest predictions for each row, best first, and those predictions.

        A place for which no column is left is -1 and NaN. With the logistic loss the predictions are probabilities of
        the higher value.

        Parameters
        ----------
        rows : array_like of int, shape (r,)
            Places in the training table.
        k : int
            How many columns, default 10.
        exclude_observed : bool
            Whether observed entries are left out, the default.

        Returns
        -------
        columns, predictions : ndarray, shape (r, k)
        """
        check_is_fitted(self)
        if self.fitted_.categories is not None:
            raise InputError("recommendations compare columns of numbers, got a table with categories; use predict")
        rows = np.atleast_1d(np.asarray(rows))
        self._positions(rows, np.zeros_like(rows))
        n = self.fitted_.problem.shape[1]
        if not 1 <= k <= n:
            raise InputError(f"k must lie between 1 and the {n} columns, got {k}; 10 is usual")
        if (rows < 0).any():
            raise InputError("recommendations are for rows of the training table, got -1; fold new rows in first")
        best, scores = recommended(self.fitted_, rows, k, exclude_observed)
        left_out = np.isneginf(scores)
        best[left_out], scores[left_out] = -1, np.nan
        return best, self._bounded(scores, best) if self.fitted_.signs is None else self._probabilities(scores)

    def _positions(self, rows: "TableLike", cols: "npt.ArrayLike") -> tuple[np.ndarray, np.ndarray]:
        rows, cols = np.asarray(rows), np.asarray(cols)
        check_known(rows, cols, self.fitted_.problem.shape)
        return rows, cols

    def _values(self, X: np.ndarray) -> np.ndarray:
        """x̂ of the rows of a table, block by block."""
        values = np.asarray(X, dtype=np.float64)
        places = self.fitted_.places_of(values)
        filled = np.empty(values.shape)
        rows = max(1, _BLOCK // values.shape[1])
        for begin in range(0, values.shape[0], rows):
            block = slice(begin, begin + rows)
            new = places[block] < 0
            filled[block][~new] = self.fitted_.trained_rows(places[block][~new])
            filled[block][new] = self.fitted_.fold_in(values[block][new])
        return self._bounded(filled, slice(None))

    def _probabilities(self, values: np.ndarray) -> np.ndarray:
        assert self.fitted_.signs is not None
        low, high = self.fitted_.signs
        return np.clip((values - low) / (high - low), 0, 1)

    def _bounded(self, values: np.ndarray, cols: np.ndarray | slice) -> np.ndarray:
        if self.fitted_.signs is not None:
            return np.asarray(self.fitted_.signs)[(self._probabilities(values) >= 0.5).astype(int)]
        if self.decimals == "auto":
            values = self.fitted_.column_values.dressed(values, cols)
        return self._within_bounds(values, cols, self.levels)

    def _within_bounds(
        self, values: np.ndarray, cols: np.ndarray | slice, levels: Iterable[float | int] | np.ndarray | None = None
    ) -> np.ndarray:
        """Numbers within their bounds, and at the nearest level; categories as they are."""
        bounded = Bounds.of(self.bounds, self.fitted_.problem.shape[1]).clip(values, cols)
        if levels is not None:
            known = np.unique(np.asarray(list(levels), dtype=np.float64))
            bounded = known[np.searchsorted((known[1:] + known[:-1]) / 2, bounded)]
        if self.fitted_.categories is None:
            return bounded
        is_category = self.fitted_.is_category
        return np.where(
            is_category if isinstance(cols, slice) else np.append(is_category, False)[cols], values, bounded
        )

    def _table(self, X: "TableLike") -> np.ndarray:
        """Rows to predict for, as an array (r, n) with NaN for the unknown."""
        return dense(validated(self, X, reset=False))
