"""W by two factors, W = L Rᵀ: its thin SVD without forming it, and the factors that any formed W has."""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, device, is_numpy, namespace
from rankfall.kernels.frames import frame_of

# Numbers of a factor from which LAPACK called for one factor at a time is several times faster than NumPy for a stack.
_TALL = 2**17


def factored_decomposition(
    left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"], kept: int
) -> tuple[Array, Array, Array]:
    """Thin SVD of L Rᵀ, (U, σ, Vᵀ) with `kept` columns, without forming it."""
    xp = namespace(left)
    left_basis, left_core = _framed(left)
    right_basis, right_core = _framed(right)
    u, values, v = xp.linalg.svd(left_core @ right_core.mT, full_matrices=False)
    return left_basis @ u[..., :kept], values[..., :kept], v[..., :kept, :] @ right_basis.mT


def _framed(factor: Float[Array, "*batch m k"]) -> tuple[Array, Array]:
    """Q and R of each factor."""
    m, k = factor.shape[-2:]
    if not is_numpy(factor) or m * k < _TALL:
        return tuple(namespace(factor).linalg.qr(factor))
    pairs = [frame_of(one) for one in factor.reshape(-1, m, k)]
    bases, cores = (np.stack(parts).reshape(*factor.shape[:-2], *parts[0].shape) for parts in zip(*pairs, strict=True))
    return bases, cores


def beside_identity(product: Float[Array, "*batch m n"]) -> tuple[Array, Array]:
    """Factors of W with k = min(m, n): W itself and an identity."""
    xp = namespace(product)
    m, n = product.shape[-2:]
    identity = xp.eye(min(m, n), dtype=product.dtype, device=device(product))
    identity = xp.broadcast_to(identity, (*product.shape[:-2], *identity.shape))
    return (product, identity) if m >= n else (identity, product.mT)
