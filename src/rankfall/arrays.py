"""The array namespace: one spelling of array code for NumPy, PyTorch and whatever follows the array API standard.

Problems hold arrays of some library; every computation asks `namespace` for that library's functions and stays in it.
Randomness is always drawn by NumPy in float64 and handed over by `like`, so that a seed means the same start
everywhere. `Array` is the duck type in signatures; shapes are written with jaxtyping and checked by a run of the tests.
"""

from functools import cache
from typing import Any, Protocol, TypeAlias, runtime_checkable

import array_api_compat
import array_api_compat.numpy
import numpy as np

Array: TypeAlias = Any
# A SciPy sparse array; SciPy ships no types.
SparseArray: TypeAlias = Any


@runtime_checkable
class Coordinates(Protocol):
    """The stored entries of a sparse matrix: `data[k]` in row `row[k]` and column `col[k]`."""

    @property
    def row(self) -> np.ndarray: ...
    @property
    def col(self) -> np.ndarray: ...
    @property
    def data(self) -> np.ndarray: ...


@runtime_checkable
class Sparse(Protocol):
    """A sparse matrix of SciPy, or of a library like it."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def tocoo(self) -> Coordinates: ...


def namespace(*arrays: Array) -> Any:
    """The array API namespace that the arrays belong to."""
    if type(arrays[0]) is np.ndarray:
        return array_api_compat.numpy
    return array_api_compat.array_namespace(*arrays)


def device(array: Array) -> Any:
    """Where the array lives, as its own library names it."""
    return array_api_compat.device(array)


def is_numpy(array: Array) -> bool:
    """Whether the array is NumPy's own, so that compiled kernels and SciPy apply."""
    return isinstance(array, np.ndarray)


def is_torch(array: Array) -> bool:
    """Whether the array is a PyTorch tensor, on any device."""
    return array_api_compat.is_torch_array(array)


def reshape(array: Array, shape: tuple[int, ...]) -> Array:
    """The array in another shape, as a view where it can be one."""
    return array.reshape(shape) if is_numpy(array) else namespace(array).reshape(array, shape)


def to_numpy(array: Array) -> np.ndarray:
    """The array as NumPy sees it, copied off its device where it lives on one."""
    if is_numpy(array):
        return array
    if is_torch(array):
        return array.detach().cpu().numpy()
    try:
        return np.from_dlpack(array)
    except (AttributeError, TypeError, BufferError):
        return np.asarray(array)


def like(values: np.ndarray, model: Array) -> Array:
    """`values` with the namespace, dtype and device of `model`."""
    if is_numpy(model):
        return np.asarray(values, dtype=model.dtype)
    xp = namespace(model)
    return xp.asarray(values, dtype=model.dtype, device=device(model))


def take(array: Array, chosen: np.ndarray, axis: int) -> Array:
    """The parts `chosen` along an axis, in the array's own namespace."""
    xp = namespace(array)
    return xp.take(array, xp.asarray(chosen, device=device(array)), axis=axis)


def pick(array: Array, chosen: int | np.integer | np.ndarray) -> Array:
    """Along the first axis, the part of that number (the axis goes), or the parts of an integer array."""
    if np.ndim(chosen) == 0:
        return array[int(chosen), ...]
    return take(array, np.asarray(chosen), 0)


def epsilon(array: Array) -> float:
    """The relative rounding error of the array's dtype."""
    return _numpy_epsilon(array.dtype) if is_numpy(array) else float(namespace(array).finfo(array.dtype).eps)


@cache
def _numpy_epsilon(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).eps)
