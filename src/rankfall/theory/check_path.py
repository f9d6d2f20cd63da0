"""A run followed again for its checks: the same problem, model, start and integrator, recorded where laws need it.

A law is an equation between velocities; a run gives positions. Over an interval the two meet in an integral,

    σ(b) − σ(a)  against  ∫ₐᵇ σ̇(law) dt.

For a flow the integral is taken where the path is known best: at the ends of a long stabilized step, between which
stiff directions are damped and not resolved, and at five Lobatto nodes in a step short enough to be resolved inside.
A discrete descent is judged at single steps: its own increment against its step times the law's velocity. Thinning
leaves some steps out and changes nothing about those that are looked at.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.arrays import to_numpy
from rankfall.problems.problem import Problem
from rankfall.theory.factors import imbalance
from rankfall.theory.run_again import followed_again, is_discrete, tolerance_of
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.singular_paths import SingularPaths, follow

# Five Gauss–Lobatto nodes, exact for polynomials of degree 7: no less than a step of order 8 resolves.
_NODES = np.asarray([0, (1 - np.sqrt(3 / 7)) / 2, 1 / 2, (1 + np.sqrt(3 / 7)) / 2])
LOBATTO = np.asarray([1 / 20, 49 / 180, 16 / 45, 49 / 180, 1 / 20])
# Errors inside a step of length h are amplified by h times the curvature when a velocity is integrated.
_RESOLVED = 10.0
# Records hold weights, gradients and vectors; more numbers than this are thinned out.
_NUMBERS = 2**26
# Errors of steps of order 2 and tolerance rtol, some rtol^{−1/3} of them, add up like rtol^{2/3}, and W amplifies an
# error of its layers N-fold. Deviations measured on completions and factorizations of 12 × 12 to 100 × 100, depths 1 to
# 5, rtol 1e-8 to 1e-3, stay below _LAW N rtol^{2/3}; quadrature between records resolves no more than _RESOLUTION.
_LAW, _RESOLUTION = 5.0, 1e-3
# Euler's step is the flow to first order: a step may differ from the law's by this share of itself.
_FIRST_ORDER = 0.05
# What a law may be off by for any reason before it says nothing.
_MOST = 0.2


@dataclass(frozen=True, eq=False)
class CheckedPath:
    """What the checks read of a run.

    Parameters
    ----------
    run : Trajectory
        The run.
    times : (t,) array
        Flow times of the records.
    weights : (t, p) array
        The weights there, float64.
    gradients : (t, m, n) array
        ∇ℓ(W) there, float64.
    paths : SingularPaths
        The singular triplets there.
    spans : (s, 2) array
        First and last record of each interval that laws are integrated over.
    steps : dict
        Time, loss and penalty λ/2 ‖w‖² at the end of every step.
    """

    run: Trajectory
    times: Float[np.ndarray, " t"]
    weights: Float[np.ndarray, "t p"]
    gradients: Float[np.ndarray, "t m n"]
    paths: SingularPaths
    spans: Int[np.ndarray, "s 2"]
    steps: dict[str, np.ndarray]

    @classmethod
    def of(cls, run: Trajectory, intervals: int, steps: dict[str, np.ndarray]) -> "CheckedPath":
        """Follow the run again, through at most so many intervals; `steps` from the history of `every_step`."""
        assert run.problem is not None
        m, n = run.problem.shape
        size = (2 if is_discrete(run) else 4) * (run.model.size + 2 * m * n + (m + n) * run.model.rank)
        kept = min(intervals, max(2, _NUMBERS // size))
        times, spans = (_pairs if is_discrete(run) else _intervals)(steps, kept)
        functions = {
            "weights": lambda problem, model, weights: weights,
            "gradient": lambda problem, model, weights: problem.loss_and_gradient(model.product(weights))[1],
        }
        record = Record(singular_values=True, vectors=True, functions=functions, times=times[1:-1])
        history = followed_again(run, record, times[-1]).history
        return cls(
            run=run, times=history["time"], weights=history["weights"].astype(np.float64),
            gradients=history["gradient"].astype(np.float64), paths=_paths(history), spans=spans, steps=steps,
        )  # fmt: skip

    @property
    def depth(self) -> float | int:
        """N of the model."""
        return self.run.model.depth

    @property
    def decay(self) -> float:
        """λ of the model, 0 where it has none."""
        return float(self.run.model.decay)

    @property
    def is_discrete(self) -> bool:
        """Whether the run is judged step by step."""
        return is_discrete(self.run)

    @property
    def has_equal_rates(self) -> bool:
        """Whether all layers move at the same rate, as every law assumes."""
        rates = self.run.model.rates
        return rates is None or all(rate == 1 for rate in rates)

    @property
    def problem(self) -> Problem:
        """The problem of the run."""
        assert self.run.problem is not None
        return self.run.problem

    @property
    def target(self) -> Float[np.ndarray, "m n"] | None:
        """Φ of a factorization, float64; None for other problems."""
        target = self.problem.target
        return None if target is None else to_numpy(target).astype(np.float64)

    @property
    def gradient_rate(self) -> float | None:
        """η of gradient descent; None for other integrators."""
        return None if self.run.integrator is None else self.run.integrator.gradient_rate

    @property
    def rtol(self) -> float:
        """The integrator's tolerance; 0 of a descent, which follows itself."""
        return tolerance_of(self.run) or 0.0

    @property
    def accuracy(self) -> float:
        """The accuracy of the whole path, rtol^{2/3}."""
        return self.rtol ** (2 / 3)

    @property
    def tolerance(self) -> float:
        """The deviation from a law, relative to the largest value, that the integrator accounts for."""
        if self.is_discrete:
            return _FIRST_ORDER
        return max(min(_LAW * self.depth * self.accuracy, _MOST), _RESOLUTION)

    @property
    def rounding(self) -> float:
        """What rounding of the weights may amount to, relative."""
        return 64 * float(np.finfo(to_numpy(self.run.weights).dtype).eps)

    @cached_property
    def products(self) -> Float[np.ndarray, "t m n"]:
        """W at each time."""
        return np.asarray(self.run.model.product(self.weights))

    @cached_property
    def drives(self) -> Float[np.ndarray, "t q"]:
        """⟨∇ℓ(W), u_r v_rᵀ⟩ of each path."""
        return self.paths.drives(self.gradients)

    @cached_property
    def imbalances(self) -> Float[np.ndarray, " t"]:
        """max_j ‖W_{j+1}ᵀW_{j+1} − W_jW_jᵀ‖_F at each time."""
        return np.asarray([imbalance(self.layers(k)) for k in range(self.times.size)])

    @property
    def relative_imbalance(self) -> float:
        """The imbalance at the start in units of the largest W_jW_jᵀ of the run, σ_1^{2/N}."""
        return float(self.imbalances[0]) / float(np.abs(self.paths.values).max()) ** (2 / self.depth)

    def layers(self, record: int | np.integer) -> list[np.ndarray]:
        """W_1 … W_N at one of the times."""
        return self.run.model.layers(self.weights[int(record)])

    def deviations(
        self, values: Float[np.ndarray, "t k"], velocity: Float[np.ndarray, "t k"]
    ) -> Float[np.ndarray, "s k"]:
        """How far values are from the integral of their velocity, at the end of each interval.

        Of a flow: since the start, relative to the largest value. Of a descent: over the step alone, relative to the
        length of the step, beyond what rounding leaves of it.
        """
        first, last = self.spans.T
        steps = self.integrals(velocity)
        if self.is_discrete:
            off = np.abs(values[last] - values[first] - steps) - self.rounding * np.abs(values).max()
            sizes = np.linalg.norm(steps, axis=1)[:, None]
            return np.maximum(off, 0) / np.where(sizes > 0, sizes, np.inf)
        return np.abs(values[last] - values[0] - np.cumsum(steps, axis=0)) / np.abs(values).max()

    def integrals(self, velocity: Float[np.ndarray, "t k"]) -> Float[np.ndarray, "s k"]:
        """∫ of a velocity over each interval: by quadrature of a flow, step times velocity of a descent."""
        first, last = self.spans.T
        lengths = (self.times[last] - self.times[first])[:, None]
        if self.is_discrete:
            return lengths * velocity[first]
        pieces = []
        for (a, b), length in zip(self.spans, lengths, strict=True):
            shares = LOBATTO if b - a > 1 else np.asarray([0.5, 0.5])
            pieces.append(length * np.tensordot(shares, velocity[a : b + 1], axes=1))
        return np.asarray(pieces)


def _pairs(steps: dict[str, np.ndarray], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of single steps, spread over the run; the first and the last step among them."""
    times = steps["time"]
    chosen = np.unique(np.round(np.linspace(0, times.size - 2, min(most, times.size - 1))).astype(int))
    kept = np.unique(np.concatenate([chosen, chosen + 1]))
    first = np.searchsorted(kept, chosen)
    return times[kept], np.stack([first, first + 1], axis=1)


def _intervals(steps: dict[str, np.ndarray], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Intervals from the start to the end of the run, with nodes inside where steps are resolved."""
    times, curvature = steps["time"], steps["curvature"]
    if times.size - 1 > most:
        chosen = np.unique(np.round(np.linspace(0, times.size - 1, most + 1)).astype(int))
        times, curvature = times[chosen], curvature[chosen]
    reach = np.diff(times) * np.fmin(curvature[1:], curvature[:-1])
    resolved: Bool[np.ndarray, " i"] = reach <= _RESOLVED
    inner = zip(pairwise(times), resolved, strict=True)
    nodes = [a + (b - a) * (_NODES if is_fine else _NODES[:1]) for (a, b), is_fine in inner]
    ends = np.append(0, np.cumsum([len(each) for each in nodes]))
    return np.append(np.concatenate(nodes), times[-1]), np.stack([ends[:-1], ends[1:]], axis=1)


def _paths(history: dict[str, np.ndarray]) -> SingularPaths:
    names = ("time", "singular_values", "left_vectors", "right_vectors")
    return follow(*(history[name].astype(np.float64) for name in names))
