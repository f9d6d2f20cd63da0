"""What a baseline returns, read like a run: factors, the product they make, and how the solver ended.

Every baseline has the shape problem -> `Solution`, so that a nuclear norm minimizer, an alternating least squares fit
and a trajectory's end can be put side by side. W is kept as W = left rightᵀ; the dense m × n product is formed only
when it is asked for by name.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError
from rankfall.kernels.observed import predict
from rankfall.problems.observations import check_positions
from rankfall.trajectory.observables import effective_rank
from rankfall.trajectory.status import Status


@dataclass(frozen=True, eq=False)
class Solution:
    """A completed matrix W = left rightᵀ with the solver's account of itself.

    left, right: factors (m, k) and (n, k); k may be 0, which is the zero matrix.
    status: CONVERGED (the tolerance was met), STALLED (no step improves any more) or BUDGET (iterations ran out).
    reason: the sentence that says so in numbers.
    history: arrays by name, one value a recorded iteration.
    seconds: wall time of the solver.
    gap: certified relative duality gap (primal − dual)/primal where the method has a dual, else None.
    dual: the multipliers λ (one for each observation) behind that gap, else None.
    shrinkage: the λ of ½Σ w(W−b)² + λ‖W‖_* that was used or chosen, else None.
    """

    left: Float[np.ndarray, "m k"]
    right: Float[np.ndarray, "n k"]
    status: Status
    reason: str = ""
    history: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0
    gap: float | None = None
    dual: Float[np.ndarray, " entries"] | None = None
    shrinkage: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.left.shape[0], self.right.shape[0]

    @property
    def factors(self) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, "n k"]]:
        """(left, right)."""
        return self.left, self.right

    @property
    def product(self) -> Float[np.ndarray, "m n"]:
        """W, formed densely: m·n numbers."""
        return self.left @ self.right.T

    @cached_property
    def _decomposition(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        q_left, r_left = np.linalg.qr(self.left)
        q_right, r_right = np.linalg.qr(self.right)
        u, values, vt = np.linalg.svd(r_left @ r_right.T, full_matrices=False)
        return q_left @ u, values, q_right @ vt.T

    def svd(self) -> tuple[Float[np.ndarray, "m q"], Float[np.ndarray, " q"], Float[np.ndarray, "n q"]]:
        """U, σ, V of W = U diag(σ) Vᵀ with q = min(k, m, n), from the factors alone: O((m + n) k²)."""
        return self._decomposition

    @property
    def singular_values(self) -> Float[np.ndarray, " q"]:
        """σ of W, descending; the min(m, n) − q not listed are zero."""
        return self._decomposition[1]

    @property
    def nuclear_norm(self) -> float:
        """‖W‖_* = Σ σ_r."""
        return float(self.singular_values.sum())

    @property
    def effective_rank(self) -> float:
        """exp(−Σ p_r log p_r), p_r = σ_r/Σσ, natural log; 0 for the zero matrix.   [arora2019]"""
        return float(effective_rank(self.singular_values))

    def predict(self, rows: Array, cols: Array) -> Float[np.ndarray, " entries"]:
        """W_ij at the positions asked, without forming the product.

        Raises InputError for positions outside the matrix.
        """
        rows, cols = np.atleast_1d(rows), np.atleast_1d(cols)
        if rows.ndim != 1 or rows.shape != cols.shape:
            raise InputError(
                f"rows and cols must be lists of one length, got shapes {rows.shape} and {cols.shape}; pair them up"
            )
        check_positions(rows, cols, self.shape)
        return predict(rows, cols, self.left, self.right)

    def __repr__(self) -> str:
        return (
            f"Solution({self.status}: {self.reason}; {self.shape[0]} × {self.shape[1]} of rank {self.left.shape[1]}, "
            f"nuclear norm {self.nuclear_norm:.6g}, effective rank {self.effective_rank:.4g}, {self.seconds:.2g} s)"
        )


def check_warm(warm: Solution, shape: tuple[int, int]) -> None:
    """Raise InputError for a warm start of another shape than the problem's."""
    if warm.shape != shape:
        raise InputError(f"a warm start must have the problem's shape {shape}, got {warm.shape}; solve from scratch")


def from_svd(u: Array, values: Array, v: Array) -> tuple[np.ndarray, np.ndarray]:
    """Balanced factors (U√σ, V√σ): leftᵀleft = rightᵀright = diag(σ)."""
    root = np.sqrt(values)
    return np.ascontiguousarray(u * root), np.ascontiguousarray(v * root)
