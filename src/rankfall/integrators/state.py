"""What integrators move: a field of forces, and the state of the runs that follow it.

A `Field` is a problem seen through a model: weights in, loss and gradient out. A `State` is where a batch of runs
stands: each row is one run with its own time and step, and all move in lockstep. An integrator is an immutable
configuration with two verbs: `init` makes the state, `step` returns the next one. A run whose step was refused
stays where it was for that advance.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from array_api_compat import device
from jaxtyping import Bool, Float

from rankfall.arrays import Array, epsilon, is_numpy, like, namespace, to_numpy

# Rounding errors of a gradient settle at one to four times ε ‖∇²φ‖ ‖W‖ (measured at the end of runs that could not go
# on); a larger bound would cut off small float32 starts of deep chains.
_NOISE = 4


@dataclass
class Field:
    """Loss and gradient of a problem through a sized model, counting how often they are asked for."""

    problem: Any
    model: Any
    evaluations: int = 0

    def __call__(self, weights: Float[Array, "batch p"]) -> tuple[Float[np.ndarray, " batch"], Float[Array, "batch p"]]:
        """φ (batch,), in NumPy float64, and ∇φ (batch, p)."""
        self.evaluations += 1
        loss, velocity = self.model.velocity(self.problem, weights)
        return to_numpy(loss).astype(np.float64), -velocity

    def of(self, run: int) -> "Field":
        """The field of one run alone, with a count of its own."""
        return Field(self.problem.of_runs(run), self.model)


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a batch of runs stands, and the interval it came through.

    Numbers a run (time, loss, step …) are NumPy float64 of shape (batch,); weights and gradients are (batch, p) in
    the problem's namespace. `before` is the state one accepted step earlier; `moved` marks the runs that advanced.
    """

    time: Float[np.ndarray, " batch"]
    weights: Float[Array, "batch p"]
    loss: Float[np.ndarray, " batch"]
    gradient: Float[Array, "batch p"]
    moved: Bool[np.ndarray, " batch"]
    horizon: Float[np.ndarray, " batch"]
    before: "State | None" = None

    def take(self, kept: Bool[np.ndarray, " batch"]) -> "State":
        """The state of the runs marked by `kept`."""
        chosen = np.flatnonzero(kept)
        changes = {f.name: taken(getattr(self, f.name), chosen) for f in fields(self)}
        return replace(self, **changes)

    def is_still(self) -> Bool[np.ndarray, " batch"]:
        """Whether a gradient is at the rounding error of its own terms, ε ‖∇²φ‖ ‖W‖, so that waiting is in vain."""
        noise = _NOISE * epsilon(self.weights) * self.curvature() * norms(self.weights)
        return norms(self.gradient) <= noise

    def curvature(self) -> Float[np.ndarray, " batch"]:
        """The size of the Hessian, as the last step saw it; infinite where no weight moved a bit."""
        if self.before is None:
            return np.zeros(self.time.shape)
        path = norms(self.weights - self.before.weights)
        turn = norms(self.gradient - self.before.gradient)
        return np.where(path > 0, turn / np.where(path > 0, path, 1), np.inf)


def taken(value: Any, chosen: np.ndarray) -> Any:
    """Rows `chosen` of anything that has a batch axis: arrays, lists, and tuples or motions of them."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, State):
        kept = np.zeros(value.time.size, dtype=bool)
        kept[chosen] = True
        return value.take(kept)
    if isinstance(value, tuple):
        return tuple(taken(item, chosen) for item in value)
    if isinstance(value, list):
        return [value[i] for i in chosen]
    if isinstance(value, np.ndarray):
        return value[chosen]
    xp = namespace(value)
    return xp.take(value, xp.asarray(chosen, device=device(value)), axis=0)


@runtime_checkable
class Integrator(Protocol):
    """Immutable configuration that follows a field."""

    def init(self, field: Field, weights: Array, horizon: np.ndarray) -> State: ...

    def step(self, field: Field, state: Any) -> Any: ...

    def interpolate(self, field: Field, state: Any, run: int, times: np.ndarray) -> Array: ...


def norms(vectors: Float[Array, "batch p"]) -> Float[np.ndarray, " batch"]:
    """Euclidean norm of each row, in NumPy float64."""
    if is_numpy(vectors):
        return np.sqrt(np.vecdot(vectors, vectors), dtype=np.float64)
    return np.sqrt(to_numpy(namespace(vectors).sum(vectors * vectors, axis=-1)).astype(np.float64))


def where(kept: Bool[np.ndarray, " batch"], new: Float[Array, "batch p"], old: Float[Array, "batch p"]) -> Array:
    """Rows of `new` where `kept`, of `old` elsewhere."""
    if kept.all():
        return new
    if not kept.any():
        return old
    xp = namespace(new)
    mask = xp.asarray(kept, device=device(new))
    return xp.where(mask[:, None], new, old)


def column(numbers: Float[np.ndarray, " batch"], model: Array) -> Array:
    """Numbers a run as a (batch, 1) array of the weights' namespace and dtype."""
    return like(numbers[:, None], model)
