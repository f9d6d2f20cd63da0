"""Runge–Kutta–Chebyshev steps of order 2: stability bought with cheap stages.

Gradient flow is stiff with a real spectrum: fitted directions contract fast while others still wait. A Chebyshev
method of s stages is stable on a real interval of length ≈ 0.65 s², where s steps of a classical method would cover
≈ 2 s: plateaus cost next to nothing.

    Y_1 = Y_0 + μ̃_1 h F_0,    Y_j = (1 − μ_j − ν_j) Y_0 + μ_j Y_{j−1} + ν_j Y_{j−2} + μ̃_j h F_{j−1} + γ̃_j h F_0
                                                                                          [sommeijer1997]
"""

import functools
import math

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, is_numpy, namespace
from rankfall.integrators.state import Field, column, norms
from rankfall.kernels.vectors import stage, step_error

DAMPING = 2 / 13
MAX_STAGES = 256
_SAFETY, _SETTLED = 1.15, 0.02


def stages_for(reach: Float[np.ndarray, " batch"]) -> Int[np.ndarray, " batch"]:
    """The fewest stages stable for a step h when `reach` = h ρ, ρ the spectral radius."""
    return np.maximum(2, 1 + np.floor(np.sqrt(1 + 1.54 * reach))).astype(int)


def reach_of(stages: int) -> float:
    """The largest h ρ for which that many stages are chosen: the inverse of `stages_for`."""
    return (stages**2 - 1) / 1.54


@functools.lru_cache(maxsize=MAX_STAGES)
def coefficients(stages: int) -> tuple[float, list[list[float]]]:
    """μ̃_1, and a row (μ_j, ν_j, μ̃_j, γ̃_j) for each j = 2 … s; plain numbers, which leave float32 weights float32."""
    s = stages
    w0 = 1 + DAMPING / s**2
    # T_j, T_j', T_j'' at w0 by their three-term recurrences
    t, d, dd = np.zeros(s + 1), np.zeros(s + 1), np.zeros(s + 1)
    t[0], t[1], d[1] = 1, w0, 1
    for j in range(2, s + 1):
        t[j] = 2 * w0 * t[j - 1] - t[j - 2]
        d[j] = 2 * t[j - 1] + 2 * w0 * d[j - 1] - d[j - 2]
        dd[j] = 4 * d[j - 1] + 2 * w0 * dd[j - 1] - dd[j - 2]
    w1 = d[s] / dd[s]
    b = np.empty(s + 1)
    b[2:] = dd[2:] / d[2:] ** 2
    b[:2] = b[2]
    a = 1 - b * t
    j = np.arange(2, s + 1)
    mu, nu, mu_tilde = 2 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2], 2 * b[j] * w1 / b[j - 1]
    return float(b[1] * w1), np.stack([mu, nu, mu_tilde, -a[j - 1] * mu_tilde], axis=1).tolist()


def chebyshev_step(
    field: Field,
    weights: Float[Array, "batch p"],
    gradient: Float[Array, "batch p"],
    step: Float[np.ndarray, " batch"],
    stages: int,
) -> Float[Array, "batch p"]:
    """The weights one step h (each run its own) further; s − 1 evaluations beyond the gradient handed in."""
    first, rows = coefficients(stages)
    # descent: F = −∇φ, so h F enters with a minus sign
    before, current = weights, weights - column(first * step, weights) * gradient
    for mu, nu, mu_tilde, gamma_tilde in rows:
        _, force = field(current)
        before, current = current, _combine(
            weights, gradient, before, current, force, step, (1 - mu - nu, -gamma_tilde, nu, mu, -mu_tilde)
        )  # fmt: skip
    return current


def _combine(weights, gradient, before, current, force, step, factors) -> Array:
    """f_0 Y_0 + f_1 h G_0 + f_2 Y_{j−2} + f_3 Y_{j−1} + f_4 h G_{j−1}."""
    if is_numpy(weights):
        return stage(factors, step, weights, gradient, before, current, force)
    f0, f1, f2, f3, f4 = factors
    return f0 * weights + f2 * before + f3 * current + column(step, weights) * (f1 * gradient + f4 * force)


def local_error(weights, new_weights, gradient, new_gradient, step) -> Float[np.ndarray, " batch"]:
    """‖0.8 (y_n − y_{n+1}) + 0.4 h (F_n + F_{n+1})‖ ≈ h³‖y‴‖/15, from the ends of any step.   [sommeijer1997]"""
    if is_numpy(weights):
        return step_error(step, weights, new_weights, gradient, new_gradient)
    return norms(0.8 * (weights - new_weights) - column(0.4 * step, weights) * (gradient + new_gradient))


def spectral_radius(
    field: Field,
    weights: Float[Array, "batch p"],
    gradient: Float[Array, "batch p"],
    direction: Float[Array, "batch p"],
    products: int,
) -> tuple[Float[np.ndarray, " batch"], Float[Array, "batch p"]]:
    """Estimate of the largest |eigenvalue| of ∇²φ, with margin, and the direction that shows it.

    Nonlinear power iteration: v ← (∇φ(y + δv) − ∇φ(y))/δ, normalized, at most `products` times from the direction given
    and until the estimate settles; kept between steps, one product is enough to follow it.
    """
    xp = namespace(weights)
    small = math.sqrt(float(xp.finfo(weights.dtype).eps))
    radius = np.zeros(weights.shape[0])
    for _ in range(products):
        length = norms(direction)
        reach = small * np.maximum(norms(weights), small)
        delta = np.where(length > 0, reach / np.where(length > 0, length, 1), 0)
        _, force = field(weights + column(delta, weights) * direction)
        change = force - gradient
        before, radius = radius, norms(change) / np.where(reach > 0, reach, 1)
        direction = change
        if (np.abs(radius - before) <= _SETTLED * radius).all():
            break
    return _SAFETY * radius, direction
