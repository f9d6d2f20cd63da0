"""Leading singular triplets of an iterate that is never formed: sparse plus low rank, by block power iteration.

    X = L Rᵀ + P*(z),     X F = L (Rᵀ F) + P*(z) F

A sweep multiplies a block by X and by Xᵀ and orthonormalizes. The iterate moves little from step to step, so that a
few warm sweeps keep the triplets. Those of a symmetric matrix come from its eigenvectors; of a semidefinite one
only those of positive eigenvalues count, the others are told as zero.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.kernels.frames import frame_of, orthonormal
from rankfall.recovery.observed import Observed
from rankfall.recovery.symmetry import Symmetry


@dataclass(frozen=True, eq=False)
class Triplets:
    """U (m, q), σ (q,) descending, V (n, q)."""

    left: Float[np.ndarray, "m q"]
    values: Float[np.ndarray, " q"]
    right: Float[np.ndarray, "n q"]

    def leading(self, count: int) -> "Triplets":
        """The first `count` of them."""
        cut = slice(None, count)
        return Triplets(
            np.ascontiguousarray(self.left[:, cut]), self.values[cut], np.ascontiguousarray(self.right[:, cut])
        )


@dataclass(frozen=True, eq=False)
class Iterate:
    """X = left rightᵀ + P*(entries)."""

    sampling: Observed
    left: Float[np.ndarray, "m k"]
    right: Float[np.ndarray, "n k"]
    entries: Float[np.ndarray, " entries"]

    @classmethod
    def observed(cls, sampling: Observed, entries: Float[np.ndarray, " entries"]) -> "Iterate":
        """P*(b), nothing elsewhere."""
        m, n = sampling.shape
        return cls(sampling, np.zeros((m, 0)), np.zeros((n, 0)), entries)

    def times(self, thin: Float[np.ndarray, "n q"]) -> Float[np.ndarray, "m q"]:
        """X F."""
        return self.left @ (self.right.T @ thin) + self.sampling.times(self.entries, thin)

    def transposed_times(self, thin: Float[np.ndarray, "m q"]) -> Float[np.ndarray, "n q"]:
        """Xᵀ F."""
        return self.right @ (self.left.T @ thin) + self.sampling.transposed_times(self.entries, thin)


def leading_triplets(
    iterate: Iterate, start: Float[np.ndarray, "n p"], count: int, sweeps: int, rng: np.random.Generator
) -> Triplets:
    """About the `count` leading triplets of X, from a block `start` (n, p), filled up by random columns or cut."""
    count = min(count, *iterate.sampling.shape)
    missing = count - start.shape[1]
    if missing > 0:
        start = np.hstack([start, rng.standard_normal((start.shape[0], missing))])
    block = start[:, :count]
    if iterate.sampling.symmetry is not Symmetry.GENERAL:
        for _ in range(2 * sweeps):
            block = orthonormal(iterate.times(block))
        return _from_eigenvectors(block, block.T @ iterate.times(block), count, iterate.sampling.symmetry)
    for _ in range(sweeps):
        frame = orthonormal(iterate.times(block))
        block = orthonormal(iterate.transposed_times(frame))
    frame, triangle = frame_of(iterate.times(block))
    u, values, vt = np.linalg.svd(triangle)
    return Triplets(frame @ u, values, block @ vt.T)


def triplets_of(
    left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"], count: int, symmetry: Symmetry = Symmetry.GENERAL
) -> Triplets:
    """The `count` leading triplets of L Rᵀ, which is as symmetric as told, from the factors alone."""
    left_frame, left_triangle = frame_of(left)
    if symmetry is not Symmetry.GENERAL:
        return _from_eigenvectors(left_frame, left_triangle @ (right.T @ left_frame), count, symmetry)
    right_frame, right_triangle = frame_of(right)
    u, values, vt = np.linalg.svd(left_triangle @ right_triangle.T, full_matrices=False)
    return Triplets(left_frame @ u, values, right_frame @ vt.T).leading(count)


def _from_eigenvectors(
    frame: Float[np.ndarray, "n p"], core: Float[np.ndarray, "p p"], count: int, symmetry: Symmetry
) -> Triplets:
    """The `count` leading triplets of Q C Qᵀ, C symmetric but for rounding."""
    values, vectors = np.linalg.eigh((core + core.T) / 2)
    sizes = np.maximum(values, 0.0) if symmetry is Symmetry.SEMIDEFINITE else np.abs(values)
    order = np.argsort(-sizes, kind="stable")[:count]
    left = frame @ vectors[:, order]
    if symmetry is Symmetry.SEMIDEFINITE:
        return Triplets(left, sizes[order], left)
    return Triplets(left, sizes[order], left * np.where(values[order] < 0, -1.0, 1.0))
