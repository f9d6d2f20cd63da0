"""An integrator of your own: Heun's method with a fixed step."""

from dataclasses import dataclass, replace

import numpy as np

from rankfall.integrators import Integrator
from rankfall.integrators.rows import column
from rankfall.integrators.state import State


@dataclass(frozen=True)
class Heun(Integrator):
    """W ← W + h (F(W) + F(W + h F(W)))/2; the last step lands on the horizon."""

    h: float = 0.1

    def init(self, field, weights, horizon):
        loss, velocity = field(weights)
        zeros = np.zeros(weights.shape[0])
        moved = np.ones(zeros.shape, dtype=bool)
        return State(time=zeros, weights=weights, loss=loss, velocity=velocity, moved=moved, horizon=horizon)

    def step(self, field, state):
        h = np.minimum(self.h, state.horizon - state.time)
        ahead = state.weights + column(h, state.weights) * state.velocity
        slope = (state.velocity + field(ahead)[1]) / 2
        weights = state.weights + column(h, state.weights) * slope
        loss, velocity = field(weights)
        before = replace(state, before=None)
        return replace(
            state, time=state.time + h, weights=weights, loss=loss, velocity=velocity, before=before, moved=h > 0
        )
