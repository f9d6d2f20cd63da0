"""One step of the loop: a frozen state of all runs goes in, the next one comes out."""

import time as clock
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.integrators.field import Field
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.rows import where
from rankfall.integrators.state import State, changed, taken
from rankfall.trajectory.loop_state import End, LoopState
from rankfall.trajectory.record import Record
from rankfall.trajectory.recorder import Recorder
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stop import Stop
from rankfall.trajectory.watch import occurrences, watched_at

_RUNAWAY = 1e6
_REJECTIONS = 60

Verdict = tuple[Status, str] | None


Hook = Callable[[LoopState], object]
_HOOKS: ContextVar[tuple[Hook, ...]] = ContextVar("hooks", default=())


@contextmanager
def step_hook(hook: Hook) -> Iterator[None]:
    """Call `hook(state)` before every step of every run within this context, and once when no run is left.

    For instruments that look at the loop itself; `evolve(callback=…)` looks at one run.
    """
    token = _HOOKS.set((*_HOOKS.get(), hook))
    try:
        yield
    finally:
        _HOOKS.reset(token)


@dataclass(frozen=True)
class Loop:
    """What stays the same from step to step; `init` makes the first state and `advance` the next one.

    The arguments are those of `evolve`. The recorder is an output: it receives snapshots and returns
    only the time of its last record.
    """

    integrator: Integrator
    stop: Stop
    record: Record
    recorder: Recorder
    callback: Callable[[Snapshot], object] | None = None
    progress: Callable[[float, Snapshot], None] | None = None

    def run(
        self, field: Field, weights: Float[Array, "batch p"], is_interrupted: Callable[[], bool] = lambda: False
    ) -> list[End]:
        """The end of every run. Ctrl-C ends those that still move, at their best."""
        with np.errstate(over="ignore", invalid="ignore"):
            state = self.init(field, weights)
            try:
                state = self._without_stopped(state)
                while state.runs.size:
                    if is_interrupted():
                        raise KeyboardInterrupt
                    for hook in _HOOKS.get():
                        hook(state)
                    state = self.advance(state)
            except KeyboardInterrupt:
                state = self._without(state, [(Status.INTERRUPTED, "Ctrl-C was pressed")] * state.runs.size)
            for hook in _HOOKS.get():
                hook(state)
        return [end for end in state.ends if end is not None]

    def init(self, field: Field, weights: Float[Array, "batch p"]) -> LoopState:
        """The state at time zero, recorded. Raises InputError where the loss is not finite."""
        began, count = clock.perf_counter(), weights.shape[0]
        state = self.integrator.init(field, weights, np.full(count, self.stop.horizon()))
        if not np.isfinite(state.loss).all():
            raise InputError(
                f"the loss at the start must be finite, got {state.loss[~np.isfinite(state.loss)][0]}; "
                "scale the data down, or the start"
            )
        now = self._seen(field, state, np.arange(count), 0)
        self.recorder.write(now, state.moved)
        return LoopState(
            field=field, state=state, runs=np.arange(count), now=now, step=0, first_loss=state.loss,
            rejections=np.zeros(count), memory=self.stop.init(count), watched=watched_at(self.record.events, now),
            best_value=_value(now), best_weights=state.weights, best_time=state.time, best_loss=state.loss,
            ends=(None,) * count, began=began,
        )  # fmt: skip

    def advance(self, state: LoopState) -> LoopState:
        """One step of every run, and all that follows from it: records, events, and the ends of runs."""
        inner = self.integrator.step(state.field, state.state)
        rejections = np.where(inner.moved, 0, state.rejections + 1)
        state = changed(state, state=inner, step=state.step + 1, rejections=rejections)
        state = self._without_rejected(self._without_runaways(state))
        if not state.state.moved.any():
            return changed(state, state=state.state.without_stages())
        state = self._recorded(state)
        if self.callback is not None and self.callback(state.now):
            return self._without(state, [(Status.INTERRUPTED, "the callback asked for it")] * state.runs.size)
        return self._without_stopped(state)

    def _seen(self, field: Field, state: State, runs: np.ndarray, step: int) -> Snapshot:
        curvature = state.curvature() if self.record.curvature else None
        return Snapshot(
            field.problem, field.model, state.time, state.weights, state.loss, runs, step, field.evaluations,
            state.velocity, curvature,
        )  # fmt: skip

    def _recorded(self, state: LoopState) -> LoopState:
        """The state after a look at where the step ended: its events and records, and the best moment so far."""
        inner, field = state.state, state.field
        now = self._seen(field, inner, state.runs, state.step)
        value = _value(now)
        better = inner.moved & (value < state.best_value)
        watched, happened = occurrences(self.record.events, state.watched, now, inner, field, self.integrator)
        if happened:
            now = now.with_events(happened)
            self.recorder.write_events(happened)
        if self.record.times is not None:
            self._write_between(now, inner, field, np.asarray(self.record.times, dtype=np.float64))
        last = inner.time if self.record.ratio is None else self.recorder.last_times(state.runs)
        self.recorder.write(now, inner.moved & self.record.is_due(state.step, inner.time, last))
        return changed(
            state, state=inner.without_stages(), now=now, watched=watched,
            best_value=where(better, value, state.best_value),
            best_weights=where(better, inner.weights, state.best_weights),
            best_time=where(better, inner.time, state.best_time),
            best_loss=where(better, inner.loss, state.best_loss),
        )  # fmt: skip

    def _write_between(self, now: Snapshot, state: State, field: Field, times: np.ndarray) -> None:
        """Records at the given times that lie inside the step just taken."""
        assert state.before is not None
        for row in np.flatnonzero(state.moved).tolist():
            inside = times[(times > state.before.time[row]) & (times <= state.time[row])]
            if not inside.size:
                continue
            alone = field.of_runs(row)
            weights = self.integrator.interpolate(alone, state, row, inside)
            loss, velocity = alone(weights)
            curvature = None if now.curvature is None else np.full(inside.size, now.curvature[row])
            runs = np.full(inside.size, now.runs[row])
            between = Snapshot(
                alone.problem,
                alone.model,
                inside,
                weights,
                loss,
                runs,
                now.step,
                alone.evaluations,
                velocity,
                curvature,
            )
            self.recorder.write(between, np.ones(inside.size, dtype=bool))

    def _without_stopped(self, state: LoopState) -> LoopState:
        memory, stops = self.stop.reached(state.memory, state.now)
        if self.progress is not None:
            self.progress(min(1.0, self.stop.fraction(memory, state.now)), state.now)
        verdicts: list[Verdict] = [None if stop is None else (stop.status, str(stop)) for stop in stops]
        still = state.state.is_still()
        for row in np.flatnonzero(still) if still.any() else ():
            verdicts[row] = verdicts[row] or (Status.STALLED, "the gradient vanished")
        if memory is not state.memory:
            state = changed(state, memory=memory)
        return self._without(state, verdicts)

    def _without_runaways(self, state: LoopState) -> LoopState:
        loss = state.state.loss
        gone = ~(loss <= _RUNAWAY * state.first_loss)
        if gone.any():
            # a run that started near a solution has only run away when it is worse than nothing, W = 0
            nothing = state.field.loss(namespace(state.state.weights).zeros_like(state.state.weights))
            gone = gone & ~(loss <= _RUNAWAY * nothing)
        if not gone.any():
            return state
        return self._without(state, [(Status.DIVERGED, "the loss ran away") if row else None for row in gone])

    def _without_rejected(self, state: LoopState) -> LoopState:
        gone = state.rejections >= _REJECTIONS
        if not gone.any():
            return state
        verdict = (Status.STALLED, "no step was small enough for the tolerance")
        return self._without(state, [verdict if row else None for row in gone])

    def _without(self, state: LoopState, verdicts: Sequence[Verdict]) -> LoopState:
        """Close the runs that have a verdict, at their end or at their best, and go on with the others."""
        if not any(verdicts):
            return state
        ends, inner = list(state.ends), state.state
        rows = np.flatnonzero([verdict is not None for verdict in verdicts])
        at_best = [verdict is not None and verdict[0] in (Status.DIVERGED, Status.INTERRUPTED) for verdict in verdicts]
        due = np.zeros(state.runs.size, dtype=bool)
        due[rows] = self.recorder.last_times(state.runs[rows]) != inner.time[rows]
        self.recorder.write(state.now, due & ~np.asarray(at_best))
        # copies: a row that is a view would keep the weights of the whole batch in memory
        weights, best_weights = (taken(part, rows) for part in (inner.weights, state.best_weights))
        for place, row in enumerate(rows.tolist()):
            verdict = verdicts[row]
            assert verdict is not None
            best = best_weights[place, ...], float(state.best_time[row]), float(state.best_loss[row])
            end = weights[place, ...], float(inner.time[row]), float(inner.loss[row])
            run = int(state.runs[row])
            if at_best[row]:
                end = best
            ends[run] = End(
                weights=end[0], time=end[1], loss=end[2], status=verdict[0], reason=verdict[1],
                history=self.recorder.history(run), events=self.recorder.events(run), best_weights=best[0],
                best_time=best[1], steps=state.step, evaluations=state.field.evaluations,
                seconds=clock.perf_counter() - state.began,
            )  # fmt: skip
        going = np.flatnonzero([verdict is None for verdict in verdicts])
        return changed(state, ends=tuple(ends)).take(going)


def _value(now: Snapshot) -> np.ndarray:
    """What the best moment minimizes: the held-out error, or the loss where nothing is held out."""
    return now.loss if now.held_out_error is None else now.held_out_error
