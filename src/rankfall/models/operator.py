"""SciPy's linear operators from what they multiply."""

from collections.abc import Callable
from typing import cast

import numpy as np
from scipy.sparse.linalg import LinearOperator


def linear_operator(
    shape: tuple[int, int], forth: Callable[[np.ndarray], np.ndarray], back: Callable[[np.ndarray], np.ndarray],
    dtype: np.dtype | None,
) -> LinearOperator:  # fmt: skip
    """A of `shape` (m, n) from A X and Aᵀ Y, for dense X (n, k) and Y (m, k)."""
    # SciPy types the factory as its abstract class
    make = cast("Callable[..., LinearOperator]", LinearOperator)
    return make(
        shape, matvec=lambda x: forth(x.reshape(-1, 1))[:, 0], rmatvec=lambda x: back(x.reshape(-1, 1))[:, 0],
        matmat=forth, rmatmat=back, dtype=dtype,
    )  # fmt: skip
