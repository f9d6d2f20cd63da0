"""Soft-impute: nuclear norm regularized completion along a path of shrinkages, chosen on held-out data.

    F_λ(X) = ½ Σ_Ω w_ij (X_ij − b_ij)² + λ ‖X‖_*                                         [mazumder2010]
    X ← S_{λ/c}( X + P_Ω(w (b − X))/c ),     c = max w

The argument of S is sparse plus low rank, so that large sparse problems stay sparse [hastie2015]. The step is a
proximal gradient step; it is taken from an extrapolated point, and the extrapolation starts anew when it makes F rise
[odonoghue2015]. At λ ≥ λ_max = ‖P_Ω(w b)‖ (spectral norm) the minimizer is zero; the path starts there, and
each solution warm-starts the next.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import svds

from rankfall.baselines.shrinkage import Shrinkage
from rankfall.baselines.small_problems import alone_if_small
from rankfall.baselines.solution import Solution, check_warm
from rankfall.baselines.sparse_low_rank import Pattern
from rankfall.errors import InputError
from rankfall.low_rank import balanced_factors
from rankfall.problems.problem import Problem
from rankfall.trajectory.status import Status

# The path is searched at this tolerance (choosing λ needs no more) and refitted at the one asked for.
_PATH_TOLERANCE = 1e-4
# The path ends when the held-out error has not improved for this many shrinkages.
_PATIENCE = 3
# Singular values are found to this share of the tolerance, relative to the largest, in at most so many block steps: the
# warm start makes up for a loose step in the next iteration. Directions whose singular value is just above the
# threshold grow slowly, so a final fit that has settled goes on with thorough steps until it settles again.
_INEXACT, _LOOSE, _THOROUGH = 1e-2, 3, 40
# Up to this smaller side the spectral norm of a sparse residual comes from its Gram matrix, beyond it from Lanczos.
_GRAM_SIDE, _LANCZOS = 2000, 1e-6


@dataclass(frozen=True)
class SoftImpute:
    """Completion by singular value soft thresholding.

    Parameters
    ----------
    shrinkage
        λ; None chooses it on held-out entries along the path, then refits on every observed entry.
    rank
        largest rank an iterate may have; None does not limit it.
    path
        number of shrinkages, geometric from λ_max to λ_max·`smallest`, or the shrinkages themselves.
    smallest
        last shrinkage of the path over λ_max.
    holdout
        fraction of the entries set aside to choose λ, unless the problem brings `held_out` of its own.
    seed
        draws the held-out entries and the fresh columns of block singular value steps.
    tolerance
        ‖X_next − point‖_F/‖X_next‖_F, the relative proximal residual, to stop at.
    iterations
        budget for one shrinkage.
    """

    shrinkage: float | int | None = None
    rank: int | None = None
    path: int | Sequence[float | int] = 20
    smallest: float | int = 1e-3
    holdout: float | int = 0.1
    seed: int = 0
    tolerance: float | int = 1e-6
    iterations: int = 2000

    def __post_init__(self) -> None:
        if self.shrinkage is not None and not (np.isfinite(self.shrinkage) and self.shrinkage > 0):
            raise InputError(
                f"shrinkage must be positive, got {self.shrinkage}; use NuclearNorm to fit the observations exactly, "
                "or None to choose it on held-out entries"
            )
        if self.rank is not None and self.rank < 1:
            raise InputError(f"rank must be at least 1, got {self.rank}; None does not limit it")
        steps = [self.path] if isinstance(self.path, int) else list(self.path)
        if not steps or min(steps) <= 0:
            raise InputError(f"path must be a positive count or positive shrinkages, got {self.path}; 20 is usual")
        if not (0 < self.smallest < 1 and 0 < self.tolerance < 1) or self.iterations < 1:
            raise InputError(
                "smallest and tolerance must lie between 0 and 1 and iterations be at least 1, got "
                f"{self.smallest}, {self.tolerance} and {self.iterations}; the defaults suit most data"
            )

    @alone_if_small
    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """The minimizer of F_λ for a completion problem, `gap` certified by the dual residual.

        Where λ was chosen, `history` has "path_shrinkage" and "path_error" (held-out root mean squared error).
        """
        begun = time.perf_counter()
        chosen, history = self.shrinkage, {}
        if chosen is None:
            chosen, warm, history = self._choose(problem)
        pattern = Pattern.of(problem)
        state = _State.start(pattern, warm)
        shrink = Shrinkage(pattern.shape, self.rank, self.seed)
        objective, status = _descend(pattern, state, shrink, chosen, self.tolerance, self.iterations, thorough=True)
        gap, dual = _certificate(pattern, state, chosen)
        left, right = balanced_factors(*state.triplets)
        history["objective"] = np.asarray(objective)
        reason = f"relative duality gap {gap:.2g} at shrinkage {chosen:.4g} after {len(objective)} iterations"
        return Solution(left, right, status, reason, history, time.perf_counter() - begun, gap, dual, chosen)

    def _choose(self, problem: Problem) -> tuple[float, Solution, dict[str, np.ndarray]]:
        """λ with the least held-out error along the path, and the solution there as a warm start."""
        training = problem if problem.held_out is not None else problem.hold_out(self.holdout, self.seed)
        assert training.held_out is not None
        pattern, aside = Pattern.of(training), Pattern.of(training.held_out)
        state, shrink = _State.start(pattern, None), Shrinkage(pattern.shape, self.rank, self.seed)
        shrinkages, errors = self._shrinkages(pattern), []
        best: tuple[float, float, Solution] | None = None
        for shrinkage in shrinkages:
            _descend(pattern, state, shrink, shrinkage, max(_PATH_TOLERANCE, self.tolerance), self.iterations)
            left, right = balanced_factors(*state.triplets)
            squares = aside.weights * (aside.entries(left, right) - aside.values) ** 2
            errors.append(float(np.sqrt(squares.sum() / aside.weights.sum())))
            if best is None or errors[-1] < best[0]:
                best = errors[-1], float(shrinkage), Solution(left, right, Status.CONVERGED)
            if len(errors) - 1 - int(np.argmin(errors)) >= _PATIENCE:
                break
        assert best is not None
        tried = np.asarray(shrinkages[: len(errors)], dtype=float)
        return best[1], best[2], {"path_shrinkage": tried, "path_error": np.asarray(errors)}

    def _shrinkages(self, pattern: Pattern) -> np.ndarray:
        if not isinstance(self.path, int):
            return np.sort(np.asarray(self.path, dtype=float))[::-1]
        top = _norm_on_pattern(pattern, pattern.weights * pattern.values)
        return top * np.geomspace(1, self.smallest, self.path) if top > 0 else np.ones(1)


def largest_shrinkage(problem: Problem) -> float:
    """λ_max = ‖P_Ω(w b)‖ (spectral norm): the least λ whose soft-impute solution is zero.   [mazumder2010]"""
    pattern = Pattern.of(problem)
    return _norm_on_pattern(pattern, pattern.weights * pattern.values)


@dataclass
class _State:
    """The present iterate X = U diag(σ) Vᵀ and its observed entries."""

    triplets: tuple[np.ndarray, np.ndarray, np.ndarray]
    entries: np.ndarray

    @classmethod
    def start(cls, pattern: Pattern, warm: Solution | None) -> "_State":
        if warm is None:
            m, n = pattern.shape
            return cls((np.zeros((m, 0)), np.zeros(0), np.zeros((n, 0))), np.zeros_like(pattern.values))
        check_warm(warm, pattern.shape)
        return cls(warm.svd(), pattern.entries(warm.left, warm.right))


def _descend(
    pattern: Pattern,
    state: _State,
    shrink: Shrinkage,
    shrinkage: float,
    tolerance: float,
    iterations: int,
    thorough: bool = False,
) -> tuple[list[float], Status]:
    """Accelerated proximal gradient on F_λ, updating `state`; the objective at each iterate and how it ended."""
    curvature = float(pattern.weights.max())
    u, values, v = state.triplets
    older, older_entries = (u, values, v), state.entries
    momentum, objective, passes = 1.0, [], _LOOSE
    for _ in range(iterations):
        grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        beta, momentum = (momentum - 1) / grown, grown
        point = state.entries + beta * (state.entries - older_entries)
        left = np.hstack([(1 + beta) * u * values, -beta * older[0] * older[1]])
        right = np.hstack([v, older[2]])
        step = pattern.weights * (pattern.values - point) / curvature
        older, older_entries = (u, values, v), state.entries
        u, values, v = shrink(pattern.operator(step, left, right), shrinkage / curvature, _INEXACT * tolerance, passes)
        scaled = np.ascontiguousarray(u * values)
        state.triplets, state.entries = (u, values, v), pattern.entries(scaled, v)
        squares = pattern.weights * (state.entries - pattern.values) ** 2
        objective.append(float(0.5 * squares.sum() + shrinkage * values.sum()))
        size = float(np.linalg.norm(values))
        residual = _low_rank_norm(np.hstack([scaled, -left]), np.hstack([v, right]))
        if residual <= tolerance * max(size, np.finfo(float).tiny):
            if not thorough or passes == _THOROUGH:
                return objective, Status.CONVERGED
            passes = _THOROUGH
        if len(objective) > 1 and objective[-1] > objective[-2]:
            momentum, older, older_entries = 1.0, (u, values, v), state.entries
    return objective, Status.BUDGET


def _low_rank_norm(left: np.ndarray, right: np.ndarray) -> float:
    """‖left rightᵀ‖_F from triangular factors, which do not lose small differences as Gram matrices do."""
    return float(np.linalg.norm(np.linalg.qr(left)[1] @ np.linalg.qr(right)[1].T))


def _certificate(pattern: Pattern, state: _State, shrinkage: float) -> tuple[float, np.ndarray]:
    """Relative gap of F_λ, with dual max ⟨b, λ⟩ − ½ Σ λ²/w over ‖P_Ω(λ)‖ ≤ shrinkage, at the scaled residual."""
    residual = pattern.weights * (pattern.values - state.entries)
    dual = residual * min(1.0, shrinkage / max(_norm_on_pattern(pattern, residual), np.finfo(float).tiny))
    weighed = pattern.weights > 0
    squares = dual[weighed] ** 2 / pattern.weights[weighed]
    lower = float(pattern.values @ dual - 0.5 * squares.sum())
    fit = pattern.weights * (state.entries - pattern.values) ** 2
    upper = float(0.5 * fit.sum() + shrinkage * state.triplets[1].sum())
    return max(upper - lower, 0.0) / max(upper, np.finfo(float).tiny), dual


def _norm_on_pattern(pattern: Pattern, entries: np.ndarray) -> float:
    """‖P_Ω(entries)‖, exact for small matrices, to Lanczos accuracy for large ones."""
    matrix = pattern.matrix(entries)
    if not np.any(entries):
        return 0.0
    if min(pattern.shape) <= _GRAM_SIDE:
        gram = matrix @ matrix.T if pattern.shape[0] <= pattern.shape[1] else matrix.T @ matrix
        return float(np.sqrt(np.linalg.eigvalsh(gram.toarray())[-1]) * (1 + min(pattern.shape) * np.finfo(float).eps))
    start = np.random.default_rng(0).standard_normal(min(pattern.shape))
    largest = svds(matrix, k=1, v0=start, tol=_LANCZOS, return_singular_vectors=False)  # pyright: ignore
    return float(np.asarray(largest)[0])
