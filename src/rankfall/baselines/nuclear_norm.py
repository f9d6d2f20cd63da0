"""The convex baseline: the matrix of least nuclear norm that fits the observations, with a certificate.

    primal   min ‖X‖_*                      subject to   |A(X) − b| ≤ slack
    dual     max ⟨b, λ⟩ − slack ‖λ‖_1       subject to   ‖A*(λ)‖ ≤ 1 (spectral norm)

Douglas-Rachford splitting alternates the two proximal maps, X = S_γ(Z) and Y = P(2X − Z), and moves Z ← Z + α(Y − X);
Anderson acceleration extrapolates it. Its two by-products are certificates: the projection of X is feasible, and the
multipliers of Y, scaled into the spectral ball, are dual feasible. The run stops on the gap between those two values,
so the answer needs no faith in the iteration. Singular values are computed exactly (not by sampling) for both bounds.
"""

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.baselines.acceleration import Anderson
from rankfall.baselines.certificate import RECORDED, Certificate
from rankfall.baselines.constraints import EntryConstraints, LinearConstraints, constraints_of
from rankfall.baselines.shrinkage import Shrinkage, shrink_positive
from rankfall.baselines.small_problems import alone_if_small
from rankfall.baselines.solution import Solution, check_warm
from rankfall.errors import InputError
from rankfall.low_rank import balanced_factors
from rankfall.problems.problem import Problem
from rankfall.trajectory.status import Status

# The step γ is right when the relative changes of primal and dual agree up to these factors (measured on planted and
# on noisy problems: fewest iterations at a ratio of about 0.4 under acceleration).
_BALANCE, _BAND = 0.4, 4.0
_ADAPT_EVERY, _ADAPTATIONS = 30, 12
# Gap checks wait for the residual to fall by at least this factor, and at most this many iterations.
_CHECK_FALL, _CHECK_EVERY = 0.7, 40
# Keeps ratios finite on iterates that do not move.
_TINY = 1e-150


@dataclass(frozen=True)
class NuclearNorm:
    """min ‖X‖_* over the matrices that fit the observations, to a certified relative gap.

    Parameters
    ----------
    slack
        allowed `|X_ij − b_ij|`, in the units of the data; 0 fits exactly, the experiments of [arora2019] use 1e-3.
    gap
        relative duality gap (primal − dual)/primal to stop at.
    iterations
        budget; the status says when it ran out.
    relaxation
        α in (0, 2).
    memory
        past steps that Anderson acceleration uses; 0 is plain Douglas-Rachford.
    positive
        only over X ⪰ 0, where the nuclear norm is the trace, for symmetric observations.   [gunasekar2017, (5)]

    Notes
    -----
    Weights of a problem are not used: a constraint has none. A rank-deficient answer is returned as such; its entries
    differ from the observed ones by `history["infeasibility"]` (‖A(X) − nearest allowed‖/‖b‖, at most ten times the
    gap), and resetting them gives the feasible point that `gap` certifies. Dense: O(mn·memory) memory.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> ones = SimpleNamespace(rows=np.array([0, 0, 1]), cols=np.array([0, 1, 0]), values=np.ones(3), shape=(2, 2))
    >>> solution = NuclearNorm().solve(ones)
    >>> str(solution.status), round(solution.nuclear_norm, 3), np.round(solution.product, 2).tolist()
    ('converged', 2.0, [[1.0, 1.0], [1.0, 1.0]])
    """

    slack: float | int = 0.0
    gap: float | int = 1e-6
    iterations: int = 5000
    relaxation: float | int = 1.6
    memory: int = 15
    positive: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slack) and self.slack >= 0):
            raise InputError(f"slack must be at least 0, got {self.slack}; 0 fits the observations exactly")
        if not 0 < self.gap < 1:
            raise InputError(f"gap must lie between 0 and 1, got {self.gap}; 1e-6 is a good default")
        if not 0 < self.relaxation < 2:
            raise InputError(f"relaxation must lie between 0 and 2, got {self.relaxation}; 1.6 is a good default")
        if self.iterations < 1 or self.memory < 0:
            raise InputError(
                f"iterations must be at least 1 and memory at least 0, got {self.iterations} and {self.memory}; "
                "5000 and 15 are good defaults"
            )

    @alone_if_small
    def solve(self, problem: Problem, warm: Solution | None = None) -> Solution:
        """The minimizer for a problem with observed entries (rows, cols, values) or measurements (apply, adjoint).

        `warm` starts from another solution's factors and dual.

        Raises
        ------
        InputError
            For inconsistent measurements.
        """
        begun = time.perf_counter()
        constraints = constraints_of(problem, self.slack)
        if self.positive and constraints.shape[0] != constraints.shape[1]:
            raise InputError(f"only a square matrix is positive, got shape {constraints.shape}; leave positive=False")
        least, _ = constraints.project(np.zeros(constraints.shape))
        sizes = np.linalg.svd(least, compute_uv=False)
        history: dict[str, list[float]] = {name: [] for name in RECORDED}
        if sizes[0] == 0:
            zero = np.zeros((constraints.shape[0], 0)), np.zeros((constraints.shape[1], 0))
            reason, seconds = "the zero matrix fits the observations", time.perf_counter() - begun
            dual = np.zeros_like(constraints.values)
            return Solution(*zero, Status.CONVERGED, reason, _arrays(history), seconds, 0.0, dual)
        best, status = self._iterate(constraints, least, float(sizes.mean()), warm, history)
        left, right = balanced_factors(*best.triplets)
        seconds = time.perf_counter() - begun
        reason = f"relative duality gap {best.gap:.2g} after {int(history['iteration'][-1])} iterations"
        return Solution(left, right, status, reason, _arrays(history), seconds, best.gap, best.dual)

    def _iterate(
        self,
        constraints: EntryConstraints | LinearConstraints,
        least: Float[np.ndarray, "m n"],
        step: float,
        warm: Solution | None,
        history: dict[str, list[float]],
    ) -> tuple[Certificate, Status]:
        shrink = shrink_positive if self.positive else Shrinkage(constraints.shape)
        anderson = Anderson(least.size, self.memory)
        certificate = Certificate(constraints, positive=self.positive)
        point = least * (least.size / constraints.values.size) if warm is None else _warm_point(constraints, warm, step)
        balance: list[float] = []
        adapted, due, checked, previous = 0, np.inf, 0, None
        for iteration in range(1, self.iterations + 1):
            u, values, v = shrink(point, step)
            low = (u * values) @ v.T
            feasible, pull = constraints.project(2 * low - point)
            residual = feasible - low
            size = float(np.linalg.norm(residual))
            if previous is not None:
                primal_change = size / max(float(np.linalg.norm(low)), _TINY)
                dual_change = np.linalg.norm(feasible - previous) / max(float(np.linalg.norm(point - low)), _TINY)
                balance.append(float(np.log(max(primal_change, _TINY) / max(float(dual_change), _TINY))))
            previous = feasible
            last = iteration == self.iterations
            if (iteration - checked >= 5 and (size <= due or iteration - checked >= _CHECK_EVERY)) or last:
                certificate.update(low, (u, values, v), pull / step)
                for name, value in zip(RECORDED, certificate.row(iteration, size), strict=True):
                    history[name].append(value)
                if certificate.distance <= self.gap:
                    return certificate, Status.CONVERGED
                checked, due = iteration, size * min(_CHECK_FALL, 2 * self.gap / certificate.distance)
            if iteration % _ADAPT_EVERY == 0 and adapted < _ADAPTATIONS:
                factor = _step_factor(balance[-_ADAPT_EVERY:])
                if factor != 1:
                    # Z = X + γS with S in the subdifferential of ‖X‖_*: a new γ keeps X and S.
                    point = low + factor * (point - low)
                    step, adapted, previous, balance, due = step * factor, adapted + 1, None, [], np.inf
                    anderson.restart()
                    continue
            move = self.relaxation * residual
            point = anderson.step((point + move).ravel(), move.ravel()).reshape(point.shape)
        return certificate, Status.BUDGET


def _warm_point(constraints: EntryConstraints | LinearConstraints, warm: Solution, step: float) -> np.ndarray:
    check_warm(warm, constraints.shape)
    if warm.dual is not None and warm.dual.size == constraints.values.size:
        return warm.product + step * constraints.adjoint(warm.dual)
    u, values, v = warm.svd()
    return (u * (values + step * (values > 0))) @ v.T


def _step_factor(balance: list[float]) -> float:
    """What to multiply γ by: a large γ moves the dual fast and the primal slowly."""
    off = float(np.mean(balance)) - np.log(_BALANCE)
    if abs(off) < np.log(_BAND):
        return 1.0
    return float(np.exp(np.clip(-off / 2, -np.log(4), np.log(4))))


def _arrays(history: dict[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in history.items()}
