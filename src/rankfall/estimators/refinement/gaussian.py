"""A Gaussian model of the rows: every column a ridge regression on whichever others a row has.

Rows are x ~ N(μ, Σ); the conditional mean of what is unknown given what is known fills it in, and

    Σ ← (Σ_i [x̂_i x̂_iᵀ + C_i] + ν I)/(m + ν)

with C_i the conditional covariance of row i (expectation–maximization, [dempster1977]). The prior of ν rows of
uncorrelated columns is the ridge: it matters where columns are nearly collinear or nearly as many as rows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.estimators.refinement.interpolation import interpolated
from rankfall.estimators.refinement.member import Member, Split

_ROUNDS, _TOLERANCE = 20, 5e-3
# Σ, inverted once a row and round, is for so many rows times columns cubed.
LARGEST = 3e7


@dataclass(frozen=True)
class Gaussian(Member):
    """Conditional means of a Gaussian.

    Parameters
    ----------
    ridge : float
        Prior rows, as a share of the number of columns.
    with_neighbors : bool
        Whether each column also has the interpolation of its neighbors in time beside it.
    """

    ridge: float = 0.1
    with_neighbors: bool = False

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """With the ridge."""
        return f"regression, ridge {self.ridge:g}" + (" with neighbors in time" if self.with_neighbors else "")

    def complete(self, split: Split) -> Float[np.ndarray, "parts m n"]:
        """x̂ of every table, the tables side by side."""
        tables, n = split.tables, split.tables.shape[2]
        if self.with_neighbors:
            tables = np.concatenate([tables, np.stack([interpolated(table) for table in tables])], axis=2)
        return conditional_means(tables, prior_rows(n, self.ridge))[:, :, :n]


def prior_rows(columns: int, ridge: float = 0.1) -> float:
    """ν: prior rows of uncorrelated columns, as a share of the number of columns."""
    return max(0.1, ridge * columns)


def conditional_means(tables: Float[np.ndarray, "parts m n"], prior_rows: float) -> Float[np.ndarray, "parts m n"]:
    """x̂ under the Gaussian that each table suggests; known entries as they are."""
    return fitted_gaussians(tables, prior_rows)[0]


def fitted_gaussians(
    tables: Float[np.ndarray, "parts m n"], prior_rows: float
) -> tuple[Float[np.ndarray, "parts m n"], Float[np.ndarray, "parts 1 n"], Float[np.ndarray, "parts n n"]]:
    """x̂, μ and Σ of the Gaussian that each table suggests."""
    parts, m, n = tables.shape
    known = ~np.isnan(tables)
    values = np.where(known, tables, 0.0)
    means, covariances = np.zeros((parts, 1, n)), np.tile(np.eye(n), (parts, 1, 1))
    both = known[..., :, None] & known[..., None, :]
    diagonal = np.eye(n, dtype=bool)
    filled = values
    for _ in range(_ROUNDS):
        spread = covariances[:, None]
        # the identity stands in for what a row does not know, so that one shape serves every row
        inner = np.where(both, spread, np.where(diagonal & ~known[..., None], 1.0, 0.0))
        gain = np.linalg.solve(inner, np.where(known[..., :, None], spread, 0.0))
        rest = np.where(known, values - means, 0.0)
        filled = np.where(known, values, means + np.einsum("pmk,pmkn->pmn", rest, gain))
        # C_i summed over rows: Σ − Σ_·Ω Σ_ΩΩ⁻¹ Σ_Ω· each
        asked = np.where(known[..., :, None], spread, 0.0).reshape(parts, m * n, n)
        explained = np.swapaxes(asked, 1, 2) @ gain.reshape(parts, m * n, n)
        means = filled.mean(axis=1, keepdims=True)
        centered = filled - means
        total = np.swapaxes(centered, 1, 2) @ centered + m * covariances - explained
        updated = (total + prior_rows * np.eye(n)) / (m + prior_rows)
        change = np.abs(updated - covariances).max()
        covariances = (updated + np.swapaxes(updated, 1, 2)) / 2
        if change < _TOLERANCE:
            break
    return filled, means, covariances
