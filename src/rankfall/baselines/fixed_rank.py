"""What the solvers of a given rank share: entries in unit size, a spectral start, the rules by which they end."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.small_problems import alone_if_small
from rankfall.baselines.solution import Solution, check_warm
from rankfall.baselines.sparse_low_rank import Pattern
from rankfall.errors import InputError
from rankfall.low_rank import balanced_factors
from rankfall.problems.problem import Problem
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Iterate, Triplets, leading_triplets
from rankfall.trajectory.status import Status

_SWEEPS = 30


@dataclass
class Progress:
    """The best iterate so far of a problem of observed entries, scaled to unit size."""

    sampling: Sampling
    entries: Float[np.ndarray, " entries"]
    unit: float
    residuals: list[float] = field(default_factory=list)
    best: Triplets | None = None
    begun: float = field(default_factory=time.perf_counter)

    @classmethod
    def of(cls, problem: Problem) -> "Progress":
        """Raises InputError for problems that do not observe entries, or weigh them."""
        pattern = Pattern.of(problem)
        if np.ptp(pattern.weights) > 0:
            raise InputError("this solver takes entries of equal weight, got different weights; use GaussNewton")
        unit = float(np.sqrt(np.mean(pattern.values**2))) or 1.0
        rows, cols = (np.asarray(one, np.int32) for one in (pattern.rows, pattern.cols))
        return cls(Sampling(rows, cols, pattern.shape), pattern.values / unit, unit)

    def start(self, warm: Solution | None, rank: int, seed: int) -> Triplets:
        """The warm start cut to the rank, or the leading triplets of P*(b) m n/|Ω|."""
        rank = min(rank, *self.sampling.shape)
        if warm is not None:
            check_warm(warm, self.sampling.shape)
            u, values, v = warm.svd()
            return Triplets(u, values / self.unit, v).leading(rank)
        m, n = self.sampling.shape
        spread = Iterate.observed(self.sampling, self.entries * (m * n / self.sampling.count))
        rng = np.random.default_rng(seed)
        return leading_triplets(spread, np.zeros((n, 0)), rank, _SWEEPS, rng)

    def misfit(self, point: Triplets) -> Float[np.ndarray, " entries"]:
        """b − P(W)."""
        return self.entries - self.sampling.read(point.left * point.values, point.right)

    def record(self, point: Triplets, misfit: Float[np.ndarray, " entries"]) -> float:
        """Keep the point where it is the best; its relative residual."""
        residual = float(np.linalg.norm(misfit) / (np.linalg.norm(self.entries) or 1.0))
        if self.best is None or residual < min(self.residuals):
            self.best = point
        self.residuals.append(residual)
        return residual

    def has_settled(self, share: float, steps: int) -> bool:
        """Whether the least residual fell by less than this share in so many steps."""
        seen = self.residuals
        return len(seen) > steps and min(seen) > (1 - share) * min(seen[:-steps])

    def solution(self, status: Status) -> Solution:
        """The best iterate, in the units of the values."""
        assert self.best is not None
        left, right = balanced_factors(self.best.left, self.best.values * self.unit, self.best.right)
        reason = f"relative residual {min(self.residuals):.3g} after {len(self.residuals)} iterations"
        history = {"loss": (np.asarray(self.residuals) * self.unit) ** 2}
        return Solution(left, right, status, reason, history, time.perf_counter() - self.begun)


@dataclass(frozen=True)
class FixedRank(ABC):
    """A solver that is told the rank: iterates, until one fits the data, the residual settles or the budget is spent.

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

    Attributes
    ----------
    settled : (float, int)
        The residual has settled where it fell by less than this share in so many iterations.

    Raises
    ------
    InputError
        For options out of range.
    """

    rank: int
    iterations: int = 300
    tolerance: float | int = 1e-11
    seed: int = 0
    settled: ClassVar[tuple[float, int]]

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise InputError(f"rank must be at least 1, got {self.rank}; rankfall.recovery.recover finds it")
        if self.iterations < 1 or not 0 < self.tolerance < 1:
            raise InputError(
                f"iterations must be at least 1 and tolerance between 0 and 1, got {self.iterations} and "
                f"{self.tolerance}; the defaults suit most data"
            )

    @abstractmethod
    def points(self, work: Progress, warm: Solution | None) -> Iterator[tuple[Triplets, Float[np.ndarray, " entries"]]]:
        """The iterates, and b − P(W) at each; they end where no step is left to take."""

    @alone_if_small
    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """A rank-r matrix near the observed entries; `history["loss"]` is the mean squared residual a step."""
        work = Progress.of(problem)
        status = Status.STALLED
        for count, (point, misfit) in enumerate(self.points(work, warm), start=1):
            if work.record(point, misfit) <= self.tolerance:
                status = Status.CONVERGED
                break
            if work.has_settled(*self.settled):
                break
            if count == self.iterations:
                status = Status.BUDGET
                break
        return work.solution(status)
