"""Members of the contracts as a user would write them, outside the package."""

from dataclasses import dataclass, replace

import numpy as np

from rankfall.integrators import Integrator, Method, State, Step, Update
from rankfall.trajectory import Event, Stop


@dataclass(frozen=True)
class Heun(Method):
    """y + h/2 (F_0 + F_1), order 2, with Euler's step as the error estimate."""

    order, evaluations, reach = 2, 2, 2.0

    @property
    def error_power(self):
        return 2

    def step(self, field, weights, velocity, h, radius):
        h = h[:, None]
        _, ahead = field(weights + h * velocity)
        change = h / 2 * (velocity + ahead)
        loss, new_velocity = field(weights + change)
        error = np.linalg.norm(change - h * velocity, axis=1)
        return Step(weights=weights + change, velocity=new_velocity, loss=loss, error=error)


@dataclass(frozen=True)
class Ralston(Method):
    """y + h/4 (F_0 + 3 F_{2/3}), order 2."""

    order, evaluations, reach = 2, 2, 2.0

    def step(self, field, weights, velocity, h, radius):
        h = h[:, None]
        _, inside = field(weights + 2 / 3 * h * velocity)
        new = weights + h / 4 * (velocity + 3 * inside)
        loss, new_velocity = field(new)
        error = np.linalg.norm(new - weights - h / 2 * (velocity + new_velocity), axis=1)
        return Step(weights=new, velocity=new_velocity, loss=loss, error=error)


@dataclass(frozen=True)
class Halving(Update):
    """Backtracking: the longest of 1, 1/2, 1/4 … that lowers the loss enough (Armijo)."""

    def change(self, field, state):
        steps, slope = np.ones(state.loss.shape), np.sum(state.velocity**2, axis=1)
        for _ in range(40):
            high = field.loss(state.weights + steps[:, None] * state.velocity) > state.loss - 0.1 * steps * slope
            if not high.any():
                break
            steps = np.where(high, steps / 2, steps)
        return steps[:, None] * state.velocity, (), steps


@dataclass(frozen=True)
class StepsOfHalf(Integrator):
    """Euler's method with h = 1/2."""

    def init(self, field, weights, horizon):
        loss, velocity = field(weights)
        zeros = np.zeros(loss.shape)
        return State(
            time=zeros, weights=weights, loss=loss, velocity=velocity, moved=zeros == 0, horizon=horizon
        )  # fmt: skip

    def step(self, field, state):
        weights = state.weights + 0.5 * state.velocity
        loss, velocity = field(weights)
        before = replace(state, before=None)
        return replace(state, time=state.time + 0.5, weights=weights, loss=loss, velocity=velocity, before=before)


@dataclass(frozen=True)
class WeightBeyond(Stop):
    """A weight is larger than `size`."""

    size: float

    def check(self, memory, now):
        return memory, np.abs(now.weights).max(axis=1) > self.size

    def __str__(self):
        return f"a weight was beyond {self.size:g}"


@dataclass(frozen=True)
class LargestEntry(Event):
    """The largest entry of W rises above `size`."""

    size: float
    name: str = "largest entry"

    def gap(self, now, level):
        return now.product.max(axis=(1, 2))[:, None] - self.size
