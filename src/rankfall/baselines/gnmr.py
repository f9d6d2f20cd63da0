"""GNMR: Gauss-Newton matrix recovery on the factors themselves, with the rank given, in its "setting" variant.

    (L, R) ← argmin ‖b + P(L Rᵀ) − P(A Rᵀ + L Bᵀ)‖ over (A, B),  of least norm                       [zilber2022]

The new factors are A and B themselves, so that the solution of least norm keeps them small; they are balanced after
each step. The variant that adds the step to the factors diverges from a spectral start near the limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.fixed_rank import FixedRank, Progress, least_squares
from rankfall.baselines.solution import Solution
from rankfall.low_rank import balanced_factors
from rankfall.recovery.spectrum import Triplets, triplets_of


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
        point = work.start(warm, self.rank, self.seed)
        work.record(point, work.misfit(point))
        while True:
            left, right = balanced_factors(point.left, point.values, point.right)
            a, b = least_squares(work.sampling, work.entries + work.sampling.read(left, right), left, right)
            point = triplets_of(a, b, point.values.size)
            yield point, work.misfit(point)
