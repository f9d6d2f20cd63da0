"""GNMR: Gauss-Newton matrix recovery on the factors themselves, with the rank given, in its averaging variant.

    (A, B) = argmin ‖b − P(A Rᵀ + L Bᵀ)‖ of least norm,   L ← L/2 + A,   R ← R/2 + B                [zilber2022]

At a solution A = L/2 and B = R/2. The answer is the r leading triplets of A Rᵀ + L Bᵀ, a matrix of rank 2r. The least
squares problems are solved by LSQR from zero, loosely while the residual is large, as in `r2rils`; the authors advise a
few thousand iterations. Solved to rounding they wander near the limit, and so does the variant that sets the factors
to a solution of least norm; the variant that adds a step to them diverges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.fixed_rank import FixedRank, Progress
from rankfall.baselines.least_norm import least_norm
from rankfall.baselines.solution import Solution
from rankfall.low_rank import balanced_factors
from rankfall.recovery.spectrum import Triplets, triplets_of

_ITERATIONS, _LOOSE = 2000, 1e-5


@dataclass(frozen=True)
class GNMR(FixedRank):
    """Fixed-rank completion by Gauss-Newton matrix recovery.

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

    settled: ClassVar[tuple[float, int]] = (1e-3, 50)

    def points(self, work: Progress, warm: Solution | None) -> Iterator[tuple[Triplets, Float[np.ndarray, " entries"]]]:
        """The iterates, and b − P(W) at each."""
        start = work.start(warm, self.rank, self.seed)
        left, right = balanced_factors(start.left, start.values, start.right)
        misfit = work.misfit(start)
        work.record(start, misfit)
        while True:
            tolerance = min(_LOOSE, float(np.mean(misfit**2)))
            a, b = least_norm(work.sampling, work.entries, left, right, tolerance, _ITERATIONS)
            point = triplets_of(np.hstack([a, left]), np.hstack([right, b]), start.values.size)
            misfit = work.misfit(point)
            yield point, misfit
            left, right = left / 2 + a, right / 2 + b
