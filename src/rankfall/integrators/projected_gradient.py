"""ProjectedGradient gradient on the cone of positive semidefinite matrices: the reference without factors, X_gd.

    X ← Π(X − η ∇ℓ(X)),    Π: the nearest X ⪰ 0, negative eigenvalues set to zero        [gunasekar2017, experiments]

It minimizes the same loss over the same matrices as U Uᵀ, but moves on a straight line: what it finds depends on no
factorization, and is in general of full rank.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.integrators.field import Field
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.state import State


@dataclass(frozen=True, kw_only=True)
class ProjectedState(State):
    """A state with the next point, Π(X − η∇ℓ); `velocity` is (next − X)/η, which vanishes where X is optimal."""

    ahead: Array


@dataclass(frozen=True)
class ProjectedGradient(Integrator):
    """ProjectedGradient gradient steps of W itself, for `Chain(1)` on a square problem; time counts η a step.

    The loss falls for η ≤ 1/L, L the largest curvature of ℓ: 2‖A‖²/M for sensing, `2/|Ω|` for completion. It ends where
    X ⪰ 0, ∇ℓ(X) ⪰ 0 and ∇ℓ(X) X = 0.

    Raises InputError for a rate that is not positive, a model other than W itself, or a W that is not square.
    """

    rate: float | int = 0.1

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise InputError(f"rate must be positive, got {self.rate}; 0.1 on a mean squared loss")

    def init(self, field: Field, weights: Array, horizon: Float[np.ndarray, " batch"]) -> ProjectedState:
        """The state at time zero, from the start's own projection."""
        model = field.model
        m, n = field.problem.shape
        if model.depth != 1 or m != n:
            raise InputError(
                f"ProjectedGradient moves a square W itself, got {type(model).__name__} of depth {model.depth} on "
                f"shape {(m, n)}; use Chain(1) on a square problem"
            )
        zeros = np.zeros(weights.shape[0])
        weights = positive_part(weights, m)
        loss, velocity, ahead = self._looked(field, weights)
        return ProjectedState(
            time=zeros, weights=weights, loss=loss, velocity=velocity, moved=np.ones(zeros.shape, dtype=bool),
            horizon=horizon, ahead=ahead,
        )  # fmt: skip

    def step(self, field: Field, state: ProjectedState) -> ProjectedState:
        """One step of every run."""
        loss, velocity, ahead = self._looked(field, state.ahead)
        return replace(
            state, time=state.time + self.rate, weights=state.ahead, loss=loss, velocity=velocity, ahead=ahead,
            before=replace(state, before=None),
        )  # fmt: skip

    def _looked(self, field: Field, weights: Array) -> tuple[Float[np.ndarray, " batch"], Array, Array]:
        loss, velocity = field(weights)
        ahead = positive_part(weights + self.rate * velocity, field.problem.shape[0])
        return loss, (ahead - weights) / self.rate, ahead


def positive_part(weights: Float[Array, "batch p"], side: int) -> Float[Array, "batch p"]:
    """Π(X) of flat n × n matrices, the nearest symmetric X ⪰ 0: (X + Xᵀ)/2 without its negative eigenvalues."""
    xp = namespace(weights)
    matrix = xp.reshape(weights, (-1, side, side))
    values, vectors = xp.linalg.eigh((matrix + matrix.mT) / 2)
    kept = xp.where(values > 0, values, xp.zeros_like(values))
    return xp.reshape((vectors * kept[..., None, :]) @ vectors.mT, weights.shape)
