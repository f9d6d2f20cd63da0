"""What depth is as an optimizer: faster than descent on ℓ_p losses, and the gradient of nothing.

The end-to-end law of a single output, F(W) = ‖W‖^{2−2/N}(∇ℓ + (N−1) Pr_W{∇ℓ}), can be followed
without any layers. Two coordinates are enough to see that it speeds up ℓ_p regression for p > 2 by
any factor, and a loop integral shows that no regularizer added to ℓ would have the same effect.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.models.preconditioner import require_depth
from rankfall.theory.claim import Claim
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


def loop_integral(
    gradient: Callable[[Float[Array, " 2"]], Float[Array, " 2"]],
    depth: float | int,
    center: Float[Array, " 2"],
    side: float = 1.0,
    nodes: int = 40,
) -> float:
    """∮ F(W)·dW around a square, of the field by which depth N replaces ∇ℓ.

        F(W) = ‖W‖^{2−2/N}( ∇ℓ + (N−1) Pr_W{∇ℓ} ),    W ∈ R^{1×2}

    Zero on every loop if F is a gradient. Depth 1 gives 0; so does depth 2 with ℓ = ⟨u, W⟩, where
    F = ∇(‖W‖ℓ), and with ℓ = ½‖W − a‖², which adds a radial field. Otherwise, in general, not.

    Parameters
    ----------
    gradient : callable
        ∇ℓ, from a point, an array of shape (2,), to a vector of the same shape.
    depth : float
        N ≥ 1, not necessarily a whole number.
    center : ndarray, shape (2,)
        Center of the square, walked counterclockwise; the square may contain 0.
    side : float
        Side of the square, default 1.
    nodes : int
        Gauss–Legendre nodes on each side, default 40.

    Raises
    ------
    InputError
        For a depth below 1, or a gradient of another shape than the point.

    References
    ----------
    [arora2018, Theorem 2].
    """
    places, weights = np.polynomial.legendre.leggauss(nodes)
    corners = center + side / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    total = 0.0
    for tail, head in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        half = (head - tail) / 2
        for place, weight in zip(places, weights, strict=True):
            point = (head + tail) / 2 + place * half
            field = -single_output_velocity(point[None], gradient(point)[None], depth)[0]
            total += weight * float(field @ half)
    return float(total)


def half_annulus_integral(slope: float, depth: float | int, inner: float, outer: float) -> float:
    """∮ F(W)·dW around half an annulus at 0, of the field by which depth N replaces a constant gradient.

    ::

        2|g| (R^a − r^a) (N/a − 1),    a = 3 − 2/N,    ∇ℓ = g,    r ≤ ‖W‖ ≤ R on one side of the line through g

    Walked from `−Rg/|g|` along that line inwards, around the small half circle, outwards, and back along the large one.
    Zero at depth 1 and 2 and at no other: for small R it is the leading term of the integral for any ℓ with ∇ℓ(0) = g,
    and the proof that F is no gradient.

    Parameters
    ----------
    slope : float
        `|g|`.
    depth : float
        N ≥ 1, not necessarily a whole number.
    inner, outer : float
        r and R, 0 < r < R.

    Raises
    ------
    InputError
        For a depth below 1, or radii that are not 0 < r < R.

    References
    ----------
    [arora2018, Theorem 2]; the exponents computed.
    """
    require_depth(depth)
    if not 0 < inner < outer:
        raise InputError(f"an annulus needs radii 0 < r < R, got {inner} and {outer}; swap them")
    power = 3 - 2 / depth
    return 2 * slope * (outer**power - inner**power) * (depth / power - 1)


def check_no_regularizer(
    gradient: Callable[[Float[Array, " 2"]], Float[Array, " 2"]],
    depth: float | int,
    center: Float[Array, " 2"],
    side: float = 1.0,
    tolerance: float = 1e-6,
) -> Claim:
    """The effect of depth is no added penalty: its field has a loop integral that is not 0.

    Parameters
    ----------
    gradient : callable
        ∇ℓ, from a point, an array of shape (2,), to a vector of the same shape; the theorem asks that it be continuous
        near 0 and not 0 at 0.
    depth : float
        N ≥ 1; at depth 1 the claim fails, as it should, and at depth 2 for some ℓ.
    center : ndarray, shape (2,)
        Center of the square.
    side : float
        Side of the square, default 1.
    tolerance : float
        Integrals up to this count as 0, default 1e-6.

    Returns
    -------
    Claim
        Its measurement is the absolute value of the integral, and its bound is the tolerance.

    Raises
    ------
    InputError
        For a depth below 1, or a gradient of another shape than the point.

    References
    ----------
    [arora2018, Theorem 2].
    """
    integral = loop_integral(gradient, depth, center, side)
    return Claim.judged(
        f"the end-to-end field of depth {depth} is not a gradient: |∮ F·dW| > 0",
        "arora2018, Theorem 2",
        abs(integral),
        tolerance,
        abs(integral) > tolerance,
        why=f"square of side {side} around ({center[0]:.3g}, {center[1]:.3g})",
    )
