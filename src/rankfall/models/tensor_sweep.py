"""A sweep of alternating least squares over the layers of any tensor model.

Every row of a layer that indexes an axis of W solves a system of its own; a layer inside solves one.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rankfall.kernels.row_systems import normal_equations, solve_systems
from rankfall.problems.sorted_entries import SortedEntries

if TYPE_CHECKING:
    from rankfall.models.tensor_model import TensorModel

# Entries whose features are formed at once.
_BLOCK = 2**19
# Added to the normal equations as a share of their trace: a row with few entries has no unique solution.
JITTER = 1e-12


def swept_by_layers(
    model: "TensorModel", entries: SortedEntries, weights: Float[np.ndarray, " p"], penalty: float
) -> Float[np.ndarray, " p"]:
    """The weights after each layer in turn minimizes the squares of the residuals + penalty · its squared norm."""
    weights = np.array(weights, dtype=np.float64)
    for n, begin in enumerate(model.offsets):
        found = _solved(model, n, entries, weights, penalty)
        weights[begin : begin + found.size] = found.reshape(-1)
    return weights


def _solved(
    model: "TensorModel", n: int, entries: SortedEntries, weights: np.ndarray, penalty: float
) -> Float[np.ndarray, "rows k"]:
    mode, count = model.modes[n], entries.values.shape[1]
    copy = 0 if mode is None else mode
    starts = np.asarray([0, count]) if mode is None else entries.starts_of(mode)
    positions, values, shares = entries.positions[copy], entries.values[copy], entries.weights[copy]
    grams = sides = None
    for begin in range(0, count, _BLOCK):
        block = slice(begin, min(begin + _BLOCK, count))
        features = model.features(n, np.ascontiguousarray(positions[:, block]), weights)
        own = np.clip(starts, block.start, block.stop) - block.start
        part = normal_equations(own, features, values[block], shares[block] if shares.size else None)
        grams, sides = part if grams is None or sides is None else (grams + part[0], sides + part[1])
    assert grams is not None
    assert sides is not None
    return solve_systems(grams, sides, penalty, JITTER)
