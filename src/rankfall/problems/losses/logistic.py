"""The logistic loss: W is the log-odds of one of two values."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.kernels import entry_costs
from rankfall.problems.loss import Kernel, Loss


@dataclass(frozen=True)
class Logistic(Loss):
    """ρ = log(1 + exp(−b (z + o))) for values b = ±1: W is the log-odds of +1, less an offset o for the whole table.

    The negative log-likelihood of P(b = +1) = σ(z + o), σ(x) = 1/(1 + e^{−x}). A wrong sign pulls by at most 1 however
    confident W is, and a right one hardly at all, so that entries which are clear already do not bend W towards ±1 as
    squares would. Where signs can be told apart without error, ℓ has no minimum: W grows for ever, and early stopping
    is what keeps the odds honest.

    Parameters
    ----------
    offset : float or int
        o, the log-odds where W_ij = 0.
    """

    name: ClassVar[str] = "logistic"
    is_convex: ClassVar[bool] = True
    is_binary: ClassVar[bool] = True
    offset: float | int = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.offset):
            raise InputError(f"the offset must be finite, got {self.offset}; it is the log-odds of +1 where W is zero")

    @property
    def kernel(self) -> Kernel:
        """Fused loops know this loss."""
        return Kernel(entry_costs.LOGISTIC, float(self.offset))

    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """max(−x, 0) + log(1 + `e^{−|x|}`) at the margin x = b (z + o): no exponential overflows."""
        xp = namespace(prediction)
        margin = target * (prediction + self.offset)
        size = xp.abs(margin)
        return (size - margin) / 2 + xp.log1p(xp.exp(-size))

    def derivative(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """−b σ(−x)."""
        return -target * _sigmoid(-target * (prediction + self.offset))

    def probability(self, prediction: Float[Array, "..."]) -> Float[Array, "..."]:
        """P(b = +1) = σ(z + o)."""
        return _sigmoid(prediction + self.offset)

    def mean(self, prediction: Float[Array, "..."]) -> Float[Array, "..."]:
        """E b = 2 σ(z + o) − 1."""
        return namespace(prediction).tanh((prediction + self.offset) / 2)

    def scaled(self, unit: float | int) -> "Logistic":
        """The same: signs have no unit."""
        return self

    def check(self, values: np.ndarray) -> None:
        """Raise InputError for values other than −1 and 1."""
        other = values[np.abs(values) != 1]
        if other.size:
            raise InputError(
                f"the logistic loss reads values of −1 and 1, got {other[0]}; map 0 and 1 by 2*b − 1, or let "
                "DeepMatrixFactorization(loss='logistic') map any two values"
            )


def _sigmoid(x: Array) -> Array:
    # (1 + tanh(x/2))/2 would cancel in the far left tail; there σ = e^x/(1 + e^x)
    xp = namespace(x)
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, xp.ones_like(x), small) / (1 + small)
