"""`DeepMatrixFactorization`: the estimator for people with a table full of holes.

It reads the table into units, lets held-out entries choose depth and stopping time, runs once more on every entry,
and fills the holes in the table's own units. Everything it decides is kept in attributes that end in `_`.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from rankfall.errors import InputError, RunWarning
from rankfall.estimators.fitting import fit_table
from rankfall.problems.completion import Completion

_BLOCK = 2**22


class DeepMatrixFactorization(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Complete a table by deep matrix factorization: W = W_N ⋯ W_1 from a small start, stopped in time.

    Parameters
    ----------
    depth : int or "auto", default="auto"
        Number of layers; "auto" lets held-out entries choose between 2 and 3.
    width : int or "auto", default="auto"
        Width of the chain, an upper bound on the rank; "auto" allows what the number of observed entries can pin down.
    scale : float or "auto", default="auto"
        Size of the product's singular values at the start, in units of the table's standard deviation.
    scaling : {"auto", "global", "columns"}, default="auto"
        One origin and unit for the whole table, or one for each column (mixed units).
    holdout : float, default=0.1
        Share of the observed entries held out to choose on.
    patience : int, default=15
        Steps without improvement of the held-out error after which a run has seen enough.
    rtol : float, default=1e-2
        Tolerance of the flow; completion is insensitive to it.
    min_value, max_value : float or None
        Bounds on what is filled in.
    keep_observed : bool, default=True
        Give observed entries back as they came; False gives the fit for them too.
    dtype : {"float64", "float32"}, default="float64"
        Precision of the run.
    random_state : int, RandomState or None, default=0
        Seed of the held-out split.
    progress : callable or None
        Called as progress(stage, fraction) along the fit.

    Attributes
    ----------
    depth_, width_, scale_, popularity_ : what was chosen.
    stopping_time_ : float, flow time at which the run on all entries stopped.
    held_out_error_ : float, root mean squared error on held-out entries in input units, cross-fitted.
    column_mean_error_ : float, the same of filling in column means, on the same entries.
    effective_rank_ : float, of the product W.
    selection_ : Selection, every trial.
    trajectory_ : Trajectory of the run on all entries.
    status_ : str, how that run ended.
    n_features_in_, feature_names_in_ : of the table fitted.

    Examples
    --------
    >>> import numpy as np, rankfall as rf
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 20))
    >>> holes = np.where(rng.random(X.shape) < 0.4, np.nan, X)
    >>> filled = rf.DeepMatrixFactorization().fit_transform(holes)
    >>> bool(np.abs(filled - X).max() < 0.1 * X.std())
    True
    """

    def __init__(
        self,
        *,
        depth: int | str = "auto",
        width: int | str = "auto",
        scale: float | str = "auto",
        scaling: str = "auto",
        holdout: float = 0.1,
        patience: int = 15,
        rtol: float = 1e-2,
        min_value: float | None = None,
        max_value: float | None = None,
        keep_observed: bool = True,
        dtype: str = "float64",
        random_state: Any = 0,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self.depth = depth
        self.width = width
        self.scale = scale
        self.scaling = scaling
        self.holdout = holdout
        self.patience = patience
        self.rtol = rtol
        self.min_value = min_value
        self.max_value = max_value
        self.keep_observed = keep_observed
        self.dtype = dtype
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: Any, y: Any = None) -> "DeepMatrixFactorization":
        """Learn from the observed entries of X (m, n): NaN marks the unknown; SciPy sparse stores the known ones.

        Raises ValueError (one sentence) where nothing is observed, for infinities, complex numbers or text.
        """
        X = self._validated(X, reset=True)
        problem = Completion.from_sparse(X) if hasattr(X, "tocoo") else Completion.from_array(X)
        return self.fit_problem(problem)

    def fit_problem(self, problem: Completion) -> "DeepMatrixFactorization":
        """Learn from a `Completion` problem: triplets, weights and all; `fit` without an array."""
        self._check_parameters()
        self.n_features_in_ = problem.shape[1]
        seed = int(check_random_state(self.random_state).randint(2**31 - 1)) if self.random_state != 0 else 0
        fitted = fit_table(
            problem, depth=self.depth, width=self.width, scale=self.scale, scaling=self.scaling, holdout=self.holdout,
            patience=self.patience, rtol=self.rtol, dtype=np.dtype(self.dtype).type, seed=seed,
            progress=self.progress or (lambda stage, fraction: None),
        )  # fmt: skip
        chosen = fitted.selection.chosen
        self.fitted_ = fitted
        self.depth_, self.width_ = chosen.candidate.depth, chosen.candidate.width
        self.scale_, self.popularity_ = chosen.candidate.scale, chosen.candidate.popularity
        self.stopping_time_ = chosen.time
        self.held_out_error_ = fitted.selection.error
        self.column_mean_error_ = fitted.selection.column_mean_error
        self.trajectory_ = fitted.trajectory
        self.effective_rank_ = fitted.trajectory.effective_rank
        self.selection_ = fitted.selection
        self.status_ = str(fitted.trajectory.status)
        if fitted.trajectory.advice:
            warnings.warn(
                f"the fit ended as {self.status_} ({fitted.trajectory.reason}): {fitted.trajectory.advice}",
                RunWarning,
                stacklevel=3,
            )
        return self

    def transform(self, X: Any) -> np.ndarray:
        """X with its holes filled, (r, n), in input units.

        Rows that were in the training table get what was learnt for them; new rows are folded in from their observed
        entries.
        """
        check_is_fitted(self)
        X = self._dense(self._validated(X, reset=False))
        filled = self._values(X)
        if self.keep_observed:
            known = ~np.isnan(X)
            filled[known] = X[known]
        return filled.astype(X.dtype) if X.dtype == np.float32 else filled

    def predict(self, rows: Any, cols: Any = None) -> np.ndarray:
        """Predicted values at positions of the training table, (|rows|,), zero-based, in input units.

        An index of -1 stands for a row or column never seen: what is known of the other one fills it. Given one table
        in place of two lists, the prediction of each of its entries, observed or not, (r, n).
        """
        check_is_fitted(self)
        if cols is None:
            return self._values(self._dense(self._validated(rows, reset=False)))
        rows, cols = np.asarray(rows), np.asarray(cols)
        for name, index, size in zip(("row", "column"), (rows, cols), self.fitted_.problem.shape, strict=True):
            if index.size and (index.min() < -1 or index.max() >= size):
                bad = index[(index < -1) | (index >= size)][0]
                raise InputError(
                    f"{name} indices must lie in 0 … {size - 1}, got {bad}; -1 stands for one never seen, and new rows "
                    "are folded in by transform"
                )
        return self._bounded(self.fitted_.predict(rows, cols))

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
        return self._bounded(filled)

    @staticmethod
    def _dense(X: Any) -> np.ndarray:
        if not hasattr(X, "tocoo"):
            return X
        entries = X.tocoo()
        dense = np.full(X.shape, np.nan, dtype=X.dtype)
        dense[entries.row, entries.col] = entries.data
        return dense

    def _bounded(self, values: np.ndarray) -> np.ndarray:
        if self.min_value is None and self.max_value is None:
            return values
        return np.clip(values, self.min_value, self.max_value)

    def _validated(self, X: Any, reset: bool) -> Any:
        return validate_data(
            self, X, reset=reset, accept_sparse=["csr", "csc", "coo"], ensure_all_finite="allow-nan",
            dtype=[np.float64, np.float32],
        )  # fmt: skip

    def _check_parameters(self) -> None:
        for name, value in (("depth", self.depth), ("width", self.width)):
            if value != "auto" and not (isinstance(value, (int, np.integer)) and value >= 1):
                raise InputError(f"{name} must be 'auto' or at least 1, got {value!r}; 'auto' chooses by held-out entries")
        if self.scale != "auto" and not (isinstance(self.scale, (int, float)) and self.scale > 0):
            raise InputError(f"scale must be 'auto' or positive, got {self.scale!r}; smaller starts favor lower rank")
        if not 0 < self.holdout < 1:
            raise InputError(f"holdout must lie between 0 and 1, got {self.holdout}; 0.1 is usual")
        if self.dtype not in ("float32", "float64"):
            raise InputError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}; float32 halves the memory")
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise InputError(
                f"min_value must not exceed max_value, got {self.min_value} and {self.max_value}; swap them"
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags
