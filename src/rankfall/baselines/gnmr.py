"""GNMR: Gauss-Newton matrix recovery on the factors themselves, with the rank given, in its "setting" variant.

    (L, R) ← argmin ‖b + P(L Rᵀ) − P(A Rᵀ + L Bᵀ)‖ over (A, B),  of least norm                       [zilber2022]

The new factors are A and B themselves, so that the solution of least norm keeps them small; they are balanced after
each step. The variant that adds the step to the factors diverges from a spectral start near the limit.
"""

from dataclasses import dataclass

from rankfall.baselines.fixed_rank import Progress, check_options, least_squares
from rankfall.baselines.solution import Solution
from rankfall.low_rank import balanced_factors
from rankfall.problems.problem import Problem
from rankfall.recovery.spectrum import triplets_of
from rankfall.trajectory.status import Status

_SETTLED, _STEPS = 1e-3, 50


@dataclass(frozen=True)
class GNMR:
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

    rank: int
    iterations: int = 300
    tolerance: float | int = 1e-11
    seed: int = 0

    def __post_init__(self) -> None:
        check_options(self.rank, self.iterations, self.tolerance)

    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """A rank-r matrix near the observed entries; `history["loss"]` is the mean squared residual a step."""
        work = Progress.of(problem)
        point = work.start(warm, self.rank, self.seed)
        work.record(point, work.misfit(point))
        status = Status.BUDGET
        for _ in range(self.iterations):
            left, right = balanced_factors(point.left, point.values, point.right)
            a, b = least_squares(work.sampling, work.entries + work.sampling.read(left, right), left, right)
            point = triplets_of(a, b, point.values.size)
            if work.record(point, work.misfit(point)) <= self.tolerance:
                status = Status.CONVERGED
                break
            if work.has_settled(_SETTLED, _STEPS):
                status = Status.STALLED
                break
        return work.solution(status)
