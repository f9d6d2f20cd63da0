"""R2RILS: rank 2r, iterated least squares, with the rank given.

    (A, B) = argmin ‖b − P(A Vᵀ + U Bᵀ)‖  of least norm,   U ← N(U + N(A)),   V ← N(V + N(B))      [bauch2021]

N makes columns unit. The answer is the r leading triplets of A Vᵀ + U Bᵀ, a matrix of rank 2r.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.fixed_rank import FixedRank, Progress, least_squares
from rankfall.baselines.solution import Solution
from rankfall.recovery.spectrum import Triplets, triplets_of


@dataclass(frozen=True)
class R2RILS(FixedRank):
    """Fixed-rank completion by rank-2r iterative least squares.

    Parameters
    ----------
    rank
        r.
    iterations
        budget.
    tolerance
        relative residual to stop at.
    seed
        draws the block of the spectral start.
    """

    settled: ClassVar[tuple[float, int]] = (1e-3, 20)

    def points(self, work: Progress, warm: Solution | None) -> Iterator[tuple[Triplets, Float[np.ndarray, " entries"]]]:
        """The iterates, and b − P(W) at each."""
        start = work.start(warm, self.rank, self.seed)
        left, right = start.left, start.right
        work.record(start, work.misfit(start))
        while True:
            a, b = least_squares(work.sampling, work.entries, left, right)
            point = triplets_of(np.hstack([a, left]), np.hstack([right, b]), start.values.size)
            yield point, work.misfit(point)
            left, right = _unit(left + _unit(a)), _unit(right + _unit(b))


def _unit(columns: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
    lengths = np.linalg.norm(columns, axis=0)
    return columns / np.where(lengths > 0, lengths, 1.0)
