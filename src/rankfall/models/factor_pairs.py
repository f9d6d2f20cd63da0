"""W by two factors, W = L Rᵀ: its thin SVD without forming it, and the factors that any formed W has."""

from jaxtyping import Float

from rankfall.arrays import Array, device, namespace


def factored_decomposition(
    left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"], kept: int
) -> tuple[Array, Array, Array]:
    """Thin SVD of L Rᵀ, (U, σ, Vᵀ) with `kept` columns, without forming it."""
    xp = namespace(left)
    left_basis, left_core = xp.linalg.qr(left)
    right_basis, right_core = xp.linalg.qr(right)
    u, values, v = xp.linalg.svd(left_core @ right_core.mT, full_matrices=False)
    return left_basis @ u[..., :kept], values[..., :kept], v[..., :kept, :] @ right_basis.mT


def beside_identity(product: Float[Array, "*batch m n"]) -> tuple[Array, Array]:
    """Factors of W with k = min(m, n): W itself and an identity."""
    xp = namespace(product)
    m, n = product.shape[-2:]
    identity = xp.eye(min(m, n), dtype=product.dtype, device=device(product))
    identity = xp.broadcast_to(identity, (*product.shape[:-2], *identity.shape))
    return (product, identity) if m >= n else (identity, product.mT)
