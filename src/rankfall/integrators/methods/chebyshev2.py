"""Runge–Kutta–Chebyshev steps of order 2: stability bought with cheap stages.

Gradient flow is stiff with a real spectrum: fitted directions contract fast while others still wait. A Chebyshev
method of s stages is stable on a real interval of length ≈ 0.65 s², where s steps of a classical method would cover
≈ 2 s: plateaus cost next to nothing.

    Y_1 = Y_0 + μ̃_1 h F_0,    Y_j = (1 − μ_j − ν_j) Y_0 + μ_j Y_{j−1} + ν_j Y_{j−2} + μ̃_j h F_{j−1} + γ̃_j h F_0
                                                                                          [sommeijer1997]
"""

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, is_numpy, is_torch
from rankfall.integrators.field import Field
from rankfall.integrators.methods.method import Method, Step
from rankfall.integrators.rows import column, lengths
from rankfall.kernels.vectors import stage, step_error

DAMPING = 2 / 13
MAX_STAGES = 256


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


@functools.lru_cache(maxsize=MAX_STAGES)
def _factor_table(stages: int) -> np.ndarray:
    """`coefficients` as compiled loops read them: Y_1 = Y_0 + μ̃_1 h F_0 is one more row."""
    first, rows = coefficients(stages)
    return np.asarray([[1.0, 0.0, first, 0.0], *rows])


def _factors_for(stages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factors of all numbers of stages that occur, and where those of each run are (batch, 2)."""
    if stages.size == 1:
        return _factor_table(int(stages[0])), np.asarray([[0, stages[0]]])
    found, which = np.unique(stages, return_inverse=True)
    ends = np.cumsum(found)
    return np.concatenate([_factor_table(int(s)) for s in found]), np.stack([ends - found, ends], axis=1)[which]


def chebyshev_step(
    field: Field,
    weights: Float[Array, "batch p"],
    velocity: Float[Array, "batch p"],
    h: Float[np.ndarray, " batch"],
    stages: int,
) -> Float[Array, "batch p"]:
    """The weights one step h (each run its own) later; s − 1 evaluations beside the given velocity."""
    first, rows = coefficients(stages)
    before, current = weights, weights + column(first * h, weights) * velocity
    lengths_there = None if is_numpy(weights) else column(h, weights)
    for mu, nu, mu_tilde, gamma_tilde in rows:
        slope = field.evaluate(current)[1]
        factors = (1 - mu - nu, gamma_tilde, nu, mu, mu_tilde)
        if lengths_there is None:
            new = stage(factors, h, weights, velocity, before, current, slope)
        else:
            new = _combine(weights, velocity, before, current, slope, lengths_there, factors)
        before, current = current, new
    return current


def _combine(weights, velocity, before, current, slope, h, factors) -> Array:
    """f_0 Y_0 + f_1 h F_0 + f_2 Y_{j−2} + f_3 Y_{j−1} + f_4 h F_{j−1}, h a column."""
    f0, f1, f2, f3, f4 = factors
    if is_torch(weights):
        # a scaled addition is one pass, and into an array of its own
        pull = (f1 * velocity).add_(slope, alpha=f4)
        sums = (f0 * weights).add_(before, alpha=f2).add_(current, alpha=f3)
        return sums.add_(pull, alpha=h) if isinstance(h, float) else sums.addcmul_(pull, h)
    return f0 * weights + f2 * before + f3 * current + h * (f1 * velocity + f4 * slope)


def local_error(weights, new_weights, velocity, new_velocity, h) -> Float[Array, " batch"]:
    """‖0.8 (y_n − y_{n+1}) + 0.4 h (F_n + F_{n+1})‖ ≈ h³‖y‴‖/15, from the ends of any step.   [sommeijer1997]"""
    if is_numpy(weights):
        return step_error(-h, weights, new_weights, velocity, new_velocity)
    return lengths(0.8 * (weights - new_weights) + column(0.4 * h, weights) * (velocity + new_velocity))


@dataclass(frozen=True)
class Chebyshev2(Method):
    """Stabilized steps of order 2 for stiff stretches: as many stages as the step's hρ needs, at most 256.

    Cost: s evaluations and one for the spectral radius, with 0.65 s² ≈ hρ.   [sommeijer1997]
    """

    order, evaluations, reach = 2, MAX_STAGES + 1, reach_of(MAX_STAGES)
    safety, is_stabilized, foresees_growth = 0.8, True, True

    def step(
        self,
        field: Field,
        weights: Float[Array, "batch p"],
        velocity: Float[Array, "batch p"],
        h: Float[np.ndarray, " batch"],
        radius: Float[np.ndarray, " batch"],
    ) -> Step:
        """One step with the stages that the stiffest run needs; compiled, with those that each run needs."""
        needed = stages_for(h * radius)
        stages = int(needed.max())
        if field.motion is not None:
            field.count(stages)
            return Step(**field.motion.chebyshev(weights, velocity, h, *_factors_for(needed))._asdict())
        new = chebyshev_step(field, weights, velocity, h, stages)
        loss, new_velocity = field.evaluate(new)
        error = local_error(weights, new, velocity, new_velocity, h)
        return Step(weights=new, velocity=new_velocity, loss=loss, error=error)

    def cost(self, reach: Float[np.ndarray, " batch"]) -> Float[np.ndarray, " batch"]:
        """The stages of a step of that hρ, and one product for ρ."""
        return stages_for(reach) + 1.0

    def foreseen_error(
        self,
        weights: Float[Array, "batch p"],
        new_weights: Float[Array, "batch p"],
        velocity: Float[Array, "batch p"],
        new_velocity: Float[Array, "batch p"],
        h: Float[np.ndarray, " batch"],
    ) -> Float[Array, " batch"]:
        """The error estimate needs only the ends of a step."""
        return local_error(weights, new_weights, velocity, new_velocity, h)
