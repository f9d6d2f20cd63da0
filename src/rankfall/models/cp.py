"""A sum of components: W = Σ_r w_r¹ ⊗ ⋯ ⊗ w_r^N, the CP factorization.

    ∂φ/∂w_r^n = ⟨∇ℓ(W), ⊗_{m≠n} w_r^m⟩ over all axes but n                                   [razin2021]

A matrix is the case N = 2, `Chain(2)` written by columns. As a network it is a convolution of width 1 with R channels,
product pooling over all positions, and a sum.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, namespace, reshape
from rankfall.errors import InputError
from rankfall.kernels import cp_entries, cp_sweeps
from rankfall.models.contraction import Names
from rankfall.models.network_model import NetworkModel
from rankfall.models.preconditioner import require_decay
from rankfall.models.tensor_model import require_axes, require_count
from rankfall.models.tensor_sweep import JITTER
from rankfall.problems.problem import Problem
from rankfall.problems.sorted_entries import SortedEntries


@dataclass(frozen=True)
class CP(NetworkModel):
    """W = Σ_r w_r¹ ⊗ ⋯ ⊗ w_r^N, layer n the matrix (d_n, R) of all w_r^n; the flow conserves ‖w_r^n‖² − ‖w_r^m‖².

    Parameters
    ----------
    components
        number R of components; None means the width of the start where that has one, else as many as there are
        entries off the longest axis: wide enough not to constrain rank. Time and memory are proportional to R.
    decay
        λ ≥ 0, the weight decay of each layer.
    dimensions
        (d_1, …, d_N), filled in by `sized` once the shape of W is known.

    Raises
    ------
    InputError
        For components < 1, a negative decay.
    """

    components: int | None = None
    decay: float | int = 0.0
    dimensions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.components is not None:
            require_count(self.components, "the number of components")
        require_decay(self.decay)

    def sized(self, shape: Sequence[int], width: int | None = None) -> "CP":
        """This model for W of `shape`; `width` is the start's, used where the model has none."""
        shape = require_axes(shape)
        full = math.prod(shape) // max(shape)
        return replace(self, components=self.components or width or full, dimensions=shape)

    @property
    def count(self) -> int:
        """R."""
        if self.components is None:
            raise InputError("the number of components is not known before the shape, got CP(None); call sized(shape)")
        return int(self.components)

    @property
    def depth(self) -> int:
        """N, the order of W and the number of layers."""
        return len(self.dimensions)

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """(d_n, R) of each axis."""
        return [(side, self.count) for side in self.dimensions]

    @property
    def modes(self) -> tuple[int, ...]:
        """Layer n is of axis n."""
        return tuple(range(len(self.dimensions)))

    @property
    def names(self) -> tuple[Names, ...]:
        """All layers share the axis of components."""
        return tuple((n, len(self.dimensions)) for n in range(len(self.dimensions)))

    @property
    def unit_norm(self) -> float:
        """R Π d_n."""
        return float(self.count) * math.prod(map(float, self.dimensions))

    def largest_rank(self, axes: Sequence[int]) -> int:
        """min(R, rows, columns)."""
        rows = math.prod(self.dimensions[axis] for axis in axes)
        return min(self.count, rows, math.prod(self.dimensions) // rows)

    def component_norms(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch R"]:
        """σ_r = Π_n ‖w_r^n‖, in the order of the components."""
        xp = namespace(weights)
        norms = None
        for layer in self.layers(weights):
            lengths = xp.sqrt(xp.sum(layer * layer, axis=-2))
            norms = lengths if norms is None else norms * lengths
        return norms

    def component_groups(self, weights: Float[Array, "*batch p"]) -> list[tuple[int, Float[Array, "*batch R"]]]:
        """One group: products of N lengths."""
        return [(len(self.dimensions), self.component_norms(weights))]

    def values_at(
        self, positions: Int[np.ndarray, "order entries"], weights: Float[np.ndarray, "batch p"]
    ) -> Float[np.ndarray, "batch entries"]:
        """Σ_r Π_n w_r^n[i_n]."""
        return cp_entries.values(positions, self._firsts, self._rows(weights))

    def adjoint_at(
        self,
        positions: Int[np.ndarray, "order entries"],
        weights: Float[np.ndarray, "batch p"],
        slopes: Float[np.ndarray, "batch entries"],
    ) -> Float[np.ndarray, "batch p"]:
        """∂/∂weights of Σ slopes · W at the positions."""
        return reshape(cp_entries.adjoint(positions, self._firsts, self._rows(weights), slopes), weights.shape)

    def loss_and_gradient_at(
        self, positions: Int[np.ndarray, "order entries"], problem: Problem, weights: Float[np.ndarray, "batch p"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "batch p"]]:
        """ℓ(W) and ∂ℓ/∂weights; of one pass over the entries where the loss is known to the loops."""
        if problem.terms is None or problem.terms.values.dtype != weights.dtype or self.count > cp_entries.WIDEST:
            return super().loss_and_gradient_at(positions, problem, weights)
        rows = self._rows(weights)
        loss, gradient = cp_entries.loss_and_gradient(positions, self._firsts, rows, problem.terms)
        return loss, reshape(gradient, weights.shape)

    def features(
        self, layer: int, positions: Int[np.ndarray, "order entries"], weights: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, "entries _"]:
        """Π_{m≠n} w_r^m[i_m]."""
        return cp_entries.features(layer, positions, self._firsts, self._rows(weights[None, :])[0])

    def swept(
        self, entries: SortedEntries, weights: Float[np.ndarray, " p"], penalty: float
    ) -> Float[np.ndarray, " p"]:
        """One compiled call."""
        rows = self._rows(np.asarray(weights, np.float64)[None, :])[0]
        lists = entries.starts, entries.ends, entries.positions, entries.values, entries.weights
        return cp_sweeps.sweep(*lists, self._firsts, rows, penalty, JITTER).reshape(-1)

    @cached_property
    def _firsts(self) -> Int[np.ndarray, " order"]:
        """Where the rows of each layer begin among those of all layers."""
        return self.offsets // self.count

    def _rows(self, weights: Float[np.ndarray, "batch p"]) -> Float[np.ndarray, "batch rows R"]:
        """All layers below one another."""
        return weights.reshape(weights.shape[0], -1, self.count)

    def factors(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array]:
        """L and R of the matricization L Rᵀ, with R columns each."""
        layers, cut = self.layers(weights), len(self.dimensions) // 2
        return columnwise_products(layers[:cut]), columnwise_products(layers[cut:])

    def imbalance(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """The largest ‖w_r^n‖² − ‖w_r^m‖²: conserved by the flow, zero for balanced components.   [razin2021]"""
        xp = namespace(weights)
        squares = xp.stack([xp.sum(layer * layer, axis=-2) for layer in self.layers(weights)], axis=-1)
        return xp.max(xp.max(squares, axis=-1) - xp.min(squares, axis=-1), axis=-1)


def columnwise_products(layers: Sequence[Array]) -> Array:
    """Column r is the flattened w_r¹ ⊗ w_r² ⊗ ⋯ of these layers, the last index running fastest (Khatri–Rao)."""
    xp, whole = namespace(*layers), layers[0]
    for layer in layers[1:]:
        outer = whole[..., :, None, :] * layer[..., None, :, :]
        whole = xp.reshape(outer, (*outer.shape[:-3], outer.shape[-3] * outer.shape[-2], outer.shape[-1]))
    return whole
