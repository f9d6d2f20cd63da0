"""The time-ordered exponential: each step is the exact flow of two factors with the gradient held fixed.

    X ← exp(−h ∇ℓ(X)) X exp(−h ∇ℓ(X)),    U ← exp(−h ∇ℓ(X)) U        [gunasekar2017, (12)]

The path stays on the manifold of the flow, whatever the step. Two layers W = L Rᵀ are the same case: L above R is one
factor, and the gradient the symmetric matrix [[0, G], [Gᵀ, 0]].
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace, to_numpy
from rankfall.errors import InputError
from rankfall.integrators.field import Field
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.state import State
from rankfall.models.model import Model


@dataclass(frozen=True, kw_only=True)
class TurningState(State):
    """A state with ∇ℓ(W), formed, which the next step holds fixed."""

    gradient: Array


@dataclass(frozen=True)
class TimeOrderedExponential(Integrator):
    """Steps of first order for `Symmetric` and `Chain(2)`.

    Conserves LᵀL − RᵀR and keeps W ⪰ 0 and its rank, to rounding at any step. A step costs an eigenvalue or singular
    value decomposition of the gradient.

    Parameters
    ----------
    step_size : float
        Flow time of a step, default 1e-2. The path is off the flow's by O(step_size).

    Raises
    ------
    InputError
        For a step size that is not positive and, at the start of a run, a model that is not two layers or has rates.
    """

    step_size: float | int = 1e-2

    def __post_init__(self) -> None:
        if not self.step_size > 0:
            raise InputError(f"step_size must be positive, got {self.step_size}; 1e-2 on a mean squared loss is usual")

    def init(self, field: Field, weights: Array, horizon: Float[np.ndarray, " batch"]) -> TurningState:
        """The state at time zero."""
        model = field.model
        if not model.is_chain or model.depth != 2:
            raise InputError(
                f"TimeOrderedExponential turns the two factors of U Uᵀ or L Rᵀ, got {type(model).__name__} of depth "
                f"{model.depth}; use Symmetric() or Chain(2), or Flow for others"
            )
        if model.rates is not None:
            raise InputError(
                f"TimeOrderedExponential turns both layers at one rate, got {model.rates}; leave rates out, or use Flow"
            )
        loss, velocity, gradient = _looked(field, weights)
        zeros = np.zeros(weights.shape[0])
        return TurningState(
            time=zeros, weights=weights, loss=loss, velocity=velocity, moved=np.ones(zeros.shape, dtype=bool),
            horizon=horizon, gradient=gradient,
        )  # fmt: skip

    def step(self, field: Field, state: TurningState) -> TurningState:
        """One step of every run; the last one lands on the horizon."""
        left = state.horizon - state.time
        last = left <= self.step_size * (1 + 1e-9)
        weights = turned(field.model, state.weights, state.gradient, np.where(last, left, self.step_size))
        loss, velocity, gradient = _looked(field, weights)
        return replace(
            state, time=np.where(last, state.horizon, state.time + self.step_size), weights=weights, loss=loss,
            velocity=velocity, gradient=gradient, before=replace(state, before=None),
        )  # fmt: skip

    def interpolate(self, field: Field, state: TurningState, run: int, times: Float[np.ndarray, " times"]) -> Array:
        """Weights of one run at times inside its last step: shorter turns by the same gradient."""
        before = cast(TurningState, state.before)
        xp = namespace(state.weights)
        weights = xp.concat([before.weights[run : run + 1]] * times.size, axis=0)
        gradient = xp.concat([before.gradient[run : run + 1]] * times.size, axis=0)
        return turned(field.model, weights, gradient, times - before.time[run])


def _looked(field: Field, weights: Array) -> tuple[Float[np.ndarray, " batch"], Array, Array]:
    """Loss, velocity, and ∇ℓ(W)."""
    field.tally.evaluations += 1
    model = field.model
    loss, gradient = field.problem.loss_and_gradient(model.product(weights))
    if model.is_symmetric:
        gradient = (gradient + gradient.mT) / 2
    left, right = model.factors(weights)
    velocity = -model.join([left.mT @ gradient, gradient @ right]) - model.decay * weights
    return to_numpy(loss).astype(np.float64), velocity, gradient


def turned(
    model: Model,
    weights: Float[Array, "batch p"],
    gradient: Float[Array, "batch m n"],
    steps: Float[np.ndarray, " batch"],
) -> Float[Array, "batch p"]:
    """The weights after the flow with ∇ℓ held at `gradient`, for the time `steps` of each run.

        U Uᵀ:  U ← exp(−hG) U
        L Rᵀ:  L ← L + P((cosh hΣ − 1) PᵀL − sinh hΣ QᵀR),  R likewise,    G = P Σ Qᵀ

    Weight decay λ multiplies by e^{−λh}: it commutes with the turn.
    """
    xp = namespace(weights)
    left, right = model.factors(weights)
    h = xp.asarray(steps, dtype=weights.dtype)[:, None]
    shrunk = xp.exp(-model.decay * h)[..., None]
    if model.is_symmetric:
        values, vectors = xp.linalg.eigh(gradient)
        side = vectors @ (xp.exp(-h * values)[..., None] * (vectors.mT @ left))
        return model.join([shrunk * side.mT, shrunk * side])
    outputs, values, inputs = xp.linalg.svd(gradient, full_matrices=False)
    above, below = outputs.mT @ left, inputs @ right
    # cosh x − 1 = 2 sinh²(x/2), which keeps its digits where x is small
    swing = 2 * xp.sinh(h * values / 2)[..., None] ** 2
    tilt = xp.sinh(h * values)[..., None]
    left = left + outputs @ (swing * above - tilt * below)
    right = right + inputs.mT @ (swing * below - tilt * above)
    return model.join([shrunk * right.mT, shrunk * left])
