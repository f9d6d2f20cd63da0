"""`DeepMatrixFactorization`: the estimator for people with a table full of holes.

It reads the table into units, lets held-out entries choose depth and stopping time, runs once more on every entry,
and fills the holes in the table's own units. Everything it decides is kept in attributes that end in `_`. What a
fitted estimator answers (predictions, intervals, recommendations) is in `predictions`, its file in `saving`.
"""

import importlib
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, check_random_state

from rankfall.errors import InputError, RunWarning
from rankfall.estimators.bounds import Bounds, BoundsLike
from rankfall.estimators.categorical_table import CategoricalTable
from rankfall.estimators.categories import Categories, columns_of
from rankfall.estimators.draws import drawn_tables
from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.fitting import fit_table, refit_table
from rankfall.estimators.inputs import check_range, holds_entries, problem_of, stacked, validated
from rankfall.estimators.parameters import check_parameters, judged_in_fit, plain, positions
from rankfall.estimators.reporting import Reporting
from rankfall.estimators.robust_scaling import loss_of
from rankfall.estimators.saving import Saving
from rankfall.estimators.selection import Progress
from rankfall.estimators.settings import FitSettings
from rankfall.problems.completion import Completion
from rankfall.problems.loss import Loss

if TYPE_CHECKING:
    import numpy.typing as npt

    from rankfall.estimators.inputs import TableLike


class DeepMatrixFactorization(Reporting, Saving, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Complete a table by deep matrix factorization: W = W_N ⋯ W_1 from a small start, stopped in time.

    Parameters
    ----------
    depth : int or "auto", default="auto"
        Number of layers; "auto" lets held-out entries choose between 2 and 3, and, where there is little noise, exact
        recovery, the limit of ever more layers (`depth_` is then infinity; not with width, scale or features fixed).
    width : int or "auto", default="auto"
        Width of the chain, an upper bound on the rank; "auto" allows what the number of observed entries can pin down.
    scale : float or "auto", default="auto"
        Size of the product's singular values at the start, in units of the table's standard deviation.
    features : bool or "auto", default="auto"
        Whether it is taken as a feature of a row which of its entries are observed, and likewise of a column: people
        choose what they rate. "auto" lets held-out entries choose, where rows or columns are unevenly observed.
    scaling : {"auto", "global", "columns", "log", "raw"}, default="auto"
        One origin and unit for the whole table; one for each column (mixed units); the same of the logarithms of
        columns that are positive over decades; or no origin and no effects, for products of positive factors. "auto"
        lets held-out entries choose, with "log" and "raw" tried up to 20,000 observed entries.
    loss : {"auto", "squared", "huber", "absolute", "logistic"} or a loss, default="auto"
        What a residual costs: "huber" and "absolute" withstand gross errors in a few entries; "auto" is "squared", or
        "huber" where up to 20,000 entries have outliers and it is better without them. "logistic" is for tables of two
        values and fills in the more likely one. Thresholds are in units of σ, the spread that row and column
        effects leave (outliers pulled in): "huber" is `Huber(0.5)`, "absolute" is `Absolute(0.05)`.
    holdout : float or "auto", default="auto"
        Share of the observed entries held out to choose on; "auto" is a tenth, and at most 200,000 entries. Up to a
        fiftieth, the run that was chosen is the fit; beyond, all entries are fitted once more.
    rtol : float or "auto", default="auto"
        Tolerance of the flow, to which completion is insensitive: "auto" is 1e-2, and 3e-2 from 100,000 entries on
        where all of them are fitted once more.
    bounds : (low, high), a list of such pairs or None, default=None
        Bounds on what is filled in, one pair for the table or one for each column; either end may be None. Bounds and
        `levels` play no role with the logistic loss.
    levels : list of float or None, default=None
        The values that can occur, e.g. 1, 2, 3, 4, 5: what is filled in is rounded to the nearest.
    categorical_features : list of int or str, mask of bool or None, default=None
        Columns that hold categories as codes, by place, by name or as a mask (n,): each level becomes a column of zeros
        and ones of the same factorization, and the most probable level is filled in. `bounds` and `levels` are for the
        others. `rankfall.tables.from_frame` turns words into codes.
    order : "rows", array (m,) of times or None, default=None
        "rows" where neighboring rows are neighbors in time, or when each row was, as numbers or dates: small tables
        then also learn from the rows before and after, and held-out entries come in runs as long as the holes are.
    refine : bool or "auto", default="auto"
        Whether a small table (up to 50,000 cells and 60 columns, no weights, squared loss) is completed by a stack:
        deep factorization, row and column effects, regressions, neighbors and trees, weighed by held-out entries.
        "auto" does so where depth, width, scale, features and scaling are all "auto".
    decimals : "auto" or None, default=None
        "auto" rounds what is filled in to as many decimals as the observed entries of the column have, so that whole
        numbers stay whole, and keeps it inside their range.
    keep_observed : bool, default=True
        Give observed entries back as they came; False gives the fit for them too.
    warm_start : bool, default=False
        Fit again with the depth, popularity and stopping time chosen before, without choosing anew.
    dtype : {"auto", "float64", "float32"}, default="auto"
        Precision of the run; "auto" is float32 from 100,000 observed entries on, where noise is far above its rounding.
    device : str or None, default=None
        Where the flow runs, as PyTorch names it: "cuda", "cuda:1", "mps" … (`pip install "rankfall[gpu]"`). None is the
        processor with compiled loops. Reading the table, effects and the stack stay on the processor.
    random_state : int, RandomState or None, default=0
        Seed of the held-out split.

    Attributes
    ----------
    depth_, width_, scale_, popularity_, features_ : what was chosen; features_ is their size, 0 for none.
    loss_ : str, the name of the loss that was fitted.
    stopping_time_ : float, flow time at which the run on all entries stopped; infinity for exact recovery.
    held_out_error_ : float, root mean squared error on held-out entries in input units, cross-fitted; outliers among
        them count in full whatever the loss, and with the logistic loss it is that of the expected value (for values
        0 and 1, the root of the Brier score). A category that is predicted wrong counts 1.
    column_mean_error_ : float, the same of filling in column means, on the same entries.
    effective_rank_ : float, of what the product adds to the effects.
    history_ : dict of arrays, "time", "loss", "singular_values" … along the run on all entries.
    selection_ : Selection, every trial.
    categories_ : list of arrays, the levels of each column of categories; empty for a column of numbers.
    shares_ : dict, how much each member of the stack contributes; empty for a table that is not refined.
    trajectory_ : Trajectory of the run on all entries, or of the chosen one, whose `best_weights` are the fit, where
        hardly any were held out; with features, that of Z (`rankfall.models.Lifted`); of an exact recovery, its end.
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

    @judged_in_fit
    def __init__(
        self,
        *,
        depth: int | str = "auto",
        width: int | str = "auto",
        scale: float | str = "auto",
        features: bool | str = "auto",
        scaling: str = "auto",
        loss: str | Loss = "auto",
        holdout: float | str = "auto",
        rtol: float | str = "auto",
        bounds: BoundsLike = None,
        levels: Sequence[float] | np.ndarray | None = None,
        categorical_features: Sequence[int | str | bool] | np.ndarray | None = None,
        order: "str | npt.ArrayLike | None" = None,
        refine: bool | str = "auto",
        decimals: str | None = None,
        keep_observed: bool = True,
        warm_start: bool = False,
        dtype: str = "auto",
        device: str | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.depth = depth
        self.width = width
        self.scale = scale
        self.features = features
        self.scaling = scaling
        self.loss = loss
        self.holdout = holdout
        self.rtol = rtol
        self.bounds = bounds
        self.levels = levels
        self.categorical_features = categorical_features
        self.order = order
        self.refine = refine
        self.decimals = decimals
        self.keep_observed = keep_observed
        self.warm_start = warm_start
        self.dtype = dtype
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: "TableLike",
        y: object = None,
        sample_weight: "npt.ArrayLike | None" = None,
        *,
        triplets: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> "DeepMatrixFactorization":
        """Learn from the observed entries of X (m, n).

        Parameters
        ----------
        X : array_like, masked array, frame or sparse matrix, shape (m, n)
            NaN marks the unknown; a SciPy sparse matrix stores the known entries. A Dask frame lists the entries, one a
            line, and is fitted on its cluster (`rankfall.cluster.fit`).
        y : None
            Not used.
        sample_weight : array_like, shape (m, n) or (m,), optional
            Non-negative weights of the entries, or of the rows.
        triplets : sequence of str, optional
            Of a Dask frame: its columns of row ids, column ids and values; all three by default.
        progress : callable, optional
            Called as `progress(stage, fraction)` along the fit.

        Returns
        -------
        DeepMatrixFactorization
            The estimator, fitted.

        Raises
        ------
        ValueError
            Where nothing is observed, for infinities, complex numbers, or columns that are no numbers.
        """
        if holds_entries(X):
            if sample_weight is not None:
                raise InputError("entries on a cluster have no weights, got sample_weight; leave it out")
            self._judge()
            return importlib.import_module("rankfall.cluster").fit(self, X, triplets, progress=progress)
        if triplets is not None:
            raise InputError(f"triplets names the columns of a Dask frame, got {type(X).__name__}; leave it out")
        return self.fit_problem(problem_of(validated(self, X, reset=True), sample_weight), progress=progress)

    def partial_fit(self, X: "TableLike", y: object = None) -> "DeepMatrixFactorization":
        """Add the rows of X (r, n) to the table and fit again with the choices made before, at the cost of one run.

        The first call is `fit`.

        Parameters
        ----------
        X : array_like, masked array, frame or sparse matrix, shape (r, n)
            As for `fit`.
        y : None
            Not used.
        """
        if not hasattr(self, "fitted_"):
            return self.fit(X)
        rows = problem_of(validated(self, X, reset=False))
        return self._refit(stacked(self.fitted_.problem, rows), _silent)

    def fit_problem(self, problem: Completion, *, progress: Progress | None = None) -> "DeepMatrixFactorization":
        """Learn from a `Completion` problem: triplets, weights and all; `fit` without an array.

        Parameters
        ----------
        problem : Completion
            Its loss is the mean of squares: the estimator's own `loss` decides.
        progress : callable, optional
            Called as `progress(stage, fraction)` along the fit.

        Raises
        ------
        InputError
            For a problem that brings another loss than squares.
        """
        self._judge()
        if not problem.loss_function.is_quadratic:
            raise InputError(
                f"the estimator's loss decides, got a problem with {problem.loss_function}; leave it out of the "
                "problem and pass loss= to DeepMatrixFactorization, with thresholds in spreads of the table"
            )
        check_range(problem)
        Bounds.of(self.bounds, problem.shape[1])
        self.n_features_in_ = problem.shape[1]
        if self.warm_start and hasattr(self, "fitted_"):
            return self._refit(problem, progress or _silent)
        categories = self._categories(problem)
        if categories is None:
            return self.keep_fitted(fit_table(problem, self.settings_for(problem), progress or _silent))
        wide = categories.widened(problem)
        fitted = fit_table(wide, self.settings_for(wide, categories), progress or _silent)
        return self.keep_fitted(CategoricalTable.of(fitted, categories))

    def _refit(self, problem: Completion, progress: Progress) -> "DeepMatrixFactorization":
        """Fit with the choices made before; categories keep their levels."""
        categories = self.fitted_.categories
        if categories is None:
            return self.keep_fitted(refit_table(problem, self.fitted_, self.settings_for(problem), progress))
        wide = categories.widened(problem)
        fitted = refit_table(wide, self.fitted_.source, self.settings_for(wide, categories), progress)
        return self.keep_fitted(CategoricalTable.of(fitted, categories))

    def transform(self, X: "TableLike") -> np.ndarray:
        """X with its holes filled, (r, n), in input units.

        Rows that were in the training table get what was learnt for them; new rows are folded in from their observed
        entries.

        Parameters
        ----------
        X : array_like, masked array, frame or sparse matrix, shape (r, n)
            Rows with NaN for the unknown.

        Returns
        -------
        ndarray, shape (r, n)
        """
        check_is_fitted(self)
        table = self._table(X)
        filled = self._values(table)
        if self.keep_observed:
            known = ~np.isnan(table)
            filled[known] = table[known]
        return filled.astype(table.dtype) if table.dtype == np.float32 else filled

    def complete(self, n_draws: int | None = None) -> np.ndarray:
        """The table of the fit with its holes filled, (m, n); or `n_draws` of them, (n_draws, m, n), for inference.

        The draws are multiple imputations: they differ by how uncertain each filled entry is, and how uncertain what
        relates the columns. Analyze each, then pool by Rubin's rules: the mean of the estimates, and the mean of their
        variances plus (1 + 1/n_draws) times the variance of the estimates.   [rubin1987]

        Draws are neither rounded nor drawn into the observed range, which would bias an analysis; `bounds` hold.

        Parameters
        ----------
        n_draws : int, optional
            How many tables to draw, at least 2; without it the predictions fill the table.

        Returns
        -------
        ndarray, shape (m, n) or (n_draws, m, n)

        Raises
        ------
        InputError
            For fewer than 2 draws, and for draws with the logistic loss.
        """
        check_is_fitted(self)
        problem = self.fitted_.problem
        observed = problem.rows, problem.cols
        if n_draws is None:
            filled = self._bounded(self.fitted_.trained_rows(slice(None)), slice(None))
            if self.keep_observed:
                filled[observed] = problem.values
            return filled
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        tables = self._within_bounds(drawn_tables(self.fitted_, n_draws, seed), slice(None))
        tables[:, *observed] = problem.values
        return tables

    def _judge(self) -> None:
        check_parameters(self)

    def keep_fitted(self, fitted: FittedTable) -> "DeepMatrixFactorization":
        """Take what a fit found, by whoever made it, as this estimator's own."""
        chosen, run = fitted.selection.chosen, fitted.trajectory
        self.fitted_ = fitted
        self.depth_, self.width_ = chosen.candidate.depth, chosen.candidate.width
        self.scale_, self.popularity_ = chosen.candidate.scale, chosen.candidate.popularity
        self.features_ = chosen.candidate.features
        self.loss_ = fitted.standardization.loss.name
        self.stopping_time_ = chosen.time
        self.held_out_error_ = fitted.selection.error
        self.column_mean_error_ = fitted.selection.column_mean_error
        self.selection_ = fitted.selection
        self.categories_ = [] if fitted.categories is None else list(fitted.categories.levels)
        self.shares_ = {} if fitted.refinement is None else fitted.refinement.shares
        if run is None:
            return self
        self.trajectory_, self.history_ = run, run.history
        self.effective_rank_, self.status_ = fitted.effective_rank, str(run.status)
        if run.advice:
            warnings.warn(f"the fit ended as {self.status_} ({run.reason}): {run.advice}", RunWarning, stacklevel=4)
        return self

    def _categories(self, problem: Completion) -> Categories | None:
        names = self._column_names
        chosen = columns_of(self.categorical_features, problem.shape[1], names)
        return Categories.of(problem, chosen) if chosen else None

    def settings_for(self, problem: Completion, categories: Categories | None = None) -> FitSettings:
        """The parameters, resolved for a problem."""
        seed = 0 if self.random_state == 0 else int(check_random_state(self.random_state).randint(2**31 - 1))
        return FitSettings.resolve(
            problem.count, depth=plain(self.depth), width=plain(self.width), scale=plain(self.scale),
            features=plain(self.features), scaling=self.scaling, loss=loss_of(self.loss), holdout=plain(self.holdout),
            rtol=plain(self.rtol), dtype=self.dtype, seed=seed, refine=plain(self.refine),
            order=positions(self.order, problem.shape[0]),
            tries_huber=self.loss == "auto", categories=categories, device=self.device,
        )  # fmt: skip

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


def _silent(stage: str, fraction: float) -> None:
    """No progress."""
