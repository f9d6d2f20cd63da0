"""Matrices that lie row block by row block on workers, as SciPy's linear operators: here is only what they multiply."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

from rankfall.models.features import Features
from rankfall.models.operator import linear_operator
from rankfall.problems.layouts.row_block import RowBlock
from rankfall.problems.layouts.row_blocks import RowBlocks
from rankfall.problems.loss import Loss


class BlockMatrix(LinearOperator):
    """A matrix that lies row block by row block on workers, each a SciPy CSR matrix.

    Parameters
    ----------
    blocks : sequence
        What stands for the matrices of the blocks.
    stored : RowBlocks
        Whose rows they have.
    shape : tuple of int
        (m, n).
    dtype : type
        Of the entries.
    """

    def __init__(self, blocks: Sequence[object], stored: RowBlocks, shape: tuple[int, int], dtype: type) -> None:
        super().__init__(np.dtype(dtype), shape)
        self.blocks, self.stored = blocks, stored

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        return np.concatenate(self.stored.workers.map(_times, self.blocks, shared=(X,)))

    def _rmatmat(self, X: np.ndarray) -> np.ndarray:
        parts = [(part,) for part in self.stored.parts(X)]
        return self.stored.workers.map_sum(_transposed_times, self.blocks, parts)[1]

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        return self._rmatmat(x.reshape(-1, 1))[:, 0]

    def _adjoint(self) -> LinearOperator:
        return linear_operator((self.shape[1], self.shape[0]), self._rmatmat, self._matmat, self.dtype)


class BlockFeatures(Features):
    """Features of lines whose matrix is known by what it multiplies."""

    def factor(self, inner: np.ndarray) -> np.ndarray:
        """(I | F) Z_side."""
        lines = self.matrix.shape[0]
        return inner[:lines] + self.matrix.matmat(inner[lines:]).astype(inner.dtype)

    def gather(self, outer: np.ndarray) -> np.ndarray:
        """(I | F)ᵀ of a gradient on the factors of the lines."""
        return np.concatenate([outer, self.matrix.rmatmat(outer).astype(outer.dtype)])


def shares_of_mask(
    block: RowBlock, row_degrees: np.ndarray, column_degrees: np.ndarray, size: float, dtype: type
) -> csr_array:
    """size · D_r^{−½} M D_c^{−½} on the entries of a block: as `rankfall.models.features.observed_features`."""
    rows, cols = (np.maximum(degrees, 1) for degrees in (row_degrees, column_degrees))
    return _matrix(block, (size / np.sqrt(rows[block.rows] * cols[block.cols])).astype(dtype))


def scaled_pulls(block: RowBlock, loss: Loss, factor: float) -> csr_array:
    """factor · w b on the entries of a block, or what they pull with at z = 0 for other losses than squares."""
    pulls = factor * loss.pull_at_zero(block.values).astype(np.float64)
    return _matrix(block, pulls if block.weights is None else pulls * block.weights)


def _matrix(block: RowBlock, values: np.ndarray) -> csr_array:
    return csr_array((values, block.cols, block.starts), shape=block.shape)


def _times(matrix: csr_array, dense: np.ndarray) -> np.ndarray:
    return matrix @ dense


def _transposed_times(matrix: csr_array, part: np.ndarray) -> tuple[None, np.ndarray]:
    return None, matrix.T @ part
