"""The rows of a completed table as draws of one Gaussian, from which new rows are filled.

μ and Σ are those of the completed table, in column units; filled entries are known up to their held-out error, whose
variance stands on the diagonal of Σ as often as a column is filled. A new row x gets its conditional mean

    E[x_M | x_O] = μ_M + Σ_MO Σ_OO⁻¹ (x_O − μ_O)
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rankfall.estimators.refinement.gaussian import prior_rows


@dataclass(frozen=True, eq=False)
class RowModel:
    """Origin and unit of each column, mean and covariance of the rows in those units."""

    origin: Float[np.ndarray, " n"]
    unit: Float[np.ndarray, " n"]
    mean: Float[np.ndarray, " n"]
    covariance: Float[np.ndarray, "n n"]

    @classmethod
    def of(
        cls,
        completed: Float[np.ndarray, "m n"],
        known: Bool[np.ndarray, "m n"],
        error: Float[np.ndarray, " n"],
        unit: Float[np.ndarray, " n"],
    ) -> "RowModel":
        """From a completed table, which of its entries are observed, and the error of the others, in input units.

        unit: (n,), the standard deviation of each column; 0 for a constant one, which is predicted by its constant.
        """
        m, n = completed.shape
        origin, unit = completed.mean(axis=0), np.where(unit > 0, unit, 1.0)
        z = (completed - origin) / unit
        prior = prior_rows(n)
        doubt = (~known).sum(axis=0) * (error / unit) ** 2
        covariance = (z.T @ z + np.diag(doubt + prior)) / (m + prior)
        return cls(origin, unit, np.zeros(n), covariance)

    def fill(self, rows: Float[np.ndarray, "r n"]) -> Float[np.ndarray, "r n"]:
        """The rows, NaN where unknown, with their conditional means; every entry in input units."""
        z = (rows - self.origin) / self.unit
        filled = np.tile(self.mean, (len(rows), 1))
        for place, row in enumerate(z):
            known = ~np.isnan(row)
            rest = np.linalg.solve(self.covariance[np.ix_(known, known)], row[known] - self.mean[known])
            filled[place] += self.covariance[:, known] @ rest
            filled[place, known] = row[known]
        return self.origin + self.unit * filled
