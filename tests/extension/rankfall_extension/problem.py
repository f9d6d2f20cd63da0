"""A problem of your own: row sums and column sums of W are measured (as in a contingency table)."""

from dataclasses import dataclass

import numpy as np

from rankfall.problems import Problem


@dataclass(frozen=True, eq=False)
class Margins(Problem):
    """ℓ(W) = ½ ‖W 1 − r‖² + ½ ‖Wᵀ 1 − c‖² for row sums r (m,) and column sums c (n,)."""

    row_sums: np.ndarray
    column_sums: np.ndarray

    @property
    def shape(self):
        return self.row_sums.size, self.column_sums.size

    @property
    def values(self):
        return np.concatenate([self.row_sums, self.column_sums])

    def loss_and_gradient(self, product):
        rows = product.sum(axis=-1) - self.row_sums
        columns = product.sum(axis=-2) - self.column_sums
        loss = 0.5 * np.sum(rows**2, axis=-1) + 0.5 * np.sum(columns**2, axis=-1)
        return loss, rows[..., :, None] + columns[..., None, :]
