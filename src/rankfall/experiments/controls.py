"""Controls of the flow of U Uᵀ: what may stand in the place of the residual without leaving the manifold.

    U̇ = −A*(c) U    keeps    X = U Uᵀ on    {exp(A*(s)) X_0 exp(A*(s))},    s = −∫c,

where the measurements commute, for any c(t). The residual is one of them; part of it, a bounded function of it, it
times random weights, and random numbers are others.   [gunasekar2017, (11) and the remarks after Theorem 1]
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.integrators import DescentState, Field, Update

_BATCH = 0.5


class Control(ABC):
    """What stands in the place of the residual: U ← U − η A*(c) U."""

    @abstractmethod
    def of(self, residual: Float[np.ndarray, "runs m"], count: int) -> Float[np.ndarray, "runs m"]:
        """c at a step of this number."""


@dataclass(frozen=True)
class Whole(Control):
    """The residual: gradient descent."""

    def of(self, residual: Float[np.ndarray, "runs m"], count: int) -> Float[np.ndarray, "runs m"]:
        """r."""
        return residual


@dataclass(frozen=True)
class Minibatch(Control):
    """The residuals of a random half of the measurements, another at each step."""

    seed: int = 0

    def of(self, residual: Float[np.ndarray, "runs m"], count: int) -> Float[np.ndarray, "runs m"]:
        """r on the half, doubled, and 0 elsewhere."""
        drawn = np.random.default_rng([self.seed, count]).random(residual.shape)
        kept = np.argsort(np.argsort(drawn, axis=-1), axis=-1) < _BATCH * residual.shape[-1]
        return np.where(kept, residual / _BATCH, 0.0)


@dataclass(frozen=True)
class Bounded(Control):
    """The slope of Σ log cosh(r/δ) δ², a loss that grows like |r|."""

    bound: float

    def of(self, residual: Float[np.ndarray, "runs m"], count: int) -> Float[np.ndarray, "runs m"]:
        """δ tanh(r/δ)."""
        return self.bound * np.tanh(residual / self.bound)


@dataclass(frozen=True)
class RandomWeights(Control):
    """Residuals weighted at random, by 0 to 2, anew at each step."""

    seed: int = 0

    def of(self, residual: Float[np.ndarray, "runs m"], count: int) -> Float[np.ndarray, "runs m"]:
        """w r."""
        return 2 * np.random.default_rng([self.seed, count]).random(residual.shape) * residual


@dataclass(frozen=True)
class RandomWalk(Control):
    """Controls that know nothing of the data for some steps, and then the residual."""

    size: float
    steps: int
    seed: int = 0

    def of(self, residual: Float[np.ndarray, "runs m"], count: int) -> Float[np.ndarray, "runs m"]:
        """Gaussian numbers of the given size, then r."""
        if count >= self.steps:
            return residual
        return self.size * np.random.default_rng([self.seed, count]).standard_normal(residual.shape)


@dataclass(frozen=True)
class Controlled(Update):
    """U ← U − η (2/M) A*(c) U with any control c."""

    rate: float
    control: Control

    def change(
        self, field: Field, state: DescentState
    ) -> tuple[Float[Array, "runs p"], tuple[Array, ...], Float[np.ndarray, " runs"]]:
        """One step."""
        operator = field.problem.operator
        assert operator is not None
        model = field.model
        residual = operator.apply(model.product(state.weights)) - field.problem.values
        controls = 2 / operator.count * self.control.of(np.asarray(residual), state.count)
        pull = operator.adjoint(controls)
        left, right = model.factors(state.weights)
        velocity = -model.join([left.mT @ pull, pull @ right])
        return self.rate * velocity, (), np.full(state.time.shape, self.rate)
