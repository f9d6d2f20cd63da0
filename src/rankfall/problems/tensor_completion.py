"""Tensor completion: some entries of W, of any order, are observed, and the loss is their mean squared residual.

    ℓ(W) = Σ_Ω w_i ρ(W_i, b_i) / Σ_Ω w_i,        w ≡ 1 and ρ = (W_i − b_i)² unless given

Tensor models take the entrywise route: they give W at the observed positions and receive ℓ and ∂ℓ/∂W there, so nothing
of the size of W is formed. Of order 2, it is the problem that `Completion` is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int

from rankfall.arrays import Array, SparseArray, is_numpy, namespace, take, to_numpy
from rankfall.errors import InputError, require
from rankfall.kernels.entry_terms import EntryTerms, SortedTerms
from rankfall.problems.loss import Loss
from rankfall.problems.losses import Squared
from rankfall.problems.many import ManyProblems
from rankfall.problems.matricization import matricized_entries
from rankfall.problems.observations import beside, check_entries, drawn_entries
from rankfall.problems.sorted_entries import SortedEntries
from rankfall.problems.tensor_observations import dense_tensor_entries, sorted_unique_entries
from rankfall.problems.weighted_loss import WeightedLoss


@dataclass(frozen=True, eq=False)
class TensorCompletion(ManyProblems):
    """Observed entries of a tensor, and the mean loss over them, that of squared residuals by default.

    Build it with `from_array` or `from_coordinates`. Entries are kept in row-major order.

    Parameters
    ----------
    indices : ndarray of int, shape `(order, |Ω|)`
        Positions, zero-based, unique.
    values : array of shape `(|Ω|,)` or `(batch, |Ω|)`
        Observed values, or those of many tensors with one mask; float32 or float64, of any array namespace.
    shape : tuple of int
        The side lengths of W.
    weights : array of the shape of `(|Ω|,)` or `(batch, |Ω|)`, optional
        Weight of each entry, non-negative; None for ones.
    truth : array of `shape`, optional
        The whole tensor where it is known (planted data), for the test error of a run; the loss never uses it.
    held_out : TensorCompletion, optional
        Entries kept from the loss: they choose when to stop.
    loss_function : Loss
        What one entry costs, ρ.
    """

    indices: Int[np.ndarray, "order entries"]
    values: Float[Array, "*batch entries"]
    shape: tuple[int, ...]
    weights: Float[Array, "*tensors entries"] | None = None
    truth: Float[Array, "..."] | None = None
    held_out: "TensorCompletion | None" = None
    loss_function: Loss = field(default_factory=Squared)

    is_looped = True

    @classmethod
    def from_array(
        cls, array: Array, *, weights: Array | None = None, truth: Array | None = None, loss: Loss | None = None
    ) -> "TensorCompletion":
        """The problem whose unknown entries are the NaNs of an array of two or more axes.

        Parameters
        ----------
        array, truth : array
            The tensor, of any shape; and, optional, what it is without holes and noise.
        weights : array, optional
            Of the shape of the array: how much each entry counts; read at the observed ones.
        loss : Loss, optional
            Squares by default.

        Raises
        ------
        InputError
            For fewer than two axes, complex numbers, infinities, nothing observed, or values that the loss cannot
            read.
        """
        indices, values, picked, shape = dense_tensor_entries(array, weights)
        return cls._build(indices, values, shape, picked, truth, loss, array)

    @classmethod
    def from_coordinates(
        cls,
        indices: Sequence[npt.ArrayLike] | np.ndarray,
        values: Array,
        shape: Sequence[int] | None = None,
        *,
        weights: Array | None = None,
        truth: Array | None = None,
        duplicates: str = "error",
        loss: Loss | None = None,
    ) -> "TensorCompletion":
        """The problem of a list of entries.

        Parameters
        ----------
        indices : sequence of array_like of int
            One list for each axis, from 0.
        values : array, shape (entries,)
            b there.
        shape : sequence of int, optional
            The sides; the largest indices by default.
        weights : array, shape (entries,), optional
            How much each entry counts.
        truth : array, optional
            The tensor without holes and noise.
        duplicates : {"error", "mean", "last"}
            What a position that comes twice means.
        loss : Loss, optional
            Squares by default.

        Raises
        ------
        InputError
            For indices out of range, infinities or NaN among the values, values that the loss cannot read, and
            lengths that differ.
        """
        entries, given, picked, shape = sorted_unique_entries(indices, to_numpy(values), shape, weights, duplicates)
        return cls._build(entries, given, shape, picked, truth, loss, values)

    @classmethod
    def _build(
        cls, indices: np.ndarray, values: np.ndarray, shape: tuple[int, ...], weights: np.ndarray | None,
        truth: Array | None, loss: Loss | None, model: Array,
    ) -> "TensorCompletion":  # fmt: skip
        loss = Squared() if loss is None else loss
        values, weights = check_entries(indices[0], values, shape, weights)
        loss.check(values)
        held, weighed, truth = beside(model, values, weights, truth)
        return cls(indices, held, shape, weighed, truth, loss_function=loss)

    def __post_init__(self) -> None:
        if self.truth is not None and tuple(self.truth.shape) != tuple(self.shape):
            raise InputError(
                f"truth must have the shape of the tensor, {self.shape}, got {tuple(self.truth.shape)}; "
                "pass the whole tensor the entries were taken from"
            )
        require(self.loss_function, Loss, "loss", "Huber(1.0)")

    @property
    def count(self) -> int:
        """`|Ω|`."""
        return self.indices.shape[1]

    @property
    def share(self) -> float:
        """The observed share of all entries."""
        return self.count / math.prod(map(float, self.shape))

    @property
    def positions(self) -> Int[np.ndarray, "order entries"]:
        """The indices, one row for each axis."""
        return self.indices

    @property
    def total_weight(self) -> Float[Array, "*batch"]:
        """Σ w over the observed entries."""
        return self._weighted_loss.total_weight

    @cached_property
    def _weighted_loss(self) -> WeightedLoss:
        return WeightedLoss(self.loss_function, self.values, self.weights)

    @cached_property
    def terms(self) -> EntryTerms | None:
        """The entries and what they cost, where fused loops know the loss."""
        kernel = self.loss_function.kernel
        if kernel is None or not is_numpy(self.values):
            return None
        weights = None if self.weights is None else np.atleast_2d(to_numpy(self.weights))
        values = np.atleast_2d(to_numpy(self.values))
        return EntryTerms.of(values, weights, kernel.kind, kernel.parameter)

    def terms_along(self, axis: int) -> SortedTerms | None:
        """The entries sorted by their index on an axis, and what they cost, where fused loops know the loss."""
        terms = self.terms
        if terms is None:
            return None
        if axis not in self._terms_along:
            index = self.indices[axis]
            order = np.argsort(index, kind="stable")
            starts = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=self.shape[axis]))])
            self._terms_along[axis] = SortedTerms(starts, self.indices[:, order], terms.taken(order))
        return self._terms_along[axis]

    @cached_property
    def _terms_along(self) -> dict[int, SortedTerms]:
        return {}

    @cached_property
    def by_axis(self) -> SortedEntries:
        """The entries of one tensor, sorted along each axis."""
        weights = None if self.weights is None else to_numpy(self.weights)
        return SortedEntries.of(self.indices, to_numpy(self.values), weights, self.shape)

    def loss_and_entry_gradients(
        self, predicted: Float[Array, "*batch entries"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch entries"]]:
        """ℓ and w ∂ρ/∂z / Σ w on Ω, from the values of W there."""
        return self._weighted_loss.mean_and_slopes(predicted)

    def loss_and_gradient(self, product: Float[Array, "..."]) -> tuple[Float[Array, "*batch"], Float[Array, "..."]]:
        """ℓ(W) and ∇ℓ(W), zero off Ω, both formed whole; W is `(*batch, *shape)`."""
        xp, size = namespace(product), math.prod(self.shape)
        batch = tuple(product.shape[: product.ndim - len(self.shape)])
        flat = xp.reshape(product, (*batch, size))
        loss, slopes = self.loss_and_entry_gradients(take(flat, self._flat, -1))
        if is_numpy(product):
            gradient = np.zeros((*batch, size), product.dtype)
            gradient[..., self._flat] = slopes
            return loss, gradient.reshape(product.shape)
        # without scattered writes: every place reads its slope, and those off Ω a zero behind the last one
        padded = xp.concat([slopes, xp.zeros_like(slopes[..., :1])], axis=-1)
        return loss, xp.reshape(take(padded, self._sources, -1), product.shape)

    @cached_property
    def _flat(self) -> Int[np.ndarray, " entries"]:
        """Positions in the flattened tensor."""
        return np.asarray(np.ravel_multi_index(tuple(self.indices), self.shape))

    @cached_property
    def _sources(self) -> Int[np.ndarray, " size"]:
        """For each place of the flattened tensor the number of its observed entry, `|Ω|` for none."""
        sources = np.full(math.prod(self.shape), self.count)
        sources[self._flat] = np.arange(self.count)
        return sources

    def pulls_at_zero(self) -> Float[np.ndarray, " entries"]:
        """What the entries pull with at W = 0, sized so that their tensor estimates W: (1/p) w b for squares."""
        if self.batch_size is not None:
            raise InputError(f"a back-projection is of one tensor, got {self.batch_size}; choose one by of_runs(i)")
        pulls = self.loss_function.pull_at_zero(to_numpy(self.values).astype(np.float64))
        if self.weights is not None:
            pulls = to_numpy(self.weights) * pulls
        return pulls * (math.prod(map(float, self.shape)) / float(self.total_weight))

    def back_projection(self) -> SparseArray:
        """(1/p) P_Ω(b) matricized, the first half of the axes as rows, as a SciPy CSR matrix."""
        cut = len(self.shape) // 2
        return matricized_entries(self.indices, self.pulls_at_zero(), self.shape, range(cut))

    def hold_out(self, fraction: float | int, seed: int) -> "TensorCompletion":
        """The same problem with a random `fraction` of the observed entries set aside in `held_out`.

        At least one entry is set aside and one is kept; entries of weight zero are never set aside.
        """
        aside = drawn_entries(self.count, self.weights, fraction, seed)
        return replace(self.select(~aside), truth=self.truth, held_out=self.select(aside))

    def select(self, kept: np.ndarray) -> "TensorCompletion":
        """The problem of those observed entries alone, by a boolean mask or by positions in the entry list."""
        chosen = np.flatnonzero(kept) if kept.dtype == bool else kept
        values, weights = (None if a is None else take(a, chosen, -1) for a in (self.values, self.weights))
        indices = np.ascontiguousarray(self.indices[:, chosen])
        return replace(self, indices=indices, values=values, weights=weights, truth=None, held_out=None)

    def __repr__(self) -> str:
        batch = "" if self.batch_size is None else f"{self.batch_size} tensors of "
        held = "" if self.held_out is None else f", {self.held_out.count} held out"
        return (
            f"TensorCompletion({batch}{' × '.join(map(str, self.shape))}, |Ω| = {self.count} "
            f"({100 * self.share:.3g} %){held}, {self.loss_function})"
        )
