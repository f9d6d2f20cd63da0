"""Matrix completion: some entries of W are observed, and the loss is their mean squared residual, or another mean.

    ℓ(W) = Σ_Ω w_ij ρ(W_ij, b_ij) / Σ_Ω w_ij,        w ≡ 1 and ρ = (W_ij − b_ij)² unless given      [arora2019]

A chain gives the problem two factors, W = L Rᵀ, and receives ℓ, G R and Gᵀ L with G = ∇ℓ(W). Where many entries are
observed, W is formed and BLAS does the work; where few are, compiled passes over the entries never form it. That is the
matter of the layout, and the numbers are the same to rounding in each.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int, Shaped

from rankfall.arrays import Array, SparseArray, is_numpy, like, namespace, take, to_numpy
from rankfall.devices import Device, find_device, place
from rankfall.errors import InputError, require, require_class
from rankfall.kernels.entry_lists import LONGEST, EntryLists
from rankfall.kernels.observed import Entries, line_starts, predict
from rankfall.kernels.pieces import line_counts
from rankfall.problems.layout import Layout, Observed
from rankfall.problems.layouts import Dense, choose_layout
from rankfall.problems.loss import Loss
from rankfall.problems.losses import Squared
from rankfall.problems.many import ManyProblems
from rankfall.problems.observations import beside, check_entries, dense_entries, drawn_entries, sorted_unique
from rankfall.problems.weighted_loss import WeightedLoss

# A group of a batch on a device: large enough to keep it busy, small beside the memory of one.
_DEVICE_BYTES = 2**32


@dataclass(frozen=True, eq=False)
class Completion(ManyProblems):
    """Observed entries of an m × n matrix, and the mean loss over them, that of squared residuals by default.

    Build it with `from_array`, `from_triplets` or `from_sparse`. Entries are kept in row-major order.

    Parameters
    ----------
    rows, cols : ndarray of int, shape `(|Ω|,)`
        Positions, zero-based, unique.
    values : array of shape `(|Ω|,)` or `(batch, |Ω|)`
        Observed values, or those of many tables with one mask; float32 or float64, of any array namespace, in which
        every computation then stays.
    shape : tuple of int
        (m, n).
    weights : array of shape `(|Ω|,)` or `(batch, |Ω|)`, optional
        Weight of each entry, non-negative; None for ones.
    truth : array of shape (m, n), optional
        The whole matrix where it is known (planted data), for the test error of a run; the loss never uses it.
    held_out : Completion, optional
        Entries kept from the loss: they choose when to stop.
    loss_function : Loss
        What one entry costs, ρ: `Squared()`, `Huber(δ)`, `Absolute(s)`, `Logistic()` or a loss of your own.
    layout : "auto" or a subclass of Layout
        How the entries are stored. "auto" lets `choose_layout` decide; pass `Sparse`, `Dense` or a class of your own.
    """

    rows: Int[np.ndarray, " entries"]
    cols: Int[np.ndarray, " entries"]
    values: Float[Array, "*batch entries"]
    shape: tuple[int, int]
    weights: Float[Array, "*tables entries"] | None = None
    truth: Float[Array, "m n"] | None = None
    held_out: "Completion | None" = None
    loss_function: Loss = field(default_factory=Squared)
    layout: type[Layout] | str = "auto"

    @classmethod
    def from_array(
        cls,
        array: Array,
        *,
        weights: Array | None = None,
        truth: Array | None = None,
        loss: Loss | None = None,
        layout: type[Layout] | str = "auto",
    ) -> "Completion":
        """The problem whose unknown entries are the NaNs of a two-dimensional array.

        Parameters
        ----------
        array, truth : array, shape (m, n)
            The table; and, optional, what it is without holes and noise.
        weights : array, shape (m, n), optional
            How much each entry counts; read at the observed ones.
        loss : Loss, optional
            Squares by default.
        layout : type of Layout or "auto"
            How entries are stored; chosen by `choose_layout` by default.

        Raises
        ------
        InputError
            For other than two dimensions, complex numbers, infinities, nothing observed, or values that the loss
            cannot read.
        """
        rows, cols, values, picked, shape = dense_entries(array, weights)
        return cls._build(rows, cols, values, shape, picked, truth, loss, array, layout)

    @classmethod
    def from_triplets(
        cls,
        rows: npt.ArrayLike,
        cols: npt.ArrayLike,
        values: Array,
        shape: tuple[int, int] | None = None,
        *,
        weights: Array | None = None,
        truth: Array | None = None,
        duplicates: str = "error",
        loss: Loss | None = None,
        layout: type[Layout] | str = "auto",
    ) -> "Completion":
        """The problem of a list of entries, which is not copied where it is in row-major order.

        Parameters
        ----------
        rows, cols : array_like of int, shape (entries,)
            Positions, from 0.
        values : array, shape (entries,)
            b there.
        shape : (int, int), optional
            (m, n); the largest indices by default.
        weights : array, shape (entries,), optional
            How much each entry counts.
        truth : array, shape (m, n), optional
            The table without holes and noise.
        duplicates : {"error", "mean", "last"}
            What a position that comes twice means.
        loss : Loss, optional
            Squares by default.
        layout : type of Layout or "auto"
            How entries are stored; chosen by `choose_layout` by default.

        Raises
        ------
        InputError
            For indices out of range, infinities or NaN among the values, values that the loss cannot read, and
            lengths that differ.
        """
        given = to_numpy(values)
        rows, cols, given, picked, shape = sorted_unique(rows, cols, given, shape, weights, duplicates)
        return cls._build(rows, cols, given, shape, picked, truth, loss, values, layout)

    @classmethod
    def from_sparse(
        cls,
        matrix: SparseArray,
        *,
        weights: Array | None = None,
        loss: Loss | None = None,
        layout: type[Layout] | str = "auto",
    ) -> "Completion":
        """The problem whose observed entries are the stored ones of a SciPy sparse matrix, zeros included."""
        if not hasattr(matrix, "tocoo") or len(matrix.shape) != 2:
            raise InputError(
                f"from_sparse needs a two-dimensional SciPy sparse matrix, got {type(matrix).__name__}; "
                "use from_array for arrays with NaN"
            )
        coo = matrix.tocoo()
        return cls.from_triplets(
            coo.row, coo.col, coo.data, tuple(coo.shape), weights=weights, loss=loss, layout=layout
        )

    @classmethod
    def _build(
        cls, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: tuple[int, int],
        weights: np.ndarray | None, truth: Array | None, loss: Loss | None, model: Array, layout: type[Layout] | str,
    ) -> "Completion":  # fmt: skip
        loss = Squared() if loss is None else loss
        values, weights = check_entries(rows, values, shape, weights)
        loss.check(values)
        held, weighed, truth = beside(model, values, weights, truth)
        return cls(rows, cols, held, shape, weighed, truth, loss_function=loss, layout=layout)

    def __post_init__(self) -> None:
        if self.truth is not None and tuple(self.truth.shape) != self.shape:
            raise InputError(
                f"truth must have the shape of the matrix, {self.shape}, got {tuple(self.truth.shape)}; "
                "pass the whole matrix the entries were taken from"
            )
        require(self.loss_function, Loss, "loss", "Huber(1.0)")
        if self.layout != "auto":
            require_class(self.layout, Layout, "layout", "'auto' or Sparse")

    def of_runs(self, chosen: int | np.integer | np.ndarray) -> "Completion":
        """Of many tables, those chosen by an integer array, or one by its number; lists already made are kept."""
        part = super().of_runs(chosen)
        if part is not self and "listed" in vars(self) and self.listed is not None:
            vars(part)["listed"] = self.listed.of_tables(chosen)
        return part

    @property
    def share(self) -> float:
        """The observed share of all entries, `|Ω|` / (m n)."""
        return self.rows.size / (self.shape[0] * self.shape[1])

    @property
    def count(self) -> int:
        """How many entries are observed, `|Ω|`."""
        return self.rows.size

    @cached_property
    def degrees(self) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]]:
        """How many entries of each row, and of each column, are observed."""
        m, n = self.shape
        return line_counts(self.rows, m), line_counts(self.cols, n)

    @cached_property
    def observed(self) -> Observed:
        """The observed entries, as a layout receives them."""
        return Observed(
            self.rows, self.cols, self.values, self.weights, self.shape, self.loss_function, self.entries
        )  # fmt: skip

    @cached_property
    def entries(self) -> Entries:
        """The positions as compiled passes read them, shared with problems made by `with_values`."""
        rows, cols = (index.astype(np.int32, copy=False) for index in (self.rows, self.cols))
        return Entries(rows, cols, self.shape)

    def with_values(
        self, values: Float[Array, " entries"], weights: Float[Array, " entries"] | None, loss: Loss
    ) -> "Completion":
        """The problem of other values at the same positions, whose index lists are made once for both.

        Parameters
        ----------
        values, weights : array, shape (entries,)
            In row-major order, as here; weights are None for ones.
        loss : Loss
            ρ.
        """
        part = Completion(self.rows, self.cols, values, self.shape, weights, loss_function=loss)
        vars(part)["entries"] = self.entries
        return part

    @property
    def total_weight(self) -> Float[Array, "*batch"]:
        """Σ w over the observed entries."""
        return self._weighted_loss.total_weight

    @cached_property
    def _weighted_loss(self) -> WeightedLoss:
        return WeightedLoss(self.loss_function, self.values, self.weights)

    @cached_property
    def layout_class(self) -> type[Layout]:
        """The layout in use, the one given or the one that `choose_layout` chose."""
        return self.layout if isinstance(self.layout, type) else choose_layout(self.observed)

    @property
    def is_convex(self) -> bool:
        """Whether ℓ is convex: the loss of an entry is."""
        return self.loss_function.is_convex

    @property
    def is_looped(self) -> bool:
        """Whether compiled loops with threads of their own do the work, rather than BLAS."""
        return self.layout_class.is_looped

    @property
    def cache_bytes(self) -> int | None:
        """The cache, or memory, into which a group of a batch should fit; None where batches are not split."""
        return self.layout_class.cache_bytes if self.observed.is_numpy else _DEVICE_BYTES

    @property
    def formed_arrays(self) -> int:
        """How many m × n arrays a run uses."""
        return self.layout_class.formed_arrays

    @cached_property
    def _stored(self) -> Layout:
        return self._formed if self.layout_class is Dense else self.layout_class.of(self.observed)

    @cached_property
    def _formed(self) -> Dense:
        return Dense.of(self.observed)

    @cached_property
    def listed(self) -> EntryLists | None:
        """The entries as lists, unless they are many, the layout was chosen by hand, or loss or arrays are foreign."""
        kernel = self.loss_function.kernel
        if self.layout != "auto" or kernel is None or self.rows.size > LONGEST or not self.observed.is_numpy:
            return None
        return EntryLists.of(self.rows, self.cols, self.values, self.weights, *kernel, self.shape)

    @property
    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows, cols)."""
        return self.rows, self.cols

    def loss_and_entry_gradients(
        self, predicted: Float[Array, "*batch entries"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch entries"]]:
        """ℓ and w ∂ρ/∂z / Σ w on Ω, from the values of W there."""
        return self._weighted_loss.mean_and_slopes(predicted)

    def loss_and_gradient(
        self, product: Float[Array, "*batch m n"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m n"]]:
        """ℓ(W) and G = ∇ℓ(W) = w ∂ρ/∂z / Σw on Ω, zero off it, both formed whole."""
        return self._formed.loss_and_gradient(product)

    def loss(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch"]:
        """ℓ(W), the (weighted) mean over the observed entries."""
        if not is_numpy(product):
            return self.loss_and_gradient(product)[0]
        return self._weighted_loss.mean(product[..., self.rows, self.cols])

    def loss_and_factor_gradients(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ: everything a factored model needs, and nothing of size m·n if sparse."""
        return self._stored.loss_and_factor_gradients(left, right)

    def predict(
        self, left: Float[Array, "m k"], right: Float[Array, "n k"], rows: npt.ArrayLike, cols: npt.ArrayLike
    ) -> Float[Array, " entries"]:
        """(L Rᵀ)_ij at the positions asked."""
        if is_numpy(left):
            return predict(np.asarray(rows), np.asarray(cols), left, right)
        return like(predict(np.asarray(rows), np.asarray(cols), to_numpy(left), to_numpy(right)), left)

    def factored_loss(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch"]:
        """ℓ(L Rᵀ), forming only the observed entries."""
        if not is_numpy(left):
            return self._stored.factored_loss(left, right)
        xp = namespace(left)
        flat_left, flat_right = xp.reshape(left, (-1, *left.shape[-2:])), xp.reshape(right, (-1, *right.shape[-2:]))
        runs = range(flat_left.shape[0])
        picked = xp.stack([self.predict(flat_left[i, ...], flat_right[i, ...], self.rows, self.cols) for i in runs])
        return self._weighted_loss.mean(xp.reshape(picked, (*left.shape[:-2], self.rows.size)))

    def back_projection(self) -> SparseArray:
        """(1/p) P_Ω(b) as a SciPy CSR matrix: the direction −∇ℓ(0), sized as an estimate of W.   [kwon2024]

        For other losses than squares b is replaced by −½ ∂ρ/∂z at z = 0, which is what entries pull with.
        """
        from scipy.sparse import csr_array

        values = to_numpy(self.values)
        if values.ndim > 1:
            raise InputError(f"a back-projection is of one table, got {values.shape[0]}; choose one by of_runs(i)")
        m, n = self.shape
        values = self.loss_function.pull_at_zero(values) * values.dtype.type(m * n / float(self.total_weight))
        if self.weights is not None:
            values *= to_numpy(self.weights)
        # entries are in row-major order already
        return csr_array((values, self.cols, line_starts(self.rows, m)), self.shape)

    def on_device(self, device: str | Device) -> "Completion":
        """The same problem as PyTorch tensors on a device, held-out entries and truth included.

        Positions stay with the host, and a layout brings them to the device in the form it needs.

        Parameters
        ----------
        device : str or torch.device
            "cuda", "cuda:1", "mps", "cpu" …

        Raises
        ------
        InputError
            Where PyTorch is not installed or the device is not there.
        """
        there = find_device(device)
        held = None if self.held_out is None else self.held_out.on_device(there)
        values, weights, truth = (
            None if part is None else place(part, there) for part in (self.values, self.weights, self.truth)
        )
        return replace(self, values=values, weights=weights, truth=truth, held_out=held)

    def hold_out(self, fraction: float, seed: int) -> "Completion":
        """The same problem with a random `fraction` of the observed entries set aside in `held_out`.

        At least one entry is set aside and one is kept; entries of weight zero are never set aside.

        Parameters
        ----------
        fraction : float
            Between 0 and 1.
        seed : int
            Of the draw.
        """
        aside = drawn_entries(self.rows.size, self.weights, fraction, seed)
        return replace(self.select(~aside), truth=self.truth, held_out=self.select(aside))

    def select(self, kept: Shaped[np.ndarray, " entries"]) -> "Completion":
        """The problem of those observed entries alone, by a boolean mask or by positions in the entry list."""
        chosen = np.flatnonzero(kept) if kept.dtype == bool else kept
        values, weights = (None if a is None else take(a, chosen, -1) for a in (self.values, self.weights))
        rows, cols = self.rows[chosen], self.cols[chosen]
        return replace(self, rows=rows, cols=cols, values=values, weights=weights, truth=None, held_out=None)

    def __repr__(self) -> str:
        batch = "" if self.batch_size is None else f"{self.batch_size} tables of "
        held = "" if self.held_out is None else f", {self.held_out.rows.size} held out"
        return (
            f"Completion({batch}m × n = {self.shape[0]} × {self.shape[1]}, |Ω| = {self.rows.size} "
            f"({100 * self.share:.3g} %){held}, {self.loss_function}, {self.layout_class.__name__})"
        )
