"""Iterated hard thresholding: gradient steps on the observed entries, cut back to rank r after each.

    X ← H_r( X + μ P_Ω(w (b − X)) ),     H_r keeps the r leading singular triplets           [jain2010]
    μ = ‖U Uᵀ G‖_F² / Σ_Ω w (U Uᵀ G)²,   G = P_Ω(w (b − X)),  U the column space of X         [tanner2013]

The step is the exact line search within the present column space; it is halved until the loss does not rise. The
argument of H_r is sparse plus low rank, so its leading space comes from a warm-started block and no m × n is formed.
"""

import time
from dataclasses import dataclass

import numpy as np

from rankfall.baselines.shrinkage import Shrinkage
from rankfall.baselines.small_problems import alone_if_small
from rankfall.baselines.solution import Solution, check_warm
from rankfall.baselines.sparse_low_rank import Pattern
from rankfall.errors import InputError
from rankfall.low_rank import balanced_factors
from rankfall.problems.problem import Problem
from rankfall.trajectory.status import Status

_HALVINGS = 30
# Block steps a singular value decomposition may take, and the relative fall of the loss below which it has settled.
_PASSES, _PROGRESS = 4, 1e-6


@dataclass(frozen=True)
class HardThreshold:
    """Fixed-rank completion by iterated hard-thresholded singular value decompositions.

    Parameters
    ----------
    rank
        r of every iterate.
    iterations
        budget.
    tolerance
        root mean squared residual over the data's root mean square to stop at.
    seed
        draws the fresh columns of the singular value block.
    """

    rank: int
    iterations: int = 2000
    tolerance: float | int = 1e-6
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise InputError(f"rank must be at least 1, got {self.rank}; try the number of large singular values")
        if self.iterations < 1 or not 0 < self.tolerance < 1:
            raise InputError(
                f"iterations must be at least 1 and tolerance between 0 and 1, got {self.iterations} and "
                f"{self.tolerance}; 2000 and 1e-6 are good defaults"
            )

    @alone_if_small
    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """A rank-r matrix near the observed entries; STALLED where the loss settles above the tolerance."""
        begun = time.perf_counter()
        pattern = Pattern.of(problem)
        cut = Shrinkage(pattern.shape, self.rank, self.seed)
        u, values, v = self._start(pattern, warm)
        entries = pattern.entries(np.ascontiguousarray(u * values), v)
        unit = float(pattern.weights @ pattern.values**2)
        loss, losses, status = _loss(pattern, entries), [], Status.BUDGET
        for _ in range(self.iterations):
            losses.append(loss / float(pattern.weights.sum()))
            if loss <= self.tolerance**2 * unit:
                status = Status.CONVERGED
                break
            pull = pattern.weights * (pattern.values - entries)
            step = _line_search(pattern, pull, u)
            for _ in range(_HALVINGS):
                operator = pattern.operator(step * pull, u * values, v)
                trial = cut(operator, 0.0, passes=_PASSES)
                moved = pattern.entries(np.ascontiguousarray(trial[0] * trial[1]), trial[2])
                if _loss(pattern, moved) <= loss:
                    break
                step /= 2
            else:
                status = Status.STALLED
                break
            fallen = loss - _loss(pattern, moved)
            (u, values, v), entries, loss = trial, moved, loss - fallen
            if fallen <= _PROGRESS * loss:
                status = Status.STALLED
                break
        left, right = balanced_factors(u, values, v)
        reason = f"relative residual {np.sqrt(loss / unit) if unit else 0.0:.3g} after {len(losses)} decompositions"
        return Solution(left, right, status, reason, {"loss": np.asarray(losses)}, time.perf_counter() - begun)

    def _start(self, pattern: Pattern, warm: Solution | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if warm is not None:
            check_warm(warm, pattern.shape)
            u, values, v = warm.svd()
            return u[:, : self.rank], values[: self.rank], v[:, : self.rank]
        return spectral_start(pattern, self.rank, self.seed)


def spectral_start(pattern: Pattern, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """H_r of the back-projection P_Ω(w b) m n/Σw, an unbiased estimate of W under uniform sampling."""
    m, n = pattern.shape
    spread = pattern.weights * pattern.values * (m * n / pattern.weights.sum())
    operator = pattern.operator(spread, np.zeros((m, 0)), np.zeros((n, 0)))
    return Shrinkage(pattern.shape, rank, seed)(operator, 0.0)


def _loss(pattern: Pattern, entries: np.ndarray) -> float:
    return float(pattern.weights @ (entries - pattern.values) ** 2)


def _line_search(pattern: Pattern, pull: np.ndarray, u: np.ndarray) -> float:
    coordinates = pattern.transposed(pull) @ u
    along = pattern.entries(np.ascontiguousarray(u), np.ascontiguousarray(coordinates))
    seen = float(pattern.weights @ along**2)
    m, n = pattern.shape
    return float((coordinates**2).sum() / seen) if seen > 0 else m * n / float(pattern.weights.sum())
