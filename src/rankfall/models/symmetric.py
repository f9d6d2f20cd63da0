"""Symmetric factorization, W = U Uᵀ, and its deep form: a chain that is its own mirror image.

    W = Zᵀ Z,  Z = W_h ⋯ W_1,  h = N/2;        W_{N+1−j} = W_jᵀ,  U = Zᵀ

Each layer moves as its twin in a chain of depth N would, Ẇ_j = −∂ℓ/∂W_j, half the slope of ℓ along U: at depth 2

    U̇ = −∇ℓ(W) U,        Ẇ = −∇ℓ(W) W − W ∇ℓ(W)          [gunasekar2017, (3) and (4)]

W is positive semidefinite throughout; of the gradient only its symmetric part counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace
from rankfall.errors import InputError
from rankfall.models.chain import Chain
from rankfall.models.layer_products import partial_products, pull_back
from rankfall.models.model import Model
from rankfall.models.preconditioner import require_decay
from rankfall.models.start import LayerForm
from rankfall.problems.problem import Problem


@dataclass(frozen=True)
class Symmetric(Model):
    """W = U Uᵀ, with U of `width` columns, or of depth/2 layers.

    Parameters
    ----------
    width
        columns of U, or one number for each of the depth/2 hidden levels W_1 … W_h lead to; None means n, or the
        width of the start where that has one.
    depth
        N, even: the layers of the mirrored chain. At depth 2, U is the only weight.
    decay
        λ ≥ 0, the weight decay of each layer.
    dimensions
        (n, d_1, …, d_h, …, d_1, n), filled in by `sized`.

    Raises
    ------
    InputError
        For an odd depth, width < 1, a matrix that is not square, or measurements that are not symmetric.
    """

    is_chain = is_symmetric = True

    width: int | Sequence[int] | None = None
    depth: int = 2
    decay: float | int = 0.0
    dimensions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.depth < 2 or self.depth % 2:
            raise InputError(
                f"W = U Uᵀ mirrors every layer, so depth must be even, got {self.depth}; 2 is U Uᵀ itself, "
                "4 writes U as two layers"
            )
        require_decay(self.decay)
        if isinstance(self.width, Sequence):
            object.__setattr__(self, "width", tuple(self.width))
            if len(self.width) != self.depth // 2:
                raise InputError(
                    f"a symmetric chain of depth {self.depth} has {self.depth // 2} hidden widths up to its middle, "
                    f"got {len(self.width)}; pass one for each, or a single number for all"
                )
        Chain(2, min(self.width) if isinstance(self.width, Sequence) else self.width)  # refuses widths below 1

    def sized(self, shape: tuple[int, int], width: int | None = None) -> "Symmetric":
        """This model with its dimensions for W of `shape`. Raises InputError where that is not square."""
        if shape[0] != shape[1]:
            raise InputError(f"W = U Uᵀ is square, got a problem of shape {tuple(shape)}; use Chain for oblong tables")
        hidden = self.width if self.width is not None else (width or shape[0])
        widths = tuple(hidden) if isinstance(hidden, Sequence) else (hidden,) * (self.depth // 2)
        return replace(self, dimensions=(shape[0], *widths, *widths[-2::-1], shape[0]))

    @cached_property
    def _half(self) -> Chain:
        """Z = W_h ⋯ W_1."""
        return Chain(self.depth // 2, dimensions=self.dimensions[: self.depth // 2 + 1])

    @property
    def mirrored(self) -> Chain:
        """The chain of depth N that this is one half of."""
        return Chain(self.depth, dimensions=self.dimensions)

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """Shape of each of the N layers, W_1 first."""
        return self.mirrored.layer_shapes

    @property
    def size(self) -> int:
        """Number of weights, those of W_1 … W_h."""
        return self._half.size

    @property
    def rank(self) -> int:
        """The largest rank that W can have."""
        return min(self.dimensions)

    def form(self, width: int | None = None) -> LayerForm:
        """The layers of the mirrored chain.

        Random layers multiplied by their own mirror image make a product larger than independent ones do, by up to √2
        in norm for `Gaussian` at depth 2; identity, orthogonal and balanced starts have exactly their scale.
        """
        return self.mirrored.form()

    def require(self, problem: Problem) -> None:
        """Raise InputError for measurements that are not symmetric."""
        if not problem.is_symmetric:
            raise InputError(
                f"W = U Uᵀ needs symmetric measurements, got a {type(problem).__name__} with some that differ from "
                "their transpose; use problem.symmetrized(), which is the same on symmetric W"
            )

    def weights_of(self, layers: Sequence[np.ndarray], scale: float, is_exact: bool) -> Float[np.ndarray, " p"]:
        """The first half of the layers, each multiplied by scale^{1/N}."""
        if is_exact:
            self._require_mirrored(layers)
        return self._half.join([scale ** (1 / self.depth) * layer for layer in layers[: self.depth // 2]])

    def _require_mirrored(self, layers: Sequence[np.ndarray]) -> None:
        shapes = [tuple(layer.shape) for layer in layers]
        if shapes != self.layer_shapes:
            raise InputError(f"layers must have shapes {self.layer_shapes}, W_1 first, got {shapes}; all N are needed")
        for j, (layer, twin) in enumerate(zip(layers, reversed(layers), strict=True), start=1):
            if not np.allclose(layer, twin.T):
                raise InputError(
                    f"layers of U Uᵀ mirror each other, W_{self.depth + 1 - j} = W_{j}ᵀ, got a start where they do "
                    "not; pass [U.T, U]"
                )

    def layers(self, weights: Float[Array, "*batch p"]) -> list[Array]:
        """All N layers W_1 … W_N, the second half the mirror image of the first."""
        lower = self._half.layers(weights)
        return [*lower, *(layer.mT for layer in reversed(lower))]

    def join(self, layers: Sequence[Array]) -> Float[Array, "*batch p"]:
        """The flat vector of these N layers; the second half is taken to mirror the first."""
        return self._half.join(layers[: self.depth // 2])

    def factors(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array]:
        """U `(*batch, n, k)`, twice."""
        root = self._half.product(weights).mT
        return root, root

    def product(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch n n"]:
        """W = U Uᵀ, formed."""
        root, _ = self.factors(weights)
        return root @ root.mT

    def loss(self, problem: Problem, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """ℓ(U Uᵀ)."""
        return problem.factored_loss(*self.factors(weights))

    def velocity(
        self, problem: Problem, weights: Float[Array, "*batch p"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch p"]]:
        """ℓ(U Uᵀ) and Ẇ_j of each layer, as a flat vector: minus half the gradient, minus the decay."""
        layers = self._half.layers(weights)
        products = partial_products(layers)
        root = products[-1].mT
        loss, left_pull, right_pull = problem.loss_and_factor_gradients(root, root)
        pull = (left_pull + right_pull).mT / -2
        velocity = self._half.join(pull_back(layers, products, pull))
        return loss, velocity - self.decay * weights if self.decay else velocity

    def decomposition(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array, Array]:
        """Thin SVD of W, (U, σ, Uᵀ) with `rank` columns, σ descending: the eigenvalues, from the SVD of the root."""
        xp = namespace(weights)
        vectors, values, _ = xp.linalg.svd(self.factors(weights)[0], full_matrices=False)
        vectors = vectors[..., : self.rank]
        return vectors, values[..., : self.rank] ** 2, vectors.mT

    def imbalance(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """max_j ‖W_{j+1}ᵀW_{j+1} − W_jW_jᵀ‖_F; zero at depth 2, where the two layers mirror each other."""
        return self._half.imbalance(weights)
