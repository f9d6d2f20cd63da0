"""No regularizer does what depth does: the field that replaces ∇ℓ at depth N is the gradient of nothing.

    F(W) = ‖W‖^{2−2/N}( ∇ℓ + (N−1) Pr_W{∇ℓ} ),    W ∈ R^{1×2}

A gradient integrates to 0 around every loop. An integral that is not 0 shows that no penalty added to ℓ would have the
same effect.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.models.preconditioner import require_depth
from rankfall.theory.claim import Claim
from rankfall.theory.laws import single_output_velocity


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
