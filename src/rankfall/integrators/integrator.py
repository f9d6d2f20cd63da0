"""What an integrator must offer: a first state, and one step from a state to the next."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.integrators.field import Field
from rankfall.integrators.state import State


class Integrator(ABC):
    """How the motion Ẇ of a model is followed. Members are frozen dataclasses; all that changes is in the `State`.

    A member gives `init` and `step`. It may give `interpolate`; the base draws the straight line between the ends of
    a step. It may declare the attributes below.

    Attributes
    ----------
    rtol : float or None
        The relative tolerance to which the flow is followed; None for steps of a length of their own.
    gradient_rate : float or None
        η where every step is W_j − η ∂φ/∂W_j, the subject of the theorems on gradient descent; None otherwise.
    shares_stages : bool
        Whether the stiffest run of a batch decides how much work every run does in a step. A large batch is then
        integrated in groups. Default False.
    """

    rtol: float | None = None
    shares_stages: ClassVar[bool] = False

    @property
    def gradient_rate(self) -> float | None:
        """η of gradient descent; None for anything else."""
        return None

    @abstractmethod
    def init(self, field: Field, weights: Float[Array, "batch p"], horizon: Float[np.ndarray, " batch"]) -> State:
        """The state at time zero.

        Parameters
        ----------
        field : Field
            ℓ and Ẇ at weights (batch, p).
        weights : (batch, p)
            The start of each run.
        horizon : (batch,)
            The flow time that no step should pass; infinite where no stop asks for a time.

        Raises
        ------
        InputError
            Where the integrator cannot follow this model or these arrays.
        """

    @abstractmethod
    def step(self, field: Field, state: Any) -> State:
        """The state one step later, with `before` set to the state given (its own `before` removed).

        Each run advances in time, or is marked as not moved and tries a shorter step next.

        Parameters
        ----------
        field : Field
            ℓ and Ẇ at weights (batch, p).
        state : State
            What `init` or the last step returned.
        """

    def interpolate(
        self, field: Field, state: Any, run: int, times: Float[np.ndarray, " times"]
    ) -> Float[Array, "times p"]:
        """Weights of one run at times inside its last step.

        Parameters
        ----------
        field : Field
            The field of that run alone.
        state : State
            The state after the step.
        run : int
            The row of the run in `state`.
        times : (times,)
            Flow times between those of `state.before` and `state`.

        Returns
        -------
        array, shape (times, p)
        """
        before = state.before
        shares = (times - before.time[run]) / (state.time[run] - before.time[run])
        old, new = before.weights[run : run + 1, ...], state.weights[run : run + 1, ...]
        return namespace(old).concat([old + float(share) * (new - old) for share in shares], axis=0)
