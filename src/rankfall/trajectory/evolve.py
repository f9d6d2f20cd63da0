"""The one loop: a problem, a model, a start and an integrator make a run.

Runs of a batch move in lockstep, each with its own time and step. After every step the runs that moved are looked at
once (a `Snapshot`), recorded if due, and asked whether they have come to an end; a run that has leaves the batch.
"""

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rankfall.arrays import epsilon, like
from rankfall.errors import InputError
from rankfall.integrators.motion import Field, Integrator, Motion, norms, taken
from rankfall.models.starts import Start
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectories, Trajectory
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stops import LossBelow, Stop, StepLimit, horizon_of

_STEP_LIMIT = 1_000_000
_RUNAWAY = 1e6
_REFUSALS = 60


def evolve(
    problem: Any,
    model: Any,
    start: Start,
    integrator: Integrator,
    *,
    stop: Any = None,
    record: Record | None = None,
    seed: int | Sequence[int] = 0,
    callback: Callable[[Snapshot], Any] | None = None,
    progress: Callable[[float, Snapshot], None] | None = None,
) -> Any:
    """Follow a model's motion on a problem from a start, and return the `Trajectory`.

    stop: when to end, default `LossBelow(1e-6)`; combine with `|`. A limit of a million steps is always there.
    record: what to keep along the way, default time and loss (and test and held-out errors) at every step.
    seed: of the start; a sequence of seeds, or of scales in the start, runs a batch and returns `Trajectories`.
    callback: called with a `Snapshot` after every step; a true answer ends the runs as `interrupted`.
    progress: called after every step with a guess from 0 to 1 of how far the runs are, and the snapshot.

    Ctrl-C ends the runs as `interrupted` and returns them as they are. Raises InputError where the start's layers do
    not fit or the loss is not finite at the start.
    """
    sized = model.sized(problem.shape, start.width)
    seeds, scales, is_batch = _members(seed, start.scale)
    weights = sized.draw(problem, start, scales, seeds)
    stop = (LossBelow() if stop is None else stop) | StepLimit(_STEP_LIMIT)
    loop = _Loop(Field(problem, sized), integrator, stop, record or Record(), callback, progress)
    ends = loop.run(like(weights, problem.values))
    settings = {"model": repr(sized), "start": repr(start), "integrator": repr(integrator), "stop": repr(stop)}
    runs = [
        Trajectory(model=sized, seed=seeds[i], settings=settings, problem=problem, **end) for i, end in enumerate(ends)
    ]
    return Trajectories(runs) if is_batch else runs[0]


def _members(seed: Any, scale: Any) -> tuple[list[int], list[float], bool]:
    """Seeds and scales of the runs of a batch: whichever is a sequence makes one."""
    is_batch = not np.isscalar(seed) or not np.isscalar(scale)
    try:
        seeds, scales = np.broadcast_arrays(np.asarray(seed), np.asarray(scale, dtype=np.float64))
    except ValueError:
        raise InputError(
            f"a batch needs as many seeds as scales, got {len(seed)} and {len(scale)}; give one of them alone, or pairs"
        ) from None
    return [int(s) for s in np.atleast_1d(seeds)], [float(s) for s in np.atleast_1d(scales)], is_batch


@dataclass
class _Diary:
    """What is remembered of one run while it runs."""

    records: list[dict[str, Any]] = field(default_factory=list)
    best_value: float = np.inf
    best: tuple[Any, float, float] | None = None
    refusals: int = 0
    next_time: int = 0


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
        self.diaries = [_Diary() for _ in range(count)]
        self.active, self.step = np.arange(count), 0
        self.memory = self.stop.begin(count)
        with np.errstate(over="ignore", invalid="ignore"):
            self.motion = self.integrator.begin(self.field, weights, horizon_of(self.stop, count))
            if not np.isfinite(self.motion.loss).all():
                raise InputError(
                    f"the loss at the start must be finite, got {self.motion.loss[~np.isfinite(self.motion.loss)][0]}; "
                    "scale the data down, or the start"
                )
            self.first_loss = self.motion.loss.copy()
            try:
                self._follow()
            except KeyboardInterrupt:
                self._finish(np.ones(self.active.size, dtype=bool), Status.INTERRUPTED, "Ctrl-C was pressed")
        return self.ends

    def _follow(self) -> None:
        now = self._look(np.ones(self.active.size, dtype=bool))
        self._keep(now, np.ones(self.active.size, dtype=bool))
        self._end_stopped(now)
        while self.active.size:
            self.motion = self.integrator.advance(self.field, self.motion)
            self.step += 1
            moved = self.motion.moved
            self._end_runaways()
            if not self.active.size or not (moved := self.motion.moved).any():
                self._end_refused(moved)
                continue
            now = self._look(np.ones(moved.size, dtype=bool))
            self._keep_between(moved)
            last = np.asarray([self.diaries[run].records[-1]["time"] for run in self.active])
            self._keep(now, moved & self.record.is_due(self.step, self.motion.time, last))
            if self.callback is not None and self.callback(now):
                self._finish(np.ones(moved.size, dtype=bool), Status.INTERRUPTED, "the callback asked for it")
                return
            self._end_stopped(now)
            self._end_refused(moved)

    def _look(self, which: np.ndarray) -> Snapshot:
        """The moment, with each run's best so far brought up to it."""
        motion = self.motion
        now = Snapshot(
            self.field.problem, self.field.model, motion.time, motion.weights, motion.loss, self.active, self.step,
            self.field.evaluations,
        )  # fmt: skip
        values = motion.loss if now.held_out_error is None else now.held_out_error
        for row in np.flatnonzero(motion.moved & which):
            diary = self.diaries[self.active[row]]
            if values[row] < diary.best_value:
                diary.best_value = values[row]
                diary.best = (motion.weights[row, ...], float(motion.time[row]), float(motion.loss[row]))
        return now

    def _keep(self, now: Snapshot, due: np.ndarray) -> None:
        if not due.any():
            return
        whole = due.all()
        chosen = now if whole else _rows(now, due)
        kept = self.record.measure(chosen)
        for place, row in enumerate(np.flatnonzero(due)):
            self.diaries[self.active[row]].records.append({name: values[place] for name, values in kept.items()})

    def _keep_between(self, moved: np.ndarray) -> None:
        """Records at the times asked for that lie inside the steps just taken."""
        if self.record.times is None:
            return
        times, motion = np.asarray(self.record.times, dtype=np.float64), self.motion
        for row in np.flatnonzero(moved):
            diary = self.diaries[self.active[row]]
            begin = diary.next_time
            diary.next_time = end = int(np.searchsorted(times, motion.time[row], side="right"))
            inside = times[begin:end]
            if not inside.size:
                continue
            weights = self.integrator.at(Field(self.field.problem, self.field.model), motion, int(row), inside)
            loss, _ = Field(self.field.problem, self.field.model)(weights)
            runs = np.full(inside.size, self.active[row])
            now = Snapshot(self.field.problem, self.field.model, inside, weights, loss, runs, self.step)
            kept = self.record.measure(now)
            diary.records += [{name: values[k] for name, values in kept.items()} for k in range(inside.size)]

    def _end_stopped(self, now: Snapshot) -> None:
        self.memory, answers = self.stop.check(self.memory, now)
        if self.progress is not None:
            self.progress(min(1.0, self.stop.fraction(self.memory, now)), now)
        for answer in {id(a): a for a in answers if a is not None}.values():
            still = np.asarray([a is answer for a in answers[: self.active.size]])
            answers = answers[~still]
            self._finish(still, answer.status, str(answer))
        if not self.active.size:
            return
        # a gradient at the rounding error of its own terms moves nothing, however long one waits
        motion, model = self.motion, self.field.model
        size = norms(motion.weights)
        radius = getattr(motion, "radius", motion.loss / np.maximum(size, np.finfo(float).tiny) ** 2)
        still = norms(motion.gradient) <= 4 * epsilon(motion.weights) * radius * size
        if still.any() and model.depth >= 1:
            self._finish(still, Status.STALLED, "the gradient vanished")

    def _end_runaways(self) -> None:
        loss = self.motion.loss
        gone = ~np.isfinite(loss) | (loss > _RUNAWAY * np.maximum(self.first_loss[self.active], np.finfo(float).tiny))
        if gone.any():
            self._finish(gone, Status.DIVERGED, "the loss ran away")

    def _end_refused(self, moved: np.ndarray) -> None:
        for row, run in enumerate(self.active):
            self.diaries[run].refusals = 0 if moved[row] else self.diaries[run].refusals + 1
        stuck = np.asarray([self.diaries[run].refusals >= _REFUSALS for run in self.active], dtype=bool)
        if stuck.any():
            self._finish(stuck, Status.STALLED, "no step was small enough for the tolerance")

    def _finish(self, which: np.ndarray, status: Status, reason: str) -> None:
        """Close the runs marked by `which`, and go on with the others."""
        for row in np.flatnonzero(which):
            self._close(int(row), status, reason)
        kept = ~which
        if not kept.all():
            self.active = self.active[kept]
            if self.active.size:
                self.motion = self.motion.take(kept)
                self.memory = taken(self.memory, np.flatnonzero(kept))

    def _close(self, row: int, status: Status, reason: str) -> None:
        run, motion = self.active[row], self.motion
        diary = self.diaries[run]
        weights, time, loss = motion.weights[row, ...], float(motion.time[row]), float(motion.loss[row])
        assert diary.best is not None
        if status in (Status.DIVERGED, Status.INTERRUPTED):
            weights, time, loss = diary.best
        elif diary.records[-1]["time"] != time:
            only = np.zeros(self.active.size, dtype=bool)
            only[row] = True
            self._keep(self._look(only), only)
        names = diary.records[0].keys()
        self.ends[run] = {
            "weights": weights, "time": time, "loss": loss, "status": status, "reason": reason,
            "history": {name: np.stack([record[name] for record in diary.records]) for name in names},
            "best_weights": diary.best[0], "best_time": diary.best[1],
            "steps": self.step, "evaluations": self.field.evaluations, "seconds": clock.perf_counter() - self.began,
        }  # fmt: skip


def _rows(now: Snapshot, kept: np.ndarray) -> Snapshot:
    chosen = np.flatnonzero(kept)
    return Snapshot(
        now.problem, now.model, now.time[kept], taken(now.weights, chosen), now.loss[kept], now.runs[kept], now.step,
        now.evaluations,
    )  # fmt: skip
