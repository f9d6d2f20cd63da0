"""How depth moves singular values: the law that observables record and `theory` builds on."""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.models.preconditioner import require_depth


def multiplier(singular_values: Float[Array, "*batch"], depth: float | int) -> Float[Array, "*batch"]:
    """N (σ²)^{1−1/N} = N `|σ|^{2−2/N}`, by which depth multiplies the speed of a singular value.

    1 at depth 1 whatever σ; zero at σ = 0 for every larger depth, so that no value crosses zero at N ≥ 2.
    [arora2019, singular values]

    Parameters
    ----------
    singular_values : ndarray, any shape
        σ; signed values are allowed.
    depth : float
        N ≥ 1, not necessarily a whole number.

    Returns
    -------
    ndarray, the shape of `singular_values`

    Raises
    ------
    InputError
        For a depth below 1.
    """
    require_depth(depth)
    return depth * np.abs(singular_values) ** (2 - 2 / depth)


def singular_value_velocity(
    singular_values: Float[Array, "*batch"],
    drives: Float[Array, "*batch"],
    depth: float | int,
    decay: float | int = 0.0,
) -> Float[Array, "*batch"]:
    """The speed of singular values of W at depth N, for balanced layers.

        σ̇_r = −λN σ_r − N (σ_r²)^{1−1/N} ⟨∇ℓ(W), u_r v_rᵀ⟩

    Source: [arora2019, singular values]; decay from [arora2018, Theorem 1].

    Parameters
    ----------
    singular_values : ndarray, any shape
        σ_r; signed values are allowed.
    drives : ndarray, the same shape
        ⟨∇ℓ(W), u_r v_rᵀ⟩, the diagonal of Uᵀ∇ℓ(W)V.
    depth : float
        N ≥ 1, not necessarily a whole number.
    decay : float
        λ, the weight decay of each layer, default 0.

    Returns
    -------
    ndarray, the same shape
        σ̇_r.

    Raises
    ------
    InputError
        For a depth below 1.
    """
    return -decay * depth * singular_values - multiplier(singular_values, depth) * drives
