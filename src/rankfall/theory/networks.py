"""Tensor factorizations as networks: what a model computes on inputs, layer by layer.

An input is N vectors x_1 … x_N, x_n of d_n features. The score of a tensor W on it is

    h(x) = Σ_i W_i Π_n x_n[i_n] = ⟨W, x_1 ⊗ ⋯ ⊗ x_N⟩                                        [cohen2016]

and a factorization of W is an order in which to compute it:

- `CP` is a shallow convolutional network: one convolution of width 1 with R channels, a product over all positions, and
  a sum of the channels;
- `Tree` is a deep one: at each inner node a product over its children and a convolution of width 1;
- `Train` is recurrent: a state of r_n numbers passes from position to position, and each input chooses the matrix that
  multiplies it.                                                                              [khrulkov2018]

A network here holds the same numbers as its factorization, so conversion both ways is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.models import CP, Model, Train, Tree
from rankfall.models.mode_tree import Structure

Inputs: TypeAlias = Sequence[Float[np.ndarray, "samples _"]]


@dataclass(frozen=True, eq=False)
class ShallowNetwork:
    """A convolution of width 1 at each position, product pooling over all positions, and a sum.

    Parameters
    ----------
    filters : list of ndarray, shape (channels, d_n)
        The filters of each position.
    """

    filters: list[Float[np.ndarray, "channels _"]]

    @classmethod
    def of(cls, model: CP, weights: Float[np.ndarray, " p"]) -> "ShallowNetwork":
        """The network of a sum of components: filter r of position n is w_r^n."""
        return cls([layer.T.copy() for layer in model.layers(weights)])

    def factorization(self) -> tuple[CP, Float[np.ndarray, " p"]]:
        """The sum of components that this network computes with, and its weights."""
        layers = [filters.T for filters in self.filters]
        model = CP(layers[0].shape[1]).sized([layer.shape[0] for layer in layers])
        return model, model.join(layers)

    def __call__(self, inputs: Inputs) -> Float[np.ndarray, " samples"]:
        """The scores."""
        channels = [x @ filters.T for x, filters in zip(inputs, self.filters, strict=True)]
        return np.prod(channels, axis=0).sum(axis=1)


@dataclass(frozen=True, eq=False)
class DeepNetwork:
    """Convolutions of width 1 with product pooling along a mode tree.

    Parameters
    ----------
    structure : nested tuple
        The mode tree: which positions are pooled together.
    filters : list of ndarray, shape (out, in)
        The filters of each node, children before parents; those of a leaf read the input of its position.
    """

    structure: tuple
    filters: list[Float[np.ndarray, "_ _"]]

    @classmethod
    def of(cls, model: Tree, weights: Float[np.ndarray, " p"]) -> "DeepNetwork":
        """The network of a tree: the filters of a node are the columns of its matrix."""
        return cls(model.structure, [layer.T.copy() for layer in model.layers(weights)])  # type: ignore[arg-type]

    def factorization(self) -> tuple[Tree, Float[np.ndarray, " p"]]:
        """The tree that this network computes with, and its weights."""
        count = len(_leaves(self.structure))
        nodes = Tree(self.structure, 1).sized((1,) * count).nodes
        shape = [0] * count
        ranks = []
        for node, filters in zip(nodes, self.filters, strict=True):
            if node.mode is None:
                ranks.append(filters.shape[1])
            else:
                shape[node.mode] = filters.shape[1]
        model = Tree(self.structure, tuple(ranks)).sized(shape)
        return model, model.join([filters.T for filters in self.filters])

    def __call__(self, inputs: Inputs) -> Float[np.ndarray, " samples"]:
        """The scores."""
        remaining = iter(self.filters)

        def computed(part: Structure) -> np.ndarray:
            pooled = inputs[part] if isinstance(part, int) else np.prod([computed(child) for child in part], axis=0)
            return pooled @ next(remaining).T

        return computed(self.structure)[:, 0]


@dataclass(frozen=True, eq=False)
class RecurrentNetwork:
    """A state that each input multiplies by a matrix of its own, h_n = h_{n−1} Σ_i x_n[i] G_n[i], from h_0 = 1.

    Parameters
    ----------
    cells : list of ndarray, shape (d_n, r_{n−1}, r_n)
        One matrix for each feature of each position.
    """

    cells: list[Float[np.ndarray, "_ _ _"]]

    @classmethod
    def of(cls, model: Train, weights: Float[np.ndarray, " p"]) -> "RecurrentNetwork":
        """The network of a train: its cells are the cores."""
        return cls([layer.copy() for layer in model.layers(weights)])

    def factorization(self) -> tuple[Train, Float[np.ndarray, " p"]]:
        """The train that this network computes with, and its weights."""
        ranks = [cell.shape[2] for cell in self.cells[:-1]]
        shape = [cell.shape[0] for cell in self.cells]
        model = Train(tuple(ranks), dimensions=tuple(shape))
        return model, model.join(self.cells)

    def __call__(self, inputs: Inputs) -> Float[np.ndarray, " samples"]:
        """The scores."""
        state = np.ones((inputs[0].shape[0], 1))
        for x, cell in zip(inputs, self.cells, strict=True):
            state = np.einsum("sa,si,iab->sb", state, x, cell)
        return state[:, 0]


Network: TypeAlias = ShallowNetwork | DeepNetwork | RecurrentNetwork


@singledispatch
def network_of(model: Model, weights: Float[np.ndarray, " p"]) -> Network:
    """The network that computes with a factorization: those of `CP`, `Tree` and `Train`, and what else is registered.

    Parameters
    ----------
    model : Model
        `network_of.register(MyModel, make)` adds the networks of another model.
    weights : ndarray, shape (p,)
        Its weights.

    Raises
    ------
    InputError
        For a model without a network.
    """
    raise InputError(f"networks are those of CP, Tree and Train, got {type(model).__name__}")


network_of.register(CP, ShallowNetwork.of)
network_of.register(Tree, DeepNetwork.of)
network_of.register(Train, RecurrentNetwork.of)


def score(tensor: Float[np.ndarray, "..."], inputs: Inputs) -> Float[np.ndarray, " samples"]:
    """⟨W, x_1 ⊗ ⋯ ⊗ x_N⟩ of a formed tensor."""
    found = np.broadcast_to(tensor, (inputs[0].shape[0], *tensor.shape))
    for x in inputs:
        found = np.einsum("si,si...->s...", x, found)
    return found


def _leaves(structure: Structure) -> list[int]:
    if isinstance(structure, int):
        return [structure]
    return [leaf for child in structure for leaf in _leaves(child)]
