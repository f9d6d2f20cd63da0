"""What a stop must offer: whether each run of a batch has reached its end."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool

from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status

Memory = Any


class Stop(ABC):
    """A condition that ends a run, checked after every step. Members are frozen dataclasses; `a | b` combines two.

    A member gives `check`, and `__str__`: the sentence that says why the run ended. It may give `init`, `fraction`,
    `horizon` and declare `status`.

    Attributes
    ----------
    status : Status
        How a run ends that reaches this stop. Default: converged.
    """

    status: ClassVar[Status] = Status.CONVERGED

    def init(self, runs: int) -> Memory:
        """What is remembered of a batch of runs: arrays or tuples of arrays with a leading batch axis. Nothing here."""
        return ()

    @abstractmethod
    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, Bool[np.ndarray, " batch"]]:
        """The memory after this moment, and whether each run is at its end.

        Parameters
        ----------
        memory : object
            What `init` or the last call of `check` returned.
        now : Snapshot
            The runs at this moment.

        Returns
        -------
        memory : object
            Of the form that `init` gives.
        is_reached : ndarray of bool, shape (batch,)
        """

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        """A guess of how far the slowest run is, from 0 to 1, for progress bars; 0 by default.

        Parameters
        ----------
        memory : object
            What `init` or the last call of `check` returned.
        now : Snapshot
            The runs at this moment.
        """
        return 0.0

    def horizon(self) -> float:
        """The flow time that no step should pass."""
        return math.inf

    def reached(self, memory: Memory, now: Snapshot) -> tuple[Memory, list["Stop | None"]]:
        """The memory after this moment, and for each run the stop that ends it, if any.

        Parameters
        ----------
        memory : object
            What `init` or the last call of `check` returned.
        now : Snapshot
            The runs at this moment.

        Returns
        -------
        memory : object
            Of the form that `init` gives.
        stops : list of Stop or None, length `batch`
        """
        memory, is_reached = self.check(memory, now)
        return memory, [self if reached else None for reached in is_reached]

    @property
    def parts(self) -> tuple["Stop", ...]:
        """The stops that this one combines, which is itself alone."""
        return (self,)

    def __or__(self, other: "Stop") -> "Either":
        return Either((*self.parts, *other.parts))


@dataclass(frozen=True)
class Either(Stop):
    """The first of several stops to be reached: what `a | b` makes."""

    stops: tuple[Stop, ...]

    @property
    def parts(self) -> tuple[Stop, ...]:
        """The stops, the first of which ends the run."""
        return self.stops

    def init(self, runs: int) -> Memory:
        return tuple(stop.init(runs) for stop in self.stops)

    def check(self, memory: Memory, now: Snapshot) -> tuple[Memory, Bool[np.ndarray, " batch"]]:
        after, stops = self.reached(memory, now)
        return after, np.asarray([stop is not None for stop in stops])

    def reached(self, memory: Memory, now: Snapshot) -> tuple[Memory, list[Stop | None]]:
        first: list[Stop | None] = [None] * now.time.size
        after: list[Memory] = []
        for stop, remembered in zip(self.stops, memory, strict=True):
            remembered, given = stop.reached(remembered, now)
            after.append(remembered)
            first = [earlier or later for earlier, later in zip(first, given, strict=True)]
        same = all(new is old for new, old in zip(after, memory, strict=True))
        return memory if same else tuple(after), first

    def fraction(self, memory: Memory, now: Snapshot) -> float:
        return max(stop.fraction(part, now) for stop, part in zip(self.stops, memory, strict=True))

    def horizon(self) -> float:
        return min(stop.horizon() for stop in self.stops)

    def __str__(self) -> str:
        return ", or ".join(str(stop) for stop in self.stops)
