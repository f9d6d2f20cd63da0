"""Depth as an optimizer: faster than descent on ℓ_p losses.

The end-to-end law of a single output, F(W) = ‖W‖^{2−2/N}(∇ℓ + (N−1) Pr_W{∇ℓ}), can be followed without any layers. Two
coordinates are enough to see that it speeds up ℓ_p regression for p > 2 by any factor.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.theory.laws import single_output_velocity


def lp_losses(
    targets: Float[Array, " 2"],
    exponent: int,
    depth: float | int,
    step: float,
    start: Float[Array, " 2"],
    iterations: int,
) -> Float[Array, " t"]:
    """Losses of the end-to-end rule on two decoupled ℓ_p residuals; depth 1 is gradient descent.

        ℓ(w) = (1/p) Σ_i (w_i − y_i)^p,    w ← w − η ‖w‖^{2−2/N}( ∇ℓ + (N−1) Pr_w{∇ℓ} )

    At depth 1 the error of each coordinate obeys Δ ← Δ(1 − ηΔ^{p−2}): the step is limited by the
    larger target, the rate by the smaller.

    Parameters
    ----------
    targets : ndarray, shape (2,)
        y, a target for each coordinate.
    exponent : int
        p, even.
    depth : float
        N ≥ 1, not necessarily a whole number.
    step : float
        η, the step of gradient descent.
    start : ndarray, shape (2,)
        w at the start; zero stays put at depth > 1.
    iterations : int
        How many steps; it stops early where the loss overflows.

    Returns
    -------
    ndarray, shape (t,)
        ℓ at the start and after each step.

    Raises
    ------
    InputError
        For an exponent other than 2, 4, 6, …, or a depth below 1.

    References
    ----------
    [arora2018, illustration of acceleration].
    """
    require_even(exponent)
    weights, losses = np.array(start, dtype=float), []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(iterations + 1):
            gaps = weights - targets
            losses.append(float(np.sum(gaps**exponent)) / exponent)
            if not np.isfinite(losses[-1]):
                break
            gradient = gaps ** (exponent - 1)
            weights = weights + step * single_output_velocity(weights[None], gradient[None], depth)[0]
    return np.array(losses)


def require_even(exponent: int) -> None:
    """Raise `InputError` unless the exponent is 2, 4, 6, …"""
    if exponent < 2 or exponent % 2:
        raise InputError(f"the exponent p must be even and at least 2, got {exponent}; p = 4 shows the speed-up")


def acceleration_step(targets: Float[Array, " 2"], exponent: int, depth: float | int, start: float) -> float:
    """The step with which the deep rule lands on the large target at once.

        η = y_1 / (N ε^{2−2/N} y_1^{p−1}),    w(0) = (ε, 0), y_1 ≫ y_2

    The second coordinate then sees the step η y_1^{2−2/N}, which must satisfy
    η y_1^{2−2/N} y_2^{p−2} < 2 for it to converge: at p = 2 that forbids any gain.

    Parameters
    ----------
    targets : ndarray, shape (2,)
        y, the large target first; y_1 > 0.
    exponent : int
        p, even.
    depth : float
        N ≥ 1, not necessarily a whole number.
    start : float
        ε > 0, the first coordinate at the start.

    Returns
    -------
    float
        η, the step.

    Raises
    ------
    InputError
        For an exponent other than 2, 4, 6, …, a first target or a start that is not positive, or where the second
        coordinate would be unstable.

    References
    ----------
    [arora2018, illustration of acceleration].
    """
    require_even(exponent)
    large, small = float(targets[0]), float(targets[1])
    if not (large > 0 and start > 0):
        raise InputError(
            f"the first target and the start must be positive, got {large} and {start}; flip the "
            "sign of the data to make the target so"
        )
    step = large / (depth * start ** (2 - 2 / depth) * large ** (exponent - 1))
    pace = step * large ** (2 - 2 / depth) * abs(small) ** (exponent - 2)
    if not pace < 2:
        raise InputError(
            f"the second coordinate needs η y_1^(2−2/N) y_2^(p−2) below 2, got {pace:.3g}; take a "
            "smaller second target or a larger start"
        )
    return step


def acceleration_factor(target: float, depth: float | int, start: float) -> float:
    """By how much the deep rule's step on the second coordinate exceeds that of descent.

        η y_1^{2−2/N} / (2/y_1^{p−2}) = (y_1/ε)^{2−2/N} / (2N)

    whatever p > 2; y_1/(4ε) at depth 2. Unbounded as ε → 0, ever more so with depth.

    Parameters
    ----------
    target : float
        y_1 > 0, the large target.
    depth : float
        N ≥ 1, not necessarily a whole number.
    start : float
        ε > 0, the first coordinate at the start.

    References
    ----------
    [arora2018, illustration of acceleration].
    """
    return (target / start) ** (2 - 2 / depth) / (2 * depth)
