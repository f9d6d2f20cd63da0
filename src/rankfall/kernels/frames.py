"""Orthonormal frames of tall blocks by LAPACK's Householder steps, without the copies of a general routine."""

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

# Columns that LAPACK works on at once.
_BLOCK = 32


def orthonormal(block: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n p"]:
    """Q of `frame_of` alone."""
    reflections, factors = _reflected(block)
    return _frame(reflections, factors)


def frame_of(block: Float[np.ndarray, "n k"]) -> tuple[Float[np.ndarray, "n p"], Float[np.ndarray, "p k"]]:
    """Q with p = min(n, k) orthonormal columns and R, upper triangular or wide, with block = Q R."""
    reflections, factors = _reflected(block)
    triangle = np.triu(reflections[: factors.size])
    return _frame(reflections, factors), triangle


def _reflected(block: Float[np.ndarray, "n k"]) -> tuple[np.ndarray, np.ndarray]:
    """R with the vectors of the reflections below it, and their factors."""
    if not block.size:
        return block, np.zeros(0, block.dtype)
    factor, _ = _routines(block.dtype)
    reflections, factors, _, _ = factor(block, lwork=block.shape[1] * _BLOCK)
    return reflections, factors


def _frame(reflections: np.ndarray, factors: np.ndarray) -> Float[np.ndarray, "n p"]:
    """The product of the reflections; the first argument is overwritten."""
    width = factors.size
    if not width:
        return np.zeros((len(reflections), 0), reflections.dtype)
    _, multiply = _routines(reflections.dtype)
    frame, _, _ = multiply(reflections[:, :width], factors, lwork=width * _BLOCK, overwrite_a=1)
    return np.ascontiguousarray(frame)


@cache
def _routines(dtype: np.dtype) -> tuple[Any, Any]:
    """LAPACK's factorization into reflections, and their product, in this precision."""
    from scipy.linalg.lapack import get_lapack_funcs

    return tuple(get_lapack_funcs(("geqrf", "orgqr"), dtype=dtype))
