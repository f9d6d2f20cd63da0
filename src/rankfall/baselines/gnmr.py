"""GNMR: Gauss-Newton matrix recovery on the factors themselves, with the rank given, in its averaging variant.

    (A, B) = argmin ‖b − P(A Rᵀ + L Bᵀ)‖ of least norm,   L ← L/2 + A,   R ← R/2 + B                [zilber2022]

At a solution A = L/2 and B = R/2. The least squares problems are solved loosely (`averaged_factors`), by the few
thousand LSQR iterations that the authors advise. The variant that sets the factors to a solution of least norm wanders
near the limit; the variant that adds a step to them diverges.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.averaged_factors import AveragedFactors
from rankfall.low_rank import balanced_factors
from rankfall.recovery.spectrum import Triplets


@dataclass(frozen=True)
class GNMR(AveragedFactors):
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

    inner_iterations: ClassVar[int] = 2000
    settled: ClassVar[tuple[float, int]] = (1e-3, 50)

    def first(self, start: Triplets) -> tuple[Float[np.ndarray, "m r"], Float[np.ndarray, "n r"]]:
        """Balanced factors of the start."""
        return balanced_factors(start.left, start.values, start.right)

    def averaged(
        self, factor: Float[np.ndarray, "m r"], solution: Float[np.ndarray, "m r"]
    ) -> Float[np.ndarray, "m r"]:
        """L/2 + A."""
        return factor / 2 + solution
