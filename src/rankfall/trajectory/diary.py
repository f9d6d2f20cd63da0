"""What is remembered of a batch of runs while they run: records, events, and the best moment of each.

The loop asks for a `look` after every step and says which runs are due a record; what is measured is the record's
business, and what has happened between the steps the watch's.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rankfall.integrators.motion import Field, Integrator, Motion
from rankfall.trajectory.events import Occurrence, Watch
from rankfall.trajectory.record import Record
from rankfall.trajectory.snapshot import Snapshot

# Weights, time and loss of one run.
State = tuple[Any, float, float]


@dataclass
class Diary:
    """What is remembered of one run; `best` is its state at the best moment, `watched` how far `times` are kept."""

    best: State
    best_value: float = np.inf
    records: list[dict[str, Any]] = field(default_factory=list)
    events: list[Occurrence] = field(default_factory=list)
    watched: float = 0.0

    def history(self) -> dict[str, np.ndarray]:
        """The records, one array a name."""
        return {name: np.stack([record[name] for record in self.records]) for name in self.records[0]}


class Diaries:
    """The diaries of a batch, written together."""

    def __init__(self, field: Field, integrator: Integrator, record: Record, motion: Motion) -> None:
        self._field, self._integrator, self._record = field, integrator, record
        self._of = [Diary(state_of(motion, run)) for run in range(motion.time.size)]
        self._watch: Watch | None = None

    def __getitem__(self, run: int | np.integer) -> Diary:
        return self._of[run]

    def begin(self, motion: Motion) -> Snapshot:
        """The moment of the start, recorded for every run."""
        first = self.look(motion, np.arange(motion.time.size), 0)
        self._watch = Watch(self._record.events, first) if self._record.events else None
        self.keep(first, motion.moved)
        return first

    def look(self, motion: Motion, active: np.ndarray, step: int) -> Snapshot:
        """The moment, with each run's best so far brought up to it."""
        now = Snapshot(
            self._field.problem, self._field.model, motion.time, motion.weights, motion.loss, active, step,
            self._field.evaluations, curvature_of(motion) if self._record.curvature else None,
        )  # fmt: skip
        values = motion.loss if now.held_out_error is None else now.held_out_error
        for row in np.flatnonzero(motion.moved).tolist():
            diary = self._of[active[row]]
            if values[row] < diary.best_value:
                diary.best_value, diary.best = values[row], state_of(motion, row)
        return now

    def write(self, now: Snapshot, motion: Motion) -> None:
        """All that a step gives to remember: its events, the times asked for inside it, and its end where due."""
        if self._watch is not None:
            self._watch.look(now, motion, self._field, self._integrator)
            for run, happened in now.events.items():
                self._of[run].events += happened
        if self._record.times is not None:
            self._keep_between(now, motion, np.asarray(self._record.times, dtype=np.float64))
        last = np.asarray([self._of[run].records[-1]["time"] for run in now.runs])
        self.keep(now, motion.moved & self._record.is_due(now.step, motion.time, last))

    def keep(self, now: Snapshot, due: np.ndarray) -> None:
        """A record of the runs that are due one."""
        if not due.any():
            return
        chosen = np.flatnonzero(due)
        kept = self._record.measure(now if due.all() else now.take(chosen))
        for place, row in enumerate(chosen):
            self._of[now.runs[row]].records.append({name: values[place] for name, values in kept.items()})

    def _keep_between(self, now: Snapshot, motion: Motion, times: np.ndarray) -> None:
        """Records at the times asked for that lie inside the steps just taken."""
        for row in np.flatnonzero(motion.moved).tolist():
            diary = self._of[now.runs[row]]
            inside = times[(times > diary.watched) & (times <= motion.time[row])]
            diary.watched = motion.time[row]
            if not inside.size:
                continue
            alone = self._field.of(row)
            weights = self._integrator.at(alone, motion, row, inside)
            self._field.evaluations += alone.evaluations
            loss, _ = alone(weights)
            curvature = None if now.curvature is None else np.full(inside.size, now.curvature[row])
            runs = np.full(inside.size, now.runs[row])
            between = Snapshot(
                alone.problem, alone.model, inside, weights, loss, runs, now.step, self._field.evaluations, curvature
            )
            kept = self._record.measure(between)
            diary.records += [{name: values[k] for name, values in kept.items()} for k in range(inside.size)]


def state_of(motion: Motion, row: int) -> State:
    """Weights, time and loss of one run of a motion."""
    return motion.weights[row, ...], float(motion.time[row]), float(motion.loss[row])


def curvature_of(motion: Motion) -> np.ndarray:
    """The flow's own estimate of the Hessian's norm, or the secant of the last step; NaN before there was one."""
    radius = getattr(motion, "radius", None)
    if radius is not None:
        return radius
    return Motion.curvature(motion) if motion.before is not None else np.full(motion.time.shape, np.nan)
