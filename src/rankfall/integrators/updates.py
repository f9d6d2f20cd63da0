"""Update rules: how a gradient becomes a discrete step of all layers.

`Gradient` and `GroupRMSprop` step along the gradient, so they follow the path of the flow to first order in the step
size and have its bias. `Momentum` deviates from it by inertia. `Adam`, `AdaGrad` and `AdaDelta` rescale each entry,
which changes the path; on completion this is reported to cost accuracy [arora2019].

In the formulas g = −Ẇ, the gradient for a chain without rates and decay. The contract is in `update`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.integrators.field import Field
from rankfall.integrators.rows import column, norms
from rankfall.integrators.update import DescentState, Memory, Update


def _positive(name: str, value: float, usual: str) -> None:
    if not value > 0:
        raise InputError(f"{name} must be positive, got {value}; {usual} is usual")


def _fraction(name: str, value: float, usual: str) -> None:
    if not 0 <= value < 1:
        raise InputError(f"{name} must lie in [0, 1), got {value}; {usual} is usual")


def _constant(state: DescentState, rate: float) -> Float[np.ndarray, " batch"]:
    return np.full(state.time.shape, rate)


@dataclass(frozen=True)
class Gradient(Update):
    """W_j ← W_j − η ∂φ/∂W_j: Euler's method for the flow, with an error of O(η)."""

    rate: float = 0.1

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "0.1 on a mean squared loss")

    @property
    def gradient_rate(self) -> float:
        """η."""
        return self.rate

    def change(self, field: Field, state: DescentState) -> tuple[Array, Memory, Float[np.ndarray, " batch"]]:
        return self.rate * state.velocity, (), _constant(state, self.rate)


@dataclass(frozen=True)
class Momentum(Update):
    """V ← μ V − η ∇φ, W ← W + V (heavy ball); a step counts as the time η/(1 − μ), its asymptotic rate."""

    rate: float = 0.1
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "0.1")
        _fraction("momentum", self.momentum, "0.9")

    def memory(self, weights: Array) -> Memory:
        return (namespace(weights).zeros_like(weights),)

    def change(self, field: Field, state: DescentState) -> tuple[Array, Memory, Float[np.ndarray, " batch"]]:
        inertia = self.momentum * state.memory[0] + self.rate * state.velocity
        return inertia, (inertia,), _constant(state, self.rate / (1 - self.momentum))


@dataclass(frozen=True)
class GroupRMSprop(Update):
    """One scalar step for all layers, η / (√v̂ + ε), v ← β v + (1 − β) ‖∇φ‖², v̂ = v/(1 − β^t).   [arora2019, code]

    The direction is that of the gradient, so the rule follows the flow with variable steps; the recorded time is flow
    time, the sum of the steps. The papers' completion tables use this rule.
    """

    rate: float = 1e-3
    decay: float = 0.99
    epsilon: float = 1e-4

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "1e-3")
        _fraction("decay", self.decay, "0.99")
        _positive("epsilon", self.epsilon, "1e-4")

    def memory(self, weights: Array) -> Memory:
        return (np.zeros(weights.shape[0]),)

    def change(self, field: Field, state: DescentState) -> tuple[Array, Memory, Float[np.ndarray, " batch"]]:
        square = self.decay * state.memory[0] + (1 - self.decay) * norms(state.velocity) ** 2
        step = self.rate / (np.sqrt(square / (1 - self.decay ** (state.count + 1))) + self.epsilon)
        return column(step, state.velocity) * state.velocity, (square,), step


@dataclass(frozen=True)
class Adam(Update):
    """m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², W ← W − η m̂/(√v̂ + ε), entry by entry; time counts η a step."""

    rate: float = 1e-3
    first_decay: float = 0.9
    second_decay: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "1e-3")
        _fraction("first_decay", self.first_decay, "0.9")
        _fraction("second_decay", self.second_decay, "0.999")

    def memory(self, weights: Array) -> Memory:
        zeros = namespace(weights).zeros_like(weights)
        return zeros, zeros

    def change(self, field: Field, state: DescentState) -> tuple[Array, Memory, Float[np.ndarray, " batch"]]:
        velocity, count = state.velocity, state.count + 1
        mean = self.first_decay * state.memory[0] + (1 - self.first_decay) * velocity
        square = self.second_decay * state.memory[1] + (1 - self.second_decay) * velocity**2
        unbiased = square / (1 - self.second_decay**count)
        step = self.rate / (1 - self.first_decay**count)
        scale = namespace(velocity).sqrt(unbiased) + self.epsilon
        return step * mean / scale, (mean, square), _constant(state, self.rate)


@dataclass(frozen=True)
class AdaGrad(Update):
    """s ← s + g², W ← W − η g/(√s + ε), entry by entry; time counts η a step."""

    rate: float = 1e-2
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "1e-2")

    def memory(self, weights: Array) -> Memory:
        return (namespace(weights).zeros_like(weights),)

    def change(self, field: Field, state: DescentState) -> tuple[Array, Memory, Float[np.ndarray, " batch"]]:
        total = state.memory[0] + state.velocity**2
        scaled = state.velocity / (namespace(total).sqrt(total) + self.epsilon)
        return self.rate * scaled, (total,), _constant(state, self.rate)


@dataclass(frozen=True)
class AdaDelta(Update):
    """s ← ρs + (1 − ρ)g², δ = √(u + ε)/√(s + ε) g, u ← ρu + (1 − ρ)δ², W ← W − η δ; time counts η a step."""

    rate: float = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "1")
        _fraction("decay", self.decay, "0.9")
        _positive("epsilon", self.epsilon, "1e-6")

    def memory(self, weights: Array) -> Memory:
        zeros = namespace(weights).zeros_like(weights)
        return zeros, zeros

    def change(self, field: Field, state: DescentState) -> tuple[Array, Memory, Float[np.ndarray, " batch"]]:
        xp, memory = namespace(state.velocity), state.memory
        square = self.decay * memory[0] + (1 - self.decay) * state.velocity**2
        delta = xp.sqrt(memory[1] + self.epsilon) / xp.sqrt(square + self.epsilon) * state.velocity
        travelled = self.decay * memory[1] + (1 - self.decay) * delta**2
        return self.rate * delta, (square, travelled), _constant(state, self.rate)


@dataclass(frozen=True)
class Rates(Update):
    """One rate a run: the runs of a batch move by `update`, each by its own multiple of it.

    A grid of rates is then one batch, `evolve(…, Descent(Rates(Gradient(1.0), grid)), seed=[0] * len(grid))`.
    """

    update: Update
    rates: Sequence[float] | np.ndarray

    def __post_init__(self) -> None:
        for rate in self.rates:
            _positive("each rate", rate, "1, which is the update's own,")

    def memory(self, weights: Array) -> Memory:
        if len(self.rates) != weights.shape[0]:
            raise InputError(
                f"each run needs a rate, got {len(self.rates)} for {weights.shape[0]} runs; repeat the seed as often"
            )
        return np.asarray(self.rates, dtype=np.float64), *self.update.memory(weights)

    def change(self, field: Field, state: DescentState) -> tuple[Array, Memory, Float[np.ndarray, " batch"]]:
        rates, *inner = state.memory
        change, after, worth = self.update.change(field, replace(state, memory=tuple(inner)))
        return column(rates, change) * change, (rates, *after), rates * worth
