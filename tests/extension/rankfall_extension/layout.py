"""A layout of your own: observed entries as a SciPy sparse matrix."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from rankfall.problems import Layout, Observed


@dataclass(frozen=True, eq=False)
class ScipySparse(Layout):
    """The gradient is formed as a CSR matrix, and SciPy multiplies it with the factors."""

    observed: Observed

    @classmethod
    def of(cls, observed):
        return cls(observed)

    def loss_and_factor_gradients(self, left, right):
        seen = self.observed
        batch = left.shape[:-2]
        losses, rows, columns = np.empty(batch), np.empty_like(left), np.empty_like(right)
        weights = np.ones_like(seen.values) if seen.weights is None else seen.weights
        shares = weights / seen.total_weight
        for run in np.ndindex(batch):
            predicted = np.sum(left[run][seen.rows] * right[run][seen.cols], axis=1)
            slopes = shares * seen.loss.derivative(predicted, seen.values)
            gradient = csr_array((slopes, (seen.rows, seen.cols)), shape=seen.shape)
            losses[run] = np.sum(shares * seen.loss.value(predicted, seen.values))
            rows[run], columns[run] = gradient @ right[run], gradient.T @ left[run]
        return losses, rows, columns
