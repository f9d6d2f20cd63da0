"""Explicit Runge–Kutta steps of order 8 (Dormand–Prince 8(5,3)): where accuracy, not stability, limits the step.

The tableau and its seventh-order interpolant are SciPy's; the step itself works on a batch of runs in any array
namespace, each with its own length.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, is_numpy, namespace
from rankfall.integrators.field import Field
from rankfall.integrators.methods.method import Interval, Method, Step
from rankfall.integrators.rows import column, lengths, spread
from rankfall.kernels.motion import Motion

STAGES = 12
# The method's real stability interval: |R(z)| ≤ 1 for −STABLE_REACH ≤ z ≤ 0 (a root of |R| = 1 found from the tableau).
STABLE_REACH = 6.0


@functools.cache
def tableau() -> SimpleNamespace:
    """A (12 × 12), B, E3, E5 (13), and the interpolant's A_EXTRA (3 × 16) and D (4 × 16)."""
    from scipy.integrate import DOP853

    return SimpleNamespace(a=DOP853.A, b=DOP853.B, e3=DOP853.E3, e5=DOP853.E5, a_extra=DOP853.A_EXTRA, d=DOP853.D)


@dataclass(frozen=True)
class DormandPrince8(Method):
    """Steps of order 8 where accuracy limits the step: 12 evaluations, stable for hρ ≤ 6."""

    order, evaluations, reach = 8, STAGES, STABLE_REACH
    shows_radius = True

    @property
    def error_power(self) -> int:
        """The blend of the two embedded estimates is O(h⁸)."""
        return 8

    def step(
        self,
        field: Field,
        weights: Float[Array, "batch p"],
        velocity: Float[Array, "batch p"],
        h: Float[np.ndarray, " batch"],
        radius: Float[np.ndarray, " batch"],
    ) -> Step:
        """One step, its 13 stage velocities, and the stiffness between its last two points."""
        table = tableau()
        if field.motion is not None:
            return _compiled_step(field, field.motion, weights, velocity, h)
        slopes, point, by = [velocity], weights, column(h, weights)
        for row in range(1, STAGES):
            point = weights + by * _weighted(table.a[row, :row], slopes)
            slopes.append(field.evaluate(point)[1])
        new = weights + by * _weighted(table.b, slopes)
        loss, new_velocity = field.evaluate(new)
        # the last stage and the result are two points at the same time: their slopes differ by the Hessian between them
        gap = lengths(new - point)
        xp = namespace(gap)
        stiffness = lengths(new_velocity - slopes[-1]) / xp.where(gap > 0, gap, xp.full_like(gap, np.inf))
        stages = (*slopes, new_velocity)
        return Step(
            weights=new, velocity=new_velocity, loss=loss, error=local_error(stages, h), stages=stages, radius=stiffness
        )

    def interpolate(
        self, field: Field, interval: Interval, fractions: Float[np.ndarray, " times"]
    ) -> Float[Array, "times p"]:
        """The path inside a step, of order 7: three further evaluations."""
        table, h = tableau(), interval.h
        slopes = list(interval.stages)
        for row in table.a_extra:
            slopes.append(field.evaluate(interval.weights + h * _weighted(row[: len(slopes)], slopes))[1])
        change = interval.new_weights - interval.weights
        first, last = h * slopes[0], h * slopes[12]
        terms = [change, first - change, 2 * change - (last + first)]
        terms += [h * _weighted(row, slopes) for row in table.d]
        xp = namespace(change)
        rows = []
        for x in fractions:
            y = xp.zeros_like(change)
            for power, term in enumerate(reversed(terms)):
                y = (y + term) * (float(x) if power % 2 == 0 else 1 - float(x))
            rows.append(interval.weights + y)
        return xp.concat(rows, axis=0)


def _compiled_step(field: Field, motion: Motion, weights: np.ndarray, velocity: np.ndarray, h: np.ndarray) -> Step:
    """The same step by compiled loops."""
    table = tableau()
    estimates = np.stack([table.e5, table.e3])
    end = motion.explicit(weights, velocity, h, table.a[:STAGES, :STAGES], table.b, estimates)
    field.count(STAGES)
    stiffness = end.turn / np.where(end.gap > 0, end.gap, np.inf)
    error = _blended(end.estimates[:, 0], end.estimates[:, 1], h)
    return Step(
        weights=end.weights, velocity=end.stages[-1], loss=end.loss, error=error,
        stages=tuple(end.stages), radius=stiffness,
    )  # fmt: skip


def local_error(slopes: Sequence[Array], h: Float[np.ndarray, " batch"]) -> Float[Array, " batch"]:
    """h e_5² / (e_5² + 0.01 e_3²)^{1/2} of the embedded estimates e_5 and e_3, of orders 5 and 3.   [hairer1993]"""
    table = tableau()
    fifth, third = (lengths(_weighted(row, slopes)) for row in (table.e5, table.e3))
    return _blended(fifth, third, spread(h, slopes[0]) if not is_numpy(fifth) else h)


def _blended(fifth: Array, third: Array, h: Array) -> Array:
    xp = namespace(fifth)
    blend = xp.sqrt(fifth**2 + 0.01 * third**2)
    one = xp.ones_like(blend)
    return xp.where(blend > 0, h * fifth**2 / xp.where(blend > 0, blend, one), 0 * one)


def _weighted(factors: np.ndarray, vectors: Sequence[Array]) -> Array:
    used = [(float(f), v) for f, v in zip(factors, vectors, strict=False) if f != 0]
    total = used[0][0] * used[0][1]
    for factor, vector in used[1:]:
        total = total + factor * vector
    return total
