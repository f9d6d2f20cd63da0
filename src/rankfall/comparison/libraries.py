"""Rating libraries that may be installed: Surprise and cmfrec.

Both are given entries in units, so that their step sizes and penalties, made for stars from 1 to 5, mean on any table
what they mean there. They choose among a few settings on held-out entries, their own defaults being the first.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float

from rankfall.comparison.methods import Method, choose, in_units
from rankfall.problems.completion import Completion

# SVD++ passes over all entries of a row for every entry of it: half an hour from about a million entries on.
_SVD_PLUS_PLUS_LARGEST = 300_000

# keyword arguments of the library's own
Setting: TypeAlias = Mapping[str, float | bool]


@runtime_checkable
class _Prediction(Protocol):
    est: float


@runtime_checkable
class _Algorithm(Protocol):
    """What Surprise's algorithms offer."""

    def fit(self, trainset: object) -> object: ...
    def predict(self, uid: int, iid: int, *, clip: bool) -> _Prediction: ...


@dataclass(frozen=True)
class SurpriseSVD(Method):
    """Surprise's SVD: biased factors by stochastic gradient descent; penalty, rate and epochs chosen together."""

    name: ClassVar[str] = "surprise-svd"
    title: ClassVar[str] = "Surprise SVD"
    module: ClassVar[str | None] = "surprise"
    package: ClassVar[str | None] = "scikit-surprise"
    settings: tuple[Setting, ...] = (
        {},
        {"reg_all": 0.05, "n_epochs": 30},
        {"reg_all": 0.1, "n_epochs": 50, "lr_all": 0.01},
    )

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """μ + b_i + c_j + p_i·q_j."""
        import surprise

        def predict(
            part: Completion, rows: np.ndarray, cols: np.ndarray, setting: Mapping[str, float | bool]
        ) -> np.ndarray:
            return _surprise(surprise.SVD(random_state=seed, **setting), part, rows, cols)

        return predict(problem, rows, cols, choose(self.settings, problem, seed, predict))


@dataclass(frozen=True)
class SurpriseSVDpp(Method):
    """Surprise's SVD++, which also asks which entries a row has; at its defaults, for it takes long."""

    name: ClassVar[str] = "surprise-svdpp"
    title: ClassVar[str] = "Surprise SVD++"
    module: ClassVar[str | None] = "surprise"
    package: ClassVar[str | None] = "scikit-surprise"

    def too_large(self, problem: Completion) -> str | None:
        """Its time is quadratic in the entries of a row."""
        if problem.values.size <= _SVD_PLUS_PLUS_LARGEST:
            return None
        return f"too large: {problem.values.size} entries, at most {_SVD_PLUS_PLUS_LARGEST} are tried"

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """μ + b_i + c_j + q_j·(p_i + Σ_k y_k/√n_i)."""
        import surprise

        return _surprise(surprise.SVDpp(random_state=seed, cache_ratings=True), problem, rows, cols)


@dataclass(frozen=True)
class CMFRec(Method):
    """cmfrec's CMF, alternating least squares with biases; the penalty and its scaling by degree chosen together."""

    name: ClassVar[str] = "cmfrec"
    title: ClassVar[str] = "cmfrec CMF"
    module: ClassVar[str | None] = "cmfrec"
    settings: tuple[Setting, ...] = (
        {},
        {"lambda_": 0.05, "scale_lam": True},
        {"lambda_": 0.1, "scale_lam": True},
        {"lambda_": 0.2, "scale_lam": True},
    )

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """μ + b_i + c_j + p_i·q_j; rows and columns that it has not seen are average ones."""
        from cmfrec import CMF
        from scipy.sparse import coo_matrix

        def predict(
            part: Completion, rows: np.ndarray, cols: np.ndarray, setting: Mapping[str, float | bool]
        ) -> np.ndarray:
            shape, values = in_units(part)
            # CMF has no prediction for what no stored entry reaches: the seen rows and columns are numbered anew
            (row_places, m), (col_places, n) = (
                _places(seen, size) for seen, size in ((part.rows, part.shape[0]), (part.cols, part.shape[1]))
            )
            width = min(40, m, n)
            model = CMF(**{"k": width, "random_state": seed, "verbose": False, **setting})
            model.fit(coo_matrix((values, (row_places[part.rows], col_places[part.cols])), shape=(m, n)))
            at_rows, at_cols = row_places[rows], col_places[cols]
            known = (at_rows >= 0) & (at_cols >= 0)
            filled = np.full(rows.size, values.mean())
            if known.any():
                filled[known] = model.predict(user=at_rows[known], item=at_cols[known])
            return shape.from_units(filled, cols)

        return predict(problem, rows, cols, choose(self.settings, problem, seed, predict))


def _surprise(
    model: _Algorithm, problem: Completion, rows: np.ndarray, cols: np.ndarray
) -> Float[np.ndarray, " entries"]:
    """Predictions of a Surprise algorithm; a row or column that it has not seen contributes nothing."""
    from surprise import Trainset

    shape, values = in_units(problem)
    by_row, by_column = defaultdict(list), defaultdict(list)
    for row, col, value in zip(problem.rows.tolist(), problem.cols.tolist(), values.tolist(), strict=True):
        by_row[row].append((col, value))
        by_column[col].append((row, value))
    m, n = problem.shape
    scale = float(values.min()), float(values.max())
    same = {place: place for place in range(max(m, n))}
    model.fit(Trainset(by_row, by_column, m, n, values.size, scale, same, same))
    asked = zip(rows.tolist(), cols.tolist(), strict=True)
    filled = np.asarray([model.predict(row, col, clip=False).est for row, col in asked], dtype=np.float64)
    return shape.from_units(filled, cols)


def _places(index: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """New numbers of those of 0 … size − 1 that occur, −1 for the others, and how many there are."""
    places, seen = np.full(size, -1), np.unique(index)
    places[seen] = np.arange(seen.size)
    return places, seen.size
