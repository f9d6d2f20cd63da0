"""R2RILS: rank 2r, iterated least squares, with the rank given.

    (A, B) = argmin ‖b − P(A Vᵀ + U Bᵀ)‖  of least norm,   U ← N(U + N(A)),   V ← N(V + N(B))      [bauch2021]

N makes columns unit. The answer is the r leading triplets of A Vᵀ + U Bᵀ, a matrix of rank 2r.

The least squares problems are solved loosely while the residual is large, as the authors do, and by a bounded number of
LSQR iterations, as in the experiments of [kummerle2021]. It saves more than time: rows with hardly more than r entries
make the problems ill-conditioned, and their exact solutions are large where the entries say little, so that averages
wander. Near the limit the residual rests for a hundred iterations and more before it falls.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.fixed_rank import FixedRank, Progress
from rankfall.baselines.least_norm import least_norm
from rankfall.baselines.solution import Solution
from rankfall.recovery.spectrum import Triplets, triplets_of

# LSQR stops after so many iterations, at this relative tolerance, or at the mean squared residual of entries of unit
# size if less.
_ITERATIONS, _LOOSE = 500, 1e-5


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

    iterations: int = 400
    settled: ClassVar[tuple[float, int]] = (1e-3, 200)

    def points(self, work: Progress, warm: Solution | None) -> Iterator[tuple[Triplets, Float[np.ndarray, " entries"]]]:
        """The iterates, and b − P(W) at each."""
        start = work.start(warm, self.rank, self.seed)
        left, right = start.left, start.right
        misfit = work.misfit(start)
        work.record(start, misfit)
        while True:
            tolerance = min(_LOOSE, float(np.mean(misfit**2)))
            a, b = least_norm(work.sampling, work.entries, left, right, tolerance, _ITERATIONS)
            point = triplets_of(np.hstack([a, left]), np.hstack([right, b]), start.values.size)
            misfit = work.misfit(point)
            yield point, misfit
            left, right = _unit(left + _unit(a)), _unit(right + _unit(b))


def _unit(columns: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
    lengths = np.linalg.norm(columns, axis=0)
    return columns / np.where(lengths > 0, lengths, 1.0)
