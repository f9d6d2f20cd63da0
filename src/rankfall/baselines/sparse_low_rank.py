"""Sparse plus low rank: what an iterate looks like when only observed entries were touched.

    Z = P_Ω(g) + L Rᵀ,     Z V = P_Ω(g) V + L (Rᵀ V),     Zᵀ U = P_Ω(g)ᵀ U + R (Lᵀ U)       [hastie2015]

A product with a thin block costs 2·|Ω|·q + 2·(m + n)·k·q flops, and nothing of size m·n is ever formed. The pattern is
sorted once, by rows and by columns; an iteration only hands over new numbers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from rankfall.arrays import to_numpy
from rankfall.baselines.constraints import read_values
from rankfall.errors import InputError
from rankfall.kernels.observed import predict
from rankfall.problems.problem import Problem

# Up to |Ω|·k numbers, gathering the rows of both factors is cheaper than waking the kernel's threads.
_GATHERED = 2**16


@dataclass(frozen=True, eq=False)
class Pattern:
    """The observed entries of a completion problem in float64, with their matrices by rows and by columns."""

    rows: np.ndarray
    cols: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, problem: Problem) -> "Pattern":
        """The pattern of a problem that observes entries of a matrix.

        Raises
        ------
        InputError
            For problems that do not observe entries.
        """
        if problem.positions is None or len(problem.shape) != 2:
            raise InputError(
                f"this baseline completes observed entries of a matrix, got {type(problem).__name__}; "
                "use NuclearNorm for general measurements"
            )
        values = read_values(problem)
        weights = np.ones_like(values) if problem.weights is None else to_numpy(problem.weights).astype(np.float64)
        m, n = problem.shape
        rows, cols = problem.positions
        order = np.lexsort((cols, rows))
        if np.any(order[1:] < order[:-1]):
            raise InputError(
                "observed entries must be in row-major order, got them unsorted; build the problem with "
                "Completion.from_triplets"
            )
        return cls(rows, cols, values, weights, (m, n))

    @cached_property
    def _row_starts(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(np.bincount(self.rows, minlength=self.shape[0]))])

    @cached_property
    def by_column(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Column starts (n + 1,), row indices and storage positions of the entries, column by column."""
        order = np.argsort(self.cols, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.cols, minlength=self.shape[1]))])
        return starts, self.rows[order], order

    @property
    def by_row(self) -> tuple[np.ndarray, np.ndarray]:
        """Row starts (m + 1,) and column indices of the entries, row by row."""
        return self._row_starts, self.cols

    def matrix(self, entries: Float[np.ndarray, " entries"]) -> csr_array:
        """P_Ω(g), m × n."""
        return csr_array((entries, self.cols, self._row_starts), shape=self.shape)

    def transposed(self, entries: Float[np.ndarray, " entries"]) -> csr_array:
        """P_Ω(g)ᵀ, n × m, stored by its own rows."""
        starts, rows, order = self.by_column
        return csr_array((entries[order], rows, starts), shape=self.shape[::-1])

    def entries(self, left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " entries"]:
        """(left rightᵀ)_ij on the observed entries."""
        if self.rows.size * left.shape[1] <= _GATHERED:
            return np.einsum("ek,ek->e", left[self.rows], right[self.cols])
        return predict(self.rows, self.cols, left, right)

    def operator(
        self, entries: Float[np.ndarray, " entries"], left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"]
    ) -> "SparseLowRank":
        """P_Ω(g) + left rightᵀ as something to multiply with."""
        return SparseLowRank(self.matrix(entries), self.transposed(entries), left, right)


@dataclass(frozen=True, eq=False)
class SparseLowRank:
    """Z = sparse + left rightᵀ; `Z @ V`, `Z.T @ U`, and `dense()` forms the m × n matrix."""

    sparse: csr_array
    sparse_transposed: csr_array
    left: np.ndarray
    right: np.ndarray

    @property
    def T(self) -> "SparseLowRank":
        """Zᵀ."""
        return SparseLowRank(self.sparse_transposed, self.sparse, self.right, self.left)

    def __matmul__(self, block: Float[np.ndarray, "n q"]) -> Float[np.ndarray, "m q"]:
        return self.sparse @ block + self.left @ (self.right.T @ block)

    def dense(self) -> Float[np.ndarray, "m n"]:
        """Z, formed: m·n numbers."""
        return self.sparse.toarray() + self.left @ self.right.T
