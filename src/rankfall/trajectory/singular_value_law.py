"""How depth moves singular values: the law that observables record and `theory` builds on."""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.models.preconditioner import require_depth


def multiplier(singular_values: Float[Array, "*batch"], depth: float | int) -> Float[Array, "*batch"]:
    """N (σ²)^{1−1/N} = N `|σ|^{2−2/N}`, by which depth multiplies the speed of a singular value.

    1 at depth 1 whatever σ; zero at σ = 0 for every larger depth, so that no value crosses zero at N ≥ 2.
    [arora2019, singular values]
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

    Parameters
    ----------
    singular_values : array
        σ_r; signed values are allowed.
    drives : array
        ⟨∇ℓ(W), u_r v_rᵀ⟩, the diagonal of Uᵀ∇ℓ(W)V, of the same shape.
    depth : float
        N ≥ 1.
    decay : float
        λ, the weight decay of each layer.

    Source: [arora2019, singular values]; decay from [arora2018, Theorem 1].
    """
    return -decay * depth * singular_values - multiplier(singular_values, depth) * drives
