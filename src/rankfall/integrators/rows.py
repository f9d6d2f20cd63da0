"""Operations on weights (batch, p), one row for each run of a batch, in any array namespace."""

import numpy as np
from jaxtyping import Bool, Float

from rankfall.arrays import Array, device, is_numpy, like, namespace, to_numpy


def norms(vectors: Float[Array, "batch p"]) -> Float[np.ndarray, " batch"]:
    """Euclidean norm of each row, in NumPy float64."""
    if is_numpy(vectors):
        return np.sqrt(np.vecdot(vectors, vectors), dtype=np.float64)
    return np.sqrt(to_numpy(namespace(vectors).sum(vectors * vectors, axis=-1)).astype(np.float64))


def where(kept: Bool[np.ndarray, " batch"], new: Float[Array, "batch ..."], old: Float[Array, "batch ..."]) -> Array:
    """Rows of `new` where `kept`, of `old` elsewhere."""
    count = np.count_nonzero(kept)
    if count == kept.size:
        return new
    if not count:
        return old
    xp = namespace(new)
    mask = xp.asarray(kept, device=device(new))
    return xp.where(mask[:, None] if new.ndim > 1 else mask, new, old)


def column(numbers: Float[np.ndarray, " batch"], model: Array) -> Array:
    """One number for each run as a (batch, 1) array of the namespace and dtype of `model`."""
    return like(numbers[:, None], model)
