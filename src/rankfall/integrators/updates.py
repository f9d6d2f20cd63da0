"""The discrete rules that turn a gradient into a step of all layers.

`Gradient` and `GroupRMSprop` move along the gradient itself, so they follow the flow's path up to the step size, and
their bias is the flow's. `Momentum` leaves it by inertia; `Adam`, `AdaGrad` and `AdaDelta` rescale entry by entry,
which bends the path and, on completion, was reported to cost accuracy [arora2019].

A rule is immutable; what it remembers of a run is a tuple of arrays with a leading batch axis, made by `memory` and
handed back by `change` with the change of the weights and the flow time that the step is worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.integrators.state import column, norms

Memory = tuple[Array, ...]


@runtime_checkable
class Update(Protocol):
    """A descent rule: the change of the weights from the gradient and what the rule remembers."""

    def memory(self, weights: Array) -> Memory: ...

    def change(self, gradient: Array, memory: Memory, count: int) -> tuple[Array, Memory, np.ndarray]: ...


def _positive(name: str, value: float, usual: str) -> None:
    if not value > 0:
        raise InputError(f"{name} must be positive, got {value}; {usual} is usual")


def _fraction(name: str, value: float, usual: str) -> None:
    if not 0 <= value < 1:
        raise InputError(f"{name} must lie in [0, 1), got {value}; {usual} is usual")


def _constant(gradient: Array, rate: float) -> Float[np.ndarray, " batch"]:
    return np.full(gradient.shape[0], rate)


@dataclass(frozen=True)
class Gradient:
    """W_j ← W_j − η ∂φ/∂W_j: Euler's method for the flow, off its path by O(η)."""

    rate: float = 0.1

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "0.1 on a mean squared loss")

    def memory(self, weights: Array) -> Memory:
        return ()

    def change(self, gradient: Array, memory: Memory, count: int) -> tuple[Array, Memory, np.ndarray]:
        return -self.rate * gradient, (), _constant(gradient, self.rate)


@dataclass(frozen=True)
class Momentum:
    """V ← μ V − η ∇φ, W ← W + V (heavy ball); time counts η/(1 − μ) a step, the rate once V has settled."""

    rate: float = 0.1
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "0.1")
        _fraction("momentum", self.momentum, "0.9")

    def memory(self, weights: Array) -> Memory:
        return (namespace(weights).zeros_like(weights),)

    def change(self, gradient: Array, memory: Memory, count: int) -> tuple[Array, Memory, np.ndarray]:
        velocity = self.momentum * memory[0] - self.rate * gradient
        return velocity, (velocity,), _constant(gradient, self.rate / (1 - self.momentum))


@dataclass(frozen=True)
class GroupRMSprop:
    """One scalar step for all layers, η / (√v̂ + ε), v ← β v + (1 − β) ‖∇φ‖², v̂ = v/(1 − β^t).   [arora2019, code]

    The direction is exactly the gradient's: the flow in another time, and the time recorded is the flow's, the sum of
    the steps. This is the rule behind the papers' completion tables.
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

    def change(self, gradient: Array, memory: Memory, count: int) -> tuple[Array, Memory, np.ndarray]:
        square = self.decay * memory[0] + (1 - self.decay) * norms(gradient) ** 2
        step = self.rate / (np.sqrt(square / (1 - self.decay**count)) + self.epsilon)
        return -column(step, gradient) * gradient, (square,), step


@dataclass(frozen=True)
class Adam:
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

    def change(self, gradient: Array, memory: Memory, count: int) -> tuple[Array, Memory, np.ndarray]:
        xp = namespace(gradient)
        mean = self.first_decay * memory[0] + (1 - self.first_decay) * gradient
        square = self.second_decay * memory[1] + (1 - self.second_decay) * gradient**2
        unbiased = square / (1 - self.second_decay**count)
        step = self.rate / (1 - self.first_decay**count)
        return -step * mean / (xp.sqrt(unbiased) + self.epsilon), (mean, square), _constant(gradient, self.rate)


@dataclass(frozen=True)
class AdaGrad:
    """s ← s + g², W ← W − η g/(√s + ε), entry by entry; time counts η a step."""

    rate: float = 1e-2
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "1e-2")

    def memory(self, weights: Array) -> Memory:
        return (namespace(weights).zeros_like(weights),)

    def change(self, gradient: Array, memory: Memory, count: int) -> tuple[Array, Memory, np.ndarray]:
        total = memory[0] + gradient**2
        scaled = gradient / (namespace(gradient).sqrt(total) + self.epsilon)
        return -self.rate * scaled, (total,), _constant(gradient, self.rate)


@dataclass(frozen=True)
class AdaDelta:
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

    def change(self, gradient: Array, memory: Memory, count: int) -> tuple[Array, Memory, np.ndarray]:
        xp = namespace(gradient)
        square = self.decay * memory[0] + (1 - self.decay) * gradient**2
        delta = xp.sqrt(memory[1] + self.epsilon) / xp.sqrt(square + self.epsilon) * gradient
        travelled = self.decay * memory[1] + (1 - self.decay) * delta**2
        return -self.rate * delta, (square, travelled), _constant(gradient, self.rate)


@dataclass(frozen=True)
class Rates:
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

    def change(self, gradient: Array, memory: Memory, count: int) -> tuple[Array, Memory, np.ndarray]:
        rates, *inner = memory
        change, after, worth = self.update.change(gradient, tuple(inner), count)
        return column(rates, gradient) * change, (rates, *after), rates * worth
