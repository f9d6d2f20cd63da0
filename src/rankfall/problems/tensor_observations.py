"""From what users have to observed entries of a tensor: checks and sorting. `observations` is for matrices."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from jaxtyping import Int

from rankfall.arrays import Array, to_numpy
from rankfall.errors import InputError
from rankfall.problems.observations import index_type
from rankfall.problems.real import real_numbers
from rankfall.problems.repeats import check_choice, merged, refuse_repeats


def dense_tensor_entries(
    array: Array, weights: Array | None = None
) -> tuple[Int[np.ndarray, "order entries"], np.ndarray, np.ndarray | None, tuple[int, ...]]:
    """Indices, values and weights of the entries of an array that are not NaN, and its shape."""
    values = real_numbers(array, "a tensor to complete")
    require_order(values.shape)
    if weights is not None and tuple(np.shape(weights)) != values.shape:
        raise InputError(
            f"weights must have the shape of the tensor, {values.shape}, got {tuple(np.shape(weights))}; "
            "those of unknown entries are ignored"
        )
    indices = np.stack(np.nonzero(~np.isnan(values))).astype(index_type(values.shape))
    picked = None if weights is None else to_numpy(weights)[tuple(indices)]
    return indices, values[tuple(indices)], picked, values.shape


def sorted_unique_entries(
    indices: Sequence[npt.ArrayLike] | np.ndarray,
    values: npt.ArrayLike,
    shape: Sequence[int] | None,
    weights: Array | None,
    duplicates: str,
) -> tuple[Int[np.ndarray, "order entries"], np.ndarray, np.ndarray | None, tuple[int, ...]]:
    """Coordinates in row-major order, one value a position, with the shape they live in."""
    values = real_numbers(np.asarray(values), "observed values")
    weights = None if weights is None else real_numbers(weights, "weights")
    check_choice(duplicates)
    lists = [np.asarray(each) for each in indices]
    lengths = {each.shape for each in lists}
    if len(lengths) != 1 or lists[0].ndim != 1 or values.shape[-1:] != lists[0].shape:
        raise InputError(
            f"indices must be one list for each axis, all as long as values, got shapes "
            f"{[each.shape for each in lists]} and {values.shape}; transpose an array of (entries, order) first"
        )
    if weights is not None and weights.shape[-1:] != lists[0].shape:
        raise InputError(f"weights must match the {lists[0].size} observed entries, got shape {weights.shape}")
    if shape is None:
        shape = tuple(int(each.max()) + 1 if each.size else 0 for each in lists)
    shape = tuple(int(side) for side in shape)
    require_order(shape)
    check_indices(lists, shape)
    stacked = np.stack(lists).astype(index_type(shape))
    order = np.lexsort(stacked[::-1])
    stacked, values = np.ascontiguousarray(stacked[:, order]), values[..., order]
    weights = None if weights is None else weights[..., order]
    fresh = np.ones(stacked.shape[1], dtype=bool)
    fresh[1:] = (stacked[:, 1:] != stacked[:, :-1]).any(axis=0)
    if fresh.all():
        return stacked, values, weights, shape
    if duplicates == "error":
        refuse_repeats(fresh, tuple(stacked[:, np.argmin(fresh)].tolist()))
    return stacked[:, fresh], *merged(values, weights, fresh, duplicates), shape


def require_order(shape: Sequence[int]) -> None:
    """Raise InputError for fewer than two axes."""
    if len(shape) < 2:
        raise InputError(
            f"a tensor to complete has at least two axes, got shape {tuple(shape)}; a list of numbers has no rank"
        )


def check_indices(indices: Sequence[np.ndarray], shape: Sequence[int]) -> None:
    """Raise InputError for indices that are not integers, are of another order, or lie outside `shape`."""
    if len(indices) != len(shape):
        raise InputError(
            f"indices must be one list for each of the {len(shape)} axes of {tuple(shape)}, got {len(indices)} lists"
        )
    for axis, (index, side) in enumerate(zip(indices, shape, strict=True)):
        if index.size and not np.issubdtype(index.dtype, np.integer):
            raise InputError(f"indices must be integers, got {index.dtype} on axis {axis}; encode labels as 0, 1, 2, …")
        bad = np.flatnonzero((index < 0) | (index >= side))
        if bad.size:
            raise InputError(
                f"indices of axis {axis} must lie in 0 … {side - 1} for shape {tuple(shape)}, got {index[bad[0]]} in "
                f"entry {bad[0]}; indices are zero-based"
            )
