"""Sparse layout: compiled passes over the observed entries; nothing of size m·n is formed.

A loss that the fused loops know costs two passes. Any other loss costs a pass that predicts the entries, its own
`value` and `derivative` on the list of entries, and two passes that multiply.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.kernels.observed import Entries
from rankfall.problems.layout import Layout, Observed
from rankfall.problems.layouts.entry_sums import entry_sums
from rankfall.problems.loss import Loss


@dataclass(frozen=True, eq=False)
class Sparse(Layout):
    """Positions of the observed entries, their values `(*tables, |Ω|)` and weights (None for ones), and their loss."""

    is_looped = True

    entries: Entries
    values: Float[np.ndarray, "*tables entries"]
    weights: Float[np.ndarray, "*weighed entries"] | None
    total_weight: Float[np.ndarray, "*tables"] | np.floating
    loss: Loss

    @classmethod
    def of(cls, observed: Observed) -> "Sparse":
        """The observed entries, in row-major order.

        Raises
        ------
        InputError
            For values that are no NumPy array.
        """
        if not observed.is_numpy:
            raise InputError(
                f"the layout Sparse is for NumPy arrays, got {type(observed.values).__name__}; use TorchSparse for "
                "PyTorch, or layout='auto'"
            )
        return cls(observed.entries, observed.values, observed.weights, observed.total_weight, observed.loss)

    def loss_and_factor_gradients(
        self, left: Float[np.ndarray, "*batch m k"], right: Float[np.ndarray, "*batch n k"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch m k"], Float[np.ndarray, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ."""
        batch = left.shape[:-2]
        weights = np.empty(0, left.dtype) if self.weights is None else self.weights
        values, weights = (np.broadcast_to(each, (*batch, each.shape[-1])) for each in (self.values, weights))
        totals = np.broadcast_to(self.total_weight, batch)
        losses, row_gradients, column_gradients = np.empty(batch, left.dtype), np.empty_like(left), np.empty_like(right)
        for run in np.ndindex(batch):
            # the loops return halves of Σ w ρ's derivatives: squares would carry a factor 2
            loss, rows, cols = entry_sums(self.entries, self.loss, values[run], weights[run], left[run], right[run])
            share = 2 / totals[run]
            losses[run] = 0.5 * share * loss
            np.multiply(rows, share, out=row_gradients[run])
            np.multiply(cols, share, out=column_gradients[run])
        return losses, row_gradients, column_gradients
