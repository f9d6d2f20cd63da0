"""The stiffness of a gradient flow: the largest |eigenvalue| of the Hessian, by power iteration."""

import math

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, epsilon
from rankfall.integrators.field import Field
from rankfall.integrators.rows import lengths, read

_SAFETY, _SETTLED = 1.15, 0.02


def spectral_radius(
    field: Field,
    weights: Float[Array, "batch p"],
    velocity: Float[Array, "batch p"],
    direction: Float[Array, "batch p"],
    products: int,
) -> tuple[Float[np.ndarray, " batch"], Float[Array, "batch p"]]:
    """Estimate the largest |eigenvalue| ρ of ∇²φ, raised by 15 %, and the direction that shows it.

    Parameters
    ----------
    products : int
        The most iterations; it ends earlier when the estimate changes by less than 2 %. One is enough to follow ρ
        along a path when `direction` is the one of the step before.
    """
    radius = np.zeros(weights.shape[0])
    for _ in range(products):
        raised, direction = hessian_product(field, weights, velocity, direction)
        before, radius = radius, read(raised)[0]
        if products > 1 and (np.abs(radius - before) <= _SETTLED * radius).all():
            break
    return radius, direction


def hessian_product(
    field: Field,
    weights: Float[Array, "batch p"],
    velocity: Float[Array, "batch p"],
    direction: Float[Array, "batch p"],
) -> tuple[Float[Array, " batch"], Float[Array, "batch p"]]:
    """One iteration, with its estimate of ρ, raised by 15 %, where the weights lie.

    v ← (F(y) − F(y + δv)) / δ, normalized
    """
    nearby, reach = field.nudged(weights, direction, math.sqrt(epsilon(weights)))
    change = velocity - nearby
    return _SAFETY * (lengths(change) / reach), change
