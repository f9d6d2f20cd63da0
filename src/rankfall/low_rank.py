"""A matrix given by two factors, W = L Rᵀ: the result of a run, a baseline, an estimator or a recovery.

Everything here costs O((m + n) k²) or less. The m × n product is formed only by `product`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.kernels.observed import predict


@dataclass(frozen=True, eq=False)
class LowRank:
    """The matrix W = L Rᵀ.

    Parameters
    ----------
    left, right : ndarray of shape (m, k) and (n, k)
        The factors L and R. k = 0 is the zero matrix.
    """

    left: Float[np.ndarray, "m k"]
    right: Float[np.ndarray, "n k"]

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.left.shape[0], self.right.shape[0]

    def __repr__(self) -> str:
        return f"LowRank({self.shape[0]} × {self.shape[1]}, {self.left.shape[1]} factors)"

    @property
    def factors(self) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, "n k"]]:
        """(L, R)."""
        return self.left, self.right

    @property
    def product(self) -> Float[np.ndarray, "m n"]:
        """W, formed as m·n numbers."""
        return self.left @ self.right.T

    @cached_property
    def _decomposition(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left_basis, left_core = np.linalg.qr(self.left)
        right_basis, right_core = np.linalg.qr(self.right)
        u, values, vt = np.linalg.svd(left_core @ right_core.T, full_matrices=False)
        return left_basis @ u, values, right_basis @ vt.T

    def svd(self) -> tuple[Float[np.ndarray, "m q"], Float[np.ndarray, " q"], Float[np.ndarray, "n q"]]:
        """U, σ, V of W = U diag(σ) Vᵀ with q = min(k, m, n), from the factors: O((m + n) k²)."""
        return self._decomposition

    @property
    def singular_values(self) -> Float[np.ndarray, " q"]:
        """σ of W, descending. The min(m, n) − q values not listed are zero."""
        return self._decomposition[1]

    @property
    def nuclear_norm(self) -> float:
        """‖W‖_* = Σ σ_r."""
        return float(self.singular_values.sum())

    @property
    def effective_rank(self) -> float:
        """exp(−Σ p_r log p_r), p_r = σ_r/Σσ, natural logarithm; 0 for the zero matrix.   [arora2019]"""
        return float(effective_rank(self.singular_values))

    def predict(
        self, rows: int | Sequence[int] | np.ndarray, cols: int | Sequence[int] | np.ndarray
    ) -> Float[np.ndarray, " e"]:
        """W_ij at the given positions, without forming the product.

        Raises
        ------
        InputError
            For positions outside the matrix, or lists of different lengths.
        """
        rows, cols = np.atleast_1d(np.asarray(rows)), np.atleast_1d(np.asarray(cols))
        if rows.ndim != 1 or rows.shape != cols.shape:
            raise InputError(
                f"rows and cols must be lists of one length, got shapes {rows.shape} and {cols.shape}; pair them up"
            )
        check_positions(rows, cols, self.shape)
        return predict(rows, cols, self.left, self.right)


def effective_rank(singular_values: Float[np.ndarray, "*batch q"]) -> Float[np.ndarray, "*batch"]:
    """exp(−Σ p_r log p_r) with p_r = σ_r / Σσ, natural logarithm: from 1 to q; 0 for W = 0.   [arora2019, code]"""
    total = singular_values.sum(axis=-1, keepdims=True)
    share = singular_values / np.where(total > 0, total, 1)
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1)), axis=-1)
    return np.where(total[..., 0] > 0, np.exp(entropy), 0.0)


def balanced_factors(
    u: Float[np.ndarray, "m q"], values: Float[np.ndarray, " q"], v: Float[np.ndarray, "n q"]
) -> tuple[np.ndarray, np.ndarray]:
    """(U√σ, V√σ): factors of U diag(σ) Vᵀ with LᵀL = RᵀR = diag(σ)."""
    root = np.sqrt(values)
    return np.ascontiguousarray(u * root), np.ascontiguousarray(v * root)


def check_positions(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> None:
    """Raise InputError for positions that are not integers, or lie outside `shape`."""
    if rows.size and not (np.issubdtype(rows.dtype, np.integer) and np.issubdtype(cols.dtype, np.integer)):
        raise InputError(
            f"rows and cols must be integers, got {rows.dtype} and {cols.dtype}; encode labels as 0, 1, 2, … first"
        )
    for name, index, size in (("row", rows, shape[0]), ("column", cols, shape[1])):
        bad = np.flatnonzero((index < 0) | (index >= size))
        if bad.size:
            raise InputError(
                f"{name} indices must lie in 0 … {size - 1} for shape {shape}, got {index[bad[0]]} in entry {bad[0]}; "
                "indices are zero-based"
            )
