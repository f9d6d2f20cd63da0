"""The product by itself, moving as if it had layers: end-to-end dynamics.

    Ẇ = −λN W − Σ_{j=1..N} [WWᵀ]^{(j−1)/N} ∇ℓ(W) [WᵀW]^{(N−j)/N}          [arora2018, Theorem 1]

This is how a balanced chain of N layers moves its product, whatever its hidden widths. Nothing is factored: W is the
weights, and what stands in for a gradient is the preconditioned one, so that `Flow` follows the law above and
`Descent(Gradient(η))` its discrete rule W ← (1 − ηλN) W − η P_W[∇ℓ]. The depth may be any real number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.models.chain import Chain
from rankfall.models.layer_products import partial_products
from rankfall.models.model import Model
from rankfall.models.preconditioner import precondition, require_decay, require_depth
from rankfall.models.start import LayerForm
from rankfall.problems.problem import Problem


@dataclass(frozen=True)
class EndToEnd(Model):
    """W under the preconditioner of depth N: the flow never raises the loss, and for N ≥ 2 it keeps the rank.

    Follows `Chain(N)` exactly where that starts balanced. An integrator's tolerance is relative to ‖W‖ here, not to
    layers: to resolve singular values far below the largest, ask for a small `rtol`.

    Parameters
    ----------
    depth : float or int
        N ≥ 1, real.
    decay : float or int
        λ ≥ 0, the weight decay of each of the N layers.
    width : int or Sequence[int], optional
        Hidden width of the chain through which a start is drawn, as in `Chain`; the motion does not depend on it.
    dimensions : tuple[int, ...]
        (n, m), filled in by `sized`.

    Raises
    ------
    InputError
        For depth < 1 or decay < 0.
    """

    is_layered = False

    depth: float | int = 3
    decay: float | int = 0.0
    width: int | Sequence[int] | None = None
    dimensions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_depth(self.depth)
        require_decay(self.decay)

    def sized(self, shape: tuple[int, int], width: int | None = None) -> "EndToEnd":
        """This model for W of `shape`; the start's width plays no role."""
        return replace(self, dimensions=(shape[1], shape[0]))

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """One layer, W."""
        return [(self.dimensions[1], self.dimensions[0])]

    @property
    def size(self) -> int:
        """Number of weights, m n."""
        return math.prod(self.dimensions)

    @property
    def rank(self) -> int:
        """min(m, n)."""
        return min(self.dimensions)

    def form(self, width: int | None = None) -> LayerForm:
        """The layers of the chain nearest in depth: W(0) is their product."""
        depth = max(1, math.floor(self.depth + 0.5))
        return Chain(depth, self.width).sized(self.layer_shapes[0], width).form()

    def weights_of(self, layers: Sequence[np.ndarray], scale: float, is_exact: bool) -> Float[np.ndarray, " p"]:
        """scale · W_N ⋯ W_1, flat. Raises InputError for a product of another shape than W."""
        product = scale * partial_products(layers)[-1]
        if product.shape != self.layer_shapes[0]:
            raise InputError(
                f"a start needs a product of shape {self.layer_shapes[0]}, got {product.shape}; pass W_1 first"
            )
        return product.ravel()

    def product(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch m n"]:
        """W, a view of the weights."""
        return namespace(weights).reshape(weights, (*weights.shape[:-1], *self.layer_shapes[0]))

    def layers(self, weights: Float[Array, "*batch p"]) -> list[Array]:
        """[W]."""
        return [self.product(weights)]

    def join(self, layers: Sequence[Array]) -> Float[Array, "*batch p"]:
        """The flat vector of [W]."""
        return self._alone.join(layers)

    def velocity(
        self, problem: Problem, weights: Float[Array, "*batch p"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch p"]]:
        """ℓ(W) and Ẇ = −λN W − P_W[∇ℓ(W)], a field that is no gradient in general.   [arora2018, Theorem 2]"""
        product = self.product(weights)
        loss, gradient = problem.loss_and_gradient(product)
        pull = precondition(product, gradient, self.depth)
        if self.decay:
            pull = pull + self.decay * self.depth * product
        return loss, self.join([-pull])

    @property
    def _alone(self) -> Chain:
        return Chain(1, dimensions=self.dimensions)
