"""What an entry costs: one of four kinds ρ(z, b) with one parameter, in compiled loops.

The dataclasses of `rankfall.problems.losses` say what they mean. The pull of an entry is ½ ∂ρ/∂z, which for squares is
the residual.
"""

from typing import no_type_check

import numpy as np
from numba import njit

SQUARED, HUBER, ABSOLUTE, LOGISTIC = range(4)


@njit(cache=True)
@no_type_check
def cost_and_pull(kind, parameter, prediction, target):
    """ρ and ½ ∂ρ/∂z of an entry, for all kinds but squares."""
    residual = prediction - target
    if kind == HUBER:
        # compared this way round, a residual that is not a number passes through
        pull = parameter if residual > parameter else -parameter if residual < -parameter else residual
        return pull * (2 * residual - pull), pull
    if kind == ABSOLUTE:
        length = np.sqrt(residual * residual + parameter * parameter)
        return residual * residual / (length + parameter), residual / (2 * length)
    margin = target * (prediction + parameter)
    small = np.exp(-abs(margin))
    # σ(−margin) = e^{−margin}/(1 + e^{−margin}), from whichever exponential does not overflow
    miss = small / (1 + small) if margin > 0 else 1 / (1 + small)
    return max(-margin, 0) + np.log1p(small), -target * miss / 2


@njit(cache=True, inline="always")
@no_type_check
def weighed(kind, parameter, prediction, target, weight):
    """w ρ and ½ w ∂ρ/∂z of an entry, in the type of its prediction."""
    if kind == SQUARED:
        residual = prediction - target
        pull = residual * weight
        return residual * pull, pull
    cost, slope = cost_and_pull(kind, parameter, prediction, target)
    number = type(prediction)
    return number(cost) * weight, number(slope) * weight
