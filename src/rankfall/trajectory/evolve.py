"""The one loop: a problem, a model, a start and an integrator make a run.

Runs of a batch move in lockstep, each with its own time and step. After every step the runs that moved are looked at
once (a `Snapshot`), recorded if due, and asked whether they have come to an end; a run that has leaves the batch.
"""

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rankfall.arrays import like, namespace, to_numpy
from rankfall.errors import InputError
from rankfall.integrators.motion import Field, Integrator, of_runs, taken
from rankfall.models.starts import Start
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectories, Trajectory
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stops import LossBelow, StepLimit, Stop, horizon_of

_STEP_LIMIT = 1_000_000
_RUNAWAY = 1e6
_REFUSALS = 60

Verdict = tuple[Status, str] | None


def evolve(
    problem: Any,
    model: Any,
    start: Start,
    integrator: Integrator,
    *,
    stop: Any = None,
    record: Record | None = None,
    seed: int | Sequence[int] | np.ndarray = 0,
    callback: Callable[[Snapshot], Any] | None = None,
    progress: Callable[[float, Snapshot], None] | None = None,
) -> Any:
    """Follow a model's motion on a problem from a start, and return the `Trajectory`.

    stop: when to end, default `LossBelow(1e-6)`; combine with `|`. A limit of a million steps is always there.
    record: what to keep along the way, default time and loss (and test and held-out errors) at every step.
    seed: of the start; a sequence of seeds, or of scales in the start, or a problem of many tables, runs a batch and
        returns `Trajectories`.
    callback: called with a `Snapshot` after every step that moved a run; a true answer ends the runs as `interrupted`.
    progress: called likewise with a guess from 0 to 1 of how far the runs are, and the snapshot.

    Ctrl-C ends the runs as `interrupted` and returns them as they are. Raises InputError where the start's layers do
    not fit, the seeds and scales do not pair up, or the loss is not finite at the start.
    """
    sized = model.sized(problem.shape, start.width)
    seeds, scales, is_batch = _members(seed, start.scale, getattr(problem, "tables", None))
    weights = sized.draw(problem, start, scales, seeds)
    stop = (LossBelow() if stop is None else stop) | StepLimit(_STEP_LIMIT)
    loop = _Loop(Field(problem, sized), integrator, stop, record or Record(), callback, progress)
    ends = loop.run(like(weights, problem.values))
    settings = {"model": repr(sized), "start": repr(start), "integrator": repr(integrator), "stop": repr(stop)}
    runs = [
        Trajectory(model=sized, seed=seeds[i], settings=settings, problem=of_runs(problem, i), **end)
        for i, end in enumerate(ends)
    ]
    return Trajectories(runs) if is_batch else runs[0]


def _members(seed: Any, scale: Any, tables: int | None) -> tuple[list[int], list[float], bool]:
    """Seeds and scales of the runs of a batch: whichever is a sequence makes one, and so do many tables."""
    seeds, scales = np.asarray(seed), np.asarray(scale, dtype=np.float64)
    if not np.issubdtype(seeds.dtype, np.integer) or seeds.size == 0 or (seeds < 0).any():
        raise InputError(f"a seed must be a whole number, not negative, or a list of those, got {seed!r}; 0 is usual")
    try:
        shape = np.broadcast_shapes(seeds.shape, scales.shape, () if tables is None else (tables,))
    except ValueError:
        raise InputError(
            f"a batch needs as many seeds as scales, got {seeds.size} and {scales.size}"
            + ("" if tables is None else f" for {tables} tables")
            + "; give one of them alone, or pairs"
        ) from None
    members = np.broadcast_to(seeds, shape).ravel(), np.broadcast_to(scales, shape).ravel()
    return [int(s) for s in members[0]], [float(s) for s in members[1]], shape != ()


@dataclass
class _Diary:
    """What is remembered of one run while it runs; `best` is its weights, time and loss at the best moment."""

    best: tuple[Any, float, float]
    best_value: float = np.inf
    records: list[dict[str, Any]] = field(default_factory=list)
    watched: float = 0.0


@dataclass
class _Loop:
    field: Field
    integrator: Integrator
    stop: Stop
    record: Record
    callback: Callable[[Snapshot], Any] | None
    progress: Callable[[float, Snapshot], None] | None

    def run(self, weights: Any) -> list[dict[str, Any]]:
        """The end of every run, as the fields of a `Trajectory`."""
        count = weights.shape[0]
        self.began = clock.perf_counter()
        self.ends: list[dict[str, Any]] = [{} for _ in range(count)]
        self.active, self.step, self.refusals = np.arange(count), 0, np.zeros(count)
        self.memory = self.stop.begin(count)
        with np.errstate(over="ignore", invalid="ignore"):
            self.motion = self.integrator.begin(self.field, weights, horizon_of(self.stop, count))
            self.first_loss = first = self.motion.loss
            if not np.isfinite(first).all():
                raise InputError(
                    f"the loss at the start must be finite, got {first[~np.isfinite(first)][0]}; "
                    "scale the data down, or the start"
                )
            self.diaries = [_Diary(self._state(run)) for run in range(count)]
            now = self._look()
            self._keep(now, np.ones(count, dtype=bool))
            try:
                self._end_stopped(now)
                while self.active.size:
                    self._advance()
            except KeyboardInterrupt:
                for run in [run for run in self.active.tolist() if not self.ends[run]]:
                    self._close(run, self.diaries[run].best, Status.INTERRUPTED, "Ctrl-C was pressed")
        return self.ends

    def _advance(self) -> None:
        """One step of every run, and all that follows from it."""
        self.motion = self.integrator.advance(self.field, self.motion)
        self.step += 1
        self._end_runaways()
        self._end_refused()
        moved = self.motion.moved
        if not moved.any():
            return
        now = self._look()
        self._keep_between()
        last = np.asarray([self.diaries[run].records[-1]["time"] for run in self.active])
        self._keep(now, moved & self.record.is_due(self.step, self.motion.time, last))
        if self.callback is not None and self.callback(now):
            self._finish([(Status.INTERRUPTED, "the callback asked for it")] * self.active.size)
            return
        self._end_stopped(now)

    def _look(self) -> Snapshot:
        """The moment, with each run's best so far brought up to it."""
        motion = self.motion
        now = Snapshot(
            self.field.problem, self.field.model, motion.time, motion.weights, motion.loss, self.active, self.step,
            self.field.evaluations,
        )  # fmt: skip
        values = motion.loss if now.held_out_error is None else now.held_out_error
        for row in np.flatnonzero(motion.moved).tolist():
            diary = self.diaries[self.active[row]]
            if values[row] < diary.best_value:
                diary.best_value, diary.best = values[row], self._state(row)
        return now

    def _state(self, row: int) -> tuple[Any, float, float]:
        return self.motion.weights[row, ...], float(self.motion.time[row]), float(self.motion.loss[row])

    def _keep(self, now: Snapshot, due: np.ndarray) -> None:
        if not due.any():
            return
        chosen = np.flatnonzero(due)
        kept = self.record.measure(now if due.all() else now.take(chosen))
        for place, row in enumerate(chosen):
            self.diaries[self.active[row]].records.append({name: values[place] for name, values in kept.items()})

    def _keep_between(self) -> None:
        """Records at the times asked for that lie inside the steps just taken."""
        if self.record.times is None:
            return
        times, motion = np.asarray(self.record.times, dtype=np.float64), self.motion
        for row in np.flatnonzero(motion.moved).tolist():
            diary = self.diaries[self.active[row]]
            inside = times[(times > diary.watched) & (times <= motion.time[row])]
            diary.watched = motion.time[row]
            if not inside.size:
                continue
            alone = self.field.of(row)
            weights = self.integrator.at(alone, motion, row, inside)
            self.field.evaluations += alone.evaluations
            loss, _ = alone(weights)
            runs = np.full(inside.size, self.active[row])
            kept = self.record.measure(
                Snapshot(alone.problem, alone.model, inside, weights, loss, runs, self.step, self.field.evaluations)
            )
            diary.records += [{name: values[k] for name, values in kept.items()} for k in range(inside.size)]

    def _end_stopped(self, now: Snapshot) -> None:
        self.memory, answers = self.stop.check(self.memory, now)
        if self.progress is not None:
            self.progress(min(1.0, self.stop.fraction(self.memory, now)), now)
        verdicts: list[Verdict] = [None if answer is None else (answer.status, str(answer)) for answer in answers]
        for row in np.flatnonzero(self.motion.is_still()):
            verdicts[row] = verdicts[row] or (Status.STALLED, "the gradient vanished")
        self._finish(verdicts)

    def _end_runaways(self) -> None:
        gone = ~(self.motion.loss <= _RUNAWAY * self.first_loss[self.active])
        if gone.any():
            # a run that started near a solution has only run away when it is worse than nothing, W = 0
            zero = namespace(self.motion.weights).zeros_like(self.motion.weights)
            nothing = to_numpy(self.field.model.loss(self.field.problem, zero))
            gone = gone & ~(self.motion.loss <= _RUNAWAY * nothing)
        self._finish([(Status.DIVERGED, "the loss ran away") if row else None for row in gone])

    def _end_refused(self) -> None:
        refusals = np.where(self.motion.moved, 0, self.refusals[self.active] + 1)
        self.refusals[self.active] = refusals
        reason = "no step was small enough for the tolerance"
        self._finish([(Status.STALLED, reason) if row else None for row in refusals >= _REFUSALS])

    def _finish(self, verdicts: Sequence[Verdict]) -> None:
        """Close the runs that have a verdict, at their end or at their best, and go on with the others."""
        if not any(verdicts):
            return
        for row, verdict in enumerate(verdicts):
            if verdict is None:
                continue
            diary, end = self.diaries[self.active[row]], self._state(row)
            if verdict[0] in (Status.DIVERGED, Status.INTERRUPTED):
                end = diary.best
            elif diary.records[-1]["time"] != end[1]:
                self._keep(self._look(), np.arange(self.active.size) == row)
            self._close(int(self.active[row]), end, *verdict)
        going = np.asarray([verdict is None for verdict in verdicts])
        chosen = np.flatnonzero(going)
        self.field.problem = of_runs(self.field.problem, chosen)
        self.motion, self.memory = self.motion.take(going), taken(self.memory, chosen)
        self.active = self.active[going]

    def _close(self, run: int, end: tuple[Any, float, float], status: Status, reason: str) -> None:
        diary = self.diaries[run]
        self.ends[run] = {
            "weights": end[0], "time": end[1], "loss": end[2], "status": status, "reason": reason,
            "history": {name: np.stack([record[name] for record in diary.records]) for name in diary.records[0]},
            "best_weights": diary.best[0], "best_time": diary.best[1],
            "steps": self.step, "evaluations": self.field.evaluations, "seconds": clock.perf_counter() - self.began,
        }  # fmt: skip
