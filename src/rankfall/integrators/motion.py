"""What integrators move: a field of forces, and the state of the runs that follow it.

A `Field` is a problem seen through a model: weights in, loss and gradient out. A `Motion` is where a batch of runs
stands: each row is one run with its own time and step, and all move in lockstep. An integrator is an immutable
configuration with two verbs: `begin` makes the motion, `advance` returns the next one. A run whose step was refused
stays where it was for that advance.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self

import numpy as np
from jaxtyping import Bool, Float

from rankfall.arrays import Array, namespace, to_numpy


@dataclass
class Field:
    """Loss and gradient of a problem through a sized model, counting how often they are asked for."""

    problem: Any
    model: Any
    evaluations: int = 0

    def __call__(self, weights: Float[Array, "batch p"]) -> tuple[Float[np.ndarray, " batch"], Float[Array, "batch p"]]:
        """φ (batch,), in NumPy float64, and ∇φ (batch, p)."""
        self.evaluations += 1
        loss, gradient = self.model.loss_and_gradient(self.problem, weights)
        return to_numpy(loss).astype(np.float64), gradient


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Where a batch of runs stands, and the interval it came through.

    Numbers a run (time, loss, step …) are NumPy float64 of shape (batch,); weights and gradients are (batch, p) in
    the problem's namespace. `before` is the motion one accepted step earlier; `moved` marks the runs that advanced.
    """

    time: Float[np.ndarray, " batch"]
    weights: Float[Array, "batch p"]
    loss: Float[np.ndarray, " batch"]
    gradient: Float[Array, "batch p"]
    moved: Bool[np.ndarray, " batch"]
    horizon: Float[np.ndarray, " batch"]
    before: "Motion | None" = None

    def take(self, kept: Bool[np.ndarray, " batch"]) -> Self:
        """The motion of the runs marked by `kept`."""
        chosen = np.flatnonzero(kept)
        changes = {f.name: taken(getattr(self, f.name), chosen) for f in fields(self)}
        return replace(self, **changes)


def taken(value: Any, chosen: np.ndarray) -> Any:
    """Rows `chosen` of anything that has a batch axis: arrays, lists, and tuples or motions of them."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, Motion):
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
    return xp.take(value, xp.asarray(chosen), axis=0)


class Integrator(Protocol):
    """Immutable configuration that follows a field."""

    def begin(self, field: Field, weights: Array, horizon: np.ndarray) -> Motion: ...

    def advance(self, field: Field, motion: Any) -> Any: ...

    def at(self, field: Field, motion: Any, run: int, times: np.ndarray) -> Array: ...


def norms(vectors: Float[Array, "batch p"]) -> Float[np.ndarray, " batch"]:
    """Euclidean norm of each row, in NumPy float64."""
    xp = namespace(vectors)
    return np.sqrt(to_numpy(xp.sum(vectors * vectors, axis=-1)).astype(np.float64))


def where(kept: Bool[np.ndarray, " batch"], new: Array, old: Array) -> Array:
    """Rows of `new` where `kept`, of `old` elsewhere."""
    if kept.all():
        return new
    if not kept.any():
        return old
    xp = namespace(new)
    mask = xp.asarray(kept)
    return xp.where(mask if new.ndim == 1 else mask[:, None], new, old)


def column(numbers: Float[np.ndarray, " batch"], model: Array) -> Array:
    """Numbers a run as a (batch, 1) array of the weights' namespace and dtype."""
    xp = namespace(model)
    if isinstance(model, np.ndarray):
        return numbers.astype(model.dtype)[:, None]
    from array_api_compat import device

    return xp.asarray(numbers[:, None], dtype=model.dtype, device=device(model))
