"""What an event must offer: a function of the state whose sign change is the event."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float

from rankfall.problems.problem import Problem
from rankfall.trajectory.snapshot import Snapshot


class Event(ABC):
    """A function of the state, one or several for each run, that passes through zero from below.

    Its sign is read after every step. Where it changes, the time is found on the integrator's own interpolant, so it
    does not depend on the steps. Two passages within one step that cancel are not seen.

    A member gives `name` and `gap`. It may give `init`.

    Attributes
    ----------
    name : str
        The name under which occurrences are reported.
    """

    name: str

    def init(self, problem: Problem, runs: int) -> Float[np.ndarray, "runs _"]:
        """The level of each run, an argument of `gap`. Zero by default.

        Parameters
        ----------
        problem : Problem
            What is measured; a batch of problems has one for each run.
        runs : int
            How many runs are followed.

        Returns
        -------
        ndarray, shape (runs, l)
            The levels of each run, as `gap` reads them: usually one for all components, or one for each.
        """
        return np.zeros((runs, 1))

    @abstractmethod
    def gap(self, now: Snapshot, level: Float[np.ndarray, "batch _"]) -> Float[np.ndarray, "batch k"]:
        """How far each of k components of each run is above its level.

        Parameters
        ----------
        now : Snapshot
            The runs at this moment; between steps, where `gap` is read to find the time, their loss is NaN.
        level : ndarray, shape (batch, l)
            What `init` returned for these runs.

        Returns
        -------
        ndarray, shape (batch, k)
            Negative below the level, positive above it.
        """
