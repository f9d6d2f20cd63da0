"""Products of stacks of small matrices.

BLAS is called once a matrix, which for matrices of a few rows costs many times the arithmetic. One compiled loop goes
through the stack instead.
"""

from typing import no_type_check

import numpy as np
from numba import njit

# Multiplications of one product up to which the loop is faster than BLAS, and how many of them make the call worth it.
_SMALL, _STACK = 512, 8


@njit(cache=True, fastmath={"contract"})
@no_type_check
def _multiply(left, right, out):
    for t in range(out.shape[0]):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                total = left[t, i, 0] * right[t, 0, j]
                for k in range(1, left.shape[2]):
                    total += left[t, i, k] * right[t, k, j]
                out[t, i, j] = total


def multiply(left: np.ndarray, right: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The product A B of every pair of a stack: (*stack, m, k) by (*stack, k, n) → (*stack, m, n)."""
    (m, k), n = left.shape[-2:], right.shape[-1]
    is_stack = left.ndim == right.ndim == 3 and left.shape[0] == right.shape[0] >= _STACK
    if not is_stack or m * k * n > _SMALL or left.dtype != right.dtype:
        return np.matmul(left, right, out=out)
    if out is None:
        out = np.empty((left.shape[0], m, n), left.dtype)
    _multiply(left, right, out)
    return out
