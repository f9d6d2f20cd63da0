"""The state of a batch of runs that are integrated in lockstep: one row for each run."""

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, cast

import numpy as np
from jaxtyping import Bool, Float

from rankfall.arrays import Array, device, epsilon, namespace
from rankfall.integrators.rows import lengths, read

S = TypeVar("S", bound="State")
T = TypeVar("T")

# Rounding errors of a velocity settle at one to four times ε ‖∇²φ‖ ‖W‖ (measured at the end of runs that could not go
# on); a larger bound would cut off small float32 starts of deep chains.
_NOISE = 4


@dataclass(frozen=True, kw_only=True)
class State:
    """Where each run of a batch is, and the state one step earlier. An integrator may add fields of its own.

    Every field has a leading batch axis (an array, a list, a tuple or a state of those), or is one number, string or
    None for the whole batch.

    Parameters
    ----------
    time, loss : (batch,) float64
        Flow time and ℓ of each run.
    weights, velocity : (batch, p)
        The weights and Ẇ at them, in the problem's namespace.
    moved : (batch,) bool
        Whether the last step of the run was accepted; a run whose step was rejected stays where it was.
    horizon : (batch,) float64
        The flow time that no step passes.
    before : State, optional
        The state one step earlier, whose own `before` is None.
    """

    time: Float[np.ndarray, " batch"]
    weights: Float[Array, "batch p"]
    loss: Float[np.ndarray, " batch"]
    velocity: Float[Array, "batch p"]
    moved: Bool[np.ndarray, " batch"]
    horizon: Float[np.ndarray, " batch"]
    before: "State | None" = None

    def take(self: S, chosen: np.ndarray) -> S:
        """The state of the chosen runs, by an index array."""
        return replace(self, **{f.name: taken(getattr(self, f.name), chosen) for f in fields(self)})

    def without_stages(self: S) -> S:
        """The same without what only interpolation within the last step needs: nothing, unless a state keeps some."""
        return self

    def is_still(self) -> Bool[np.ndarray, " batch"]:
        """Whether the velocity of a run is at the rounding error of its own terms, ε ‖∇²φ‖ ‖W‖: it moves no further."""
        curvature = self.curvature()
        known = np.where(np.isnan(curvature), 0, curvature)
        size, speed = self.sizes()
        return speed <= _NOISE * epsilon(self.weights) * known * size

    def sizes(self) -> tuple[Float[np.ndarray, " batch"], Float[np.ndarray, " batch"]]:
        """‖W‖ and ‖Ẇ‖ over all weights of each run."""
        size, speed = read(lengths(self.weights), lengths(self.velocity))
        return size, speed

    def curvature(self) -> Float[np.ndarray, " batch"]:
        """‖∇²φ‖ of each run, from the secant of the last step; NaN before a step, infinite where no weight changed."""
        if self.before is None:
            return np.full(self.time.shape, np.nan)
        path, turn = read(lengths(self.weights - self.before.weights), lengths(self.velocity - self.before.velocity))
        return np.where(path > 0, turn / np.where(path > 0, path, 1), np.inf)


def changed(value: T, **fields: Any) -> T:
    """A frozen dataclass with other values in some fields: `replace` without `__init__`, ten times as fast.

    A small run changes its state several times a step. For classes without `__post_init__` and cached properties.
    """
    new = object.__new__(type(value))
    vars(new).update(vars(value))
    vars(new).update(fields)
    return new


def taken(value: T, chosen: np.ndarray) -> T:
    """Rows `chosen` of anything with a batch axis: arrays, lists, states, and tuples of them; the rest as it is."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, State):
        return cast(T, value.take(chosen))
    if isinstance(value, tuple):
        return cast(T, tuple(taken(item, chosen) for item in cast(tuple[Array, ...], value)))
    if isinstance(value, list):
        return cast(T, [cast(list[Array], value)[i] for i in chosen])
    if isinstance(value, np.ndarray):
        return cast(T, value[chosen])
    xp = namespace(value)
    return xp.take(value, xp.asarray(chosen, device=device(value)), axis=0)
