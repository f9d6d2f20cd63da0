"""Methods that fill dense tables with NaN: scikit-learn's imputers, and fancyimpute where it is installed.

Their memory and time grow with the table, not with what is observed of it, so each says up to which size it is asked.
They are given the table in units (one for all columns, or each column its own where units are mixed); a column
without an entry stays at the origin.
"""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.comparison.methods import Method, choose, in_units, residuals
from rankfall.problems.completion import Completion

# Multiplications: a pass over all pairs of rows, and the regressions of one round of every column on all others.
_PAIRS, _REGRESSIONS = 1e10, 1e10
# Entries of a table whose singular value decomposition is taken a hundred times.
_DECOMPOSED = 2e6


@dataclass(frozen=True)
class KNN(Method):
    """scikit-learn's KNNImputer, the number of neighbors chosen on held-out entries."""

    name: ClassVar[str] = "knn"
    title: ClassVar[str] = "sklearn KNNImputer"
    neighbors: tuple[int, ...] = (5, 20, 80)

    def too_large(self, problem: Completion) -> str | None:
        """All pairs of rows are compared."""
        m, n = problem.shape
        return _refuse("m²n, all pairs of rows,", float(m) * m * n, _PAIRS, problem)

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """Means over the nearest rows that have the entry."""
        from sklearn.impute import KNNImputer

        def predict(part: Completion, rows: np.ndarray, cols: np.ndarray, count: int) -> np.ndarray:
            shape, values = in_units(part)
            filled = KNNImputer(n_neighbors=count, keep_empty_features=True).fit_transform(_table(part, values))
            return shape.from_units(filled[rows, cols], cols)

        return predict(problem, rows, cols, choose(self.neighbors, problem, seed, predict))


@dataclass(frozen=True)
class Iterative(Method):
    """scikit-learn's IterativeImputer: every column by Bayesian ridge regression on all others, ten rounds."""

    name: ClassVar[str] = "iterative"
    title: ClassVar[str] = "sklearn IterativeImputer"

    def too_large(self, problem: Completion) -> str | None:
        """Every column is a regression on all the others."""
        m, n = problem.shape
        return _refuse("m·n³, every column on all others,", float(m) * float(n) ** 3, _REGRESSIONS, problem)

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """What the last round fills in."""
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer

        shape, values = in_units(problem)
        with warnings.catch_warnings():
            # that ten rounds did not settle is usual, and its error tells how much it matters
            warnings.simplefilter("ignore")
            imputer = IterativeImputer(random_state=seed, keep_empty_features=True)
            filled = imputer.fit_transform(_table(problem, values))
        return shape.from_units(np.asarray(filled)[rows, cols], cols)


@dataclass(frozen=True)
class FancyImpute(Method):
    """fancyimpute's SoftImpute on what damped effects leave, its rank limited so that it need not decompose in full.

    Parameters
    ----------
    shares
        shrinkages over the largest singular value, chosen on held-out entries; its own default is a fiftieth.
    """

    name: ClassVar[str] = "fancyimpute"
    title: ClassVar[str] = "fancyimpute SoftImpute"
    module: ClassVar[str | None] = "fancyimpute"
    shares: tuple[float, ...] = (0.02, 0.1, 0.25, 0.4)
    rank: int = 64

    def too_large(self, problem: Completion) -> str | None:
        """It decomposes the dense table in every iteration."""
        m, n = problem.shape
        return _refuse("m·n, decomposed a hundred times,", float(m) * n, _DECOMPOSED, problem)

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """What its soft thresholding fills in, on top of the effects."""
        from fancyimpute import SoftImpute

        def predict(part: Completion, rows: np.ndarray, cols: np.ndarray, share: float) -> np.ndarray:
            shape, rest = residuals(part)
            table = _table(rest, rest.values)
            shrinkage = share * float(np.linalg.norm(np.nan_to_num(table), 2))
            rank = min(self.rank, *part.shape)
            solver = SoftImpute(shrinkage_value=shrinkage, max_rank=rank, init_fill_method="zero", verbose=False)
            filled = solver.fit_transform(table)
            return shape.from_units(shape.offset(rows, cols) + filled[rows, cols], cols)

        return predict(problem, rows, cols, choose(self.shares, problem, seed, predict))


def _table(problem: Completion, values: np.ndarray) -> Float[np.ndarray, "m n"]:
    table = np.full(problem.shape, np.nan)
    table[problem.rows, problem.cols] = values
    return table


def _refuse(what: str, size: float, most: float, problem: Completion) -> str | None:
    if size <= most:
        return None
    m, n = problem.shape
    return f"too large: {what} is {size:.1g} for {m} × {n}, at most {most:.0g} is tried"
