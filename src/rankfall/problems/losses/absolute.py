"""Absolute residuals with the corner rounded off: W tends to medians."""

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.kernels import entry_costs
from rankfall.problems.loss import Kernel, Loss


@dataclass(frozen=True)
class Absolute(Loss):
    """ρ = √(r² + s²) − s ≈ `|r|`: every entry pulls alike, by its sign, so that W tends to medians.

    The most robust of all: of the entries that decide a number, almost half may be arbitrarily wrong. `|r|` itself has
    a corner where the flow would chatter; s rounds it off. Residuals far above s cost `|r|` − s and pull by ±1; far
    below, they cost r²/2s and pull by r/s. A smaller s is nearer to the median and makes the flow stiffer: its steps
    cost about 1/√s.

    Parameters
    ----------
    smoothing : float or int
        s > 0, in units of the values.
    """

    name: ClassVar[str] = "absolute"
    is_convex: ClassVar[bool] = True
    smoothing: float | int = 1e-3

    def __post_init__(self) -> None:
        if not (self.smoothing > 0 and math.isfinite(self.smoothing)):
            raise InputError(
                f"the smoothing must be positive and finite, got {self.smoothing}; a thousandth of the values' spread "
                "is close to |r|"
            )

    @property
    def kernel(self) -> Kernel:
        """Fused loops know this loss."""
        return Kernel(entry_costs.ABSOLUTE, float(self.smoothing))

    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """r²/(√(r² + s²) + s), which does not cancel where r is small."""
        residual = prediction - target
        return residual**2 / (self._length(residual) + self.smoothing)

    def derivative(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """r/√(r² + s²)."""
        residual = prediction - target
        return residual / self._length(residual)

    @classmethod
    def in_spreads(cls) -> "Absolute":
        """A smoothing of a twentieth of the spread."""
        return cls(0.05)

    def scaled(self, unit: float | int) -> "Absolute":
        """Smoothing unit·s."""
        return Absolute(self.smoothing * unit)

    def _length(self, residual: Array) -> Array:
        return namespace(residual).sqrt(residual**2 + self.smoothing**2)
