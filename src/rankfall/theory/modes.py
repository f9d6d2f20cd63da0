"""One mode growing towards its target: when it escapes from the start, and its whole path.

The scalar flow of ℓ = ½(σ − λ)² under depth N,

    σ̇ = N σ^{2−2/N} (λ − σ),

is the mode of a matrix that is fully observed, and a good model of each jump of a completion run:
a plateau whose length is set by the start, then a transition whose width is not. Times are those
of this loss; where the drive is c(λ − σ), divide them by c.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import expit, hyp2f1

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.models.preconditioner import require_depth
from rankfall.theory.closed_forms import straighten

HALVINGS = 100  # each halves an interval of logits narrower than 2¹¹: exact to rounding


def require_mode(target: float, start: float) -> None:
    """Raise `InputError` unless a mode at `start` can move to `target` with its sign kept."""
    if not (target > 0 and start > 0):
        raise InputError(
            f"target and start of a mode must be positive, got {target} and {start}; flip the "
            "sign of a singular vector to make a negative target positive"
        )


def escape_time(target: float, start: float, depth: float | int) -> float:
    """When a mode leaves its plateau: the time to reach λ were its drive to stay λ.

        (θ_N(λ) − θ_N(σ_0)) / (Nλ)  =  ln(λ/σ_0)/(2λ) at N = 2,
                                    ≈  σ_0^{−(N−2)/N}/((N−2)λ) at N ≥ 3 as σ_0 → 0

    Proportional to 1/λ up to these factors at every depth: strong modes first. The gaps between
    modes grow like ln(1/σ_0) at depth 2 and like a power of 1/σ_0 beyond.

    Source: [li2021]; the scalar law [arora2019, singular values].

    Parameters
    ----------
    target : float
        λ > 0.
    start : float
        σ_0, above 0 and below λ.
    depth : float
        N ≥ 1, not necessarily a whole number.

    Raises
    ------
    InputError
        For a target or a start that is not positive, a start that is not below the target, or a depth below 1.
    """
    require_mode(target, start)
    if not start < target:
        raise InputError(
            f"a mode escapes from below its target, got start {start} and target {target}; "
            "mode_time follows a mode that falls"
        )
    ends = straighten(np.array([start, target]), depth)
    return float((ends[1] - ends[0]) / (depth * target))


def potential(fractions: Float[Array, "*batch"], power: float) -> Float[Array, "*batch"]:
    """∫ x^{κ−1}/(1−x) dx = (x^κ/κ) ₂F₁(1, κ; κ+1; x) for κ ≠ 0, −1, −2, …; x in (0, 1)."""
    # hyp2f1 loses its digits where c − a − b is a rounding error instead of 0: spare κ three bits
    power = (power + 4.0) - 4.0
    return fractions**power / power * hyp2f1(1.0, power, power + 1.0, fractions)


def mode_time(
    values: Float[Array, "*batch"], target: float, start: float, depth: float | int
) -> Float[Array, "*batch"]:
    """The time at which a mode reaches a value: the implicit solution t(σ).

        N = 1:  t = ln((λ − σ_0)/(λ − σ))
        N = 2:  t = ln( σ(λ − σ_0) / (σ_0(λ − σ)) ) / (2λ)
        N ≥ 3:  t = ( Φ(σ/λ) − Φ(σ_0/λ) ) / (N λ^{2−2/N}),  Φ(x) = (x^κ/κ) ₂F₁(1, κ; κ+1; x)

    with κ = (2−N)/N. A start above the target is allowed; the time of the target is infinite.

    Source: [arora2019, singular values], integrated.

    Parameters
    ----------
    values : ndarray, any shape
        σ between start and target.
    target : float
        λ > 0.
    start : float
        σ_0 > 0.
    depth : float
        N ≥ 1, not necessarily a whole number.

    Returns
    -------
    ndarray, the shape of `values`
        t, infinite at the target.

    Raises
    ------
    InputError
        For a value that the mode never takes, a target or a start that is not positive, or a depth below 1.
    """
    require_depth(depth)
    require_mode(target, start)
    values = np.asarray(values, dtype=float)
    low, high = min(start, target), max(start, target)
    if np.any(values < low) or np.any(values > high):
        raise InputError(
            f"the mode moves from {start} to {target} and takes no other value, got values from "
            f"{values.min()} to {values.max()}; keep them between the two"
        )
    with np.errstate(divide="ignore"):
        if depth == 1:
            return np.log((target - start) / (target - values))
        if depth == 2:
            odds = (target - start) / start * values / (target - values)
            return np.log(odds) / (2 * target)
        pace = depth * target ** (2 - 2 / depth)
        if start < target:
            power, now, then = (2 - depth) / depth, values / target, start / target
        else:  # y = 1/x turns the falling branch into a rising one, with exponent 2 − 2/N
            power, now, then = 2 - 2 / depth, target / values, target / start
        return (potential(now, power) - potential(np.float64(then), power)) / pace


def mode_trajectory(
    times: Float[Array, "*batch"], target: float, start: float, depth: float | int
) -> Float[Array, "*batch"]:
    """The path σ(t) of a mode from σ_0 towards λ.

        N = 1:  σ = λ + (σ_0 − λ) e^{−t}
        N = 2:  σ = λ / (1 + (λ/σ_0 − 1) e^{−2λt})        the logistic curve
        N ≥ 3:  the inverse of `mode_time`, by bisection in the logit of σ/λ

    Monotone, keeps its sign, never crosses the target. Start and target as in `mode_time`.

    Source: [arora2019, singular values], integrated.

    Parameters
    ----------
    times : ndarray, any shape
        t, not negative.
    target : float
        λ > 0.
    start : float
        σ_0 > 0.
    depth : float
        N ≥ 1, not necessarily a whole number.

    Returns
    -------
    ndarray, the shape of `times`
        σ(t).

    Raises
    ------
    InputError
        For a negative time, a target or a start that is not positive, or a depth below 1.
    """
    require_depth(depth)
    require_mode(target, start)
    times = np.asarray(times, dtype=float)
    if np.any(times < 0):
        raise InputError(f"times must not be negative, got {times.min()}; the start is the value at time 0")
    if depth == 1:
        return target + (start - target) * np.exp(-times)
    if depth == 2:
        return target / (1 + (target / start - 1) * np.exp(-2 * target * times))
    if start == target:
        return np.full_like(times, target)
    rising = start < target
    fraction = start / target if rising else target / start
    low = np.full_like(times, np.log(fraction / (1 - fraction)))
    high = np.full_like(times, max(40.0, low.max(initial=0.0) + 1))  # expit(40) rounds to 1
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        share = np.clip(expit(middle), fraction, 1.0)
        reached = mode_time(target * share if rising else target / share, target, start, depth)
        late = reached > times
        low, high = np.where(late, low, middle), np.where(late, middle, high)
    share = expit((low + high) / 2)
    return target * share if rising else target / share
