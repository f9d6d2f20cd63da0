"""What an update rule of `Descent` must offer: the change of the weights in one step."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rankfall.arrays import Array
from rankfall.integrators.field import Field
from rankfall.integrators.rows import norms
from rankfall.integrators.state import State

Memory = tuple[Array, ...]
_LOOK_EVERY = 16


@dataclass(frozen=True, kw_only=True)
class DescentState(State):
    """A state with the memory of the update rule, and the number of steps taken."""

    memory: Memory = ()
    count: int = 0

    def is_still(self) -> Bool[np.ndarray, " batch"]:
        """The test against rounding is made at every 16th step: it costs passes over the weights, and rules warm up."""
        return super().is_still() if self.count % _LOOK_EVERY == 0 else norms(self.velocity) == 0


class Update(ABC):
    """A rule that turns the velocity into a finite step. Members are frozen dataclasses; the memory is in the state.

    A member gives `change`, and `memory` if it remembers anything. It may declare `gradient_rate`.
    """

    @property
    def gradient_rate(self) -> float | None:
        """η where the change is −η ∇φ exactly, None otherwise."""
        return None

    def memory(self, weights: Float[Array, "batch p"]) -> Memory:
        """What is remembered before the first step: arrays with a leading batch axis. Nothing by default."""
        return ()

    @abstractmethod
    def change(self, field: Field, state: DescentState) -> tuple[Array, Memory, Float[np.ndarray, " batch"]]:
        """The change of the weights, the new memory, and the flow time that the step is worth.

        Parameters
        ----------
        field : Field
            ℓ and Ẇ anywhere, for rules that look ahead, such as line searches.
        state : DescentState
            The weights, their loss and velocity (minus the gradient, for a plain chain), the memory, and the number
            of steps taken.

        Returns
        -------
        change : (batch, p)
        memory : tuple of arrays
        worth : (batch,)
        """
