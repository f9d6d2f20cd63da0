"""What depth does to a gradient when the layers are balanced: one positive matrix, read off W itself.

    P_W[G] = Σ_{j=1..N} [WWᵀ]^{(j−1)/N} G [WᵀW]^{(N−j)/N}          [arora2018, Theorem 1]

In the singular bases of W it multiplies entry by entry, so a thin SVD is all it takes, and the depth may be any real
number ≥ 1. At W = 0 it vanishes for every N > 1: what starts at exactly zero never moves.
"""

import math

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace, to_numpy
from rankfall.errors import InputError


def multipliers(singular_values: Float[Array, "*batch q"], depth: float | int) -> Float[Array, "*batch q q"]:
    """The factors that depth puts on the pairs (u_r, v_r'), K_rr' = Σ_{j=1..N} σ_r^{2(j−1)/N} σ_r'^{2(N−j)/N}.

    Symmetric; K_rr = N σ_r^{2−2/N}; with σ_r' = 0 what is left is σ_r^{2−2/N}; depth 1 gives ones. 0⁰ := 1.
    """
    xp = namespace(singular_values)
    left, right = singular_values[..., :, None], singular_values[..., None, :]
    high, low = xp.maximum(left, right), xp.minimum(left, right)
    ones = xp.ones_like(high)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = xp.log(xp.where(high > 0, low, ones) / xp.where(high > 0, high, ones))
        # With a = σ_r^{2/N}, b = σ_r'^{2/N} the sum is geometric, (aᴺ − bᴺ)/(a − b); with ρ = low/high it reads
        # high^{2−2/N} (1 − ρ²)/(1 − ρ^{2/N}), and the quotient tends to N as ρ → 1.
        quotient = xp.expm1(2 * log_ratio) / xp.expm1(2 * log_ratio / depth)
    return high ** (2 - 2 / depth) * xp.where(log_ratio < 0, quotient, depth * ones)


def precondition(
    product: Float[Array, "*batch m n"], gradient: Float[Array, "*batch m n"], depth: float | int
) -> Float[Array, "*batch m n"]:
    """P_W[G], for any real depth N ≥ 1; not a number where W is not finite.

    Positive: ⟨G, P_W[G]⟩ ≥ σ_min^{2−2/N} ‖G‖². For N ≥ 2 it is tangent to the matrices of W's rank.
    """
    if depth == 1:
        return gradient
    xp = namespace(product)
    if product.shape[-2] < product.shape[-1]:
        turned = precondition(product.mT, gradient.mT, depth)
        return turned.mT
    finite = xp.all(xp.isfinite(product), axis=(-2, -1))[..., None, None]
    left, values, right = xp.linalg.svd(xp.where(finite, product, xp.zeros_like(product)), full_matrices=False)
    # U ((K − 1kᵀ) ∘ UᵀGV) Vᵀ + GV diag(k) Vᵀ, k = σ^{2−2/N}: the second term is all there is off the range of W
    pull = gradient @ right.mT
    outside = (values ** (2 - 2 / depth))[..., None, :]
    inside = (multipliers(values, depth) - outside) * (left.mT @ pull)
    turned = (left @ inside + outside * pull) @ right
    return xp.where(finite, turned, xp.nan * turned)


def require_movable(weights: Float[Array, "batch p"], depth: float | int) -> None:
    """Raise InputError for a start at exactly zero, which no depth above 1 ever leaves."""
    still = ~np.any(to_numpy(weights) != 0, axis=-1)
    if depth > 1 and still.any():
        raise InputError(
            f"a product that starts at exactly zero never moves at depth {depth:g}, got one in run "
            f"{int(np.flatnonzero(still)[0])}; start small instead, 1e-3 is usual"
        )


def require_depth(depth: float | int) -> None:
    """Raise InputError for a depth below 1."""
    if not (isinstance(depth, int | float | np.number) and depth >= 1 and math.isfinite(depth)):
        raise InputError(
            f"depth must be at least 1, got {depth!r}; depth 1 is gradient descent on W itself, 3 a good default"
        )


def require_decay(decay: float | int) -> None:
    """Raise InputError for a weight decay below 0."""
    if not (decay >= 0 and math.isfinite(decay)):
        raise InputError(f"weight decay must not be negative, got {decay}; 0 switches it off")
