"""A tensor read as a matrix: some axes index the rows, the others the columns.

Where no axes are named, the first ⌊N/2⌋ of N axes index the rows, so that a matrix is its own matricization.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rankfall.arrays import SparseArray


def matricized_shape(shape: Sequence[int]) -> tuple[int, int]:
    """Numbers of rows and columns where the first ⌊N/2⌋ axes index the rows."""
    cut = len(shape) // 2
    return math.prod(shape[:cut]), math.prod(shape[cut:])


def matricize(tensor: Float[np.ndarray, "..."], axes: Sequence[int]) -> Float[np.ndarray, "rows cols"]:
    """The tensor as a matrix whose rows are indexed by `axes`, in that order, and columns by the others, ascending."""
    rest = [axis for axis in range(tensor.ndim) if axis not in tuple(axes)]
    rows = math.prod(tensor.shape[axis] for axis in axes)
    return np.transpose(tensor, (*axes, *rest)).reshape(rows, -1)


def matricized_entries(
    indices: np.ndarray, values: np.ndarray, shape: Sequence[int], axes: Sequence[int]
) -> SparseArray:
    """The matricization of a tensor that is zero but at `indices` (order, entries), as a SciPy CSR matrix."""
    from scipy.sparse import csr_array

    rest = [axis for axis in range(len(shape)) if axis not in tuple(axes)]
    rows, cols = (_flat(indices[list(part)], [shape[axis] for axis in part]) for part in (axes, rest))
    sides = tuple(math.prod(shape[axis] for axis in part) for part in (axes, rest))
    return csr_array((values, (rows, cols)), sides)


def _flat(indices: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    if not len(shape):
        return np.zeros(indices.shape[1], dtype=np.int64)
    return np.asarray(np.ravel_multi_index(tuple(indices), tuple(shape)))
