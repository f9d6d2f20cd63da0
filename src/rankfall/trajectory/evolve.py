"""The one loop: a problem, a model, a start and an integrator make a run.

Runs of a batch move in lockstep, each with its own time and step; large batches go group by group (`groups`). After
every step the runs that moved are looked at once (a `Snapshot`), handed to the recorder, and asked whether they
have come to an end; a run that has leaves the batch.
"""

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, cast, overload

import numpy as np

from rankfall.arrays import like, namespace, to_numpy
from rankfall.errors import InputError
from rankfall.integrators.state import Field, Integrator, taken
from rankfall.kernels.blas_threads import SMALL_PRODUCT, one_blas_thread
from rankfall.models.starts import Start
from rankfall.trajectory.groups import groups_of, run_groups
from rankfall.trajectory.record import Record
from rankfall.trajectory.recorder import Moment, Recorder, moment_of
from rankfall.trajectory.run import Trajectories, Trajectory
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stops import LossBelow, StepLimit, Stop, horizon_of

_STEP_LIMIT = 1_000_000
_RUNAWAY = 1e6
_REFUSALS = 60

Verdict = tuple[Status, str] | None


@overload
def evolve(
    problem: Any,
    model: Any,
    start: Start,
    integrator: Integrator,
    *,
    stop: Any = None,
    record: Record | None = None,
    seed: int = 0,
    callback: Callable[[Snapshot], Any] | None = None,
    progress: Callable[[float, Snapshot], None] | None = None,
) -> Trajectory: ...
@overload
def evolve(
    problem: Any,
    model: Any,
    start: Start,
    integrator: Integrator,
    *,
    stop: Any = None,
    record: Record | None = None,
    seed: Sequence[int] | np.ndarray,
    callback: Callable[[Snapshot], Any] | None = None,
    progress: Callable[[float, Snapshot], None] | None = None,
) -> Trajectories: ...
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
    record: what to keep along the way, default time and loss (and test and held-out errors) at every step; and which
        events to look for, whose times are `run.events`.
    seed: of the start; a sequence of seeds, or of scales in the start, or a problem of many tables, runs a batch and
        returns `Trajectories`.
    callback: called with a `Snapshot` after every step that moved a run; a true answer ends the runs as `interrupted`.
    progress: called likewise with a guess from 0 to 1 of how far the runs are, and the snapshot.

    Ctrl-C ends the runs as `interrupted` and returns them as they are. Raises InputError where the start's layers do
    not fit, the seeds and scales do not pair up, or the loss is not finite at the start.
    """
    sized = model.sized(problem.shape, start.width)
    seeds, scales, is_batch = _members(seed, start.scale, problem.batch_size)
    takes_turns = problem.is_looped and sized.size * sized.rank <= SMALL_PRODUCT
    with one_blas_thread(takes_turns):
        weights = sized.draw(problem, start, scales, seeds)
    stop = (LossBelow() if stop is None else stop) | StepLimit(_STEP_LIMIT)
    asked = stop, record or Record(), callback, progress
    # who watches a batch sees all of it
    watched = callback is not None or progress is not None
    groups = [np.arange(len(seeds))] if watched else groups_of(problem, sized, integrator, len(seeds))

    def walk(group: np.ndarray, is_interrupted: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
        field = Field(problem if len(groups) == 1 else problem.of_runs(group), sized)
        with one_blas_thread(takes_turns):
            return _Loop(field, integrator, *asked, is_interrupted).run(like(weights[group], problem.values))

    ends = walk(groups[0]) if len(groups) == 1 else run_groups(groups, walk)
    settings = {"model": repr(sized), "start": repr(start), "integrator": repr(integrator), "stop": repr(stop)}
    runs = [
        Trajectory(
            model=sized,
            seed=seeds[i],
            settings=settings,
            problem=problem.of_runs(i),
            start=_alone(start, scales[i]),
            integrator=integrator,
            **end,
        )
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


def _alone(start: Start, scale: float) -> Start:
    """The start of one run of a batch; a start of somebody's own may not say how to change its scale."""
    if np.ndim(start.scale) == 0 or not is_dataclass(start):
        return start
    return replace(cast(Any, start), scale=scale)


@dataclass
class _Loop:
    field: Field
    integrator: Integrator
    stop: Stop
    record: Record
    callback: Callable[[Snapshot], Any] | None
    progress: Callable[[float, Snapshot], None] | None
    is_interrupted: Callable[[], bool]

    def run(self, weights: Any) -> list[dict[str, Any]]:
        """The end of every run, as the fields of a `Trajectory`."""
        count = weights.shape[0]
        self.began = clock.perf_counter()
        self.ends: list[dict[str, Any]] = [{} for _ in range(count)]
        self.active, self.step, self.refusals = np.arange(count), 0, np.zeros(count)
        self.memory = self.stop.init(count)
        with np.errstate(over="ignore", invalid="ignore"):
            self.state = self.integrator.init(self.field, weights, horizon_of(self.stop, count))
            self.first_loss = losses = self.state.loss
            if not np.isfinite(losses).all():
                raise InputError(
                    f"the loss at the start must be finite, got {losses[~np.isfinite(losses)][0]}; "
                    "scale the data down, or the start"
                )
            self.recorder = Recorder(self.field, self.integrator, self.record, self.state)
            first = self.recorder.init(self.state)
            try:
                self._end_stopped(first)
                while self.active.size:
                    self._advance()
            except KeyboardInterrupt:
                for run in [run for run in self.active.tolist() if not self.ends[run]]:
                    self._close(run, self.recorder[run].best, Status.INTERRUPTED, "Ctrl-C was pressed")
        return self.ends

    def _advance(self) -> None:
        """One step of every run, and all that follows from it."""
        if self.is_interrupted():
            raise KeyboardInterrupt
        self.state = self.integrator.step(self.field, self.state)
        self.step += 1
        self._end_runaways()
        self._end_refused()
        moved = self.state.moved
        if not moved.any():
            return
        now = self.recorder.look(self.state, self.active, self.step)
        self.recorder.write(now, self.state)
        if self.callback is not None and self.callback(now):
            self._finish([(Status.INTERRUPTED, "the callback asked for it")] * self.active.size)
            return
        self._end_stopped(now)

    def _end_stopped(self, now: Snapshot) -> None:
        self.memory, answers = self.stop.check(self.memory, now)
        if self.progress is not None:
            self.progress(min(1.0, self.stop.fraction(self.memory, now)), now)
        verdicts: list[Verdict] = [None if answer is None else (answer.status, str(answer)) for answer in answers]
        for row in np.flatnonzero(self.state.is_still()):
            verdicts[row] = verdicts[row] or (Status.STALLED, "the gradient vanished")
        self._finish(verdicts)

    def _end_runaways(self) -> None:
        gone = ~(self.state.loss <= _RUNAWAY * self.first_loss[self.active])
        if gone.any():
            # a run that started near a solution has only run away when it is worse than nothing, W = 0
            zero = namespace(self.state.weights).zeros_like(self.state.weights)
            nothing = to_numpy(self.field.model.loss(self.field.problem, zero))
            gone = gone & ~(self.state.loss <= _RUNAWAY * nothing)
        self._finish([(Status.DIVERGED, "the loss ran away") if row else None for row in gone])

    def _end_refused(self) -> None:
        refusals = np.where(self.state.moved, 0, self.refusals[self.active] + 1)
        self.refusals[self.active] = refusals
        reason = "no step was small enough for the tolerance"
        self._finish([(Status.STALLED, reason) if row else None for row in refusals >= _REFUSALS])

    def _finish(self, verdicts: Sequence[Verdict]) -> None:
        """Close the runs that have a verdict, at their end or at their best, and go on with the others."""
        if not any(verdicts):
            return
        now = None
        for row, verdict in enumerate(verdicts):
            if verdict is None:
                continue
            kept, end = self.recorder[self.active[row]], moment_of(self.state, row)
            if verdict[0] in (Status.DIVERGED, Status.INTERRUPTED):
                end = kept.best
            elif kept.records[-1]["time"] != end[1]:
                now = now or self.recorder.look(self.state, self.active, self.step)
                self.recorder.keep(now, np.arange(self.active.size) == row)
            self._close(int(self.active[row]), end, *verdict)
        going = np.asarray([verdict is None for verdict in verdicts])
        chosen = np.flatnonzero(going)
        self.field.problem = self.field.problem.of_runs(chosen)
        self.state, self.memory = self.state.take(going), taken(self.memory, chosen)
        self.active = self.active[going]

    def _close(self, run: int, end: Moment, status: Status, reason: str) -> None:
        kept = self.recorder[run]
        self.ends[run] = {
            "weights": end[0], "time": end[1], "loss": end[2], "status": status, "reason": reason,
            "history": kept.history(), "events": tuple(kept.events),
            "best_weights": kept.best[0], "best_time": kept.best[1],
            "steps": self.step, "evaluations": self.field.evaluations, "seconds": clock.perf_counter() - self.began,
        }  # fmt: skip
