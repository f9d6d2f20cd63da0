"""Moments between the steps of a run: a singular value escapes, a quantity passes through zero.

What an event must offer is written in `event`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.models.starts import leading_vectors
from rankfall.problems.problem import Problem
from rankfall.trajectory.event import Event
from rankfall.trajectory.observables import Observable
from rankfall.trajectory.snapshot import Snapshot


@dataclass(frozen=True)
class Escape(Event):
    """σ_r of W, the r-th largest, rises through a threshold: it leaves its plateau near zero.   [arora2019, figures]

    A value that starts above its threshold does not escape.

    Parameters
    ----------
    threshold : float or sequence, optional
        The value to pass, one for all r or one for each of the leading ones. Default: `share` times the leading
        singular value of the back-projected data, which estimates σ_1 of the solution before the run.
    share : float
        That share, default 0.1.
    name : str
        The name of the event, default "escape".

    Raises
    ------
    InputError
        For numbers that are not positive.
    """

    threshold: float | int | Sequence[float | int] | np.ndarray | None = None
    share: float | int = 0.1
    name: str = "escape"

    def __post_init__(self) -> None:
        require_thresholds(self.share if self.threshold is None else self.threshold)

    def init(self, problem: Problem, runs: int) -> Float[np.ndarray, "runs _"]:
        """The thresholds of each run. Raises InputError for data that is zero, which has no scale of its own."""
        if self.threshold is not None:
            return np.tile(np.atleast_1d(np.asarray(self.threshold, dtype=np.float64)), (runs, 1))
        return self.share * leading_values(problem, runs)

    def gap(self, now: Snapshot, level: Float[np.ndarray, "batch _"]) -> Float[np.ndarray, "batch k"]:
        """σ minus the thresholds."""
        count = level.shape[1] if level.shape[1] > 1 else None
        return now.singular_values[:, :count] - level[:, : now.singular_values.shape[1]]


@dataclass(frozen=True)
class Crossing(Event):
    """A quantity f(problem, model, weights), (batch,) or (batch, k), rises through zero; give −f for a fall."""

    name: str
    function: Observable

    def gap(self, now: Snapshot, level: Float[np.ndarray, "batch _"]) -> Float[np.ndarray, "batch k"]:
        """The quantity."""
        values = to_numpy(self.function(now.problem, now.model, now.weights)).astype(np.float64)
        if values.shape[:1] != now.time.shape or values.ndim > 2:
            raise InputError(
                f"the function of an event must return {now.time.size} numbers, or as many rows, got shape "
                f"{values.shape} from {self.name!r}; compute on weights (batch, p) as a whole"
            )
        return values.reshape(now.time.size, -1)


def require_thresholds(given: float | Sequence[float | int] | np.ndarray) -> None:
    """Raise InputError for thresholds that are not positive."""
    values = np.asarray(given, dtype=np.float64)
    if values.ndim > 1 or values.size == 0 or not (np.isfinite(values) & (values > 0)).all():
        raise InputError(
            f"an escape threshold must be positive, one for all or a list, got {values}; "
            "leave it out for a tenth of the data's leading singular value"
        )


def leading_values(problem: Problem, runs: int) -> Float[np.ndarray, "runs 1"]:
    """The leading singular value of the back-projected data of each run. Raises InputError for data that is zero."""
    if problem.batch_size is None:
        return np.full((runs, 1), _leading_value(problem))
    return np.asarray([[_leading_value(problem.of_runs(run))] for run in range(runs)])


def _leading_value(problem: Problem) -> float:
    matrix = problem.back_projection()
    left, right = leading_vectors(matrix, 1)
    value = float(np.linalg.norm(left.T @ (matrix @ right)))
    if not value > 0:
        raise InputError(
            f"the data must differ from zero to define an escape, got a back-projection of norm {value}; "
            "give a threshold"
        )
    return value
