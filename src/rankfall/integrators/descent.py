"""Gradient descent: the flow in finite steps, by any rule of `updates`.

`Descent(GroupRMSprop(rate=1e-3))` is the program of the papers. The loss may rise and balancedness drifts by O(η),
which is what the flow is compared against.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.integrators.state import Field, State
from rankfall.integrators.updates import Memory, Update

_LOOK_EVERY = 16


@dataclass(frozen=True, kw_only=True)
class DescentState(State):
    """A state with what the update rule remembers, and the number of steps taken."""

    memory: Memory
    count: int = 0

    def curvature(self) -> Float[np.ndarray, " batch"]:
        """The secant of the last step, looked at now and then: it costs passes over the weights, and rules warm up."""
        return super().curvature() if self.count % _LOOK_EVERY == 0 else np.zeros(self.time.shape)


@dataclass(frozen=True)
class Descent:
    """Steps of one update rule, e.g. `Descent(Gradient(rate=0.1))`; time is the flow time that the steps are worth."""

    update: Update

    def init(self, field: Field, weights: Array, horizon: Float[np.ndarray, " batch"]) -> DescentState:
        """The state at time zero."""
        loss, gradient = field(weights)
        zeros = np.zeros(weights.shape[0])
        return DescentState(
            time=zeros, weights=weights, loss=loss, gradient=gradient, moved=np.ones(zeros.shape, dtype=bool),
            horizon=horizon, memory=self.update.memory(weights),
        )  # fmt: skip

    def step(self, field: Field, state: DescentState) -> DescentState:
        """One step of every run."""
        change, memory, worth = self.update.change(state.gradient, state.memory, state.count + 1)
        weights = state.weights + change
        loss, gradient = field(weights)
        return replace(
            state, time=state.time + worth, weights=weights, loss=loss, gradient=gradient, memory=memory,
            count=state.count + 1, before=replace(state, before=None),
        )  # fmt: skip

    def interpolate(self, field: Field, state: DescentState, run: int, times: Float[np.ndarray, " times"]) -> Array:
        """Weights of one run at times inside its last step, on the straight line that it is."""
        before = state.before
        assert before is not None
        shares = (times - before.time[run]) / (state.time[run] - before.time[run])
        old, new = before.weights[run : run + 1, ...], state.weights[run : run + 1, ...]
        return namespace(old).concat([old + float(share) * (new - old) for share in shares], axis=0)
