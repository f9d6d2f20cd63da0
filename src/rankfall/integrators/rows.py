"""Operations on weights (batch, p), one row for each run of a batch, in any array namespace."""

import numpy as np
from jaxtyping import Bool, Float

from rankfall.arrays import Array, device, is_numpy, like, namespace, to_numpy


def lengths(vectors: Float[Array, "batch p"]) -> Float[Array, " batch"]:
    """Euclidean norm of each row, where the rows lie; NumPy's in float64."""
    if is_numpy(vectors):
        return np.sqrt(np.vecdot(vectors, vectors), dtype=np.float64)
    return namespace(vectors).linalg.vector_norm(vectors, axis=-1)


def norms(vectors: Float[Array, "batch p"]) -> Float[np.ndarray, " batch"]:
    """Euclidean norm of each row, in NumPy float64."""
    return read(lengths(vectors))[0]


def read(*numbers: Float[Array, " batch"]) -> list[Float[np.ndarray, " batch"]]:
    """Numbers of each run in NumPy float64; those on a device come in one copy, for which the host waits once."""
    there = [part for part in numbers if not is_numpy(part)]
    copied = iter(to_numpy(namespace(*there).stack(there)).astype(np.float64) if there else ())
    return [part.astype(np.float64, copy=False) if is_numpy(part) else next(copied) for part in numbers]


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


def spread(numbers: Float[np.ndarray, " batch"], model: Array) -> Array:
    """One number for each run as an array (batch,) of the namespace and dtype of `model`.

    Of another library than NumPy's, the number of a single run is a plain one, which goes to a device with the
    operation that uses it, and makes nobody wait.
    """
    return float(numbers[0]) if numbers.size == 1 and not is_numpy(model) else like(numbers, model)


def column(numbers: Float[np.ndarray, " batch"], model: Array) -> Array:
    """One number for each run as an array (batch, 1), or a plain one as `spread` has it."""
    there = spread(numbers, model)
    return there if isinstance(there, float) else there[:, None]
