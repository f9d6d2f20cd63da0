"""Diagonal layers, all equal: W = diag(u^N), least squares on the powers of a vector.

    u̇ = −u^{N−1} g,    x = u^N,    ẋ = −N (x²)^{1−1/N} g,        g = the diagonal of ∇ℓ(W)

A chain of equal diagonal layers moves so, each layer by its own gradient; where the problem sees the diagonal alone,
the chain never leaves it. It is the setting in which the end of the flow is known: with commuting measurements and a
vanishing start, the solution of least ℓ_1 norm.   [gunasekar2017, Corollary 2], [arora2019, Theorem 2]
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, device, namespace
from rankfall.errors import InputError
from rankfall.models.chain import Chain
from rankfall.models.model import Model
from rankfall.models.preconditioner import require_decay
from rankfall.models.start import LayerForm
from rankfall.problems.problem import Problem


@dataclass(frozen=True)
class Diagonal(Model):
    """W = diag(u^N) with one weight u_k an entry of the diagonal; x_k keeps its sign for N ≥ 2.

    It starts from layers that are equal and diagonal: `Identity`, or `FromLayers([np.diag(u)] * N)`. Raises InputError
    for others, and for depth < 1.

    Parameters
    ----------
    depth : int
        N ≥ 1, whole. An even N gives x ≥ 0.
    decay : float or int
        λ ≥ 0, the weight decay of each layer.
    dimensions : tuple[int, ...]
        (n, m), filled in by `sized`.
    """

    depth: int = 2
    decay: float | int = 0.0
    dimensions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        Chain(self.depth)  # refuses depths below 1
        require_decay(self.decay)

    def sized(self, shape: tuple[int, int], width: int | None = None) -> "Diagonal":
        """This model for W of `shape`; a start's width plays no role."""
        return replace(self, dimensions=(shape[1], shape[0]))

    @property
    def size(self) -> int:
        """Number of weights, min(m, n)."""
        return min(self.dimensions)

    @property
    def rank(self) -> int:
        """min(m, n)."""
        return min(self.dimensions)

    def form(self, width: int | None = None) -> LayerForm:
        """The layers of a chain of full width."""
        return Chain(self.depth).sized((self.dimensions[1], self.dimensions[0])).form()

    def weights_of(self, layers: Sequence[np.ndarray], scale: float, is_exact: bool) -> Float[np.ndarray, " q"]:
        """u of equal diagonal layers, times scale^{1/N}. Raises InputError for other layers."""
        return scale ** (1 / self.depth) * self._root_of(layers)

    def _root_of(self, layers: Sequence[np.ndarray]) -> np.ndarray:
        shapes = [tuple(layer.shape) for layer in layers]
        if shapes != self.layer_shapes:
            raise InputError(f"layers must have shapes {self.layer_shapes}, W_1 first, got {shapes}")
        root = np.diagonal(layers[0])
        for layer in layers:
            rest = layer.copy()
            np.fill_diagonal(rest, 0)
            if rest.any() or not np.array_equal(np.diagonal(layer), root):
                raise InputError(
                    "Diagonal starts from equal diagonal layers, got layers that are not; use "
                    "Identity(scale), or FromLayers([np.diag(u)] * depth)"
                )
        return root

    def spectrum(self, weights: Float[Array, "*batch q"]) -> Float[Array, "*batch q"]:
        """x = u^N, the diagonal of W in place, signs and all."""
        return weights**self.depth

    def product(self, weights: Float[Array, "*batch q"]) -> Float[Array, "*batch m n"]:
        """W, formed."""
        return self._formed(self.spectrum(weights), (self.dimensions[1], self.dimensions[0]))

    def layers(self, weights: Float[Array, "*batch q"]) -> list[Array]:
        """N times diag(u), padded where W is not square."""
        return [self._formed(weights, shape) for shape in self.layer_shapes]

    def join(self, layers: Sequence[Array]) -> Float[Array, "*batch q"]:
        """u of these layers, which are taken to be equal and diagonal."""
        return namespace(layers[0]).linalg.diagonal(layers[0])

    def velocity(
        self, problem: Problem, weights: Float[Array, "*batch q"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch q"]]:
        """ℓ(W) and u̇ = −u^{N−1} g − λu."""
        loss, gradient = problem.loss_and_gradient(self.product(weights))
        pull = weights ** (self.depth - 1) * namespace(weights).linalg.diagonal(gradient)
        return loss, -(pull + self.decay * weights) if self.decay else -pull

    def _formed(self, diagonal: Array, shape: tuple[int, ...]) -> Array:
        ones = namespace(diagonal).eye(*shape, dtype=diagonal.dtype, device=device(diagonal))
        return ones * (diagonal[..., None, :] if shape[0] >= shape[1] else diagonal[..., :, None])
