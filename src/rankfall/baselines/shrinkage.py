"""Singular value soft thresholding, the proximal map of the nuclear norm, dense or by a warm-started block.

    S_t(Z) = argmin_X ½‖X − Z‖_F² + t‖X‖_* = U (σ − t)_+ Vᵀ,   Z = U diag(σ) Vᵀ        [mazumder2010]

Only singular values above t matter, and from one iteration to the next their space hardly turns: a block power step
with Rayleigh-Ritz, started from the last space, finds them with a few products Z V. The operator may be an array or
anything with `@` and `.T`, such as sparse plus low rank.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from rankfall.baselines.sparse_low_rank import SparseLowRank


# Below this smaller side one symmetric eigenproblem is cheaper than block steps, if the matrix may be formed at all.
_SMALL_SIDE, _FORMED_SIZE = 160, 2**20
# A Ritz value below the threshold is still rising to it if this many more steps like the last could take it there.
_FORESIGHT = 20


def shrink_dense(
    matrix: Float[np.ndarray, "m n"], threshold: float
) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, " k"], Float[np.ndarray, "n k"]]:
    """U, (σ − t)_+ > 0 and V of S_t(Z), from the eigenvalues of the smaller Gram matrix.

    A Gram matrix loses singular values below σ_1√ε, which are left out; those above t are exact to ε (σ_1/t)².
    """
    if matrix.shape[0] < matrix.shape[1]:
        v, values, u = shrink_dense(matrix.T, threshold)
        return u, values, v
    squares, vectors = np.linalg.eigh(matrix.T @ matrix)
    lost = squares[-1] * squares.size * np.finfo(float).eps
    kept = np.flatnonzero(squares > max(threshold * threshold, lost))[::-1]
    values, v = np.sqrt(squares[kept]), vectors[:, kept]
    return (matrix @ v) / values, values - threshold, v


def shrink_positive(
    matrix: Float[np.ndarray, "n n"], threshold: float
) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, " k"], Float[np.ndarray, "n k"]]:
    """U, (λ − t)_+ > 0 and U again of argmin_{X ⪰ 0} ½‖X − Z‖_F² + t tr X: eigenvalues for singular values."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    kept = np.flatnonzero(values > threshold)[::-1]
    return vectors[:, kept], values[kept] - threshold, vectors[:, kept]


def leading(
    operator: "np.ndarray | SparseLowRank",
    block: Float[np.ndarray, "n q"],
    threshold: float,
    tolerance: float,
    passes: int,
) -> tuple[Float[np.ndarray, "m q"], Float[np.ndarray, " q"], Float[np.ndarray, "n q"]]:
    """Approximate leading singular triplets by power steps with Rayleigh-Ritz from `block`.

    Stops when no Ritz value above the threshold moves by more than tolerance·σ_1 and none below it rises towards
    it. Ritz values never exceed the true ones, and their error is the square of the subspace's.
    """
    previous = np.full(block.shape[1], -np.inf)
    for _ in range(passes):
        basis, _ = np.linalg.qr(operator @ block)
        other, triangle = np.linalg.qr(operator.T @ basis)
        u, values, vt = np.linalg.svd(triangle.T)
        left, block = basis @ u, other @ vt.T
        moved = np.abs(values - previous)
        rising = (values < threshold) & (values + _FORESIGHT * moved >= threshold)
        if not rising.any() and np.all(moved[values >= threshold] <= tolerance * values[0]):
            break
        previous = values
    return left, values, block


class Shrinkage:
    """S_t of a slowly changing operator, remembering the space of the last call.

    `limit` caps the rank of the result (None: no cap); `seed` draws the fresh columns of the block.
    """

    def __init__(self, shape: tuple[int, int], limit: int | None = None, seed: int = 0) -> None:
        self.shape = shape
        self.limit = min(shape) if limit is None else min(limit, *shape)
        self._rng = np.random.default_rng(seed)
        self._block = np.zeros((shape[1], 0))
        self._kept = 0

    def __call__(
        self, operator: "np.ndarray | SparseLowRank", threshold: float, tolerance: float = 1e-10, passes: int = 20
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """U, (σ − t)_+ > 0, V of S_t(operator), at most `limit` of them."""
        dense = isinstance(operator, np.ndarray)
        small = min(self.shape) <= _SMALL_SIDE and self.shape[0] * self.shape[1] <= _FORMED_SIZE
        if small or (dense and not 0 < 6 * self._kept < min(self.shape)):
            u, values, v = shrink_dense(operator if dense else operator.dense(), threshold)
            self._block, self._kept = v, values.size
        else:
            u, values, v = self._by_block(operator, threshold, tolerance, passes)
        return u[:, : self.limit], values[: self.limit], v[:, : self.limit]

    def _by_block(
        self, operator: "np.ndarray | SparseLowRank", threshold: float, tolerance: float, passes: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        most = min(self.limit + 5, *self.shape)
        size = min(self._kept + 5 + self._kept // 4, most)
        while True:
            known = self._block[:, :size]
            block = np.hstack([known, self._rng.standard_normal((self.shape[1], size - known.shape[1]))])
            u, values, self._block = leading(operator, block, threshold, tolerance, passes)
            self._kept = int((values > threshold).sum())
            if self._kept < size or size == most:
                kept = slice(0, self._kept)
                return u[:, kept], values[kept] - threshold, self._block[:, kept]
            size = min(2 * size, most)
