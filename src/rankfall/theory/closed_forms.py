"""Curves of the singular values when the singular vectors are constant.

One change of variable solves them all. Along a mode whose vectors are fixed,
σ̇ = −N σ^{2−2/N} γ(t) with γ = ⟨∇ℓ, u vᵀ⟩; in the straightened coordinate

    θ_N(σ) = σ^κ/κ,  κ = (2−N)/N  (and θ_2(σ) = log σ)      the law reads      θ̇ = −N γ(t).

Depth has gone from the motion into the coordinate: the identity at N = 1, a logarithm at N = 2,
and for N ≥ 3 a coordinate that reaches its end, 0, only at σ = ∞, so that a mode that lags behind
another is left behind for good.
"""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.models.preconditioner import require_depth
from rankfall.theory.claim import Claim


def straighten(singular_values: Float[Array, "*batch"], depth: float | int) -> Float[Array, "*batch"]:
    """The coordinate in which a mode moves at the speed of its drive, θ̇ = −N⟨∇ℓ, u vᵀ⟩.

        θ_N(σ) = σ^κ/κ,  κ = (2−N)/N,  and θ_2(σ) = log σ;    dθ/dσ = σ^{−(2−2/N)}

    Increasing in σ > 0 at every real depth N ≥ 1. Source: [arora2019, singular values], integrated.

    Parameters
    ----------
    singular_values : ndarray, any shape
        σ > 0; at depth 1 of either sign.
    depth : float
        N ≥ 1, not necessarily a whole number.

    Returns
    -------
    ndarray, the shape of `singular_values`
        θ_N(σ).

    Raises
    ------
    InputError
        For a depth below 1.
    """
    require_depth(depth)
    kappa = (2 - depth) / depth
    with np.errstate(divide="ignore"):
        return np.log(singular_values) if kappa == 0 else singular_values**kappa / kappa


def unstraighten(coordinates: Float[Array, "*batch"], depth: float | int) -> Float[Array, "*batch"]:
    """The singular value at a straightened coordinate, σ = (κθ)^{1/κ}, and e^θ at depth 2.

    Beyond the end of the coordinate (θ ≥ 0 for N > 2) the mode has escaped: the value is infinite.
    Below its end (θ < 0 for 1 < N < 2) the value is 0. At depth 1 it is θ itself, of either sign.

    Parameters
    ----------
    coordinates : ndarray, any shape
        θ, the straightened coordinate.
    depth : float
        N ≥ 1, not necessarily a whole number.

    Returns
    -------
    ndarray, the shape of `coordinates`
        σ, the singular value.

    Raises
    ------
    InputError
        For a depth below 1.
    """
    require_depth(depth)
    kappa = (2 - depth) / depth
    if kappa == 0:
        return np.exp(coordinates)
    if kappa == 1:
        return coordinates
    base = np.maximum(kappa * np.asarray(coordinates, dtype=float), 0.0)
    with np.errstate(divide="ignore"):
        return base ** (1 / kappa)


def measurement_curve(
    second: Float[Array, "*batch"],
    ratio: float,
    depth: float | int,
    start: float,
    second_start: float | None = None,
) -> Float[Array, "*batch"]:
    """One mode as a function of another that shares its only measurement.

    For ℓ(W) = ½(⟨A, W⟩ − y)² with aligned singular vectors both modes are driven by the same
    residual, so time can be eliminated: with α = e_1ρ_1/(e_2ρ_2), the ratio of the (signed)
    singular values of A, and constants c set by the start,

        N = 1:  σ_1 = α σ_2 + c
        N = 2:  σ_1 = c σ_2^α
        N ≥ 3:  σ_1 = (α σ_2^{−(N−2)/N} + c)^{−N/(N−2)}

    For 0 < α < 1 the first mode lags: in proportion, as a power, or below a ceiling
    (`curve_ceiling`). For α > 1 and N ≥ 3 it escapes to infinity at a finite σ_2.

    Source: [arora2019, single measurement].

    Parameters
    ----------
    second : ndarray, any shape
        σ_2, positive.
    ratio : float
        α, the ratio of the drive of the first mode to that of the second.
    depth : float
        N ≥ 1, not necessarily a whole number.
    start : float
        σ_1 at the start, positive; σ_2 too unless `second_start` is given.
    second_start : float, optional
        σ_2 at the start, positive.

    Returns
    -------
    ndarray, the shape of `second`
        σ_1 where the second mode is at σ_2.

    Raises
    ------
    InputError
        For a start that is not positive, or a depth below 1.
    """
    second_start = start if second_start is None else second_start
    if not (start > 0 and second_start > 0):
        raise InputError(
            f"both modes must start above zero, got {start} and {second_start}; a small start "
            "such as 1e-3 shows the curve"
        )
    # θ(σ_1) − θ(σ_1(0)) = α (θ(σ_2) − θ(σ_2(0))), for θ̇_i = −N δ(t) e_i ρ_i
    travelled = straighten(second, depth) - straighten(np.float64(second_start), depth)
    return unstraighten(straighten(np.float64(start), depth) + ratio * travelled, depth)


def curve_ceiling(ratio: float, depth: float | int, start: float) -> float:
    """The value a lagging mode never exceeds, both modes starting at σ_0.

        N ≥ 3, α < 1:  σ_1 → σ_0 (1−α)^{−N/(N−2)}  as σ_2 → ∞

    Proportional to the start: this is how depth weakens the dependence on it. Infinite at
    depth ≤ 2, or where the first mode does not lag.

    Source: [arora2019, single measurement].

    Parameters
    ----------
    ratio : float
        α, the ratio of the drive of the first mode to that of the second.
    depth : float
        N ≥ 1, not necessarily a whole number.
    start : float
        σ_0 > 0, where both modes begin.

    Raises
    ------
    InputError
        For a depth below 1.
    """
    require_depth(depth)
    if depth <= 2 or ratio >= 1:
        return float("inf")
    return start * (1 - ratio) ** (-depth / (depth - 2))


def leakage(ratio: float, depth: float | int, start: float, final: float = 1.0) -> float:
    """The value of a weaker mode when a stronger one, from the same start, is learned.

        N = 1:  ≈ (λ_2/λ_1) σ_final       N = 2:  σ_final (σ_0/σ_final)^{1−λ_2/λ_1}
        N ≥ 3:  → σ_0 (1 − λ_2/λ_1)^{−N/(N−2)}, linear in the start

    This is what a greedy, rank-by-rank path leaves behind at each step.

    Source: [li2021]; the curve is that of [arora2019, single measurement].

    Parameters
    ----------
    ratio : float
        λ_2/λ_1, drive of the weaker mode over that of the stronger, in [0, 1].
    depth : float
        N ≥ 1, not necessarily a whole number.
    start : float
        σ_0 > 0, where both begin.
    final : float
        σ_final, where the stronger mode ends, default 1.

    Raises
    ------
    InputError
        For a ratio outside of [0, 1], a start that is not positive, or a depth below 1.
    """
    if not 0 <= ratio <= 1:
        raise InputError(f"the ratio of the weaker to the stronger drive is in [0, 1], got {ratio}; swap the modes")
    return float(measurement_curve(np.float64(final), ratio, depth, start))


def check_measurement_curve(
    first: Float[Array, " t"],
    second: Float[Array, " t"],
    ratio: float,
    depth: float | int,
    tolerance: float = 1e-3,
) -> Claim:
    """Hold two recorded modes of a one-measurement run against their curve.

    Source: [arora2019, single measurement].

    Parameters
    ----------
    first : ndarray, shape (t,)
        σ_1 along the run; its first record is the start of the curve.
    second : ndarray, shape (t,)
        σ_2 along the run.
    ratio : float
        α, the ratio of the drive of the first mode to that of the second.
    depth : float
        N ≥ 1, not necessarily a whole number.
    tolerance : float
        Largest deviation allowed, relative to the largest σ_1, default 1e-3.

    Returns
    -------
    Claim
        Its measurement is the largest deviation of σ_1 from the curve, relative to the largest σ_1.

    Raises
    ------
    InputError
        Where a mode does not start above zero, or for a depth below 1.
    """
    expected = measurement_curve(second, ratio, depth, float(first[0]), float(second[0]))
    deviation = np.abs(first - expected) / np.max(np.abs(first))
    worst = int(np.argmax(deviation))
    return Claim.at_most(
        "two modes of one measurement stay on their curve",
        "arora2019, single measurement",
        deviation[worst],
        tolerance,
        f"worst at record {worst}, σ_2 = {second[worst]:.4g}",
    )
