"""Moments that lie between the steps of a run: when a singular value escapes, when a quantity passes through zero.

An event is a function of the state that turns from negative to not negative. Its sign is looked at after every step;
where it turned, the root is found on the integrator's own dense output, so that its time owes nothing to the grid.
Two passages within one step that undo each other are not seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from rankfall.arrays import Array, to_numpy
from rankfall.errors import InputError
from rankfall.integrators.state import Field, Integrator, State
from rankfall.models.starts import leading_vectors
from rankfall.trajectory.snapshot import Snapshot

# The time of an event, relative to itself, within the step in which it lies.
_RELATIVE = 1e-10


class Occurrence(NamedTuple):
    """What happened (`name`), to which component (`index`, from 0), and when (`time`, flow time)."""

    name: str
    index: int
    time: float


@runtime_checkable
class Event(Protocol):
    """A function of the state, one or several for each run, that passes through zero from below."""

    @property
    def name(self) -> str: ...

    def init(self, problem: Any, runs: int) -> Float[np.ndarray, "runs _"]:
        """The level of each run, handed back to `gap`: what must be known of the problem beforehand."""
        ...

    def gap(self, now: Snapshot, level: Float[np.ndarray, "batch _"]) -> Float[np.ndarray, "batch k"]:
        """How far above its level each component of each run is."""
        ...


@dataclass(frozen=True)
class Escape:
    """σ_r of W, the r-th largest, rises through a threshold: it leaves its plateau near zero.   [arora2019, figures]

    threshold: the value to pass, one for all r or one for each of the leading ones; None means `share` of the leading
        singular value of the back-projected data, which estimates σ_1 of what will be learnt before anything is.
    share: that share.

    A value that begins above its threshold does not escape. Raises InputError for numbers that are not positive.
    """

    threshold: float | int | Sequence[float | int] | np.ndarray | None = None
    share: float | int = 0.1
    name: str = "escape"

    def __post_init__(self) -> None:
        given = np.asarray(self.share if self.threshold is None else self.threshold, dtype=np.float64)
        if given.ndim > 1 or given.size == 0 or not (np.isfinite(given) & (given > 0)).all():
            raise InputError(
                f"an escape threshold must be positive, one for all singular values or a list, got {given}; "
                "leave it out for a tenth of the data's leading singular value"
            )

    def init(self, problem: Any, runs: int) -> Float[np.ndarray, "runs _"]:
        """The thresholds of each run. Raises InputError for data that is zero, which has no scale of its own."""
        if self.threshold is not None:
            return np.tile(np.atleast_1d(np.asarray(self.threshold, dtype=np.float64)), (runs, 1))
        if problem.batch_size is None:
            return np.full((runs, 1), self.share * _leading_value(problem))
        return self.share * np.asarray([[_leading_value(problem.of_runs(run))] for run in range(runs)])

    def gap(self, now: Snapshot, level: Float[np.ndarray, "batch _"]) -> Float[np.ndarray, "batch k"]:
        """σ minus the thresholds."""
        count = level.shape[1] if level.shape[1] > 1 else None
        return now.singular_values[:, :count] - level[:, : now.singular_values.shape[1]]


@dataclass(frozen=True)
class Crossing:
    """A quantity f(problem, model, weights), (batch,) or (batch, k), rises through zero; take −f for a fall."""

    name: str
    function: Callable[[Any, Any, Array], Array]

    def init(self, problem: Any, runs: int) -> Float[np.ndarray, "runs _"]:
        """Zero."""
        return np.zeros((runs, 1))

    def gap(self, now: Snapshot, level: Float[np.ndarray, "batch _"]) -> Float[np.ndarray, "batch k"]:
        """The quantity."""
        values = to_numpy(self.function(now.problem, now.model, now.weights)).astype(np.float64)
        if values.shape[:1] != now.time.shape or values.ndim > 2:
            raise InputError(
                f"the function of an event must return {now.time.size} numbers, or as many rows, got shape "
                f"{values.shape} from {self.name!r}; compute on weights (batch, p) as a whole"
            )
        return values.reshape(now.time.size, -1)


class Watch:
    """The events of a batch of runs while it runs: the sign of each after every step, and where it turned."""

    def __init__(self, events: Sequence[Event], now: Snapshot) -> None:
        self._events = events
        self._levels = [event.init(now.problem, now.runs.size) for event in events]
        self._gaps = [event.gap(now, level) for event, level in zip(events, self._levels, strict=True)]

    def look(self, now: Snapshot, state: State, field: Field, integrator: Integrator) -> None:
        """Add what happened in the step just taken to `now.events`, in the order of time."""
        for event, levels, gaps in zip(self._events, self._levels, self._gaps, strict=True):
            gap = event.gap(now, levels[now.runs])
            turned: Bool[np.ndarray, "batch k"] = (gaps[now.runs] < 0) & (gap >= 0) & state.moved[:, None]
            gaps[now.runs] = gap
            for row, index in np.argwhere(turned).tolist():
                run = int(now.runs[row])
                time = _passage(event, levels[run : run + 1], index, now, row, state, field, integrator)
                now.events.setdefault(run, []).append(Occurrence(event.name, index, time))
        for happened in now.events.values():
            happened.sort(key=lambda occurrence: occurrence.time)


def _passage(
    event: Event, level: np.ndarray, index: int, now: Snapshot, row: int, state: State, field: Field,
    integrator: Integrator,
) -> float:  # fmt: skip
    """The time inside the last step of one run at which a component passes through zero."""
    from scipy.optimize import brentq

    alone = field.of(row)
    before: Any = state.before
    begin, end = float(before.time[row]), float(state.time[row])

    def gap(time: float) -> float:
        times = np.asarray([time])
        weights = integrator.interpolate(alone, state, row, times)
        moment = Snapshot(alone.problem, alone.model, times, weights, np.full(1, np.nan), now.runs[row : row + 1])
        return float(event.gap(moment, level)[0, index])

    # the interpolant meets the ends of the step up to rounding, which may turn a sign
    if gap(begin) >= 0:
        time: Any = begin
    elif gap(end) <= 0:
        time = end
    else:
        time = brentq(gap, begin, end, xtol=_RELATIVE * end, rtol=4 * np.finfo(float).eps)
    field.evaluations += alone.evaluations
    return float(time)


def _leading_value(problem: Any) -> float:
    matrix = problem.back_projection()
    left, right = leading_vectors(matrix, 1)
    value = float(np.linalg.norm(left.T @ (matrix @ right)))
    if not value > 0:
        raise InputError(
            f"the data must differ from zero to say what an escape is, got a back-projection of norm {value}; "
            "give Escape(threshold=…)"
        )
    return value
