"""The layouts in which a completion loss is computed: W formed whole, or lists of observed entries.

    ℓ(W) = Σ w ρ(W_ij, b_ij) / Σ w,    G = ∇ℓ(W) = w ∂ρ/∂z / Σ w on Ω and zero off it

Where most entries are observed, BLAS forms W and the rest is arithmetic on m × n; where few are, compiled passes over
the entries never form it; a batch of tables with masks of their own has a list for each. All give the loss and what
the factors of W = L Rᵀ need of the gradient, G R and Gᵀ L.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, is_numpy, like, namespace, to_numpy
from rankfall.kernels.batched_entries import TableEntries
from rankfall.kernels.observed import Entries
from rankfall.kernels.vectors import squares
from rankfall.problems.losses import Loss, Squared

# A batch of tables with masks of their own is listed where few entries of a table are observed, or it has few at all.
_LISTED_SHARE, _LISTED_SIZE = 0.25, 1024


@dataclass(frozen=True, eq=False)
class Formed:
    """2w/Σw and values of all entries, zero off the observed ones, both (*batch, m, n); and the loss of an entry."""

    shares: Float[Array, "*batch m n"]
    table: Float[Array, "*batch m n"]
    loss_function: Loss

    @classmethod
    def of(
        cls,
        rows: Int[np.ndarray, " entries"],
        cols: Int[np.ndarray, " entries"],
        values: Float[Array, "*batch entries"],
        weights: Float[Array, "*tables entries"] | None,
        shape: tuple[int, int],
        loss_function: Loss,
    ) -> "Formed":
        """The table of observed entries, in the values' namespace."""
        observed = to_numpy(values)
        counted = np.ones_like(observed) if weights is None else to_numpy(weights)
        table = np.zeros((*observed.shape[:-1], *shape), dtype=observed.dtype)
        shares = np.zeros_like(table)
        table[..., rows, cols] = observed
        shares[..., rows, cols] = 2 * counted / counted.sum(axis=-1, keepdims=True)
        return cls(like(shares, values), like(table, values), loss_function)

    def loss_and_gradient(
        self, product: Float[Array, "*batch m n"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m n"]]:
        """ℓ(W) and ∇ℓ(W), formed whole."""
        xp = namespace(product)
        if isinstance(self.loss_function, Squared):
            residual = product - self.table
            gradient = self.shares * residual
            return 0.5 * xp.sum(gradient * residual, axis=(-2, -1)), gradient
        cost = self.shares * self.loss_function.value(product, self.table)
        gradient = 0.5 * self.shares * self.loss_function.derivative(product, self.table)
        return 0.5 * xp.sum(cost, axis=(-2, -1)), gradient

    def loss_and_pulls(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ."""
        product = left @ right.mT
        if is_numpy(product) and isinstance(self.loss_function, Squared):
            entries = product.shape[-2] * product.shape[-1]
            flat = (part.reshape(-1, entries) for part in (self.shares, self.table, product))
            sums, pulls = squares(*flat)
            loss, gradient = 0.5 * sums.reshape(product.shape[:-2]), pulls.reshape(product.shape)
        else:
            loss, gradient = self.loss_and_gradient(product)
        return loss, gradient @ right, gradient.mT @ left


@dataclass(frozen=True, eq=False)
class Listed:
    """Positions of the observed entries, their values (*tables, |Ω|) and weights (None for ones), and their loss."""

    entries: Entries
    values: Float[np.ndarray, "*tables entries"]
    weights: Float[np.ndarray, "*weighed entries"] | None
    total_weight: Float[np.ndarray, "*tables"] | np.floating
    loss_function: Loss

    @classmethod
    def of(
        cls,
        rows: Int[np.ndarray, " entries"],
        cols: Int[np.ndarray, " entries"],
        values: Float[np.ndarray, "*batch entries"],
        weights: Float[np.ndarray, "*tables entries"] | None,
        shape: tuple[int, int],
        loss_function: Loss,
    ) -> "Listed":
        """The observed entries, in row-major order."""
        entries = Entries(rows.astype(np.int32, copy=False), cols.astype(np.int32, copy=False), shape)
        counted = np.ones_like(values) if weights is None else weights
        return cls(entries, values, weights, counted.sum(axis=-1), loss_function)

    def loss_and_pulls(
        self, left: Float[np.ndarray, "*batch m k"], right: Float[np.ndarray, "*batch n k"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch m k"], Float[np.ndarray, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ, and nothing of size m·n."""
        batch = left.shape[:-2]
        weights = np.empty(0, left.dtype) if self.weights is None else self.weights
        values, weights = (np.broadcast_to(each, (*batch, each.shape[-1])) for each in (self.values, weights))
        shares = np.broadcast_to(2 / self.total_weight, batch)
        losses, row_pulls, column_pulls = np.empty(batch, left.dtype), np.empty_like(left), np.empty_like(right)
        cost = self.loss_function.kind, self.loss_function.parameter
        for run in np.ndindex(batch):
            loss, rows, cols = self.entries.pulls(values[run], weights[run], left[run], right[run], *cost)
            losses[run] = 0.5 * shares[run] * loss
            np.multiply(rows, shares[run], out=row_pulls[run])
            np.multiply(cols, shares[run], out=column_pulls[run])
        return losses, row_pulls, column_pulls


@dataclass(frozen=True, eq=False)
class Tables:
    """Observed entries of many tables, one list after the other; shares are 2w/Σw."""

    entries: TableEntries
    values: Float[np.ndarray, " entries"]
    shares: Float[np.ndarray, " entries"]
    loss_function: Loss

    @staticmethod
    def suit(values: Array, weights: Array | None, shape: tuple[int, int]) -> bool:
        """Whether these are many tables with masks of their own that are better listed than formed."""
        if values.ndim < 2 or weights is None or weights.ndim < 2 or not is_numpy(values):
            return False
        size = shape[0] * shape[1]
        return size <= _LISTED_SIZE or bool(np.count_nonzero(weights) <= _LISTED_SHARE * size * len(weights))

    @classmethod
    def of(
        cls,
        rows: Int[np.ndarray, " positions"],
        cols: Int[np.ndarray, " positions"],
        values: Float[Array, "tables positions"],
        weights: Float[Array, "tables positions"] | None,
        shape: tuple[int, int],
        loss_function: Loss,
    ) -> "Tables":
        """The entries of positive weight."""
        assert weights is not None
        table, place = np.nonzero(weights)
        shares = 2 * weights / weights.sum(axis=-1, keepdims=True)
        entries = TableEntries(table, rows[place], cols[place], len(weights), shape)
        return cls(entries, values[table, place], shares[table, place], loss_function)

    def loss_and_pulls(
        self, left: Float[np.ndarray, "tables m k"], right: Float[np.ndarray, "tables n k"]
    ) -> tuple[Float[np.ndarray, " tables"], Float[np.ndarray, "tables m k"], Float[np.ndarray, "tables n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ of every table, and nothing of size m·n."""
        cost = self.loss_function.kind, self.loss_function.parameter
        losses, row_pulls, column_pulls = self.entries.pulls(self.values, self.shares, left, right, *cost)
        return 0.5 * losses, row_pulls, column_pulls
