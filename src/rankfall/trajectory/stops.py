"""When a run has come to its end.

A stop is an immutable question asked after every step; `a | b` ends a run when either does. What a stop must remember
of a batch of runs is made by `init` and handed from call to call, so one stop serves any number of runs at once.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.integrators.state import norms
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status

Memory = Any


@runtime_checkable
class Stop(Protocol):
    """A question asked after every step, and what its yes means."""

    status: Status

    def init(self, runs: int) -> Memory: ...

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, np.ndarray]:
        """The memory after this moment, and for each run the stop that ends it, or None (object array)."""
        ...

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        """How far along the slowest run is, from 0 to 1: a guess, for progress bars."""
        ...

    def horizon(self) -> float:
        """The flow time beyond which no step should reach."""
        ...


class _Combinable:
    status = Status.CONVERGED

    def __or__(self, other: "Stop") -> "Either":
        return Either((*_parts(self), *_parts(other)))

    def init(self, runs: int) -> Memory:
        return ()

    def horizon(self) -> float:
        return math.inf

    def _answer(self, reached: np.ndarray) -> np.ndarray:
        answer = np.full(reached.shape, None, dtype=object)
        answer[reached] = self
        return answer


@dataclass(frozen=True)
class LossBelow(_Combinable):
    """ℓ(W) ≤ `loss`: the papers stop completion at 1e-6."""

    loss: float = 1e-6

    def __post_init__(self) -> None:
        if not self.loss > 0:
            raise InputError(f"the loss to stop at must be positive, got {self.loss}; 1e-6 is the papers' choice")

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, np.ndarray]:
        return memory, self._answer(now.loss <= self.loss)

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        left = math.log10(max(float(now.loss.max()), self.loss) / self.loss)
        return 1 / (1 + left)

    def __str__(self) -> str:
        return f"the loss fell below {self.loss:g}"


@dataclass(frozen=True)
class TimeReached(_Combinable):
    """Flow time `time` has come; a flow lands on it exactly. Time is the amount of fitting: 1/regularization."""

    time: float

    def __post_init__(self) -> None:
        if not self.time > 0:
            raise InputError(f"the time to stop at must be positive, got {self.time}; it is flow time, not seconds")

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, np.ndarray]:
        return memory, self._answer(now.time >= self.time * (1 - 1e-12))

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return float(now.time.min()) / self.time

    def horizon(self) -> float:
        return self.time

    def __str__(self) -> str:
        return f"time {self.time:g} was reached"


@dataclass(frozen=True)
class StepLimit(_Combinable):
    """`steps` integrator steps were tried: a budget, not a success."""

    steps: int
    status = Status.BUDGET

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"the step limit must be at least 1, got {self.steps}; flows take hundreds of steps")

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, np.ndarray]:
        return memory, self._answer(np.full(now.time.shape, now.step >= self.steps))

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return now.step / self.steps

    def __str__(self) -> str:
        return f"{self.steps} steps were taken"


@dataclass(frozen=True)
class HeldOutRise(_Combinable):
    """The held-out error has not improved by a share of `tolerance` for `patience` steps, or is up by a share `rise`.

    A rise to stop at saves the long last steps where many entries are held out; with few, or where singular values
    escape one at a time, the error may rise and fall again, so it is infinite unless given. The run's `best` is where
    the error was lowest. Needs a problem with held-out entries (`Completion.hold_out`).
    """

    patience: int = 10
    tolerance: float = 1e-4
    rise: float = math.inf

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise InputError(f"patience must be at least 1 step, got {self.patience}; 10 is usual")
        if not self.rise > 0:
            raise InputError(f"the rise to stop at must be positive, got {self.rise}; leave it out, or 0.1")

    def init(self, runs: int) -> Memory:
        return np.full(runs, np.inf), np.zeros(runs), np.zeros(runs)

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, np.ndarray]:
        error = now.held_out_error
        if error is None:
            raise InputError(
                "HeldOutRise needs held-out entries, got a problem without; call problem.hold_out(0.1, seed)"
            )
        best, waited, last = memory
        better = error < best * (1 - self.tolerance)
        waited = np.where(better, 0, waited + (now.time > last))
        best = np.where(better, error, best)
        return (best, waited, now.time), self._answer((waited >= self.patience) | (error > (1 + self.rise) * best))

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return 0.5 * float(memory[1].min()) / self.patience

    def __str__(self) -> str:
        rose = "" if math.isinf(self.rise) else f", or had risen by {100 * self.rise:g} %"
        return f"the held-out error had not improved for {self.patience} steps{rose}"


@dataclass(frozen=True)
class GradientBelow(_Combinable):
    """The gradient is down to a `share` of what it was at the start: a run that leaves a saddle has found the next.

    A run that starts beside a saddle sees its gradient grow before it falls, so this does not end it too early. Costs
    one evaluation a step.
    """

    share: float | int = 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise InputError(f"the share left must lie between 0 and 1, got {self.share}; 1e-3 is usual")

    def init(self, runs: int) -> Memory:
        return np.full(runs, np.nan)

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, np.ndarray]:
        size = norms(now.model.velocity(now.problem, now.weights)[1])
        first = np.where(np.isnan(memory), size, memory)
        return first, self._answer(size <= self.share * first)

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return 0.0

    def __str__(self) -> str:
        return f"the gradient fell to {self.share:g} of its start"


@dataclass(frozen=True)
class Either(_Combinable):
    """The first of several stops to be reached: what `a | b` makes."""

    stops: tuple[Any, ...]

    def init(self, runs: int) -> Memory:
        return tuple(stop.init(runs) for stop in self.stops)

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, np.ndarray]:
        answer, after = np.full(now.time.shape, None, dtype=object), []
        for stop, remembered in zip(self.stops, memory, strict=True):
            remembered, given = stop.check(remembered, now)
            after.append(remembered)
            empty = np.asarray([earlier is None for earlier in answer])
            answer[empty] = given[empty]
        return tuple(after), answer

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return max(stop.fraction(part, now) for stop, part in zip(self.stops, memory, strict=True))

    def horizon(self) -> float:
        return min(stop.horizon() for stop in self.stops)


def _parts(stop: Any) -> tuple[Any, ...]:
    return stop.stops if isinstance(stop, Either) else (stop,)


def horizon_of(stop: Stop, runs: int) -> Float[np.ndarray, " runs"]:
    """The stop's horizon for each run of a batch."""
    return np.full(runs, stop.horizon())
