"""Explicit Runge–Kutta steps of order 8 (Dormand–Prince 8(5,3)): where accuracy, not stability, limits the step.

The tableau and its seventh-order interpolant are SciPy's; the step itself works on a batch of runs in any array
namespace, each with its own length.
"""

import functools
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.integrators.state import Field, column, norms

STAGES = 12
# The method's real stability interval: |R(z)| ≤ 1 for −STABLE_REACH ≤ z ≤ 0 (a root of |R| = 1 found from the tableau).
STABLE_REACH = 6.0


@functools.cache
def tableau() -> SimpleNamespace:
    """A (12 × 12), B, E3, E5 (13), and the interpolant's A_EXTRA (3 × 16) and D (4 × 16)."""
    from scipy.integrate import DOP853

    return SimpleNamespace(a=DOP853.A, b=DOP853.B, e3=DOP853.E3, e5=DOP853.E5, a_extra=DOP853.A_EXTRA, d=DOP853.D)


def high_order_step(
    field: Field,
    weights: Float[Array, "batch p"],
    gradient: Float[Array, "batch p"],
    step: Float[np.ndarray, " batch"],
) -> tuple[Array, np.ndarray, Array, tuple[Array, ...], np.ndarray]:
    """Weights, loss and gradient one step on, the 13 stage gradients, and ‖λ‖: the stiffness seen by the last stages.

    12 evaluations beyond the gradient handed in.
    """
    table = tableau()
    forces, point = [gradient], weights
    for row in range(1, STAGES):
        point = weights - column(step, weights) * _weighted(table.a[row, :row], forces)
        forces.append(field(point)[1])
    new = weights - column(step, weights) * _weighted(table.b, forces)
    loss, new_gradient = field(new)
    # the last stage and the result are two points at the same time: their forces differ by the Hessian between them
    gap = norms(new - point)
    stiffness = norms(new_gradient - forces[-1]) / np.where(gap > 0, gap, np.inf)
    return new, loss, new_gradient, (*forces, new_gradient), stiffness


def local_error(
    forces: Sequence[Array], step: Float[np.ndarray, " batch"], scale: Float[np.ndarray, " batch"]
) -> Float[np.ndarray, " batch"]:
    """The pair of embedded estimates, orders 5 and 3, in units of `scale`; of order 8 in the step.   [Hairer]"""
    table = tableau()
    fifth = norms(_weighted(table.e5, forces)) / scale
    third = norms(_weighted(table.e3, forces)) / scale
    blend = np.sqrt(fifth**2 + 0.01 * third**2)
    return np.where(blend > 0, step * fifth**2 / np.where(blend > 0, blend, 1), 0)


def interpolate(
    field: Field,
    weights: Float[Array, "1 p"],
    new_weights: Float[Array, "1 p"],
    forces: Sequence[Float[Array, "1 p"]],
    step: float,
    fractions: Float[np.ndarray, " times"],
) -> Float[Array, "times p"]:
    """The path inside a step of one run, order 7, at `fractions` of it: three further evaluations."""
    table = tableau()
    forces = list(forces)
    for row in table.a_extra:
        forces.append(field(weights - step * _weighted(row[: len(forces)], forces))[1])
    change = new_weights - weights
    first, last = -step * forces[0], -step * forces[12]
    terms = [change, first - change, 2 * change - (last + first)]
    terms += [-step * _weighted(row, forces) for row in table.d]
    xp = namespace(weights)
    rows = []
    for x in fractions:
        y = xp.zeros_like(change)
        for power, term in enumerate(reversed(terms)):
            y = (y + term) * (float(x) if power % 2 == 0 else 1 - float(x))
        rows.append(weights + y)
    return xp.concat(rows, axis=0)


def _weighted(factors: np.ndarray, vectors: Sequence[Array]) -> Array:
    used = [(float(f), v) for f, v in zip(factors, vectors, strict=False) if f != 0]
    total = used[0][0] * used[0][1]
    for factor, vector in used[1:]:
        total = total + factor * vector
    return total
