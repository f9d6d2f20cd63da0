"""Symmetric matrices: what is known of W beside its measurements, and what that makes of triplets and tangents.

    W = U diag(s σ) Uᵀ, s = ±1: V = U diag(s),        tangent vectors A Vᵀ + U Bᵀ with B = A diag(s)

A positive semidefinite W has s = 1.
"""

from enum import Enum
from typing import TypeVar

import numpy as np
from jaxtyping import Float

_Ranks = TypeVar("_Ranks", int, np.ndarray)


class Symmetry(Enum):
    """Which matrices W may be."""

    GENERAL = "general"
    SYMMETRIC = "symmetric"
    SEMIDEFINITE = "positive semidefinite"

    def freedom(self, rank: _Ranks, rows: int, cols: int) -> _Ranks:
        """Degrees of freedom of a matrix of this rank: q (m + n − q), or n q − q (q − 1)/2 of a symmetric one."""
        if self is Symmetry.GENERAL:
            return rank * (rows + cols - rank)
        return rank * rows - rank * (rank - 1) // 2


def signs_of(left: Float[np.ndarray, "n k"], right: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    """The signs s of frames with V = U diag(s)."""
    return np.where(np.sum(left * right, axis=0) < 0, -1.0, 1.0)
