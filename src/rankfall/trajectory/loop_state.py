"""The state of the loop: a frozen value that holds all that changes from step to step."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.integrators.field import Field
from rankfall.integrators.state import State, taken
from rankfall.trajectory.occurrence import Occurrence
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stop import Memory
from rankfall.trajectory.watch import Watched


@dataclass(frozen=True, kw_only=True)
class End:
    """How one run ended; the fields are those of a `Trajectory`."""

    weights: Float[Array, " p"]
    time: float
    loss: float
    status: Status
    reason: str
    history: dict[str, np.ndarray]
    events: tuple[Occurrence, ...]
    best_weights: Float[Array, " p"]
    best_time: float
    steps: int
    evaluations: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LoopState:
    """All that changes from step to step. Arrays have a row for each run that still moves; `runs` numbers the rows.

    Parameters
    ----------
    field : Field
        ℓ and Ẇ of those runs.
    state : State
        The integrator's.
    now : Snapshot
        The moment last measured.
    first_loss : ndarray
        ℓ at the start.
    rejections : ndarray
        Steps rejected in a row.
    memory : Memory
        The stop's.
    watched : Watched
        Of the events.
    best_… :
        The moment of the lowest held-out error, or of the lowest loss.
    ends : tuple[End or None, ...]
        Of every run of the batch, None while it moves.
    """

    field: Field
    state: State
    runs: np.ndarray
    now: Snapshot
    step: int
    first_loss: np.ndarray
    rejections: np.ndarray
    memory: Memory
    watched: Watched
    best_value: np.ndarray
    best_weights: Array
    best_time: np.ndarray
    best_loss: np.ndarray
    ends: tuple[End | None, ...]
    began: float

    def take(self, chosen: np.ndarray) -> "LoopState":
        """The state of the chosen rows."""
        names = ("state", "runs", "first_loss", "rejections", "memory", "watched")
        names += ("best_value", "best_weights", "best_time", "best_loss")
        rows = {name: taken(getattr(self, name), chosen) for name in names}
        return replace(self, field=self.field.of_runs(chosen), now=self.now.take(chosen), **rows)
