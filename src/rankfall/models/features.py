"""Side features of rows and columns: known, sparse, and shared by all lines that have them.

The positions of the observed entries are features that cost nothing to collect. People choose what they rate, so two
people who rated the same items are similar, whatever their ratings (`observed_features`; the idea of SVD++
[koren2008], which has it on one side).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from rankfall.arrays import Array, SparseArray, is_numpy, namespace
from rankfall.kernels.line_sums import TorchMultiplier
from rankfall.kernels.sparse_products import Multiplier
from rankfall.problems.completion import Completion


@dataclass(frozen=True, eq=False)
class Features:
    """(I | F) for the rows, or the columns, of a table; `matrix` F is a SciPy CSR matrix (lines, p)."""

    matrix: SparseArray

    @property
    def count(self) -> int:
        """Lines and features together, the height of Z on this side."""
        return sum(self.matrix.shape)

    @cached_property
    def _turned(self) -> SparseArray:
        return self.matrix.T.tocsr()

    @cached_property
    def _made(self) -> dict[tuple[str, ...], Multiplier | TorchMultiplier]:
        """F and Fᵀ as they multiply, for each place where they were needed."""
        return {}

    def _times(self, side: str, matrix: SparseArray, dense: Array) -> Array:
        if is_numpy(dense):
            key, kind = (side,), Multiplier
        else:
            key, kind = (side, str(dense.device), str(dense.dtype)), lambda matrix: TorchMultiplier.of(matrix, dense)
        if key not in self._made:
            self._made[key] = kind(matrix)
        return self._made[key](dense)

    def factor(self, inner: Float[Array, "count k"]) -> Float[Array, "lines k"]:
        """(I | F) Z_side: each line's own factor and those of its features."""
        lines = self.matrix.shape[0]
        return inner[:lines] + self._times("lines", self.matrix, inner[lines:])

    def gather(self, outer: Float[Array, "lines k"]) -> Float[Array, "count k"]:
        """(I | F)ᵀ of a gradient on the factors of the lines."""
        return namespace(outer).concat([outer, self._times("features", self._turned, outer)])


def observed_features(problem: Completion, size: float) -> tuple[Features, Features]:
    """Features of rows and columns that say which entries are observed: size · D_r^{−½} M D_c^{−½} and its transpose.

    M is the mask, D_r and D_c the numbers of observed entries of rows and columns; so weighed, the features have
    spectral norm `size` whatever the table, and the flow is 1 + size² times as stiff, not more.

    Parameters
    ----------
    problem : Completion
        The observed entries of an m × n table.
    size : float
        The spectral norm of the features.

    Returns
    -------
    rows, cols : Features
        With matrices of shape (m, n) and (n, m).
    """
    m, n = problem.shape
    degrees = [np.maximum(np.bincount(index, minlength=k), 1) for index, k in ((problem.rows, m), (problem.cols, n))]
    shares = size / np.sqrt(degrees[0][problem.rows] * degrees[1][problem.cols])
    mask = csr_array((shares.astype(problem.dtype), (problem.rows, problem.cols)), shape=(m, n))
    return Features(mask), Features(csr_array(mask.T.tocsr()))
