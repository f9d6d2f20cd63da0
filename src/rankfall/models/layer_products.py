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


def pull_back(layers: Sequence[Array], products: Sequence[Array], pull: Array) -> list[Array]:
    """From ∂φ/∂(A_k ⋯ A_1) to ∂φ/∂A_j = (A_k ⋯ A_{j+1})ᵀ ∂φ (A_{j−1} ⋯ A_1)ᵀ, first layer first."""
    gradients = []
    for j in range(len(layers) - 1, 0, -1):
        gradients.append(pull @ products[j - 1].mT)
        pull = _multiply(layers[j].mT, pull)
    return [pull, *reversed(gradients)]


def write_descent(
    layers: Sequence[np.ndarray], products: Sequence[np.ndarray], pull: np.ndarray, places: Sequence[np.ndarray]
) -> None:
    """Write −∂φ/∂A_j to `places`, first layer first, from ∂φ/∂(A_k ⋯ A_1).

    The sign goes into the pull: a pass of its own over all weights takes 3 to 8 % of a small chain's gradient.
    """
    if len(layers) == 1:
        np.negative(pull, out=places[0])
        return
    pull = -pull
    for j in range(len(layers) - 1, 0, -1):
        multiply(pull, products[j - 1].mT, places[j])
        pull = multiply(layers[j].mT, pull)
    places[0][...] = pull
