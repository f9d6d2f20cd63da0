"""Normal equations of many small least-squares problems, one for each row of a layer.

    A_j = Σ_{e: row(e) = j} w_e φ_e φ_eᵀ,        b_j = Σ_{e: row(e) = j} w_e y_e φ_e

Entries are sorted by row. A row belongs to one thread, so the bits are the same for any number of them.
"""

from typing import no_type_check

import numpy as np
from numba import njit, prange


@njit(parallel=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
@no_type_check
def _accumulate(starts, features, values, weights, grams, sides):
    width = features.shape[1]
    weighted = weights.size > 0
    for j in prange(starts.size - 1):
        gram, side = grams[j], sides[j]
        gram[:] = 0
        side[:] = 0
        for e in range(starts[j], starts[j + 1]):
            feature = features[e]
            weight = weights[e] if weighted else features.dtype.type(1)
            target = weight * values[e]
            for a in range(width):
                share = weight * feature[a]
                side[a] += target * feature[a]
                row = gram[a]
                for b in range(a + 1):
                    row[b] += share * feature[b]
        for a in range(width):
            for b in range(a):
                gram[b, a] = gram[a, b]


def normal_equations(
    starts: np.ndarray, features: np.ndarray, values: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """A (rows, k, k) and b (rows, k); row j holds the entries starts[j] … starts[j + 1] of `features` (entries, k)."""
    rows, width = starts.size - 1, features.shape[1]
    grams, sides = np.empty((rows, width, width), features.dtype), np.empty((rows, width), features.dtype)
    given = np.empty(0, features.dtype) if weights is None else weights
    _accumulate(starts, np.ascontiguousarray(features), values, given, grams, sides)
    return grams, sides
