"""A tree of matrices over the axes of W: hierarchical tensor factorization.

    leaf of axis n:   H = W_v (d_n × R)        inner node:   H = (H_1 ⊙ ⋯ ⊙ H_k) W_v,  ⊙ column by column
    W = H of the root, reshaped                                                         [cohen2016], [razin2022]

Column r of the children's matrices with row r of W_v is a *local component* of the node v: of order k + 1. The number
of them, R_v, bounds the ranks of W along the tree. A node with one child multiplies two matrices, so a chain of any
depth fits on any edge. As a network it is a deep convolutional one with product pooling.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.kernels import tree_entries
from rankfall.kernels.tree_nodes import Nodes
from rankfall.models.contraction import NONE, Names
from rankfall.models.mode_tree import Node, Structure, as_structure, balanced, cheapest_cut, full_rank, nodes_of
from rankfall.models.network_model import NetworkModel
from rankfall.models.preconditioner import require_decay
from rankfall.models.tensor_model import require_axes, require_count
from rankfall.problems.problem import Problem


@dataclass(frozen=True)
class Tree(NetworkModel):
    """W by a mode tree, one matrix for each node; the flow conserves ‖row r of W_v‖² − ‖column r of a child's matrix‖².

    Parameters
    ----------
    structure
        the mode tree as nested tuples of axis numbers, any number of children; None means the balanced binary one.
    ranks
        number of local components R_v of each inner node, children before parents, or one number for all; None means
        the width of the start where that has one, else as wide as the shape allows.
    decay
        λ ≥ 0, the weight decay of each layer.
    dimensions
        (d_1, …, d_N), filled in by `sized` once the shape of W is known.

    Raises
    ------
    InputError
        For a tree that misses or repeats an axis, ranks that do not fit the tree, a negative decay.
    """

    structure: Structure | None = None
    ranks: int | Sequence[int] | None = None
    decay: float | int = 0.0
    dimensions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.structure is not None:
            object.__setattr__(self, "structure", as_structure(self.structure))
        if isinstance(self.ranks, Sequence):
            object.__setattr__(self, "ranks", tuple(self.ranks))
        for rank in self.ranks if isinstance(self.ranks, Sequence) else (self.ranks,):
            if rank is not None:
                require_count(rank, "a rank of a tree")
        require_decay(self.decay)

    def sized(self, shape: Sequence[int], width: int | None = None) -> "Tree":
        """This model for W of `shape`; `width` is the start's, used where the model has none."""
        shape = require_axes(shape)
        structure = balanced(len(shape)) if self.structure is None else self.structure
        nodes = nodes_of(structure, len(shape))
        inner = [v for v, node in enumerate(nodes) if node.mode is None]
        if isinstance(self.ranks, Sequence):
            if len(self.ranks) != len(inner):
                raise InputError(
                    f"the tree {structure} has {len(inner)} inner nodes, got {len(self.ranks)} ranks; pass one for "
                    "each, children before parents, or a single number for all"
                )
            return replace(self, structure=structure, dimensions=shape)
        wanted = self.ranks or width
        ranks = tuple(wanted or full_rank(nodes, v, shape) for v in inner)
        return replace(self, structure=structure, ranks=ranks, dimensions=shape)

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes, children first and the root last; layer v is the matrix of node v."""
        if not self.dimensions or self.structure is None:
            raise InputError(f"the nodes of a tree are not known before the shape, got {self!r}; call sized(shape)")
        return nodes_of(self.structure, len(self.dimensions))

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The parent of each node, −1 for the root."""
        parents = [-1] * len(self.nodes)
        for v, node in enumerate(self.nodes):
            for child in node.children:
                parents[child] = v
        return tuple(parents)

    @cached_property
    def widths(self) -> dict[int, int]:
        """R_v of each inner node."""
        assert isinstance(self.ranks, tuple)
        inner = [v for v, node in enumerate(self.nodes) if node.mode is None]
        return dict(zip(inner, self.ranks, strict=True))

    @property
    def depth(self) -> int:
        """The number of layers, one for each node; W is a polynomial of that degree in them."""
        return len(self.nodes)

    @cached_property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """(d_n, R) of a leaf, (R_v, R of the parent) of an inner node; the root's matrix has one column."""
        above = [1 if parent < 0 else self.widths[parent] for parent in self.parents]
        rows = [
            self.widths[v] if node.mode is None else self.dimensions[node.mode] for v, node in enumerate(self.nodes)
        ]
        return list(zip(rows, above, strict=True))

    @property
    def modes(self) -> tuple[int | None, ...]:
        """The axis of a leaf, None for an inner node."""
        return tuple(node.mode for node in self.nodes)

    @property
    def names(self) -> tuple[Names, ...]:
        """The children of an inner node and its matrix share the axis of its local components."""
        order = len(self.dimensions)
        return tuple(
            (order + v if node.mode is None else node.mode, NONE if parent < 0 else order + parent)
            for v, (node, parent) in enumerate(zip(self.nodes, self.parents, strict=True))
        )

    @property
    def unit_norm(self) -> float:
        """Π d_n Π R_v."""
        return math.prod(map(float, self.dimensions)) * math.prod(map(float, self.widths.values()))

    def axes_below(self, v: int) -> tuple[int, ...]:
        """The axes of W below node v, ascending: those of its matricization."""
        node = self.nodes[v]
        if node.mode is not None:
            return (node.mode,)
        return tuple(sorted(axis for child in node.children for axis in self.axes_below(child)))

    def largest_rank(self, axes: Sequence[int]) -> int:
        """The least product of ranks and sides that a cut between the axes and the others passes."""
        return cheapest_cut(self.nodes, self.widths, self.dimensions, axes)

    @cached_property
    def _loops(self) -> Nodes:
        rows, cols = np.asarray(self.layer_shapes).T
        modes = np.asarray([-1 if mode is None else mode for mode in self.modes])
        return Nodes(np.asarray(self.parents), modes, rows, cols)

    def values_at(
        self, positions: Int[np.ndarray, "order entries"], weights: Float[np.ndarray, "batch p"]
    ) -> Float[np.ndarray, "batch entries"]:
        """W at the positions."""
        return tree_entries.values(positions, self._loops, self.layers(weights))

    def adjoint_at(
        self,
        positions: Int[np.ndarray, "order entries"],
        weights: Float[np.ndarray, "batch p"],
        slopes: Float[np.ndarray, "batch entries"],
    ) -> Float[np.ndarray, "batch p"]:
        """∂/∂weights of Σ slopes · W at the positions."""
        return self.join(tree_entries.adjoint(positions, self._loops, self.layers(weights), slopes))

    def loss_and_gradient_at(
        self, positions: Int[np.ndarray, "order entries"], problem: Problem, weights: Float[np.ndarray, "batch p"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "batch p"]]:
        """ℓ(W) and ∂ℓ/∂weights; of one pass over the entries where the loss is known to the loops."""
        if problem.terms is None or problem.terms.values.dtype != weights.dtype:
            return super().loss_and_gradient_at(positions, problem, weights)
        loss, pulls = tree_entries.loss_and_gradient(positions, self._loops, self.layers(weights), problem.terms)
        return loss, self.join(pulls)

    def features(
        self, layer: int, positions: Int[np.ndarray, "order entries"], weights: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, "entries _"]:
        """What comes down to the node, times the product of its children where it has some, flattened."""
        matrices = self.layers(weights)
        outputs: list[np.ndarray] = []
        for v, node in enumerate(self.nodes):
            if node.mode is not None:
                outputs.append(matrices[v][positions[node.mode]])
            else:
                outputs.append(functools.reduce(np.multiply, [outputs[child] for child in node.children]) @ matrices[v])
        path, v = [], layer
        while v >= 0:
            path.append(v)
            v = self.parents[v]
        pull = np.ones((positions.shape[1], 1), weights.dtype)
        for above, below in itertools.pairwise(reversed(path)):
            pull = pull @ matrices[above].T
            for sibling in self.nodes[above].children:
                if sibling != below:
                    pull = pull * outputs[sibling]
        children = self.nodes[layer].children
        if not children:
            return pull
        product = functools.reduce(np.multiply, [outputs[child] for child in children])
        return (product[:, :, None] * pull[:, None, :]).reshape(pull.shape[0], -1)

    def component_norms(self, weights: Float[Array, "*batch p"]) -> list[Array]:
        """σ_{v,r} of each inner node, children before parents: ‖row r of W_v‖ Π ‖column r of a child's matrix‖."""
        xp, layers = namespace(weights), self.layers(weights)
        found = []
        for v, node in enumerate(self.nodes):
            if node.mode is None:
                norms = xp.sqrt(xp.sum(layers[v] ** 2, axis=-1))
                for child in node.children:
                    norms = norms * xp.sqrt(xp.sum(layers[child] ** 2, axis=-2))
                found.append(norms)
        return found

    def component_groups(self, weights: Float[Array, "*batch p"]) -> list[tuple[int, Float[Array, "*batch R"]]]:
        """One group for each inner node, products of as many lengths as it has children, and one more."""
        inner = [node for node in self.nodes if node.mode is None]
        norms = self.component_norms(weights)
        return [(len(node.children) + 1, found) for node, found in zip(inner, norms, strict=True)]

    def imbalance(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """The largest ‖row r of W_v‖² − ‖column r of a child's matrix‖², without sign: conserved.   [razin2022]"""
        xp, layers = namespace(weights), self.layers(weights)
        worst = xp.zeros_like(weights[..., 0])
        for v, node in enumerate(self.nodes):
            row = xp.sum(layers[v] ** 2, axis=-1)
            squares = [row, *(xp.sum(layers[child] ** 2, axis=-2) for child in node.children)]
            if node.mode is None:
                stacked = xp.stack(squares, axis=-1)
                gap = xp.max(xp.max(stacked, axis=-1) - xp.min(stacked, axis=-1), axis=-1)
                worst = xp.maximum(worst, gap)
        return worst

    @classmethod
    def from_saved(cls, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Tree":
        """The model that `to_saved` described; JSON turned its tuples into lists, at every level."""
        ranks, dimensions = (tuple(v) if isinstance(v, list) else v for v in (fields["ranks"], fields["dimensions"]))
        return cls(as_structure(fields["structure"]), ranks, fields["decay"], dimensions)
