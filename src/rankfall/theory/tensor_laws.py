"""The laws of motion of components, and the ranks that a factorization can have.

    CP:    σ̇_r = N σ_r^{2−2/N} γ_r,        γ_r = ⟨−∇ℓ(W), ŵ_r¹ ⊗ ⋯ ⊗ ŵ_r^N⟩         [razin2021, D]
    tree:  the same for a local component, with K = number of children + 1 for N           [razin2022, D]

Both hold for balanced components, whose vectors have one length. A component grows in proportion to a power of its
own size: large ones run away from small ones, and the more so the higher the order.
"""

import numpy as np
from jaxtyping import Float

from rankfall.models import CP, TensorModel, Tree
from rankfall.problems import Problem
from rankfall.problems.matricization import matricize


def component_velocities(
    problem: Problem, model: CP, weights: Float[np.ndarray, "batch p"]
) -> Float[np.ndarray, "batch 2 R"]:
    """σ̇_r as the law predicts it, and as the layers move it, for `Record(functions=…)`.

    They agree for balanced components.
    """
    layers = model.layers(weights)
    velocities = model.layers(model.velocity(problem, weights)[1])
    lengths = np.stack([np.linalg.norm(layer, axis=-2) for layer in layers])
    sizes = np.prod(lengths, axis=0)
    # d log‖w‖ of each vector; and of −∇φ every vector sees the same ⟨w, −∂φ/∂w⟩ = σ_r γ_r
    pulls = np.stack([np.sum(layer * v, axis=-2) for layer, v in zip(layers, velocities, strict=True)])
    moved = sizes * np.sum(pulls / lengths**2, axis=0)
    order = len(layers)
    law = order * sizes ** (2 - 2 / order) * pulls[0] / sizes
    return np.stack([law, moved], axis=1)


def local_component_velocities(
    problem: Problem, model: Tree, weights: Float[np.ndarray, "batch p"], node: int
) -> Float[np.ndarray, "batch 2 R"]:
    """σ̇ of the local components of an inner node, as the law predicts it and as the layers move it."""
    layers = model.layers(weights)
    velocities = model.layers(model.velocity(problem, weights)[1])
    parts = [
        (layers[node], velocities[node], -1),
        *((layers[c], velocities[c], -2) for c in model.nodes[node].children),
    ]
    lengths = np.stack([np.linalg.norm(layer, axis=axis) for layer, _, axis in parts])
    pulls = np.stack([np.sum(layer * v, axis=axis) for layer, v, axis in parts])
    sizes, count = np.prod(lengths, axis=0), len(parts)
    moved = sizes * np.sum(pulls / lengths**2, axis=0)
    return np.stack([count * sizes ** (2 - 2 / count) * pulls[0] / sizes, moved], axis=1)


def rank_along_tree(tensor: Float[np.ndarray, "..."], tree: Tree, tolerance: float = 1e-10) -> dict[int, int]:
    """The rank of the matricization below each node but the root: the hierarchical tensor rank.   [razin2022]"""
    found = {}
    for node in range(len(tree.nodes) - 1):
        values = np.linalg.svd(matricize(tensor, tree.axes_below(node)), compute_uv=False)
        found[node] = int(np.sum(values > tolerance * values[0]))
    return found


def components_needed(model: TensorModel, axes: tuple[int, ...]) -> int:
    """A lower bound on the components that a sum needs to equal almost any W of the model: the rank of one of its
    matricizations, which no sum of fewer components has.   [cohen2016]
    """
    return model.largest_rank(axes)
