"""Scalar descriptions of W along a run: its spectrum, its error, and the alignment with its gradient.

The functions of singular values apply to a recorded history as well as inside the loop: compute them after the run from
`history["singular_values"]`, or wrap them by `of_singular_values` for `Record(functions=…)`.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace, to_numpy
from rankfall.errors import InputError
from rankfall.models.model import Model
from rankfall.problems.problem import Problem
from rankfall.trajectory.singular_value_law import singular_value_velocity

# f(problem, model, weights): what `Record(functions=…)` and `Crossing` take.
Observable: TypeAlias = Callable[[Problem, Model, Array], Array]


def stable_rank(singular_values: Float[np.ndarray, "*batch q"]) -> Float[Array, "*batch"]:
    """‖W‖_F²/‖W‖² = Σσ²/σ_1²: at most the rank, insensitive to small singular values; 0 for W = 0."""
    largest = np.max(np.abs(singular_values), axis=-1)
    share = singular_values / np.where(largest > 0, largest, 1)[..., None]
    return np.sum(share**2, axis=-1)


def schatten_norm(singular_values: Float[np.ndarray, "*batch q"], p: float | int) -> Float[Array, "*batch"]:
    """(Σσ^p)^{1/p}: nuclear at p = 1, Frobenius at p = 2, spectral at p = ∞, a quasi-norm for p < 1.

    Raises
    ------
    InputError
        For p that is not positive.
    """
    if not p > 0:
        raise InputError(f"p must be positive, got {p}; 1 is the nuclear norm, the limit 0 counts the rank")
    largest = np.max(np.abs(singular_values), axis=-1)
    share = np.abs(singular_values) / np.where(largest > 0, largest, 1)[..., None]
    return largest * np.sum(share**p, axis=-1) ** (1 / p) if np.isfinite(p) else largest


def distance_to_rank(singular_values: Float[np.ndarray, "*batch q"], rank: int) -> Float[Array, "*batch"]:
    """‖W − W_r‖_F = (Σ_{k>r} σ_k²)^{1/2}, the distance to the nearest matrix of rank r.

    Parameters
    ----------
    singular_values : array
        All of them, descending.
    rank : int
        r ≥ 0.

    Raises
    ------
    InputError
        For a negative rank.
    """
    if rank < 0:
        raise InputError(f"a rank is 0 or more, got {rank}; the distance to rank 0 is the Frobenius norm")
    return np.sqrt(np.sum(singular_values[..., rank:] ** 2, axis=-1))


def of_singular_values(function: Callable[[np.ndarray], np.ndarray]) -> Observable:
    """Wrap a function of all singular values for `Record(functions=…)`.

    Examples
    --------
    >>> record = {"p_half": of_singular_values(lambda s: schatten_norm(s, 0.5))}
    """
    return lambda problem, model, weights: function(to_numpy(model.decomposition(weights)[1]))


def test_error(problem: Problem, model: Model, weights: Float[Array, "batch p"]) -> Float[np.ndarray, " batch"]:
    """Mean squared error against the truth over all entries of W, the papers' reconstruction error.   [arora2019]"""
    xp = namespace(weights)
    gap = model.product(weights) - problem.truth
    return to_numpy(xp.mean(gap * gap, axis=tuple(range(1, gap.ndim)))).astype(np.float64)


def margin_to(target: Float[Array, "m n"]) -> Observable:
    """A function for `Record(functions=…)`: the deficiency margin c = σ_min(Φ) − ‖W − Φ‖_F, Φ = `target`.

    If c > 0, no W of the same or a smaller loss ½‖W − Φ‖_F² is singular.   [arora2018convergence, Definition 2]
    """
    known = to_numpy(target)
    smallest = np.linalg.svd(known, compute_uv=False)[-1]

    def margin(problem: Problem, model: Model, weights: Array) -> np.ndarray:
        product = to_numpy(model.product(weights))
        if product.shape[-2:] != known.shape:
            raise InputError(f"a margin to Φ of shape {known.shape} needs W of that shape, got {product.shape[-2:]}")
        return smallest - np.linalg.norm(product - known, axis=(-2, -1))

    return margin


def alignment(core: Float[np.ndarray, "*batch q q"]) -> Float[np.ndarray, "*batch 2"]:
    """Mean `|diagonal|` and mean `|off-diagonal|` of Uᵀ∇ℓ(W)V; the second is 0 where singular vectors do not turn.

    It is 0 for a 1 × 1 core.   [arora2019, Figure 3]
    """
    q = core.shape[-1]
    size = np.abs(core)
    on = np.trace(size, axis1=-2, axis2=-1)
    return np.stack([on / q, (size.sum(axis=(-2, -1)) - on) / max(q * (q - 1), 1)], axis=-1)


def value_velocities(
    problem: Problem, model: Model, weights: Float[Array, "batch p"]
) -> Float[np.ndarray, "batch 2 q"]:
    """A function for `Record(functions=…)`: σ̇_r by the law, and σ̇_r of the layers' product.

        −λN σ_r − N (σ_r²)^{1−1/N} ⟨∇ℓ(W), u_r v_rᵀ⟩   and   u_rᵀ Ẇ v_r,  Ẇ = Σ_j W_N ⋯ Ẇ_j ⋯ W_1

    The two agree for balanced layers; their difference measures the effect of imbalance.   [arora2019, singular values]
    """
    u, values, v = map(to_numpy, model.decomposition(weights))
    gradient = to_numpy(problem.loss_and_gradient(model.product(weights))[1])
    drives = np.einsum("bir,bij,brj->br", u, gradient, v, optimize=True)
    law = singular_value_velocity(values, drives, model.depth, model.decay)
    measured = np.einsum("bir,bij,brj->br", u, product_velocity(problem, model, weights), v, optimize=True)
    return np.stack([law, measured], axis=1)


def product_velocity(
    problem: Problem, model: Model, weights: Float[Array, "batch p"]
) -> Float[np.ndarray, "batch m n"]:
    """Ẇ of the flow, formed, from the velocity of the layers.

    W is a polynomial of degree N along a line in the weights, so a central difference with enough points equals its
    derivative to rounding, at any distance.
    """
    points = to_numpy(weights).astype(np.float64)
    velocity = to_numpy(model.velocity(problem, weights)[1]).astype(np.float64)
    speed = np.linalg.norm(velocity, axis=-1)
    step = np.where(speed > 0, np.linalg.norm(points, axis=-1) / np.where(speed > 0, 10 * speed, 1), 1.0)
    places = np.arange(1, int(np.ceil(model.depth / 2)) + 1)
    # Σ_k c_k (p(k) − p(−k)) = p′(0) for all odd powers up to 2K − 1, and for even ones by symmetry
    powers = places[None, :] ** (2.0 * np.arange(places.size)[:, None] + 1)
    shares = np.linalg.solve(powers, np.eye(places.size)[0] / 2)
    ahead = step[:, None] * velocity
    pairs = zip(shares, places, strict=True)
    slope = sum(share * (model.product(points + k * ahead) - model.product(points - k * ahead)) for share, k in pairs)
    return slope / step[:, None, None]
