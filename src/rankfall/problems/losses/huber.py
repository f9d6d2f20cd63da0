"""Huber's loss: squares near zero, a bounded pull beyond a threshold."""

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.kernels import entry_costs
from rankfall.problems.loss import Kernel, Loss


@dataclass(frozen=True)
class Huber(Loss):
    """ρ = r² for `|r|` ≤ δ and `2δ|r|` − δ² beyond: squares for the bulk, a bounded pull for outliers.   [huber1964]

    No entry pulls harder than 2δ, so a few gross errors move W little, while noise below δ is averaged as well as by
    squares; δ = 1.345 σ loses 5 % of their efficiency on Gaussian noise of deviation σ. δ → ∞ is `Squared`.

    Parameters
    ----------
    threshold : float or int
        δ > 0, in units of the values.
    """

    name: ClassVar[str] = "huber"
    is_convex: ClassVar[bool] = True
    threshold: float | int = 1.0

    def __post_init__(self) -> None:
        if not (self.threshold > 0 and math.isfinite(self.threshold)):
            raise InputError(
                f"the threshold must be positive and finite, got {self.threshold}; 1.345 deviations of the noise is "
                "usual, and Squared() is the limit of large ones"
            )

    @property
    def kernel(self) -> Kernel:
        """Fused loops know this loss."""
        return Kernel(entry_costs.HUBER, float(self.threshold))

    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """ψ (2r − ψ) with ψ = r clipped to ±δ."""
        residual = prediction - target
        clipped = self._clipped(residual)
        return clipped * (2 * residual - clipped)

    def derivative(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """2 ψ."""
        return 2 * self._clipped(prediction - target)

    @classmethod
    def in_spreads(cls) -> "Huber":
        """A threshold of half a spread: about 1.345 deviations of noise that is 14 % of the variance."""
        return cls(0.5)

    def scaled(self, unit: float | int) -> "Huber":
        """Threshold unit·δ."""
        return Huber(self.threshold * unit)

    def _clipped(self, residual: Array) -> Array:
        return namespace(residual).clip(residual, -self.threshold, self.threshold)
