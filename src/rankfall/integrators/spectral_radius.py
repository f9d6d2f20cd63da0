"""The stiffness of a gradient flow: the largest |eigenvalue| of the Hessian, by power iteration."""

import math

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, epsilon
from rankfall.integrators.field import Field
from rankfall.integrators.rows import norms

_SAFETY, _SETTLED = 1.15, 0.02


def spectral_radius(
    field: Field,
    weights: Float[Array, "batch p"],
    velocity: Float[Array, "batch p"],
    direction: Float[Array, "batch p"],
    products: int,
) -> tuple[Float[np.ndarray, " batch"], Float[Array, "batch p"]]:
    """Estimate the largest |eigenvalue| ρ of ∇²φ, raised by 15 %, and the direction that shows it.

        v ← (F(y) − F(y + δv)) / δ, normalized

    Parameters
    ----------
    products : int
        The most iterations; it ends earlier when the estimate changes by less than 2 %. One is enough to follow ρ
        along a path when `direction` is the one of the step before.
    """
    small = math.sqrt(epsilon(weights))
    radius = np.zeros(weights.shape[0])
    for _ in range(products):
        nearby, reach = field.nudged(weights, direction, small)
        change = velocity - nearby
        before, radius = radius, norms(change) / reach
        direction = change
        if products > 1 and (np.abs(radius - before) <= _SETTLED * radius).all():
            break
    return _SAFETY * radius, direction
