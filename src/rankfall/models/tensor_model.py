"""What tensor models share: W of any order written in layers, followed entry by entry.

    W_i at the measured positions → ℓ and λ = ∂ℓ/∂W there → Σ_i λ_i ∂W_i/∂(layers)

in one compiled loop where both the model and the loss have one.

Few measured entries never form W. Where whole tensors are measured, or the arrays are of another library than NumPy,
W and ∇ℓ(W) are formed.

The singular values of W, and its factors, are those of its matricization: the first ⌊N/2⌋ axes index the rows, the
others the columns. For a matrix this is W itself.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, is_numpy, namespace, to_numpy
from rankfall.errors import InputError
from rankfall.models.factor_pairs import beside_identity
from rankfall.models.flat_layers import FlatLayers
from rankfall.models.model import Model
from rankfall.models.start import LayerForm
from rankfall.models.tensor_sweep import swept_by_layers
from rankfall.problems.matricization import matricized_shape
from rankfall.problems.problem import Problem
from rankfall.problems.sorted_entries import SortedEntries
from rankfall.problems.tensor_observations import check_indices


class TensorModel(Model):
    """A model of tensors of any order.

    A member must give `sized`, `layer_shapes`, `modes`, `unit_norm`, `largest_rank`, `values_at`, `adjoint_at`,
    `features`, `product` and `adjoint`; the rest follows. `dimensions` are the side lengths of W.
    """

    is_tensor: ClassVar[bool] = True

    @abstractmethod
    def sized(self, shape: Sequence[int], width: int | None = None) -> "TensorModel":
        """This model for W of a shape, with its sizes set.

        Parameters
        ----------
        shape : sequence of int
            The side lengths of W.
        width : int, optional
            The width of the start, used where the model has none; None leaves the rank free.
        """

    @property
    @abstractmethod
    def layer_shapes(self) -> list[tuple[int, ...]]:
        """Shape of each layer."""

    @property
    @abstractmethod
    def modes(self) -> tuple[int | None, ...]:
        """The axis of W that the first axis of each layer indexes; None for a layer inside."""

    @property
    @abstractmethod
    def unit_norm(self) -> float:
        """E‖W‖_F² where all entries of the layers are independent and of variance 1."""

    @abstractmethod
    def largest_rank(self, axes: Sequence[int]) -> int:
        """The largest rank that the matricization of W with these axes as rows can have; almost all weights have it."""

    @abstractmethod
    def values_at(
        self, positions: Int[np.ndarray, "order entries"], weights: Float[np.ndarray, "batch p"]
    ) -> Float[np.ndarray, "batch entries"]:
        """W at the positions.

        Parameters
        ----------
        positions : ndarray of int, shape (order, entries)
            The indices of each entry, one row for each axis of W, from 0.
        weights : ndarray, shape (batch, p)
            The flat weights of each run.

        Returns
        -------
        ndarray, shape (batch, entries)
        """

    @abstractmethod
    def adjoint_at(
        self,
        positions: Int[np.ndarray, "order entries"],
        weights: Float[np.ndarray, "batch p"],
        slopes: Float[np.ndarray, "batch entries"],
    ) -> Float[np.ndarray, "batch p"]:
        """∂/∂weights of Σ slopes · W at the positions.

        Parameters
        ----------
        positions : ndarray of int, shape (order, entries)
            The indices of each entry, one row for each axis of W, from 0.
        weights : ndarray, shape (batch, p)
            The flat weights of each run.
        slopes : ndarray, shape (batch, entries)
            What multiplies each entry of W, such as ∂ℓ/∂W there.

        Returns
        -------
        ndarray, shape (batch, p)
        """

    @abstractmethod
    def features(
        self, layer: int, positions: Int[np.ndarray, "order entries"], weights: Float[np.ndarray, " p"]
    ) -> Float[np.ndarray, "entries _"]:
        """What multiplies a layer in W at the positions: its row of that index where it has an axis, else all of it.

        Parameters
        ----------
        layer : int
            The place of the layer in `layers`, from 0.
        positions : ndarray of int, shape (order, entries)
            The indices of each entry, one row for each axis of W, from 0.
        weights : ndarray, shape (p,)
            The flat weights of one run.

        Returns
        -------
        ndarray, shape (entries, q)
            One row for each entry; q is the size of that row of the layer, or of the layer.
        """

    @abstractmethod
    def adjoint(self, weights: Float[Array, "*batch p"], gradient: Array) -> list[Array]:
        """∂/∂layers of ⟨gradient, W⟩.

        Parameters
        ----------
        weights : array, shape (..., p)
            The flat weights, with leading axes of a batch, if any.
        gradient : array, shape (..., d_1, …, d_N)
            A formed tensor of the shape of W.

        Returns
        -------
        list of array
            One of the shape of each layer.
        """

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(map(math.prod, self.layer_shapes))

    @property
    def rank(self) -> int:
        """The largest rank of the matricization whose rows are the first ⌊N/2⌋ axes."""
        return self.largest_rank(range(len(self.dimensions) // 2))

    def form(self, width: int | None = None) -> LayerForm:
        """The layers; E‖W‖_F² is set equal to the rank."""
        deviation = (self.rank / self.unit_norm) ** (1 / (2 * self.depth))
        return LayerForm(tuple(self.layer_shapes), self.rank, deviation, self.modes)

    @cached_property
    def _flat(self) -> FlatLayers:
        return FlatLayers(self.layer_shapes)

    @cached_property
    def offsets(self) -> Int[np.ndarray, " layers"]:
        """Where each layer begins in the flat vector."""
        return np.asarray([place.start for place in self._flat.places], dtype=np.int64)

    def layers(self, weights: Float[Array, "*batch p"]) -> list[Array]:
        """The layers, as views of the flat vector."""
        return self._flat.split(weights)

    def join(self, layers: Sequence[Array]) -> Float[Array, "*batch p"]:
        """The flat vector of these layers."""
        expected = self.layer_shapes
        shapes = [tuple(a.shape[a.ndim - len(s) :]) for a, s in zip(layers, expected, strict=False)]
        if len(layers) != len(expected) or shapes != expected:
            raise InputError(f"layers must have shapes {expected}, got {[tuple(layer.shape) for layer in layers]}")
        return self._flat.joined(layers)

    def entries(
        self, weights: Float[Array, "batch p"], positions: Sequence[int | Sequence[int] | np.ndarray]
    ) -> Float[np.ndarray, "batch _"]:
        """W at the positions, forming nothing else.

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
        lists = [np.atleast_1d(np.asarray(each)) for each in positions]
        check_indices(lists, self.dimensions)
        return self.values_at(np.stack(lists), to_numpy(weights))

    def velocity(
        self, problem: Problem, weights: Float[Array, "batch p"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "batch p"]]:
        """ℓ(W) and −∂ℓ/∂layers − λ layers, as a flat vector.

        Parameters
        ----------
        problem : Problem
            What is measured; a batch of problems has one for each run.
        weights : array, shape (batch, p)
            The flat weights of each run.

        Returns
        -------
        loss : array, shape (batch,)
            ℓ(W), without decay.
        velocity : array, shape (batch, p)
            Ẇ, decay included.
        """
        if problem.positions is not None and is_numpy(weights):
            loss, pull = self.loss_and_gradient_at(np.asarray(problem.positions), problem, weights)
        else:
            loss, gradient = problem.loss_and_gradient(self.product(weights))
            pull = self.join(self.adjoint(weights, gradient))
        return loss, -(pull + self.decay * weights) if self.decay else -pull

    def loss_and_gradient_at(
        self, positions: Int[np.ndarray, "order entries"], problem: Problem, weights: Float[np.ndarray, "batch p"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "batch p"]]:
        """ℓ(W) and ∂ℓ/∂weights of a problem that measures single entries; a member may have one loop for both.

        Parameters
        ----------
        positions : ndarray of int, shape (order, entries)
            Those of the problem, one row for each axis of W.
        problem : Problem
            What is measured; a batch of problems has one for each run.
        weights : ndarray, shape (batch, p)
            The flat weights of each run.

        Returns
        -------
        loss : ndarray, shape (batch,)
        gradient : ndarray, shape (batch, p)
        """
        loss, slopes = problem.loss_and_entry_gradients(self.values_at(positions, weights))
        return loss, self.adjoint_at(positions, weights, slopes)

    def loss(self, problem: Problem, weights: Float[Array, "batch p"]) -> Float[Array, "*batch"]:
        """ℓ(W).

        Parameters
        ----------
        problem : Problem
            What is measured; a batch of problems has one for each run.
        weights : array, shape (batch, p)
            The flat weights of each run.

        Returns
        -------
        array, shape (batch,)
        """
        if problem.positions is not None and is_numpy(weights):
            return problem.loss_and_entry_gradients(self.values_at(np.asarray(problem.positions), weights))[0]
        return problem.loss(self.product(weights))

    def swept(
        self, entries: SortedEntries, weights: Float[np.ndarray, " p"], penalty: float
    ) -> Float[np.ndarray, " p"]:
        """The weights after one sweep of alternating least squares; a member may have one loop for it.

        Parameters
        ----------
        entries : SortedEntries
            The observed entries.
        weights : ndarray, shape (p,)
            The flat weights of one run.
        penalty : float
            Of the squared norm of each layer beside the sum of squared residuals.

        Returns
        -------
        ndarray, shape (p,), float64
        """
        return swept_by_layers(self, entries, weights, penalty)

    def factors(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array]:
        """L and R of the matricization L Rᵀ: the formed one beside an identity."""
        xp = namespace(weights)
        product = self.product(weights)
        rows, cols = matricized_shape(self.dimensions)
        whole = xp.reshape(product, (*weights.shape[:-1], rows, cols))
        return beside_identity(whole)

    def decomposition(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array, Array]:
        """Thin SVD of the matricization, (U, σ, Vᵀ) with `rank` columns, σ descending."""
        xp = namespace(weights)
        whole = xp.reshape(self.product(weights), (*weights.shape[:-1], *matricized_shape(self.dimensions)))
        u, values, v = xp.linalg.svd(whole, full_matrices=False)
        kept = self.rank
        return u[..., :kept], values[..., :kept], v[..., :kept, :]

    def require_shape(self, shape: tuple[int, ...]) -> None:
        """Raise InputError for fewer than two axes."""
        require_axes(shape)


def require_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """The side lengths as a tuple. Raises InputError for fewer than two axes."""
    if len(shape) < 2:
        raise InputError(f"a tensor has at least two axes, got shape {tuple(shape)}; a list of numbers has no rank")
    return tuple(int(side) for side in shape)


def require_count(value: object, what: str) -> None:
    """Raise InputError for a rank or a width that is not a whole number ≥ 1."""
    if not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{what} must be a whole number of at least 1, got {value!r}; None leaves the rank free")
