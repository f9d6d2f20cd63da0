"""Products along a stack of layers, and the way a gradient comes back down through them.

A_k ⋯ A_1,    ∂φ/∂A_j = (A_k ⋯ A_{j+1})ᵀ ∂φ (A_{j−1} ⋯ A_1)ᵀ
"""

import itertools
from collections.abc import Sequence

import numpy as np

from rankfall.arrays import Array, is_numpy
from rankfall.kernels.stacks import multiply


def partial_products(layers: Sequence[Array]) -> list[Array]:
    """W_1, W_2 W_1, …, the whole product last."""
    return list(itertools.accumulate(layers, lambda below, layer: _multiply(layer, below)))


def _multiply(left: Array, right: Array) -> Array:
    return multiply(left, right) if is_numpy(left) else left @ right


def pull_back(
    layers: Sequence[Array], products: Sequence[Array], pull: Array, places: Sequence[np.ndarray] | None = None
) -> list[Array]:
    """From ∂φ/∂(A_k ⋯ A_1) to ∂φ/∂A_j = (A_k ⋯ A_{j+1})ᵀ ∂φ (A_{j−1} ⋯ A_1)ᵀ, first layer first.

    `places` are NumPy arrays to write them to.
    """
    gradients = []
    for j in range(len(layers) - 1, 0, -1):
        below = products[j - 1].mT
        gradients.append(pull @ below if places is None else multiply(pull, below, places[j]))
        pull = _multiply(layers[j].mT, pull)
    if places is not None:
        places[0][...] = pull
    return [pull, *reversed(gradients)]
