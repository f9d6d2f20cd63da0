"""Sparse layout in PyTorch, on any device: gathers and sums over the observed entries; nothing of size m·n is formed.

Entries are sorted when the layout is made, by row and by column, and stay on the device. A gradient is the value of W
at each entry, the loss there, and two passes of weighted sums. Many tables are the blocks of one block-diagonal table.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, device, is_torch, to_numpy
from rankfall.devices import load_torch, place
from rankfall.errors import InputError
from rankfall.kernels.line_sums import LineSums
from rankfall.kernels.torch_entries import TorchEntries
from rankfall.problems.layout import Layout, Observed
from rankfall.problems.loss import Loss


@dataclass(frozen=True, eq=False)
class TorchSparse(Layout):
    """Observed entries on a device, in row-major order; those of many tables one table after the other.

    Parameters
    ----------
    entries : TorchEntries
        The positions.
    values : tensor
        b of each entry.
    shares : tensor
        w / Σ w of each entry, or of all of them.
    tables : LineSums or None
        The sum over the entries of each table; None for one table, which then serves any number of runs.
    loss : Loss
        ρ.
    """

    entries: TorchEntries
    values: Float[Array, " entries"]
    shares: Float[Array, "*entries"]
    tables: LineSums | None
    loss: Loss

    @classmethod
    def of(cls, observed: Observed) -> "TorchSparse":
        """Sort the entries and put their positions where their values are.

        Raises
        ------
        InputError
            For values that are no PyTorch tensor.
        """
        values, weights, total = observed.values, observed.weights, observed.total_weight
        if not is_torch(values):
            raise InputError(
                f"the layout TorchSparse is for PyTorch tensors, got {type(values).__name__}; "
                "pass device= to evolve, or use Sparse"
            )
        shares = (1 if weights is None else weights) / total[..., None]
        if values.ndim == 1:
            entries = TorchEntries.of(observed.rows, observed.cols, observed.shape, values)
            return cls(entries, values, shares if weights is not None else shares[0], None, observed.loss)
        count, (m, n) = values.shape[0], observed.shape
        is_own = weights is not None and weights.ndim > 1
        kept = to_numpy(weights) > 0 if is_own else np.ones(values.shape, dtype=bool)
        table, number = np.nonzero(kept)
        rows, cols = observed.rows[number] + m * table, observed.cols[number] + n * table
        entries = TorchEntries.of(rows, cols, (count * m, count * n), values)
        chosen = place(np.flatnonzero(kept), device(values))
        values, shares = (part.reshape(-1).index_select(0, chosen) for part in (values, shares.expand(values.shape)))
        starts = np.concatenate([[0], np.cumsum(np.count_nonzero(kept, axis=1))])
        sums = LineSums.of(starts, np.arange(rows.size), device(values))
        return cls(entries, values, shares, sums, observed.loss)

    def loss_and_factor_gradients(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ."""
        runs = [self._run(*pair) for pair in self._runs(left, right)]
        parts = zip(*runs, strict=True)
        losses, *gradients = [part[0] if len(runs) == 1 else load_torch().stack(part) for part in parts]
        rows, cols = (each.reshape(whole.shape) for each, whole in zip(gradients, (left, right), strict=True))
        return losses.reshape(left.shape[:-2]), rows, cols

    def factored_loss(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch"]:
        """ℓ(W) alone, for which no sums along rows and columns are made."""
        losses = [self._mean(self.entries.predict(*pair)) for pair in self._runs(left, right)]
        return load_torch().stack(losses).reshape(left.shape[:-2])

    def _runs(self, left: Array, right: Array) -> list[tuple[Array, Array]]:
        """Factors (m, k) and (n, k), one pair for each run, or one for all tables."""
        k = left.shape[-1]
        if self.tables is not None:
            return [(left.reshape(-1, k), right.reshape(-1, k))]
        both = (factor.reshape(-1, *factor.shape[-2:]).unbind() for factor in (left, right))
        return list(zip(*both, strict=True))

    def _run(self, left: Array, right: Array) -> tuple[Array, Array, Array]:
        predicted = self.entries.predict(left, right)
        slopes = self.shares * self.loss.derivative(predicted, self.values)
        return self._mean(predicted), *self.entries.products(slopes, left, right)

    def _mean(self, predicted: Array) -> Array:
        costs = self.shares * self.loss.value(predicted, self.values)
        return costs.sum() if self.tables is None else self.tables(None, costs[:, None])[:, 0]
