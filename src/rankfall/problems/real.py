"""Real numbers from users' input: NumPy arrays, lists, masked arrays, and arrays of other libraries."""

import array_api_compat
import numpy as np
import numpy.typing as npt

from rankfall.arrays import Array, namespace, to_numpy
from rankfall.errors import InputError


def real_numbers(array: Array | npt.ArrayLike, what: str) -> np.ndarray:
    """The array in NumPy, float32 if it was, else float64; masked entries are NaN.

    Raises
    ------
    InputError
        For complex numbers, and for what is not a number. The sentence calls the array `what`.
    """
    values = to_numpy(array)
    if np.iscomplexobj(values):
        raise InputError(f"{what} must be real numbers, got dtype {values.dtype}; pass the real or imaginary part")
    if values.dtype.kind not in "biufO":
        raise InputError(f"{what} must be numbers, got dtype {values.dtype}; convert labels, text and dates first")
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.filled(values.astype(np.float64), np.nan)
    if values.dtype in (np.float32, np.float64):
        return values
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{what} must be numbers, got dtype {values.dtype} ({error}); convert labels and text first"
        ) from None


def finite_numbers(array: Array | npt.ArrayLike, what: str, dimensions: int | None = None) -> Array:
    """The array as float32 or float64 of its own namespace, finite, with that many `dimensions`.

    Raises
    ------
    InputError
        As `real_numbers`, for NaN and infinities, and for another number of dimensions.
    """
    seen = real_numbers(array, what)
    if dimensions is not None and seen.ndim != dimensions:
        raise InputError(f"{what} must have {dimensions} dimensions, got shape {seen.shape}; reshape them first")
    if not np.isfinite(seen).all():
        raise InputError(f"{what} must be finite, got {seen[~np.isfinite(seen)][0]}; leave such data out")
    if not array_api_compat.is_array_api_obj(array) or isinstance(array, np.ndarray):
        return seen
    given: Array = array  # pyright: ignore[reportAssignmentType]
    xp = namespace(given)
    return given if given.dtype in (xp.float32, xp.float64) else xp.astype(given, xp.float64)
