"""Methods for tables, and those that this package brings itself.

A method sees training entries and positions, never the values there. Where it has a knob that decides how well it
does, the knob is turned by entries held out from the training entries, so that nobody is measured at a setting that
suits somebody else's data; that time counts.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines import AlternatingLeastSquares, SoftImpute
from rankfall.comparison.contender import Contender, Job, Setting, least
from rankfall.estimators import DeepMatrixFactorization
from rankfall.estimators.scaling_choice import standardize_as
from rankfall.estimators.standardization import Standardization
from rankfall.problems.completion import Completion

# Fewer observed entries than this cannot choose anything.
_FEWEST = 10
_HELD_OUT = 0.1
_TINY_SHAPE, _TINY_ENTRIES = (80, 60), 320


class Method(Contender):
    """A way to predict entries of a table; `Contender` says what else it has."""

    @abstractmethod
    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """Learn from the observed entries of `problem`; predictions at the positions, in input units."""

    def predictions_for(self, job: Job) -> Float[np.ndarray, " entries"]:
        """Predictions for a problem, rows, columns and a seed."""
        return self.fit_predict(*job)

    @staticmethod
    def tiny_job() -> Job:
        """A table sparse enough that the compiled passes are used, and large enough to hold out entries."""
        rng = np.random.default_rng(0)
        places = np.sort(rng.permutation(_TINY_SHAPE[0] * _TINY_SHAPE[1])[:_TINY_ENTRIES])
        rows, cols = np.divmod(places, _TINY_SHAPE[1])
        values = np.sin(rows) * np.cos(cols) + 0.1 * rng.standard_normal(rows.size)
        return Completion(rows, cols, values, _TINY_SHAPE), rows[:1], cols[:1], 0


@dataclass(frozen=True)
class Rankfall(Method):
    """`DeepMatrixFactorization`; parameters: those that differ from its defaults."""

    name: ClassVar[str] = "rankfall"
    title: ClassVar[str] = "rankfall"
    parameters: Mapping[str, object] = field(default_factory=dict)

    def fit(self, problem: Completion, seed: int) -> DeepMatrixFactorization:
        """The fitted estimator."""
        return DeepMatrixFactorization(random_state=seed).set_params(**self.parameters).fit_problem(problem)

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """Held-out entries choose depth and time; one run on all of them predicts."""
        return self.fit(problem, seed).predict(rows, cols)


@dataclass(frozen=True)
class ColumnMeans(Method):
    """x̂_ij = the mean of column j; the mean of everything where column j has no entry."""

    name: ClassVar[str] = "column-means"
    title: ClassVar[str] = "column means"

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """Means, weighted as the entries are."""
        values, (_, n) = np.asarray(problem.values, dtype=np.float64), problem.shape
        weights = np.ones_like(values) if problem.weights is None else np.asarray(problem.weights, dtype=np.float64)
        mass, sums = np.bincount(problem.cols, weights, n), np.bincount(problem.cols, weights * values, n)
        means = np.where(mass > 0, sums / np.where(mass > 0, mass, 1), sums.sum() / mass.sum())
        return means[cols]


@dataclass(frozen=True)
class Effects(Method):
    """x̂_ij = μ + a_i + b_j, effects damped by as much as the entries themselves suggest."""

    name: ClassVar[str] = "effects"
    title: ClassVar[str] = "damped row + column means"

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """The part of rankfall's own predictions that owes nothing to a product."""
        shape = standardize_as(problem)
        return shape.from_units(shape.offset(rows, cols), cols)


@dataclass(frozen=True)
class SoftImputeMethod(Method):
    """`baselines.SoftImpute` on what damped effects leave, λ chosen along its path."""

    name: ClassVar[str] = "soft-impute"
    title: ClassVar[str] = "effects + Soft-Impute"
    rank: int = 64
    tolerance: float = 1e-3

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """The solution at the λ of least held-out error, refitted to all entries."""
        shape, rest = residuals(problem)
        rank = min(self.rank, *problem.shape)
        holdout = max(_HELD_OUT, 1.5 / problem.values.size)
        solution = SoftImpute(rank=rank, holdout=holdout, tolerance=self.tolerance, seed=seed).solve(rest)
        return shape.from_units(shape.offset(rows, cols) + solution.predict(rows, cols), cols)


@dataclass(frozen=True)
class ALSMethod(Method):
    """`baselines.AlternatingLeastSquares` on what damped effects leave; held-out entries choose its settings."""

    name: ClassVar[str] = "als"
    title: ClassVar[str] = "effects + ALS"
    ranks: tuple[int, ...] = (2, 8, 24)
    ridges: tuple[float, ...] = (1e-4, 0.01, 0.03, 0.06, 0.1, 0.2)
    sweeps: int = 20

    def fit_predict(
        self, problem: Completion, rows: np.ndarray, cols: np.ndarray, seed: int
    ) -> Float[np.ndarray, " entries"]:
        """The fit to all entries with the rank, ridge and number of sweeps that did best on a tenth of them."""
        shape, rest = residuals(problem)
        if rest.values.size < _FEWEST:
            return shape.from_units(shape.offset(rows, cols), cols)
        training = rest.hold_out(_HELD_OUT, seed)
        best = (np.inf, self.ranks[0], self.ridges[-1], 1)
        for rank in sorted({min(rank, *problem.shape) for rank in self.ranks}):
            for ridge in self.ridges:
                tried = AlternatingLeastSquares(rank, ridge, self.sweeps, tolerance=1e-5, seed=seed).solve(training)
                errors = tried.history["held_out_error"]
                best = min(best, (float(errors.min()), rank, ridge, int(errors.argmin()) + 1))
        _, rank, ridge, sweeps = best
        solution = AlternatingLeastSquares(rank, ridge, sweeps, tolerance=0.0, seed=seed).solve(rest)
        return shape.from_units(shape.offset(rows, cols) + solution.predict(rows, cols), cols)


def residuals(problem: Completion) -> tuple[Standardization, Completion]:
    """What damped effects leave of a table in its units, and the way back."""
    shape = standardize_as(problem)
    return shape, shape.residual_problem(problem, np.float64)


def in_units(problem: Completion) -> tuple[Standardization, Float[np.ndarray, " entries"]]:
    """The observed values without origin and unit (each column its own where units are mixed), and the way back."""
    shape = standardize_as(problem)
    return shape, shape.to_units(np.asarray(problem.values, dtype=np.float64), problem.cols)


def choose(
    settings: Sequence[Setting],
    problem: Completion,
    seed: int,
    fit_predict: Callable[[Completion, np.ndarray, np.ndarray, Setting], np.ndarray],
) -> Setting:
    """The setting that does best on a tenth of the entries when fitted to the others; the first one where none can."""
    if len(settings) == 1 or problem.values.size < _FEWEST:
        return settings[0]
    training = problem.hold_out(_HELD_OUT, seed)
    held = training.held_out
    assert held is not None
    return least(settings, lambda setting: fit_predict(training, held.rows, held.cols, setting) - held.values)
