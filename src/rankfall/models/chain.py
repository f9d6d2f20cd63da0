"""The chain of layers, W = W_N ⋯ W_1: deep matrix factorization itself.

Each layer follows its own gradient, and only the product is seen by the loss:

    ∂φ/∂W_j = (W_N ⋯ W_{j+1})ᵀ ∇ℓ(W) (W_{j−1} ⋯ W_1)ᵀ            [arora2018]

The chain is cut at its narrowest layer, W = L Rᵀ; the problem returns G R and Gᵀ L, which are then multiplied
by the layers. All weights of a chain live in one flat vector, W_1 first; layers are views of it.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, is_numpy, namespace, reshape
from rankfall.errors import InputError
from rankfall.kernels.motion import Motion
from rankfall.kernels.narrow_chain import NarrowChain, is_narrow
from rankfall.models.factor_pairs import beside_identity, factored_decomposition
from rankfall.models.flat_layers import FlatLayers
from rankfall.models.layer_products import partial_products, pull_back, write_descent
from rankfall.models.model import Model
from rankfall.models.preconditioner import require_decay
from rankfall.models.start import LayerForm
from rankfall.problems.problem import Problem


@dataclass(frozen=True)
class Chain(Model):
    """W = W_N ⋯ W_1, layers[0] = W_1 acting first; gradient flow on it keeps W_{j+1}ᵀW_{j+1} − W_jW_jᵀ constant.

    Parameters
    ----------
    depth
        number N ≥ 1 of layers; depth 1 is W itself.
    width
        hidden width, one for all or one for each of the N − 1 hidden levels; None means min(m, n), or the width
        of the start where that has one: wide enough not to constrain rank.
    dimensions
        (n, d_1, …, d_{N−1}, m), filled in by `sized` once the shape of W is known.
    rates
        α_1 … α_N ≥ 0, by which each layer moves faster or slower, None for ones: Ẇ_j = −α_j (∂φ/∂W_j + λW_j). What
        the flow conserves is then W_{j+1}ᵀW_{j+1}/α_{j+1} − W_jW_jᵀ/α_j; a rate of 0 keeps a layer fixed.   [kwon2024]
    decay
        λ ≥ 0, the weight decay of each layer; the loss stays ℓ(W), and imbalance dies like e^{−2λt}.   [arora2018]

    Raises
    ------
    InputError
        For depth < 1, width < 1, a number of widths other than depth − 1 or of rates other than depth.
    """

    is_chain = True

    depth: int = 3
    width: int | Sequence[int] | None = None
    dimensions: tuple[int, ...] = ()
    rates: Sequence[float | int] | None = None
    decay: float | int = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.depth, int | np.integer):
            raise InputError(
                f"the depth of layers is a whole number, got {self.depth!r}; EndToEnd moves W at any real depth"
            )
        if self.depth < 1:
            raise InputError(
                f"depth must be at least 1, got {self.depth}; depth 1 is gradient descent on W itself, 3 a good default"
            )
        if isinstance(self.width, Sequence):
            object.__setattr__(self, "width", tuple(self.width))  # hashable, whatever sequence came
            if len(self.width) != self.depth - 1:
                raise InputError(
                    f"a chain of depth {self.depth} has {self.depth - 1} hidden widths, got {len(self.width)}; "
                    "pass one for each, or a single number for all"
                )
        for width in self.width if isinstance(self.width, Sequence) else (self.width,):
            if width is not None and (not isinstance(width, int | np.integer) or width < 1):
                raise InputError(f"width must be at least 1, got {width}; None leaves the rank free")
        require_decay(self.decay)
        if self.rates is not None:
            object.__setattr__(self, "rates", tuple(float(rate) for rate in self.rates))
            if len(self.rates) != self.depth:
                raise InputError(
                    f"a chain of depth {self.depth} has {self.depth} rates, W_1 first, got {len(self.rates)}; "
                    "pass one for each layer"
                )
            if not all(0 <= rate < math.inf for rate in self.rates) or not any(self.rates):
                raise InputError(f"rates must not be negative, and not all zero, got {self.rates}; 1 is the flow's own")

    def sized(self, shape: tuple[int, int], width: int | None = None) -> "Chain":
        """This chain with its dimensions for W of `shape`; `width` is the start's, used where the chain has none."""
        m, n = shape
        hidden = self.width if self.width is not None else (width or min(m, n))
        widths = tuple(hidden) if isinstance(hidden, Sequence) else (hidden,) * (self.depth - 1)
        return replace(self, dimensions=(n, *widths, m))

    @cached_property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """Shape of each layer, W_1 first."""
        return [(rows, cols) for cols, rows in itertools.pairwise(self.dimensions)]

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(rows * cols for rows, cols in self.layer_shapes)

    @property
    def rank(self) -> int:
        """The largest rank that W can have, which is the narrowest dimension."""
        return min(self.dimensions)

    def form(self, width: int | None = None) -> LayerForm:
        """The chain's own layers; E‖W‖_F² = m n (Π hidden widths) deviation^{2N} is set equal to the rank."""
        deviation = (self.rank / math.prod(self.dimensions)) ** (1 / (2 * self.depth))
        return LayerForm(tuple(self.layer_shapes), self.rank, deviation)

    def layers(self, weights: Float[Array, "*batch p"]) -> list[Array]:
        """The layers W_1 … W_N, each `(*batch, d_j, d_{j−1})`, as views of the flat vector."""
        return self._flat.split(weights)

    @cached_property
    def _flat(self) -> FlatLayers:
        return FlatLayers(self.layer_shapes)

    def join(self, layers: Sequence[Array]) -> Float[Array, "*batch p"]:
        """The flat vector of these layers, W_1 first."""
        shapes = [tuple(layer.shape[-2:]) for layer in layers]
        if shapes != self.layer_shapes:
            raise InputError(
                f"layers must have shapes {self.layer_shapes}, W_1 first, got {shapes}; "
                "W_1 acts first and has as many columns as W"
            )
        return self._flat.joined(layers)

    def factors(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array]:
        """L `(*batch, m, k)` and R `(*batch, n, k)` with W = L Rᵀ, k the least hidden width; min(m, n) at depth 1."""
        if self.depth == 1:
            return beside_identity(self.product(weights))
        lower, upper = self._sides(weights)
        return partial_products(upper)[-1], partial_products(lower)[-1].mT

    def product(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch m n"]:
        """W itself, formed."""
        return partial_products(self.layers(weights))[-1]

    def loss(self, problem: Problem, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """φ alone. Where a hidden layer exists, only the observed entries are formed."""
        if self.depth == 1:
            return problem.loss(self.product(weights))
        motion = self.motion(problem) if weights.ndim == 2 and weights.dtype == problem.dtype else None
        if motion is not None:
            # on short lists the gradient costs less than the calls of the general path
            return motion.velocity(weights)[0].astype(weights.dtype, copy=False)
        return problem.factored_loss(*self.factors(weights))

    def velocity(
        self, problem: Problem, weights: Float[Array, "*batch p"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch p"]]:
        """φ = ℓ(W_N ⋯ W_1) and Ẇ_j = −α_j (∂φ/∂W_j + λW_j) as a flat vector."""
        loss, velocity = self._descent(problem, weights)
        if self.decay:
            velocity = velocity - self.decay * weights
        if self.rates is not None:
            parts = [rate * velocity[..., place] for rate, place in zip(self.rates, self._flat.places, strict=True)]
            velocity = namespace(velocity).concat(parts, axis=-1)
        return loss, velocity

    def motion(self, problem: Problem) -> Motion | None:
        """Compiled steps over listed entries, for narrow chains and short lists."""
        lists = problem.listed
        if lists is None or self.depth == 1 or not is_narrow(self.dimensions, lists):
            return None
        return NarrowChain(lists, self.dimensions, None if self.rates is None else tuple(self.rates), self.decay)

    def _descent(self, problem: Problem, weights: Array) -> tuple[Array, Array]:
        """φ and −∇φ."""
        if self.depth == 1:
            loss, gradient = problem.loss_and_gradient(self.product(weights))
            return loss, reshape(-gradient, tuple(weights.shape))
        lower, upper = self._sides(weights)
        lower_products, upper_products = partial_products(lower), partial_products(upper)
        loss, left_pull, right_pull = problem.loss_and_factor_gradients(upper_products[-1], lower_products[-1].mT)
        if not is_numpy(weights):
            below = pull_back(lower, lower_products, -right_pull.mT)
            return loss, self.join([*below, *pull_back(upper, upper_products, -left_pull)])
        descent = np.empty_like(weights)
        places = self.layers(descent)
        write_descent(lower, lower_products, right_pull.mT, places[: len(lower)])
        write_descent(upper, upper_products, left_pull, places[len(lower) :])
        return loss, descent

    def decomposition(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array, Array]:
        """Thin SVD of W, (U, σ, Vᵀ) with `rank` columns, σ descending; W is not formed where a layer is narrow."""
        if self.depth == 1 or self.rank == min(self.dimensions[-1], self.dimensions[0]):
            return super().decomposition(weights)
        return factored_decomposition(*self.factors(weights), self.rank)

    def imbalance(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """max_j ‖W_{j+1}ᵀW_{j+1} − W_jW_jᵀ‖_F: conserved by the flow, zero for balanced layers.   [arora2018]"""
        xp = namespace(weights)
        worst = xp.zeros_like(weights[..., 0])
        for lower, upper in itertools.pairwise(self.layers(weights)):
            gap = upper.mT @ upper - lower @ lower.mT
            worst = xp.maximum(worst, xp.sqrt(xp.sum(gap * gap, axis=(-2, -1))))
        return worst

    def _sides(self, weights: Array) -> tuple[list[Array], list[Array]]:
        """The layers below and above the narrowest hidden dimension."""
        layers = self.layers(weights)
        return layers[: self._cut], layers[self._cut :]

    @cached_property
    def _cut(self) -> int:
        """How many layers lie below the narrowest hidden dimension."""
        hidden = self.dimensions[1:-1]
        return 1 + hidden.index(min(hidden))
