"""The time-ordered exponential: steps that turn the factors instead of moving them along a line.

    X ← exp(−h ∇ℓ(X)) X exp(−h ∇ℓ(X)),    U ← exp(−h ∇ℓ(X)) U        [gunasekar2017, (12)]

Each step is the flow of U Uᵀ with the gradient held still, exactly; a whole path is steered by residuals alone, on
the curved manifold that the flow itself never leaves. Two layers W = L Rᵀ are the same thing in disguise: L above R
is one factor, and the gradient the symmetric matrix [[0, G], [Gᵀ, 0]].
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace, to_numpy
from rankfall.errors import InputError
from rankfall.integrators.state import Field, State
from rankfall.models.chain import Chain
from rankfall.models.symmetric import Symmetric


@dataclass(frozen=True, kw_only=True)
class TurningState(State):
    """A state with ∇ℓ(W), formed: what the next step turns by."""

    pull: Array


@dataclass(frozen=True)
class TimeOrderedExponential:
    """Steps of length `step_size` for `Symmetric` and for `Chain(2)`; of first order, off the flow's path by O(step).

    Conserves LᵀL − RᵀR, keeps W ⪰ 0 and its rank, all to rounding at any step. A step costs an eigen- or singular
    value decomposition of the gradient.

    Raises InputError for a step that is not positive, a model that is not two layers, or rates of its layers.
    """

    step_size: float | int = 1e-2

    def __post_init__(self) -> None:
        if not self.step_size > 0:
            raise InputError(f"step_size must be positive, got {self.step_size}; 1e-2 on a mean squared loss is usual")

    def init(self, field: Field, weights: Array, horizon: Float[np.ndarray, " batch"]) -> TurningState:
        """The state at time zero."""
        model = field.model
        if not isinstance(model, Symmetric | Chain) or model.depth != 2:
            raise InputError(
                f"TimeOrderedExponential turns the two factors of U Uᵀ or L Rᵀ, got {type(model).__name__} of depth "
                f"{getattr(model, 'depth', '?')}; use Symmetric() or Chain(2), or Flow for others"
            )
        rates = model.rates
        if rates is not None:
            raise InputError(
                f"TimeOrderedExponential turns both layers at one rate, got {rates}; leave rates out, or use Flow"
            )
        loss, gradient, pull = _look(field, weights)
        zeros = np.zeros(weights.shape[0])
        return TurningState(
            time=zeros, weights=weights, loss=loss, gradient=gradient, moved=np.ones(zeros.shape, dtype=bool),
            horizon=horizon, pull=pull,
        )  # fmt: skip

    def step(self, field: Field, state: TurningState) -> TurningState:
        """One step of every run; the last one lands on the horizon."""
        left = state.horizon - state.time
        last = left <= self.step_size * (1 + 1e-9)
        weights = steered(field.model, state.weights, state.pull, np.where(last, left, self.step_size))
        loss, gradient, pull = _look(field, weights)
        return replace(
            state, time=np.where(last, state.horizon, state.time + self.step_size), weights=weights, loss=loss,
            gradient=gradient, pull=pull, before=replace(state, before=None),
        )  # fmt: skip

    def interpolate(self, field: Field, state: TurningState, run: int, times: Float[np.ndarray, " times"]) -> Array:
        """Weights of one run at times inside its last step: shorter turns by the same gradient."""
        before: Any = state.before
        xp = namespace(state.weights)
        weights = xp.concat([before.weights[run : run + 1]] * times.size, axis=0)
        pull = xp.concat([before.pull[run : run + 1]] * times.size, axis=0)
        return steered(field.model, weights, pull, times - before.time[run])


def _look(field: Field, weights: Array) -> tuple[Float[np.ndarray, " batch"], Array, Array]:
    """Loss, gradient in the weights, and ∇ℓ(W)."""
    field.evaluations += 1
    loss, pull = field.problem.loss_and_gradient(field.model.product(weights))
    if isinstance(field.model, Symmetric):
        pull = (pull + pull.mT) / 2
    left, right = field.model.factors(weights)
    gradient = field.model.join([left.mT @ pull, pull @ right])
    decay = field.model.decay
    return to_numpy(loss).astype(np.float64), gradient + decay * weights, pull


def steered(
    model: Symmetric | Chain,
    weights: Float[Array, "batch p"],
    pull: Float[Array, "batch m n"],
    steps: Float[np.ndarray, " batch"],
) -> Float[Array, "batch p"]:
    """The weights after a turn by ∇ℓ = `pull` for each run's step, the flow with the gradient held still.

        U Uᵀ:  U ← exp(−hG) U
        L Rᵀ:  L ← L + P((cosh hΣ − 1) PᵀL − sinh hΣ QᵀR),  R likewise,    G = P Σ Qᵀ

    Weight decay λ multiplies by e^{−λh}: it commutes with the turn.
    """
    xp = namespace(weights)
    left, right = model.factors(weights)
    h = xp.asarray(steps, dtype=weights.dtype)[:, None]
    shrunk = xp.exp(-model.decay * h)[..., None]
    if isinstance(model, Symmetric):
        values, vectors = xp.linalg.eigh(pull)
        turned = vectors @ (xp.exp(-h * values)[..., None] * (vectors.mT @ left))
        return model.join([shrunk * turned.mT, shrunk * turned])
    outputs, values, inputs = xp.linalg.svd(pull, full_matrices=False)
    above, below = outputs.mT @ left, inputs @ right
    # cosh x − 1 = 2 sinh²(x/2), which keeps its digits where x is small
    swing = 2 * xp.sinh(h * values / 2)[..., None] ** 2
    tilt = xp.sinh(h * values)[..., None]
    left = left + outputs @ (swing * above - tilt * below)
    right = right + inputs.mT @ (swing * below - tilt * above)
    return model.join([shrunk * right.mT, shrunk * left])
