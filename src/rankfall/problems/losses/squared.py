"""Squares: the mean squared residual, best for Gaussian noise."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.kernels import entry_costs
from rankfall.problems.loss import Kernel, Loss


@dataclass(frozen=True)
class Squared(Loss):
    """ρ = r², so that ℓ is the mean squared residual: best for Gaussian noise, and without defense against outliers.

    An entry pulls in proportion to its residual, 2r: one that is a hundred deviations off pulls like a hundred others.
    """

    name: ClassVar[str] = "squared"
    is_convex: ClassVar[bool] = True
    is_quadratic: ClassVar[bool] = True

    @property
    def kernel(self) -> Kernel:
        """Fused loops know this loss."""
        return Kernel(entry_costs.SQUARED, 0.0)

    def pull_at_zero(self, values: Array) -> Array:
        """b itself."""
        return values

    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """(z − b)²."""
        return (prediction - target) ** 2

    def derivative(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """2 (z − b)."""
        return 2 * (prediction - target)
