"""W in coarse: means of its blocks, small enough to be recorded along a run and drawn as a heat map."""

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, to_numpy
from rankfall.models import Model
from rankfall.trajectory.observables import Observable

SIDE = 40
BLOCK_MEANS = "block_means"


def block_record(shape: tuple[int, int]) -> dict[str, Observable]:
    """What a run of W (m, n) should record, as `Record(functions=…)`, so that the report of its file shows W moving."""
    blocks = block_sizes(shape)
    return {BLOCK_MEANS: lambda problem, model, weights: block_means(model, weights, blocks)}


def block_sizes(shape: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a block, so that at most `SIDE` blocks lie side by side."""
    return -(-shape[0] // SIDE), -(-shape[1] // SIDE)


def block_means(model: Model, weights: Array, blocks: tuple[int, int]) -> Float[np.ndarray, "batch a b"]:
    """Block means of W, from its factors: W itself is not formed."""
    left, right = map(to_numpy, model.factors(weights))
    return means_of_rows(left, blocks[0]) @ np.swapaxes(means_of_rows(right, blocks[1]), -1, -2)


def means_of_rows(factor: Float[np.ndarray, "batch m k"], size: int) -> Float[np.ndarray, "batch a k"]:
    """Means of so many successive rows each; the last block may be smaller."""
    starts = np.arange(0, factor.shape[-2], size)
    counts = np.minimum(size, factor.shape[-2] - starts)
    return np.add.reduceat(np.asarray(factor, dtype=np.float64), starts, axis=-2) / counts[:, None]
