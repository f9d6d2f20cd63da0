"""Matrix completion: some entries of W are observed, and the loss is their mean squared residual, or another mean.

    ℓ(W) = Σ_Ω w_ij ρ(W_ij, b_ij) / Σ_Ω w_ij,        w ≡ 1 and ρ = (W_ij − b_ij)² unless given      [arora2019]

A chain shows the problem two factors, W = L Rᵀ, and gets back ℓ, G R and Gᵀ L with G = ∇ℓ(W). Where most entries are
observed, W is formed and BLAS does the work; where few are, compiled passes over the entries never form it. The
problem picks the layout (`is_dense`), and either way the numbers are the same to rounding.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import array_api_compat
import numpy as np
from jaxtyping import Float, Int, Shaped

from rankfall.arrays import Array, is_numpy, like, namespace, to_numpy
from rankfall.errors import InputError
from rankfall.kernels.observed import line_starts, predict
from rankfall.problems.layouts import Formed, Listed, Tables
from rankfall.problems.losses import SQUARED, Loss, Squared
from rankfall.problems.observations import check_entries, dense_entries, drawn_entries, sorted_unique
from rankfall.problems.operators import take

# BLAS multiplies an entry of a dense product about this many times faster than a compiled pass treats an observed one.
_DENSE_SHARE = 0.1
_DENSE_SIZE = 2**25


@dataclass(frozen=True, eq=False)
class Completion:
    """Observed entries of an m × n matrix, and the mean loss over them, that of squared residuals by default.

    Build it with `from_array`, `from_triplets` or `from_sparse`. Entries are kept in row-major order.

    rows, cols: positions (|Ω|,), zero-based, unique.
    values: observed values (|Ω|,), or (batch, |Ω|) for many tables with one mask; float32 or float64, of any
        array-API namespace, which every computation then stays in.
    shape: (m, n).
    weights: weight of each entry, non-negative, (|Ω|,) or shaped like the values; None for ones.
    truth: the whole matrix (m, n) where it is known (planted), for the test error of a run; never used by the loss.
    held_out: entries kept from the loss, as a `Completion` of their own, to choose when to stop.
    loss_function: what one entry costs, ρ: `Squared()`, `Huber(δ)`, `Absolute(s)` or `Logistic()`.
    """

    rows: Int[np.ndarray, " entries"]
    cols: Int[np.ndarray, " entries"]
    values: Float[Array, "*batch entries"]
    shape: tuple[int, int]
    weights: Float[Array, "*tables entries"] | None = None
    truth: Float[Array, "m n"] | None = None
    held_out: "Completion | None" = None
    loss_function: Loss = SQUARED

    @classmethod
    def from_array(
        cls, array: Array, *, weights: Array | None = None, truth: Array | None = None, loss: Loss = SQUARED
    ) -> "Completion":
        """The problem whose unknown entries are the NaNs of a two-dimensional array.

        `weights` (m, n) are read at the observed entries. Raises InputError for other than two dimensions, complex
        numbers, infinities, nothing observed, or values that the loss cannot read.
        """
        rows, cols, values, picked, shape = dense_entries(array, weights)
        return cls._build(rows, cols, values, shape, picked, truth, loss, array)

    @classmethod
    def from_triplets(
        cls,
        rows: Any,
        cols: Any,
        values: Array,
        shape: tuple[int, int] | None = None,
        *,
        weights: Array | None = None,
        truth: Array | None = None,
        duplicates: str = "error",
        loss: Loss = SQUARED,
    ) -> "Completion":
        """The problem of entries b = `values` at (`rows`, `cols`), zero-based.

        `shape` defaults to the largest indices. `duplicates` says what a position that comes twice means: "error",
        "mean" or "last". Raises InputError for indices out of range, infinities or NaN among the values, values that
        the loss cannot read, and for lengths that differ.
        """
        given = to_numpy(values)
        rows, cols, given, picked, shape = sorted_unique(rows, cols, given, shape, weights, duplicates)
        return cls._build(rows, cols, given, shape, picked, truth, loss, values)

    @classmethod
    def from_sparse(cls, matrix: Any, *, weights: Array | None = None, loss: Loss = SQUARED) -> "Completion":
        """The problem whose observed entries are the stored ones of a SciPy sparse matrix, zeros included."""
        if not hasattr(matrix, "tocoo") or len(matrix.shape) != 2:
            raise InputError(
                f"from_sparse needs a two-dimensional SciPy sparse matrix, got {type(matrix).__name__}; "
                "use from_array for arrays with NaN"
            )
        coo = matrix.tocoo()
        return cls.from_triplets(coo.row, coo.col, coo.data, tuple(coo.shape), weights=weights, loss=loss)

    @classmethod
    def _build(cls, rows, cols, values, shape, weights, truth, loss, model) -> "Completion":
        values, weights = check_entries(rows, values, shape, weights)
        loss.check(values)
        if not array_api_compat.is_array_api_obj(model) or is_numpy(model):
            truth = None if truth is None else np.asarray(truth, values.dtype)
            return cls(rows, cols, values, shape, weights, truth, loss_function=loss)
        frame = like(np.zeros(0), model)
        put = [None if a is None else like(to_numpy(a), frame) for a in (values, weights, truth)]
        return cls(rows, cols, put[0], shape, put[1], put[2], loss_function=loss)

    def __post_init__(self) -> None:
        if self.truth is not None and tuple(self.truth.shape) != self.shape:
            raise InputError(
                f"truth must have the shape of the matrix, {self.shape}, got {tuple(self.truth.shape)}; "
                "pass the whole matrix the entries were taken from"
            )

    @property
    def dtype(self) -> Any:
        """The floating-point type that every computation on this problem uses."""
        return self.values.dtype

    @property
    def tables(self) -> int | None:
        """How many tables share the mask, None for one: the values have a leading axis then, a run for each."""
        return self.values.shape[0] if self.values.ndim > 1 else None

    def of_runs(self, chosen: Any) -> "Completion":
        """Of many tables, those chosen by an integer array, or one by its number."""
        if self.tables is None:
            return self
        return replace(
            self,
            values=_tables(self.values, chosen),
            weights=self.weights if self.weights is None or self.weights.ndim == 1 else _tables(self.weights, chosen),
            held_out=None if self.held_out is None else self.held_out.of_runs(chosen),
        )

    @property
    def share(self) -> float:
        """The observed share of all entries, |Ω| / (m n)."""
        return self.rows.size / (self.shape[0] * self.shape[1])

    @cached_property
    def is_dense(self) -> bool:
        """Whether the loss is computed on the formed product (BLAS) or entry by entry (compiled passes)."""
        if not is_numpy(self.values):
            return True
        small = self.shape[0] * self.shape[1] <= _DENSE_SIZE
        return small and (self.share >= _DENSE_SHARE or self.shape[0] * self.shape[1] <= 4096)

    @cached_property
    def total_weight(self) -> Float[Array, "*batch"]:
        """Σ w over the observed entries."""
        xp = namespace(self.values)
        weights = xp.ones_like(self.values) if self.weights is None else self.weights
        return xp.sum(weights, axis=-1)

    @cached_property
    def is_stack(self) -> bool:
        """Whether these are many tables, each with a short list of entries of its own."""
        return Tables.suit(self.values, self.weights, self.shape)

    @property
    def is_looped(self) -> bool:
        """Whether compiled loops over the entries do the work, with threads of their own, rather than BLAS."""
        return self.is_stack or not self.is_dense

    @cached_property
    def _layout(self) -> Formed | Listed | Tables:
        if self.is_dense and not self.is_stack:
            return self._formed
        return (Tables if self.is_stack else Listed).of(*self._observed)

    @cached_property
    def _formed(self) -> Formed:
        return Formed.of(*self._observed)

    @property
    def _observed(self) -> tuple[Any, ...]:
        return self.rows, self.cols, self.values, self.weights, self.shape, self.loss_function

    def loss_and_gradient(
        self, product: Float[Array, "*batch m n"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m n"]]:
        """ℓ(W) and G = ∇ℓ(W) = w ∂ρ/∂z / Σw on Ω, zero off it, both formed whole."""
        return self._formed.loss_and_gradient(product)

    def loss(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch"]:
        """ℓ(W), the (weighted) mean over the observed entries."""
        if not is_numpy(product):
            return self.loss_and_gradient(product)[0]
        return self._mean_loss(product[..., self.rows, self.cols])

    def gradient(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch m n"]:
        """∇ℓ(W), zero off the observed entries."""
        return self.loss_and_gradient(product)[1]

    def loss_and_pulls(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ: everything a factored model needs, and nothing of size m·n if sparse."""
        return self._layout.loss_and_pulls(left, right)

    def predict(
        self, left: Float[Array, "m k"], right: Float[Array, "n k"], rows: Any, cols: Any
    ) -> Float[Array, " entries"]:
        """(L Rᵀ)_ij at the positions asked."""
        if is_numpy(left):
            return predict(np.asarray(rows), np.asarray(cols), left, right)
        return like(predict(np.asarray(rows), np.asarray(cols), to_numpy(left), to_numpy(right)), left)

    def factored_loss(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch"]:
        """ℓ(L Rᵀ), forming only the observed entries."""
        xp = namespace(left)
        flat_left, flat_right = xp.reshape(left, (-1, *left.shape[-2:])), xp.reshape(right, (-1, *right.shape[-2:]))
        runs = range(flat_left.shape[0])
        picked = xp.stack([self.predict(flat_left[i, ...], flat_right[i, ...], self.rows, self.cols) for i in runs])
        return self._mean_loss(xp.reshape(picked, (*left.shape[:-2], self.rows.size)))

    def _mean_loss(self, predicted: Float[Array, "*batch entries"]) -> Float[Array, "*batch"]:
        costs = self.loss_function.value(predicted, self.values)
        weighed = costs if self.weights is None else self.weights * costs
        return namespace(predicted).sum(weighed, axis=-1) / self.total_weight

    def back_projection(self) -> Any:
        """(1/p) P_Ω(b) as a SciPy CSR matrix: the direction −∇ℓ(0), sized as an estimate of W.   [kwon2024]

        For other losses than squares b is replaced by −½ ∂ρ/∂z at z = 0, which is what entries pull with.
        """
        from scipy.sparse import csr_array

        values = to_numpy(self.values)
        if values.ndim > 1:
            raise InputError(f"a back-projection is of one table, got {values.shape[0]}; pick one by of_runs(i)")
        if not isinstance(self.loss_function, Squared):
            values = self.loss_function.derivative(np.zeros_like(values), values) / -2
        if self.weights is not None:
            values = to_numpy(self.weights) * values
        m, n = self.shape
        # entries are in row-major order already
        starts = line_starts(self.rows, m)
        return csr_array((values * values.dtype.type(m * n / float(self.total_weight)), self.cols, starts), self.shape)

    def hold_out(self, fraction: float, seed: int) -> "Completion":
        """The same problem with a random `fraction` of the observed entries set aside in `held_out`.

        At least one entry is set aside and one is kept; entries of weight zero are never set aside.
        """
        aside = drawn_entries(self.rows.size, self.weights, fraction, seed)
        return replace(self.select(~aside), truth=self.truth, held_out=self.select(aside))

    def select(self, kept: Shaped[np.ndarray, " entries"]) -> "Completion":
        """The problem of those observed entries alone, by a boolean mask or by positions in the entry list."""
        chosen = np.flatnonzero(kept) if kept.dtype == bool else kept
        values, weights = (None if a is None else take(a, chosen, -1) for a in (self.values, self.weights))
        rows, cols = self.rows[chosen], self.cols[chosen]
        return Completion(rows, cols, values, self.shape, weights, loss_function=self.loss_function)


def _tables(array: Array, chosen: Any) -> Array:
    return array[int(chosen), ...] if isinstance(chosen, int | np.integer) else take(array, chosen, 0)
