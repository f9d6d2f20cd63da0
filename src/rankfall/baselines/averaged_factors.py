"""What R2RILS and GNMR share: factors averaged with the solutions of least squares problems, which are solved loosely.

    (A, B) = argmin ‖b − P(A Rᵀ + L Bᵀ)‖ of least norm,   then new L and R from L and A, R and B

The answer is the r leading triplets of A Rᵀ + L Bᵀ, a matrix of rank 2r. The least squares problems are solved loosely
while the residual is large, as the authors do, and by a bounded number of LSQR iterations. It saves more than time:
rows with hardly more than r entries make the problems ill-conditioned, and their exact solutions are large where the
entries say little, so that averages wander. Near the limit the residual rests for a hundred iterations and more before
it falls.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.fixed_rank import FixedRank, Progress
from rankfall.baselines.least_norm import least_norm
from rankfall.baselines.solution import Solution
from rankfall.recovery.spectrum import Triplets, triplets_of

# LSQR stops at this relative tolerance, or at the mean squared residual of entries of unit size if less.
_LOOSE = 1e-5


@dataclass(frozen=True)
class AveragedFactors(FixedRank):
    """Averages of factors and of solutions of least norm.

    Attributes
    ----------
    inner_iterations : int
        LSQR stops after so many.
    """

    inner_iterations: ClassVar[int]

    @abstractmethod
    def first(self, start: Triplets) -> tuple[Float[np.ndarray, "m r"], Float[np.ndarray, "n r"]]:
        """L and R to begin with."""

    @abstractmethod
    def averaged(
        self, factor: Float[np.ndarray, "m r"], solution: Float[np.ndarray, "m r"]
    ) -> Float[np.ndarray, "m r"]:
        """The next factor, from this one and the solution for it."""

    def points(self, work: Progress, warm: Solution | None) -> Iterator[tuple[Triplets, Float[np.ndarray, " entries"]]]:
        """The iterates, and b − P(W) at each."""
        start = work.start(warm, self.rank, self.seed)
        left, right = self.first(start)
        misfit = work.misfit(start)
        work.record(start, misfit)
        while True:
            tolerance = min(_LOOSE, float(np.mean(misfit**2)))
            a, b = least_norm(work.sampling, work.entries, left, right, tolerance, self.inner_iterations)
            point = triplets_of(np.hstack([a, left]), np.hstack([right, b]), start.values.size)
            misfit = work.misfit(point)
            yield point, misfit
            left, right = self.averaged(left, a), self.averaged(right, b)
