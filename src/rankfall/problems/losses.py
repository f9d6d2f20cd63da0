"""What a residual costs: the loss of one observed entry, and how hard it pulls.

    ℓ(W) = Σ_Ω w_ij ρ(W_ij, b_ij) / Σ_Ω w_ij

ρ decides what W tends to where entries disagree: their mean (`Squared`), their median (`Absolute`), the mean of those
that are not far off (`Huber`), or the log-odds of two values (`Logistic`). Squares are not halved, so that ℓ is the
mean squared residual; `Huber` meets them near zero. All are convex in W_ij.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.kernels import observed


@runtime_checkable
class Loss(Protocol):
    """The loss of an entry: `value` and `derivative`, and the `kind` and `parameter` compiled passes know it by."""

    kind: ClassVar[int]

    @property
    def parameter(self) -> float: ...

    def value(self, prediction: Array, target: Array) -> Array:
        """ρ(z, b), elementwise, in the arrays' own namespace."""
        ...

    def derivative(self, prediction: Array, target: Array) -> Array:
        """∂ρ/∂z, elementwise."""
        ...

    def mean(self, prediction: Array) -> Array:
        """The b to be expected where W_ij = z: what a prediction says in units of the targets."""
        ...

    def scaled(self, unit: float | int) -> "Loss":
        """The loss for which a residual of unit·r is what r is here, up to a factor."""
        ...

    def check(self, values: np.ndarray) -> None:
        """Raise InputError for values that this loss cannot read."""
        ...


@dataclass(frozen=True)
class _Residual:
    """A loss of the residual r = z − b alone: any finite value will do, and z is in the units of b."""

    def mean(self, prediction: Array) -> Array:
        """z itself."""
        return prediction

    def scaled(self, unit: float | int) -> Any:
        """The same loss of r/unit, up to a factor."""
        return self

    def check(self, values: np.ndarray) -> None:
        """Any number is good."""


@dataclass(frozen=True)
class Squared(_Residual):
    """ρ = r², so that ℓ is the mean squared residual: best for Gaussian noise, and without defense against outliers.

    An entry pulls in proportion to its residual, 2r: one that is a hundred deviations off pulls like a hundred others.
    """

    kind: ClassVar[int] = observed.SQUARED

    @property
    def parameter(self) -> float:
        """None is needed: zero."""
        return 0.0

    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """(z − b)²."""
        return (prediction - target) ** 2

    def derivative(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """2 (z − b)."""
        return 2 * (prediction - target)


SQUARED = Squared()


@dataclass(frozen=True)
class Huber(_Residual):
    """ρ = r² for |r| ≤ δ and 2δ|r| − δ² beyond: squares for the bulk, a bounded pull for outliers.   [huber1964]

    No entry pulls harder than 2δ, so a few gross errors move W little, while noise below δ is averaged as well as by
    squares; δ = 1.345 σ loses 5 % of their efficiency on Gaussian noise of deviation σ. δ → ∞ is `Squared`.

    threshold: δ > 0, in units of the values.
    """

    kind: ClassVar[int] = observed.HUBER
    threshold: float | int = 1.0

    def __post_init__(self) -> None:
        if not (self.threshold > 0 and math.isfinite(self.threshold)):
            raise InputError(
                f"the threshold must be positive and finite, got {self.threshold}; 1.345 deviations of the noise is "
                "usual, and Squared() is the limit of large ones"
            )

    @property
    def parameter(self) -> float:
        """δ."""
        return float(self.threshold)

    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """ψ (2r − ψ) with ψ = r clipped to ±δ."""
        residual = prediction - target
        clipped = self._clipped(residual)
        return clipped * (2 * residual - clipped)

    def derivative(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """2 ψ."""
        return 2 * self._clipped(prediction - target)

    def scaled(self, unit: float | int) -> "Huber":
        """Threshold unit·δ."""
        return Huber(self.threshold * unit)

    def _clipped(self, residual: Array) -> Array:
        return namespace(residual).clip(residual, -self.threshold, self.threshold)


@dataclass(frozen=True)
class Absolute(_Residual):
    """ρ = √(r² + s²) − s ≈ |r|: every entry pulls alike, by its sign, so that W tends to medians.

    The most robust of all: of the entries that decide a number, almost half may be arbitrarily wrong. |r| itself has a
    corner where the flow would chatter; s rounds it off. Residuals far above s cost |r| − s and pull by ±1; far below,
    they cost r²/2s and pull by r/s. A smaller s is nearer to the median and makes the flow stiffer: its steps cost
    about 1/√s.

    smoothing: s > 0, in units of the values.
    """

    kind: ClassVar[int] = observed.ABSOLUTE
    smoothing: float | int = 1e-3

    def __post_init__(self) -> None:
        if not (self.smoothing > 0 and math.isfinite(self.smoothing)):
            raise InputError(
                f"the smoothing must be positive and finite, got {self.smoothing}; a thousandth of the values' spread "
                "is close to |r|"
            )

    @property
    def parameter(self) -> float:
        """s."""
        return float(self.smoothing)

    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """r²/(√(r² + s²) + s), which does not cancel where r is small."""
        residual = prediction - target
        return residual**2 / (self._length(residual) + self.smoothing)

    def derivative(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """r/√(r² + s²)."""
        residual = prediction - target
        return residual / self._length(residual)

    def scaled(self, unit: float | int) -> "Absolute":
        """Smoothing unit·s."""
        return Absolute(self.smoothing * unit)

    def _length(self, residual: Array) -> Array:
        return namespace(residual).sqrt(residual**2 + self.smoothing**2)


@dataclass(frozen=True)
class Logistic:
    """ρ = log(1 + exp(−b (z + o))) for values b = ±1: W is the log-odds of +1, less an offset o for the whole table.

    The negative log-likelihood of P(b = +1) = σ(z + o), σ(x) = 1/(1 + e^{−x}). A wrong sign pulls by at most 1 however
    confident W is, and a right one hardly at all, so that entries which are clear already do not bend W towards ±1 as
    squares would. Where signs can be told apart without error, ℓ has no minimum: W grows for ever, and early stopping
    is what keeps the odds honest.

    offset: o, the log-odds where W_ij = 0.
    """

    kind: ClassVar[int] = observed.LOGISTIC
    offset: float | int = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.offset):
            raise InputError(f"the offset must be finite, got {self.offset}; it is the log-odds of +1 where W is zero")

    @property
    def parameter(self) -> float:
        """o."""
        return float(self.offset)

    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """max(−x, 0) + log(1 + e^{−|x|}) at the margin x = b (z + o): no exponential overflows."""
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
