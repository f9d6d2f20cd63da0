"""LRGeomCG: conjugate gradients on the manifold of rank-r matrices, with the rank given.

    f(W) = ½ ‖P(W) − b‖²,   η ← −grad f + β T(η),   W ← H_r(W + t η)                            [vandereycken2013]

β is Polak-Ribière's, at least 0; T projects on the new tangent space; the first t minimizes f along the tangent, and is
halved until f falls enough.
"""

from dataclasses import dataclass

import numpy as np

from rankfall.baselines.fixed_rank import Progress, check_options
from rankfall.baselines.solution import Solution
from rankfall.baselines.tangent_space import carry, project, read, retract
from rankfall.problems.problem import Problem
from rankfall.trajectory.status import Status

_HALVINGS, _FALL = 30, 1e-4
_SETTLED, _STEPS = 1e-3, 100


@dataclass(frozen=True)
class RiemannianCG:
    """Fixed-rank completion by Riemannian conjugate gradients.

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
    iterations: int = 3000
    tolerance: float | int = 1e-11
    seed: int = 0

    def __post_init__(self) -> None:
        check_options(self.rank, self.iterations, self.tolerance)

    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """A rank-r matrix near the observed entries; `history["loss"]` is the mean squared residual a step."""
        work = Progress.of(problem)
        point = work.start(warm, self.rank, self.seed)
        misfit = work.misfit(point)
        work.record(point, misfit)
        # the direction of steepest descent, −grad f
        descent = project(work.sampling, misfit, point)
        direction, status = descent, Status.BUDGET
        for _ in range(self.iterations):
            slope = descent.inner(direction)
            if slope <= 0:
                direction, slope = descent, descent.inner(descent)
            along = read(work.sampling, direction, point)
            seen = float(along @ along)
            if not (slope > 0 and seen > 0):
                status = Status.STALLED
                break
            share, loss = float(misfit @ along) / seen, float(misfit @ misfit)
            for _ in range(_HALVINGS):
                trial = retract(direction.plus(direction, share - 1), point)
                left = work.misfit(trial)
                if float(left @ left) <= loss - 2 * _FALL * share * slope:
                    break
                share /= 2
            else:
                status = Status.STALLED
                break
            if work.record(trial, left) <= self.tolerance:
                status = Status.CONVERGED
                break
            if work.has_settled(_SETTLED, _STEPS):
                status = Status.STALLED
                break
            after = project(work.sampling, left, trial)
            carried = carry(descent, point, trial)
            turn = (after.inner(after) - after.inner(carried)) / descent.inner(descent)
            direction = after.plus(carry(direction, point, trial), max(0.0, float(np.nan_to_num(turn))))
            point, misfit, descent = trial, left, after
        return work.solution(status)
