"""R2RILS: rank 2r, iterated least squares, with the rank given.

    (A, B) = argmin ‖b − P(A Vᵀ + U Bᵀ)‖  of least norm,   U ← N(U + N(A)),   V ← N(V + N(B))      [bauch2021]

N makes columns unit. The least squares problems are solved loosely (`averaged_factors`), by as many LSQR iterations at
most as in the experiments of [kummerle2021].
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.averaged_factors import AveragedFactors
from rankfall.recovery.spectrum import Triplets


@dataclass(frozen=True)
class R2RILS(AveragedFactors):
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
    inner_iterations: ClassVar[int] = 500
    settled: ClassVar[tuple[float, int]] = (1e-3, 200)

    def first(self, start: Triplets) -> tuple[Float[np.ndarray, "m r"], Float[np.ndarray, "n r"]]:
        """The singular vectors."""
        return start.left, start.right

    def averaged(
        self, factor: Float[np.ndarray, "m r"], solution: Float[np.ndarray, "m r"]
    ) -> Float[np.ndarray, "m r"]:
        """N(U + N(A))."""
        return _unit(factor + _unit(solution))


def _unit(columns: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
    lengths = np.linalg.norm(columns, axis=0)
    return columns / np.where(lengths > 0, lengths, 1.0)
