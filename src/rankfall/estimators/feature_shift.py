"""What a row's factor gains from which of its entries are observed, for rows that were not there at the fit.

With features a row's factor is one of its own plus a share of every column it was seen in,

    L_i = t_i (U_i + size · Σ_{j ∈ Ω_i} V_j/√(d_i d_j)),        t_i the popularity of d_i observed entries

(`rankfall.models.Lifted`). The sum needs no training; U_i of a new row is folded in, with the trained U as prior.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rankfall.problems.completion import Completion


@dataclass(frozen=True, eq=False)
class FeatureShift:
    """size · V_j/√d_j of the columns, mean of t² U Uᵀ over the trained rows, and t = d^(−exponent)/norm."""

    factors: Float[np.ndarray, "n k"]
    own: Float[np.ndarray, "k k"]
    exponent: float
    norm: float

    @classmethod
    def of(
        cls,
        problem: Completion,
        row_slow: Float[np.ndarray, " m"],
        inner: Float[np.ndarray, "mn k"],
        size: float,
        exponent: float,
    ) -> "FeatureShift":
        """From the rows' popularity t, and the factor of Z, which has U above V, at a fit of the problem."""
        m, n = problem.shape
        degree = np.maximum(np.bincount(problem.cols, minlength=n), 1)
        own = inner[:m].astype(np.float64) * row_slow[:, None]
        factors = inner[m:].astype(np.float64) * (size / np.sqrt(degree))[:, None]
        # all rows share one norm, so the first says it
        norm = float(max(np.count_nonzero(problem.rows == 0), 1) ** -exponent / row_slow[0])
        return cls(factors, own.T @ own / m, exponent, norm)

    def __call__(self, observed: Bool[np.ndarray, "r n"]) -> Float[np.ndarray, "r k"]:
        """The part of the rows' factors that their observed entries say, whatever their values."""
        degree = np.maximum(observed.sum(axis=1), 1)
        return observed @ self.factors * (degree ** (-self.exponent - 0.5) / self.norm)[:, None]
