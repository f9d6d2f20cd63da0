"""R2RILS: rank 2r, iterated least squares, with the rank given.

    (A, B) = argmin ‖b − P(A Vᵀ + U Bᵀ)‖  of least norm,   U ← N(U + N(A)),   V ← N(V + N(B))      [bauch2021]

N makes columns unit. The answer is the r leading triplets of A Vᵀ + U Bᵀ, a matrix of rank 2r.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.baselines.fixed_rank import Progress, check_options, least_squares
from rankfall.baselines.solution import Solution
from rankfall.problems.problem import Problem
from rankfall.recovery.spectrum import triplets_of
from rankfall.trajectory.status import Status

_SETTLED, _STEPS = 1e-3, 20


@dataclass(frozen=True)
class R2RILS:
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

    rank: int
    iterations: int = 300
    tolerance: float | int = 1e-11
    seed: int = 0

    def __post_init__(self) -> None:
        check_options(self.rank, self.iterations, self.tolerance)

    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """A rank-r matrix near the observed entries; `history["loss"]` is the mean squared residual a step."""
        work = Progress.of(problem)
        start = work.start(warm, self.rank, self.seed)
        left, right = start.left, start.right
        work.record(start, work.misfit(start))
        status = Status.BUDGET
        for _ in range(self.iterations):
            a, b = least_squares(work.sampling, work.entries, left, right)
            point = triplets_of(np.hstack([a, left]), np.hstack([right, b]), start.values.size)
            if work.record(point, work.misfit(point)) <= self.tolerance:
                status = Status.CONVERGED
                break
            if work.has_settled(_SETTLED, _STEPS):
                status = Status.STALLED
                break
            left, right = _unit(left + _unit(a)), _unit(right + _unit(b))
        return work.solution(status)


def _unit(columns: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
    lengths = np.linalg.norm(columns, axis=0)
    return columns / np.where(lengths > 0, lengths, 1.0)
