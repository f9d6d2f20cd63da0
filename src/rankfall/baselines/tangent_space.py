"""Tangent vectors of the matrices of fixed rank, in orthogonal parts, and the way back to the manifold.

ξ = U G Vᵀ + A Vᵀ + U Bᵀ,    Uᵀ A = 0,  Vᵀ B = 0                                        [vandereycken2013]
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets, triplets_of


@dataclass(frozen=True, eq=False)
class Tangent:
    """G (k, k), A (m, k), B (n, k) at a point with frames U and V."""

    core: Float[np.ndarray, "k k"]
    left: Float[np.ndarray, "m k"]
    right: Float[np.ndarray, "n k"]

    def plus(self, other: "Tangent", share: float = 1.0) -> "Tangent":
        """ξ + share·η."""
        return Tangent(self.core + share * other.core, self.left + share * other.left, self.right + share * other.right)

    def inner(self, other: "Tangent") -> float:
        """⟨ξ, η⟩."""
        return float(np.vdot(self.core, other.core) + np.vdot(self.left, other.left) + np.vdot(self.right, other.right))


def project(sampling: Sampling, entries: Float[np.ndarray, " entries"], point: Triplets) -> Tangent:
    """The tangent part of P*(z)."""
    pulled = sampling.times(entries, point.right)
    return _split(pulled, sampling.transposed_times(entries, point.left), point)


def carry(tangent: Tangent, point: Triplets, target: Triplets) -> Tangent:
    """The tangent part at `target` of a tangent vector at `point`: transport by projection."""
    left, right = factors_of(tangent, point)
    return _split(left @ (right.T @ target.right), right @ (left.T @ target.left), target)


def _split(pulled: Float[np.ndarray, "m k"], pushed: Float[np.ndarray, "n k"], point: Triplets) -> Tangent:
    """From Z V and Zᵀ U."""
    core = point.left.T @ pulled
    return Tangent(core, pulled - point.left @ core, pushed - point.right @ core.T)


def factors_of(tangent: Tangent, point: Triplets) -> tuple[Float[np.ndarray, "m q"], Float[np.ndarray, "n q"]]:
    """ξ = L Rᵀ with 2k columns."""
    left = np.hstack([point.left @ tangent.core + tangent.left, point.left])
    return left, np.hstack([point.right, tangent.right])


def read(sampling: Sampling, tangent: Tangent, point: Triplets) -> Float[np.ndarray, " entries"]:
    """P(ξ)."""
    return sampling.read(*factors_of(tangent, point))


def retract(tangent: Tangent, point: Triplets) -> Triplets:
    """The k leading triplets of W + ξ."""
    left, right = factors_of(tangent, point)
    left[:, : point.values.size] += point.left * point.values
    return triplets_of(left, right, point.values.size)
