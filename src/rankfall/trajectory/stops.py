"""The conditions that end a run. What a stop must offer is written in `stop`."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from rankfall.errors import InputError
from rankfall.integrators.rows import norms
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stop import Memory, Stop


@dataclass(frozen=True)
class LossBelow(Stop):
    """ℓ(W) ≤ `loss`, default 1e-6, as in the papers' completion runs."""

    loss: float = 1e-6

    def __post_init__(self) -> None:
        if not self.loss > 0:
            raise InputError(f"the loss to stop at must be positive, got {self.loss}; 1e-6 is the papers' choice")

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, Bool[np.ndarray, " batch"]]:
        return memory, (now.loss <= self.loss)

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        left = math.log10(max(float(now.loss.max()), self.loss) / self.loss)
        return 1 / (1 + left)

    def __str__(self) -> str:
        return f"the loss fell below {self.loss:g}"


@dataclass(frozen=True)
class TimeReached(Stop):
    """Flow time `time` is reached; a flow lands on it exactly. A longer time regularizes less."""

    time: float

    def __post_init__(self) -> None:
        if not self.time > 0:
            raise InputError(f"the time to stop at must be positive, got {self.time}; it is flow time, not seconds")

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, Bool[np.ndarray, " batch"]]:
        return memory, (now.time >= self.time * (1 - 1e-12))

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return float(now.time.min()) / self.time

    def horizon(self) -> float:
        return self.time

    def __str__(self) -> str:
        return f"time {self.time:g} was reached"


@dataclass(frozen=True)
class StepLimit(Stop):
    """`steps` integrator steps were tried, rejected ones included: the status is `budget`. Checked when a run moved."""

    steps: int
    status: ClassVar[Status] = Status.BUDGET

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"the step limit must be at least 1, got {self.steps}; flows take hundreds of steps")

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, Bool[np.ndarray, " batch"]]:
        return memory, (np.full(now.time.shape, now.step >= self.steps))

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return now.step / self.steps

    def __str__(self) -> str:
        return f"{self.steps} steps were taken"


@dataclass(frozen=True)
class HeldOutRise(Stop):
    """The held-out error has not improved for `patience` steps, or is above its lowest value by a share `rise`.

    The run's `best_weights` are where the error was lowest.

    Parameters
    ----------
    patience : int
        Steps without improvement, default 10.
    tolerance : float
        The share by which the error must fall to count as improved, default 1e-4.
    rise : float
        Default infinite: where singular values escape one at a time the error may rise and fall again. A value such
        as 0.1 saves the long last steps where many entries are held out.

    Raises
    ------
    InputError
        For a problem without held-out entries (`Completion.hold_out` makes them).
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

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, Bool[np.ndarray, " batch"]]:
        error = now.held_out_error
        if error is None:
            raise InputError(
                "HeldOutRise needs held-out entries, got a problem without; call problem.hold_out(0.1, seed)"
            )
        best, waited, last = memory
        better = error < best * (1 - self.tolerance)
        waited = np.where(better, 0, waited + (now.time > last))
        best = np.where(better, error, best)
        return (best, waited, now.time), ((waited >= self.patience) | (error > (1 + self.rise) * best))

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return 0.5 * float(memory[1].min()) / self.patience

    def __str__(self) -> str:
        rose = "" if math.isinf(self.rise) else f", or had risen by {100 * self.rise:g} %"
        return f"the held-out error had not improved for {self.patience} steps{rose}"


@dataclass(frozen=True)
class GradientBelow(Stop):
    """The norm of the velocity is down to a `share` of its value at the start: the run has come to the next saddle.

    A run that starts near a saddle sees its gradient grow before it falls, so this does not end it too early.

    Parameters
    ----------
    share : float
        The share of the first norm, default 1e-3.
    """

    share: float | int = 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise InputError(f"the share left must lie between 0 and 1, got {self.share}; 1e-3 is usual")

    def init(self, runs: int) -> Memory:
        return np.full(runs, np.nan)

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, Bool[np.ndarray, " batch"]]:
        assert now.velocity is not None
        size = norms(now.velocity)
        first = np.where(np.isnan(memory), size, memory)
        return first, (size <= self.share * first)

    def __str__(self) -> str:
        return f"the gradient fell to {self.share:g} of its start"
