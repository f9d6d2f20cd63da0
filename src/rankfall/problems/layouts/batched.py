"""Batched layout: many tables, each with a short list of observed entries of its own, a table a thread."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.kernels.batched_entries import TableEntries
from rankfall.problems.layout import Layout, Observed
from rankfall.problems.loss import Kernel

# A batch of tables with masks of their own is listed where few entries of a table are observed, or it has few at all.
_LISTED_SHARE, _LISTED_SIZE = 0.25, 1024


@dataclass(frozen=True, eq=False)
class Batched(Layout):
    """Observed entries of many tables, one list after the other; shares are 2w/Σw."""

    is_looped = True
    # about the cache that cores share: all of them go through the lists
    cache_bytes = 2**23

    entries: TableEntries
    values: Float[np.ndarray, " entries"]
    shares: Float[np.ndarray, " entries"]
    kernel: Kernel

    @staticmethod
    def suits(observed: Observed) -> bool:
        """Whether these are tables with masks of their own that are better listed than formed, of a known loss."""
        weights = observed.weights
        if observed.values.ndim < 2 or weights is None or weights.ndim < 2 or not observed.is_numpy:
            return False
        if observed.loss.kernel is None:
            return False
        few = np.count_nonzero(weights) <= _LISTED_SHARE * observed.size * len(weights)
        return observed.size <= _LISTED_SIZE or bool(few)

    @classmethod
    def of(cls, observed: Observed) -> "Batched":
        """The entries of positive weight.

        Raises
        ------
        InputError
            For one table, arrays of another library than NumPy, and a loss that the fused loops do not know.
        """
        weights, kernel = observed.weights, observed.loss.kernel
        if weights is None or weights.ndim < 2 or kernel is None or not observed.is_numpy:
            raise InputError(
                "the layout Batched is for many tables of NumPy arrays with weights of their own and a loss with a "
                f"kernel, got {type(observed.values).__name__} values, weights of "
                f"{0 if weights is None else weights.ndim} dimensions and {observed.loss}; use layout='auto'"
            )
        table, place = np.nonzero(weights)
        shares = 2 * weights / weights.sum(axis=-1, keepdims=True)
        entries = TableEntries(table, observed.rows[place], observed.cols[place], len(weights), observed.shape)
        return cls(entries, observed.values[table, place], shares[table, place], kernel)

    def loss_and_factor_gradients(
        self, left: Float[np.ndarray, "tables m k"], right: Float[np.ndarray, "tables n k"]
    ) -> tuple[Float[np.ndarray, " tables"], Float[np.ndarray, "tables m k"], Float[np.ndarray, "tables n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ of every table, and nothing of size m·n."""
        losses, row_gradients, column_gradients = self.entries.loss_and_products(
            self.values, self.shares, left, right, *self.kernel
        )
        return 0.5 * losses, row_gradients, column_gradients
