"""The contract of a model: how W is written in layers, hence how it moves.

    Ẇ_j = −∂ℓ/∂W_j, with rates, decay or a preconditioner where a model declares them

All weights of a model lie in one flat vector with a leading batch axis; layers are views of it.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar, cast

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace, to_numpy
from rankfall.errors import InputError
from rankfall.kernels.motion import Motion
from rankfall.low_rank import LowRank
from rankfall.models.factor_pairs import beside_identity
from rankfall.models.preconditioner import require_movable
from rankfall.models.start import LayerForm, Start
from rankfall.problems.problem import Problem


class Model(ABC):
    """How W is written.

    A member must give `sized`, `size`, `rank`, `form`, `layers`, `join`, `product` and `velocity`. It may declare the
    attributes below, and override what the base derives where it can do better: `factors`, `loss`, `decomposition`,
    `imbalance`, `weights_of`, `motion`.

    Attributes
    ----------
    depth : float
        N, the number of layers; for a law of motion, any real number ≥ 1.
    decay : float
        λ ≥ 0, the weight decay of each layer.
    rates : tuple of float or None
        How much faster or slower each layer moves; None for ones.
    is_layered : bool
        Whether the weights are layers that each follow their own gradient, so that imbalance is conserved.
    is_chain : bool
        Whether W = W_N ⋯ W_1 with layers that each follow their own gradient; the weights are all of them, or, where
        `is_symmetric`, the first half, which the others mirror.
    is_symmetric : bool
        Whether W = Wᵀ throughout, so that of ∇ℓ(W) only the symmetric part counts.
    is_tensor : bool
        Whether W is a tensor of the sides `dimensions`.
    """

    registered: ClassVar[dict[str, type["Model"]]] = {}
    depth: float | int = 1
    decay: float | int = 0.0
    rates: Sequence[float | int] | None = None
    dimensions: tuple[int, ...] = ()
    is_layered: ClassVar[bool] = True
    is_chain: ClassVar[bool] = False
    is_symmetric: ClassVar[bool] = False
    is_tensor: ClassVar[bool] = False

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        Model.registered[cls.__name__] = cls
        if "velocity" in vars(cls) and "motion" not in vars(cls):
            # loops compiled for a parent's velocity are not those of this one
            cls.motion = Model.motion

    @abstractmethod
    def sized(self, shape: tuple[int, ...], width: int | None = None) -> "Model":
        """This model for W of a shape, with its sizes set.

        Parameters
        ----------
        shape : tuple of int
            (m, n), or the side lengths of a tensor.
        width : int, optional
            The hidden width of the start, used where the model has none; None leaves the rank free.
        """

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of weights p."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """The largest rank that W can have."""

    @abstractmethod
    def form(self, width: int | None = None) -> LayerForm:
        """The form of the layers that a start gives; `width` is that of the start."""

    @abstractmethod
    def layers(self, weights: Float[Array, "*batch p"]) -> list[Array]:
        """The layers, W_1 first."""

    @abstractmethod
    def join(self, layers: Sequence[Array]) -> Float[Array, "*batch p"]:
        """The flat vector of these layers, the inverse of `layers`."""

    @abstractmethod
    def product(self, weights: Float[Array, "*batch p"]) -> Array:
        """W, formed."""

    @abstractmethod
    def velocity(
        self, problem: Problem, weights: Float[Array, "*batch p"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch p"]]:
        """ℓ(W) and the velocity of the weights, Ẇ, as a flat vector.

        Parameters
        ----------
        problem : Problem
            What is measured; a batch of problems has one for each run.
        weights : array, shape (..., p)
            The flat weights, with leading axes of a batch, if any.

        Returns
        -------
        loss : array, shape (...)
            ℓ(W), without decay.
        velocity : array, shape (..., p)
            Ẇ, decay included.
        """

    def motion(self, problem: Problem) -> Motion | None:
        """Compiled loops that take whole steps of this model on this problem; None: there are none, the default.

        They change no result beyond rounding. A subclass that overrides `velocity` does not inherit them.
        """
        return None

    @property
    def layer_shapes(self) -> Sequence[tuple[int, ...]]:
        """Shape of each layer, W_1 first."""
        return list(self.form().shapes)

    @property
    def layer_axes(self) -> list[tuple[str, ...]]:
        """Names of the axes of each layer, for saved runs, levels where layers form a chain, else numbers."""
        shapes = self.layer_shapes
        matrices = all(len(shape) == 2 for shape in shapes)
        if matrices and all(above[1] == below[0] for below, above in itertools.pairwise(shapes)):
            return [(f"level_{j}", f"level_{j - 1}") for j in range(1, len(shapes) + 1)]
        return [tuple(f"layer_{j}_axis_{k}" for k in range(len(shape))) for j, shape in enumerate(shapes, start=1)]

    def to_saved(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What is saved of the model: JSON values by name and arrays by name. Default: its dataclass fields."""
        return asdict(self), {}  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_saved(cls, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Model":
        """The model that `to_saved` described.

        Parameters
        ----------
        fields : dict
            JSON values by name; JSON turned tuples into lists.
        arrays : dict
            NumPy arrays by name.
        """
        return cls(
            **{
                name: tuple(cast(list[Any], value)) if isinstance(value, list) else value
                for name, value in fields.items()
            }
        )

    def weights_of(self, layers: Sequence[np.ndarray], scale: float, is_exact: bool) -> Float[np.ndarray, " p"]:
        """The weights that a start's layers make, each multiplied by scale^{1/N}.

        Parameters
        ----------
        layers : sequence of ndarray
            The layers for scale 1, W_1 first.
        scale : float
            The size of the product.
        is_exact : bool
            Whether the layers are given exactly, so that a model must raise InputError where it cannot hold them.

        Returns
        -------
        ndarray, shape (p,)
        """
        return self.join([scale ** (1 / self.depth) * layer for layer in layers])

    def require_shape(self, shape: tuple[int, ...]) -> None:
        """Raise InputError for a W of other than two axes, unless the model is one of tensors."""
        if len(shape) != 2:
            raise InputError(
                f"{type(self).__name__} writes matrices, with two axes, got shape {shape}; "
                "CP, Train and Tree write tensors"
            )

    def require(self, problem: Problem) -> None:
        """Raise InputError for a problem that this model cannot follow. The default accepts all."""
        return

    def draw(
        self, problem: Problem, start: Start, scales: Sequence[float], seeds: Sequence[int]
    ) -> Float[np.ndarray, "batch p"]:
        """The weights of a batch of starts, float64.

        Parameters
        ----------
        problem : Problem
            What is measured; a batch of problems has one for each run.
        start : Start
            Where the layers begin.
        scales : sequence of float
            The size of the product in each run.
        seeds : sequence of int
            The seed of each run, as many as scales.

        Returns
        -------
        ndarray, shape (batch, p)

        Raises
        ------
        InputError
            For a start at exactly zero at depth > 1, and for layers that the model cannot hold.
        """
        self.require(problem)
        form = self.form(start.width)
        rows = [
            self.weights_of(start.layers(problem.of_runs(run), form, seed), scale, start.is_exact)
            for run, (scale, seed) in enumerate(zip(scales, seeds, strict=True))
        ]
        weights = np.stack(rows)
        require_movable(weights, self.depth)
        return weights

    def factors(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array]:
        """L `(*batch, m, k)` and R `(*batch, n, k)` with W = L Rᵀ: W beside an identity, unless a layer is narrow."""
        return beside_identity(self.product(weights))

    def entries(
        self, weights: Float[Array, "batch p"], positions: Sequence[int | Sequence[int] | np.ndarray]
    ) -> Float[np.ndarray, "batch _"]:
        """W at the positions, from the factors, in NumPy.

        Parameters
        ----------
        weights : array, shape (batch, p)
            The flat weights of each run.
        positions : sequence of array_like of int, each of shape (entries,)
            One list of indices for each axis of W, from 0.

        Returns
        -------
        ndarray, shape (batch, entries)

        Raises
        ------
        InputError
            For positions outside W.
        """
        left, right = map(to_numpy, self.factors(weights))
        return np.stack([LowRank(*pair).predict(*positions) for pair in zip(left, right, strict=True)])

    def loss(self, problem: Problem, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """ℓ(W).

        Parameters
        ----------
        problem : Problem
            What is measured; a batch of problems has one for each run.
        weights : array, shape (..., p)
            The flat weights, with leading axes of a batch, if any.

        Returns
        -------
        array, shape (...)
        """
        return problem.loss(self.product(weights))

    def decomposition(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array, Array]:
        """Thin SVD of W, (U, σ, Vᵀ) with `rank` columns, σ descending."""
        return tuple(namespace(weights).linalg.svd(self.product(weights), full_matrices=False))

    def component_groups(self, weights: Float[Array, "*batch p"]) -> list[tuple[int, Float[Array, "*batch R"]]]:
        """The components that W is a sum of, by groups: (K, norms σ), each σ a product of K lengths; none by default.

        A sum of components has one group, a tree one of local components for each inner node, children before parents.
        """
        return []

    def imbalance(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """How far the layers are from balanced; zero where the model is balanced by construction."""
        return namespace(weights).zeros_like(weights[..., 0])
