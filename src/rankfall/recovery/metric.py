"""The metric in which a deep chain moves its product, and what it charges a direction that has not escaped.

A balanced chain of depth N obeys Ẇ = −N M_W(∇ℓ). In the singular basis M_W multiplies entry (a, b) by     [arora2018]

    M_ab = (1/N) Σ_{j=1}^{N} σ_a^{2(j−1)/N} σ_b^{2(N−j)/N}    →    (σ_a² − σ_b²) / (2 ln(σ_a/σ_b)),    N → ∞,

the logarithmic mean of σ_a² and σ_b². Frozen, M turns the flow from zero into a least squares problem in ⟨X, M⁻¹X⟩.
Directions that have not escaped sit at the scale ε of the start, hence M_εε = ε^{2(N−1)/N} in the bulk. Relative to it
the block of one escaped direction a costs less by the ridge λ_a = M_εε/(M_aε − M_εε).
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError

# Below this |2 ln(σ_a/σ_b)| the quotient of differences loses digits; the series has error x⁴/360 there.
_NEAR = 1e-3


@runtime_checkable
class Mean(Protocol):
    """What stands for M_ab: a mean of two squared singular values, up to a power."""

    def entries(
        self, first: Float[np.ndarray, "*#shape"], second: Float[np.ndarray, "*#shape"]
    ) -> Float[np.ndarray, "..."]:
        """M_ab at positive singular values σ_a and σ_b, elementwise."""
        ...


@dataclass(frozen=True)
class DepthMean:
    """M_ab of a chain of `depth` layers; infinity gives the logarithmic mean. Raises InputError below 2."""

    depth: float | int = math.inf

    def __post_init__(self) -> None:
        if not self.depth >= 2 or (self.depth != math.inf and self.depth != int(self.depth)):
            raise InputError(
                f"depth must be a whole number from 2 on or infinity, got {self.depth}; one layer has no bias towards "
                "low rank, infinity is the default"
            )

    def entries(
        self, first: Float[np.ndarray, "*#shape"], second: Float[np.ndarray, "*#shape"]
    ) -> Float[np.ndarray, "..."]:
        """M_ab, elementwise."""
        if math.isinf(self.depth):
            x = 2 * np.log(first / second)
            near = np.abs(x) < _NEAR
            # (e^{x} − 1)/x around the geometric mean: sinh(x/2)/(x/2) = 1 + x²/24 + …
            series = first * second * (1 + x**2 / 24)
            return np.where(near, series, (first**2 - second**2) / np.where(near, 1.0, x))
        layers = int(self.depth)
        powers = [first ** (2 * j / layers) * second ** (2 * (layers - 1 - j) / layers) for j in range(layers)]
        return np.sum(powers, axis=0) / layers


@dataclass(frozen=True)
class ArithmeticMean:
    """(σ_a² + σ_b²)/2: no chain has it, but the frozen problem is exact for it."""

    def entries(
        self, first: Float[np.ndarray, "*#shape"], second: Float[np.ndarray, "*#shape"]
    ) -> Float[np.ndarray, "..."]:
        """M_ab, elementwise."""
        return (first**2 + second**2) / 2


def ridge(mean: Mean, values: Float[np.ndarray, " k"], floor: float) -> Float[np.ndarray, " k"]:
    """λ_a = M_εε/(M_aε − M_εε) of the escaped `values` σ_a > ε = `floor`."""
    # only ratios count: in units of ε nothing overflows
    relative = np.asarray(values) / floor
    ones = np.ones_like(relative)
    return 1 / (mean.entries(relative, ones) / mean.entries(ones, ones) - 1)
