"""What is remembered of a batch of runs while they run: records, events, and the best moment of each.

The loop asks for a `look` after every step and says which runs are due a record; what is measured is the record's
business, and what has happened between the steps the watch's.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rankfall.integrators.state import Field, Integrator, State
from rankfall.trajectory.events import Occurrence, Watch
from rankfall.trajectory.record import Record
from rankfall.trajectory.snapshot import Snapshot

# Weights, time and loss of one run.
Moment = tuple[Any, float, float]


@dataclass
class Kept:
    """What is remembered of one run; `best` is its state at the best moment, `watched` how far `times` are kept."""

    best: Moment
    best_value: float = np.inf
    records: list[dict[str, Any]] = field(default_factory=list)
    events: list[Occurrence] = field(default_factory=list)
    watched: float = 0.0

    def history(self) -> dict[str, np.ndarray]:
        """The records, one array a name."""
        return {name: np.stack([record[name] for record in self.records]) for name in self.records[0]}


class Recorder:
    """The recorder of a batch, written together."""

    def __init__(self, field: Field, integrator: Integrator, record: Record, state: State) -> None:
        self._field, self._integrator, self._record = field, integrator, record
        self._of = [Kept(moment_of(state, run)) for run in range(state.time.size)]
        self._watch: Watch | None = None

    def __getitem__(self, run: int | np.integer) -> Kept:
        return self._of[run]

    def init(self, state: State) -> Snapshot:
        """The moment of the start, recorded for every run."""
        first = self.look(state, np.arange(state.time.size), 0)
        self._watch = Watch(self._record.events, first) if self._record.events else None
        self.keep(first, state.moved)
        return first

    def look(self, state: State, active: np.ndarray, step: int) -> Snapshot:
        """The moment, with each run's best so far brought up to it."""
        now = Snapshot(
            self._field.problem, self._field.model, state.time, state.weights, state.loss, active, step,
            self._field.evaluations, curvature_of(state) if self._record.curvature else None,
        )  # fmt: skip
        values = state.loss if now.held_out_error is None else now.held_out_error
        for row in np.flatnonzero(state.moved).tolist():
            kept = self._of[active[row]]
            if values[row] < kept.best_value:
                kept.best_value, kept.best = values[row], moment_of(state, row)
        return now

    def write(self, now: Snapshot, state: State) -> None:
        """All that a step gives to remember: its events, the times asked for inside it, and its end where due."""
        if self._watch is not None:
            self._watch.look(now, state, self._field, self._integrator)
            for run, happened in now.events.items():
                self._of[run].events += happened
        if self._record.times is not None:
            self._keep_between(now, state, np.asarray(self._record.times, dtype=np.float64))
        last = np.asarray([self._of[run].records[-1]["time"] for run in now.runs])
        self.keep(now, state.moved & self._record.is_due(now.step, state.time, last))

    def keep(self, now: Snapshot, due: np.ndarray) -> None:
        """A record of the runs that are due one."""
        if not due.any():
            return
        chosen = np.flatnonzero(due)
        measured = self._record.measure(now if due.all() else now.take(chosen))
        for place, row in enumerate(chosen):
            self._of[now.runs[row]].records.append({name: values[place] for name, values in measured.items()})

    def _keep_between(self, now: Snapshot, state: State, times: np.ndarray) -> None:
        """Records at the times asked for that lie inside the steps just taken."""
        for row in np.flatnonzero(state.moved).tolist():
            kept = self._of[now.runs[row]]
            inside = times[(times > kept.watched) & (times <= state.time[row])]
            kept.watched = state.time[row]
            if not inside.size:
                continue
            alone = self._field.of(row)
            weights = self._integrator.interpolate(alone, state, row, inside)
            self._field.evaluations += alone.evaluations
            loss, _ = alone(weights)
            curvature = None if now.curvature is None else np.full(inside.size, now.curvature[row])
            runs = np.full(inside.size, now.runs[row])
            between = Snapshot(
                alone.problem, alone.model, inside, weights, loss, runs, now.step, self._field.evaluations, curvature
            )
            measured = self._record.measure(between)
            kept.records += [{name: values[k] for name, values in measured.items()} for k in range(inside.size)]


def moment_of(state: State, row: int) -> Moment:
    """Weights, time and loss of one run of a state."""
    return state.weights[row, ...], float(state.time[row]), float(state.loss[row])


def curvature_of(state: State) -> np.ndarray:
    """The flow's own estimate of the Hessian's norm, or the secant of the last step; NaN before there was one."""
    radius = getattr(state, "radius", None)
    if radius is not None:
        return radius
    return State.curvature(state) if state.before is not None else np.full(state.time.shape, np.nan)
