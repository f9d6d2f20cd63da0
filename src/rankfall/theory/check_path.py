"""A run walked once more, for its checks: the same problem, model, start and integrator, recorded where laws need it.

A law is an equation between velocities; a run gives positions. Over an interval the two meet in an integral,

    σ(b) − σ(a)  against  ∫ₐᵇ σ̇(law) dt,

and the integral is taken where the path is known best: at the ends of a long stabilized step, between which stiff
directions are damped and not resolved, and at five Lobatto nodes in a step short enough to be resolved inside.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.errors import InputError
from rankfall.integrators.descent import Descent
from rankfall.theory.factors import imbalance
from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.record import Record
from rankfall.trajectory.singular_paths import SingularPaths, follow
from rankfall.trajectory.stops import TimeReached

# Five Gauss–Lobatto nodes, exact for polynomials of degree 7: no less than a step of order 8 resolves.
_NODES = np.asarray([0, (1 - np.sqrt(3 / 7)) / 2, 1 / 2, (1 + np.sqrt(3 / 7)) / 2])
_WEIGHTS = np.asarray([1 / 20, 49 / 180, 16 / 45, 49 / 180, 1 / 20])
# Errors inside a step of length h are amplified by h times the curvature when a velocity is integrated.
_RESOLVED = 10.0
# Records hold weights, gradients and vectors; more numbers than this are thinned out.
_NUMBERS = 2**26


@dataclass(frozen=True, eq=False)
class CheckedPath:
    """What the checks read of a run.

    run: the run; losses: ℓ at the end of every step.
    times, weights: (t,), (t, p); paths: the singular triplets there, in float64; gradients: ∇ℓ(W), (t, m, n).
    ends: which of these times are ends of intervals, (intervals + 1,).
    """

    run: Any
    losses: Float[np.ndarray, " steps"]
    times: Float[np.ndarray, " t"]
    weights: Float[np.ndarray, "t p"]
    gradients: Float[np.ndarray, "t m n"]
    paths: SingularPaths
    ends: Int[np.ndarray, " intervals"]

    @classmethod
    def of(cls, run: Any, intervals: int) -> "CheckedPath":
        """Walk the run again, up to its end, through at most so many intervals."""
        steps = walked_again(run, Record(curvature=True)).history
        m, n = run.problem.shape
        size = 4 * (run.model.size + m * n + (m + n) * run.model.rank)
        grid, fine = _grid(steps, min(intervals, max(2, _NUMBERS // size)), isinstance(run.integrator, Descent))
        spans = zip(pairwise(grid), fine, strict=True)
        nodes = [a + (b - a) * (_NODES if is_fine else _NODES[:1]) for (a, b), is_fine in spans]
        times = np.append(np.concatenate(nodes), grid[-1])
        functions = {
            "weights": lambda problem, model, weights: weights,
            "gradient": lambda problem, model, weights: problem.loss_and_gradient(model.product(weights))[1],
        }
        kept = Record(singular_values=True, vectors=True, functions=functions, times=times[1:-1])
        history = walked_again(run, kept).history
        ends = np.append(0, np.cumsum([len(inner) for inner in nodes]))
        return cls(
            run=run, losses=steps["loss"], times=history["time"], weights=history["weights"].astype(np.float64),
            gradients=history["gradient"].astype(np.float64), paths=_paths(history), ends=ends,
        )  # fmt: skip

    @property
    def depth(self) -> float | int:
        """N of the model."""
        return self.run.model.depth

    @property
    def decay(self) -> float:
        """λ of the model, 0 where it has none."""
        return float(getattr(self.run.model, "decay", 0.0))

    @cached_property
    def drives(self) -> Float[np.ndarray, "t q"]:
        """⟨∇ℓ(W), u_r v_rᵀ⟩ of each path."""
        return self.paths.drives(self.gradients)

    @cached_property
    def imbalances(self) -> Float[np.ndarray, " t"]:
        """max_j ‖W_{j+1}ᵀW_{j+1} − W_jW_jᵀ‖_F at each time."""
        return np.asarray([imbalance(self.layers(k)) for k in range(self.times.size)])

    def layers(self, record: int | np.integer) -> list[np.ndarray]:
        """W_1 … W_N at one of the times."""
        return self.run.model.layers(self.weights[int(record)])

    def product(self, record: int | np.integer) -> Float[np.ndarray, "m n"]:
        """W at one of the times."""
        return self.run.model.product(self.weights[int(record)])

    def integral(self, velocity: Float[np.ndarray, "t *k"]) -> Float[np.ndarray, "intervals *k"]:
        """∫ of a velocity from the start to the end of each interval."""
        pieces = []
        for a, b in pairwise(self.ends):
            shares = _WEIGHTS if b - a > 1 else np.asarray([0.5, 0.5])
            pieces.append((self.times[b] - self.times[a]) * np.tensordot(shares, velocity[a : b + 1], axes=1))
        return np.cumsum(pieces, axis=0)


def walked_again(run: Any, record: Record) -> Any:
    """The run walked once more up to its end, with another record. Raises InputError where it does not know how."""
    missing = [name for name in ("problem", "start", "integrator") if getattr(run, name) is None]
    if missing:
        raise InputError(
            f"a check walks the run again from its problem, start and integrator, got a run without its "
            f"{', '.join(missing)}, as loaded runs are; evolve it anew, or check it before it is saved"
        )
    if not run.time > 0:
        raise InputError(f"a check needs a run that has moved, got one that ended at its start ({run.reason})")
    stop = TimeReached(run.time)
    return evolve(run.problem, run.model, run.start, run.integrator, stop=stop, record=record, seed=run.seed)


def _grid(steps: dict[str, np.ndarray], intervals: int, is_discrete: bool) -> tuple[np.ndarray, Bool[np.ndarray, " i"]]:
    """Ends of intervals, and which of them are resolved inside."""
    times, curvature = steps["time"], steps["curvature"]
    if times.size - 1 > intervals:
        chosen = np.unique(np.round(np.linspace(0, times.size - 1, intervals + 1)).astype(int))
        times, curvature = times[chosen], curvature[chosen]
    reach = np.diff(times) * np.fmin(curvature[1:], curvature[:-1])
    return times, (reach <= _RESOLVED) & (not is_discrete)


def _paths(history: dict[str, np.ndarray]) -> SingularPaths:
    names = ("time", "singular_values", "left_vectors", "right_vectors")
    return follow(*(history[name].astype(np.float64) for name in names))
