"""The quantities that a run records, and how often.

A run always records time and loss; also the test error if the truth is known, and the held-out error if entries are
held out. Further quantities are selected by name. The loop computes them from one `Snapshot`. A quantity that can be
derived from recorded ones is computed after the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.low_rank import effective_rank
from rankfall.trajectory import observables
from rankfall.trajectory.event import Event
from rankfall.trajectory.observables import Observable
from rankfall.trajectory.snapshot import Snapshot

_OWN = {
    "time", "loss", "test_error", "held_out_error", "singular_values", "left_vectors", "right_vectors",
    "effective_rank", "nuclear_norm", "imbalance", "drives", "alignment", "curvature",
}  # fmt: skip


@dataclass(frozen=True)
class Record:
    """What to keep along a run.

    Parameters
    ----------
    singular_values : int or bool
        How many of the leading ones of W, or True for all. Default: none.
    vectors : bool
        Their singular vectors too, `left_vectors` (m, k) and `right_vectors` (n, k).
    drives : bool
        ⟨∇ℓ(W), u_r v_rᵀ⟩ of those singular values: what makes each of them grow.
    alignment : bool
        Mean `|diagonal|` and mean `|off-diagonal|` of Uᵀ∇ℓ(W)V, (2,): how far W and its gradient share vectors.
    curvature : bool
        The largest curvature of the loss as the integrator sees it, with the margin it works with.
    effective_rank, nuclear_norm, imbalance : bool
        Those numbers of W and of the layers.
    functions : mapping
        Further quantities, name → f(problem, model, weights) with a leading batch axis.
    every : int
        Keep every k-th step, default 1. Start and end are always kept.
    ratio : float, optional
        Keep a step only when time has grown by this factor since the last record.
    times : sequence of float, optional
        Keep exactly these flow times, by the integrator's interpolant, instead of steps.
    events : sequence of Event
        What to find the time of, independent of the steps: `Escape()`, `ComponentEscape()`,
        `Crossing(name, function)`.

    Raises
    ------
    InputError
        For a cadence, a count or a name that is not allowed.
    """

    singular_values: int | bool = 0
    vectors: bool = False
    drives: bool = False
    alignment: bool = False
    effective_rank: bool = False
    nuclear_norm: bool = False
    imbalance: bool = False
    curvature: bool = False
    functions: Mapping[str, Observable] = field(default_factory=dict)
    every: int = 1
    ratio: float | None = None
    times: Sequence[float] | np.ndarray | None = None
    events: Sequence[Event] = ()

    def __post_init__(self) -> None:
        if self.singular_values < 0:
            raise InputError(f"singular_values must count how many to keep, got {self.singular_values}; True keeps all")
        for name in ("vectors", "drives"):
            if getattr(self, name) and not self.singular_values:
                raise InputError(
                    f"{name} are kept with their singular values, got {name} alone; add singular_values=True"
                )
        for event in self.events:
            if not isinstance(event, Event):
                raise InputError(f"an event must be an Event, got {event!r}; use Escape() or Crossing(…)")
        taken = sorted(_OWN.intersection(self.functions))
        if taken:
            raise InputError(f"a recorded function needs a name of its own, got {taken[0]!r}; choose another name")
        if self.every < 1:
            raise InputError(f"every must be at least 1 step, got {self.every}; 1 keeps every step")
        if self.ratio is not None and self.ratio <= 1:
            raise InputError(f"ratio must exceed 1, got {self.ratio}; 1.05 keeps about 47 records a decade of time")
        if self.times is not None and not ((np.diff(self.times) > 0).all() and min(self.times, default=0) >= 0):
            raise InputError("times must increase from 0 or later, got a list that does not; sort it")

    def is_due(self, step: int, time: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Which runs keep this step, by cadence; `last` is each run's time of the record before."""
        if self.times is not None:
            return np.zeros(time.shape, dtype=bool)
        if self.ratio is not None:
            return time >= self.ratio * last
        return np.full(time.shape, step % self.every == 0)

    def measure(self, now: Snapshot) -> dict[str, np.ndarray]:
        """Everything kept of a moment, each with a leading batch axis."""
        kept: dict[str, np.ndarray] = {"time": now.time, "loss": now.loss}
        if now.problem.truth is not None:
            kept["test_error"] = observables.test_error(now.problem, now.model, now.weights)
        if now.held_out_error is not None:
            kept["held_out_error"] = now.held_out_error
        if self.singular_values:
            count = None if self.singular_values is True else self.singular_values
            kept["singular_values"] = now.singular_values[:, :count]
            if self.vectors:
                kept["left_vectors"] = now.decomposition[0][:, :, :count]
                kept["right_vectors"] = np.swapaxes(now.decomposition[2], -1, -2)[:, :, :count]
            if self.drives:
                kept["drives"] = np.diagonal(now.core, axis1=-2, axis2=-1)[:, :count]
        if self.alignment:
            kept["alignment"] = observables.alignment(now.core)
        if self.curvature:
            assert now.curvature is not None
            kept["curvature"] = now.curvature
        if self.effective_rank:
            kept["effective_rank"] = effective_rank(now.singular_values)
        if self.nuclear_norm:
            kept["nuclear_norm"] = now.singular_values.sum(axis=-1)
        if self.imbalance:
            kept["imbalance"] = to_numpy(now.model.imbalance(now.weights))
        for name, function in self.functions.items():
            kept[name] = to_numpy(function(now.problem, now.model, now.weights))
            if kept[name].shape[:1] != now.time.shape:
                raise InputError(
                    f"a recorded function must return an array with a leading axis of {now.time.size} runs, got shape "
                    f"{kept[name].shape} from {name!r}; compute on weights (batch, p) as a whole"
                )
        return kept
