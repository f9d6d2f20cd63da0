"""Alternating least squares: the workhorse of rating matrices, one small ridge regression a row.

    F(L, R) = Σ_Ω w_ij (l_i·r_j − b_ij)² + ridge (Σ_i d_i ‖l_i‖² + Σ_j d_j ‖r_j‖²),   d = observed weight of the line

With one factor fixed every row of the other solves its own k × k normal equations, so each half sweep minimizes F
exactly over its factor and F never rises. Scaling the ridge by the degree d makes one value serve rows of all sizes
[zhou2008]. Rows are independent: any number of threads gives the same bits.
"""

import time
from dataclasses import dataclass

import numpy as np

from rankfall.baselines.normal_equations import regress_lines
from rankfall.baselines.small_problems import alone_if_small
from rankfall.baselines.solution import Solution, check_warm
from rankfall.baselines.sparse_low_rank import Pattern
from rankfall.errors import InputError
from rankfall.problems.problem import Problem
from rankfall.trajectory.status import Status

# Added to the normal equations as a share of their trace: a row with fewer entries than k has no unique solution
# without a ridge, and this picks nearly the least one.
_JITTER = 1e-13


@dataclass(frozen=True)
class AlternatingLeastSquares:
    """Fixed-rank completion by alternating ridge regressions.

    Parameters
    ----------
    rank
        k, columns of both factors.
    ridge
        penalty a degree, in squared units of the data over those of a factor; 0 fits without one.
    iterations
        sweeps over both factors at most.
    tolerance
        relative decrease of F in a sweep to stop at.
    seed
        draws the starting right factor.

    Notes
    -----
    Row and column effects are the caller's: subtract them first.
    """

    rank: int
    ridge: float | int = 0.0
    iterations: int = 100
    tolerance: float | int = 1e-8
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise InputError(f"rank must be at least 1, got {self.rank}; 5 to 20 is usual for ratings")
        if not (np.isfinite(self.ridge) and self.ridge >= 0):
            raise InputError(f"ridge must be at least 0, got {self.ridge}; 0.05 is usual for ratings of 1 to 5")
        if self.iterations < 1 or self.tolerance < 0:
            raise InputError(
                f"iterations must be at least 1 and tolerance at least 0, got {self.iterations} and {self.tolerance}; "
                "100 and 1e-8 are good defaults"
            )

    @alone_if_small
    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """Factors of a completion problem; `warm` gives the starting right factor, padded or cut to the rank.

        `history` has "objective" F and "loss" (weighted mean squared residual) after each sweep, and "held_out_error"
        (root mean squared) where the problem holds entries out.
        """
        begun = time.perf_counter()
        pattern = Pattern.of(problem)
        right, ridge = self._start(pattern, warm), float(self.ridge)
        left = np.zeros((pattern.shape[0], self.rank))
        row_starts, cols = pattern.by_row
        column_starts, rows, order = pattern.by_column
        row_degrees = np.bincount(pattern.rows, pattern.weights, pattern.shape[0])
        column_degrees = np.bincount(pattern.cols, pattern.weights, pattern.shape[1])
        by_row = row_starts, cols, pattern.values, pattern.weights
        by_column = column_starts, rows, pattern.values[order], pattern.weights[order]
        aside = None if problem.held_out is None else Pattern.of(problem.held_out)
        history: dict[str, list[float]] = {"objective": [], "loss": []} | ({"held_out_error": []} if aside else {})
        status, before = Status.BUDGET, np.inf
        for _ in range(self.iterations):
            regress_lines(*by_row, right, ridge, _JITTER, left)
            regress_lines(*by_column, left, ridge, _JITTER, right)
            squares = float(pattern.weights @ (pattern.entries(left, right) - pattern.values) ** 2)
            penalty = row_degrees @ (left**2).sum(axis=1) + column_degrees @ (right**2).sum(axis=1)
            objective = squares + ridge * float(penalty)
            history["objective"].append(objective)
            history["loss"].append(squares / float(pattern.weights.sum()))
            if aside is not None:
                missed = aside.weights @ (aside.entries(left, right) - aside.values) ** 2
                history["held_out_error"].append(float(np.sqrt(missed / aside.weights.sum())))
            if before - objective <= self.tolerance * objective:
                status = Status.CONVERGED
                break
            before = objective
        kept = {name: np.asarray(values) for name, values in history.items()}
        sweeps = len(history["objective"])
        reason = (
            f"the objective fell by less than {self.tolerance:g} of itself in sweep {sweeps}"
            if status is Status.CONVERGED
            else f"the objective was still falling after {sweeps} sweeps, the budget"
        )
        return Solution(left, right, status, reason, kept, time.perf_counter() - begun)

    def _start(self, pattern: Pattern, warm: Solution | None) -> np.ndarray:
        """A normal right factor, sized so that both factors could share the data's size equally."""
        size = np.sqrt(np.mean(pattern.values**2) / self.rank) ** 0.5
        right = np.random.default_rng(self.seed).standard_normal((pattern.shape[1], self.rank)) * size
        if warm is None:
            return right
        check_warm(warm, pattern.shape)
        _, values, v = warm.svd()
        kept = min(self.rank, values.size)
        right[:, :kept] = v[:, :kept] * np.sqrt(values[:kept])
        return right
