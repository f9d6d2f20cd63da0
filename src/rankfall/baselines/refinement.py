"""Gauss-Newton at fixed rank: the last digits of a completion, or all of them from a spectral start.

    min_{A, B} Σ_Ω w (W + A Vᵀ + U Bᵀ − b)²,      W = U diag(σ) Vᵀ,  A m × k,  B n × k
    W ← H_k(W + A Vᵀ + U Bᵀ),                      H_k keeps the k leading singular triplets

The tangent space of the rank-k matrices at W is {A Vᵀ + U Bᵀ}, written with k² parameters too many, which make the
least squares problem singular; the solution of least norm is taken, as LSQR gives it [zilber2022]. Orthonormal U and V
keep the condition number of W out of the inner problem. Near an exact rank-k fit a step squares the error.
"""

import time
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, lsqr

from rankfall.baselines.hard_svd import spectral_start
from rankfall.baselines.small_problems import alone_if_small
from rankfall.baselines.solution import Solution, check_warm
from rankfall.baselines.sparse_low_rank import Pattern
from rankfall.errors import InputError
from rankfall.low_rank import balanced_factors
from rankfall.problems.problem import Problem
from rankfall.trajectory.status import Status

_HALVINGS = 10
# The inner problem is solved to this relative accuracy: enough for a step that squares the error.
_INNER_ACCURACY = 1e-12
# A step that lowers the loss by a smaller share than this ends the refinement.
_PROGRESS = 1e-6


@dataclass(frozen=True)
class GaussNewton:
    """Fixed-rank refinement of a solution.

    Parameters
    ----------
    rank
        k; None takes the rank of the warm start.
    steps
        budget of Gauss-Newton steps.
    inner
        LSQR iterations a step at most.
    tolerance
        root mean squared residual over the data's root mean square to stop at.
    seed
        draws the block of the spectral start, where no warm start is given.
    """

    rank: int | None = None
    steps: int = 50
    inner: int = 1000
    tolerance: float | int = 1e-12
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rank is not None and self.rank < 1:
            raise InputError(f"rank must be at least 1, got {self.rank}; None keeps the rank of the warm start")
        if self.steps < 1 or self.inner < 1 or not 0 < self.tolerance < 1:
            raise InputError(
                f"steps and inner must be at least 1 and tolerance between 0 and 1, got {self.steps}, {self.inner} and "
                f"{self.tolerance}; the defaults suit most data"
            )

    @alone_if_small
    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """A rank-k matrix near the observed entries, from `warm` or from the leading part of the back-projection.

        `history["loss"]` is the weighted mean squared residual before each step and at the end. STALLED means that
        the loss settles above the tolerance, as it does on noisy data.
        """
        begun = time.perf_counter()
        pattern = Pattern.of(problem)
        u, values, v = self._start(pattern, warm)
        roots, mass = np.sqrt(pattern.weights), float(pattern.weights.sum())
        residual = roots * (pattern.values - pattern.entries(np.ascontiguousarray(u * values), v))
        goal = self.tolerance**2 * float(pattern.weights @ pattern.values**2)
        losses, status = [float(residual @ residual)], Status.BUDGET
        for _ in range(self.steps):
            if losses[-1] <= goal:
                break
            tangent = lsqr(
                _tangent_operator(pattern, roots, u, v), residual, atol=_INNER_ACCURACY, btol=_INNER_ACCURACY, conlim=0,
                iter_lim=self.inner,
            )[0]  # fmt: skip
            share = 1.0
            for _ in range(_HALVINGS):
                trial = _retract(u, values, v, *_unpack(share * tangent, u, v))
                moved = roots * (pattern.values - pattern.entries(np.ascontiguousarray(trial[0] * trial[1]), trial[2]))
                if moved @ moved < losses[-1]:
                    break
                share /= 2
            else:
                status = Status.STALLED
                break
            (u, values, v), residual = trial, moved
            losses.append(float(moved @ moved))
            if losses[-2] - losses[-1] <= _PROGRESS * losses[-2]:
                status = Status.STALLED
                break
        if losses[-1] <= goal:
            status = Status.CONVERGED
        left, right = balanced_factors(u, values, v)
        reason = f"mean squared residual {losses[-1] / mass:.3g} after {len(losses) - 1} steps"
        return Solution(left, right, status, reason, {"loss": np.asarray(losses) / mass}, time.perf_counter() - begun)

    def _start(self, pattern: Pattern, warm: Solution | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if warm is None:
            if self.rank is None:
                raise InputError(
                    "rank must be given where there is no warm start, got None; pass a rank or a solution to refine"
                )
            return spectral_start(pattern, self.rank, self.seed)
        check_warm(warm, pattern.shape)
        u, values, v = warm.svd()
        if self.rank is not None and self.rank > values.size:
            raise InputError(
                f"rank must be at most that of the warm start, {values.size}, got {self.rank}; start without one"
            )
        kept = slice(0, self.rank)
        return u[:, kept], values[kept], v[:, kept]


def _unpack(tangent: np.ndarray, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return tangent[: u.size].reshape(u.shape), tangent[u.size :].reshape(v.shape)


def _tangent_operator(pattern: Pattern, roots: np.ndarray, u: np.ndarray, v: np.ndarray) -> LinearOperator:
    """(A, B) -> √w (A Vᵀ + U Bᵀ) on Ω, and its adjoint r -> (P_Ω(√w r) V, P_Ω(√w r)ᵀ U)."""

    def forward(tangent: np.ndarray) -> np.ndarray:
        a, b = _unpack(tangent.reshape(-1), u, v)
        return roots * pattern.entries(np.hstack([a, u]), np.hstack([v, b]))

    def backward(residual: np.ndarray) -> np.ndarray:
        weighed = roots * residual.reshape(-1)
        return np.concatenate([(pattern.matrix(weighed) @ v).ravel(), (pattern.transposed(weighed) @ u).ravel()])

    shape = (pattern.values.size, u.size + v.size)
    return LinearOperator(shape, matvec=forward, rmatvec=backward, dtype=np.float64)  # pyright: ignore[reportCallIssue]


def _retract(
    u: np.ndarray, values: np.ndarray, v: np.ndarray, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """H_k(U diag(σ) Vᵀ + A Vᵀ + U Bᵀ), through a 2k × 2k decomposition."""
    q_left, r_left = np.linalg.qr(np.hstack([u * values + a, u]))
    q_right, r_right = np.linalg.qr(np.hstack([v, b]))
    x, kept, yt = np.linalg.svd(r_left @ r_right.T)
    rank = values.size
    return q_left @ x[:, :rank], kept[:rank], np.ascontiguousarray(q_right @ yt[:rank].T)
