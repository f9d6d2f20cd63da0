"""Gradient descent: the flow in finite steps, by any update rule.

`Descent(GroupRMSprop(rate=1e-3))` is the program of the papers. The loss may rise, and balance is lost by O(η), which
is what the flow is compared against.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.integrators.field import Field
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.update import DescentState, Update


@dataclass(frozen=True)
class Descent(Integrator):
    """Steps of one update rule, e.g. `Descent(Gradient(rate=0.1))`.

    Time is the flow time that the steps are worth. Between its ends a step is a straight line.

    Raises
    ------
    InputError
        For something that is not an `Update`.
    """

    update: Update

    def __post_init__(self) -> None:
        if not isinstance(self.update, Update):
            raise InputError(f"update must be an update rule, got {self.update!r}; use e.g. Gradient(rate=0.1)")

    @property
    def gradient_rate(self) -> float | None:
        """η of the update rule where that is plain gradient descent."""
        return self.update.gradient_rate

    def init(
        self, field: Field, weights: Float[Array, "batch p"], horizon: Float[np.ndarray, " batch"]
    ) -> DescentState:
        """The state at time zero."""
        loss, velocity = field(weights)
        zeros = np.zeros(weights.shape[0])
        return DescentState(
            time=zeros, weights=weights, loss=loss, velocity=velocity, moved=np.ones(zeros.shape, dtype=bool),
            horizon=horizon, memory=self.update.memory(weights),
        )  # fmt: skip

    def step(self, field: Field, state: DescentState) -> DescentState:
        """One step of every run."""
        change, memory, worth = self.update.change(field, state)
        weights = state.weights + change
        loss, velocity = field(weights)
        return replace(
            state, time=state.time + worth, weights=weights, loss=loss, velocity=velocity, memory=memory,
            count=state.count + 1, before=replace(state, before=None),
        )  # fmt: skip
