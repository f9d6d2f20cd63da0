"""Dense layout: W is formed, and BLAS and arithmetic on m × n arrays do the work: for tables with many entries."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, device, is_numpy, is_torch, like, namespace, to_numpy
from rankfall.devices import load_torch, place
from rankfall.kernels.vectors import squares
from rankfall.problems.layout import Layout, Observed
from rankfall.problems.loss import Loss


@dataclass(frozen=True, eq=False)
class Dense(Layout):
    """2w/Σw and the values of all entries, zero off the observed ones, both `(*batch, m, n)`; and the loss."""

    # about the cache of one core
    cache_bytes = 2**20
    formed_arrays = 4

    shares: Float[Array, "*batch m n"]
    table: Float[Array, "*batch m n"]
    loss: Loss

    @classmethod
    def of(cls, observed: Observed) -> "Dense":
        """The table of observed entries, in the namespace of the values, and on their device."""
        if observed.is_torch:
            return cls._on_device(observed)
        values = to_numpy(observed.values)
        weights = np.ones_like(values) if observed.weights is None else to_numpy(observed.weights)
        table = np.zeros((*values.shape[:-1], *observed.shape), dtype=values.dtype)
        shares = np.zeros_like(table)
        table[..., observed.rows, observed.cols] = values
        shares[..., observed.rows, observed.cols] = 2 * weights / weights.sum(axis=-1, keepdims=True)
        return cls(like(shares, observed.values), like(table, observed.values), observed.loss)

    @classmethod
    def _on_device(cls, observed: Observed) -> "Dense":
        """The same without a copy to the host: large batches make it again whenever runs have ended."""
        values, (m, n) = observed.values, observed.shape
        shares = 2 * (1 if observed.weights is None else observed.weights) / observed.total_weight[..., None]
        shares = shares.expand(values.shape)
        if observed.rows.size < observed.size:
            # positions are unique, so that nothing depends on an order
            places = place(observed.rows.astype(np.int64) * n + observed.cols, device(values))
            empty = namespace(values).zeros((*values.shape[:-1], m * n), dtype=values.dtype, device=device(values))
            values, shares = (empty.index_copy(-1, places, part) for part in (values, shares))
        table, shares = (part.reshape(*part.shape[:-1], m, n) for part in (values, shares))
        return cls(shares, table, observed.loss)

    def loss_and_gradient(
        self, product: Float[Array, "*batch m n"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m n"]]:
        """ℓ(W) and ∇ℓ(W), formed whole."""
        xp = namespace(product)
        if self.loss.is_quadratic:
            residual = product - self.table
            gradient = self.shares * residual
            return 0.5 * xp.sum(gradient * residual, axis=(-2, -1)), gradient
        # off Ω the table holds zeros, which a loss of positive values may not be able to read
        counts, none = self.shares > 0, xp.zeros_like(product)
        with np.errstate(all="ignore"):
            cost = xp.where(counts, self.shares * self.loss.value(product, self.table), none)
            gradient = xp.where(counts, 0.5 * self.shares * self.loss.derivative(product, self.table), none)
        return 0.5 * xp.sum(cost, axis=(-2, -1)), gradient

    def loss_and_factor_gradients(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ."""
        if is_torch(left) and self.loss.is_quadratic and (left.ndim <= 3 or self.table.ndim == 2):
            return self._torch_squares(left, right)
        product = left @ right.mT
        if is_numpy(product) and self.loss.is_quadratic:
            entries = product.shape[-2] * product.shape[-1]
            flat = (part.reshape(-1, entries) for part in (self.shares, self.table, product))
            sums, gradients = squares(*flat)
            loss, gradient = 0.5 * sums.reshape(product.shape[:-2]), gradients.reshape(product.shape)
        else:
            loss, gradient = self.loss_and_gradient(product)
        return loss, gradient @ right, gradient.mT @ left

    def _torch_squares(self, left: Array, right: Array) -> tuple[Array, Array, Array]:
        """The same for squares in fewer passes: W is formed less the table, and its place is used for the costs."""
        lefts, rights = (factor.reshape(-1, *factor.shape[-2:]) for factor in (left, right))
        residual = load_torch().baddbmm(self.table, lefts, rights.mT, beta=-1)
        gradient = self.shares * residual
        products = (gradient @ rights).reshape(left.shape), (gradient.mT @ lefts).reshape(right.shape)
        return 0.5 * residual.mul_(gradient).sum((-2, -1)).reshape(left.shape[:-2]), *products
