"""Matrices whose stored entries are row blocks on workers, as SciPy's linear operators: what multiplies, not what is."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

from rankfall.models.features import Features
from rankfall.problems.layouts.row_block import RowBlock
from rankfall.problems.layouts.row_blocks import RowBlocks
from rankfall.problems.loss import Loss


class BlockMatrix(LinearOperator):
    """factor · P on the entries of row blocks, P = w b, or what entries pull with at z = 0 for other losses.

    Parameters
    ----------
    stored : RowBlocks
        The blocks.
    shape : tuple of int
        (m, n).
    loss : Loss
        What an entry costs; squares pull with their value.
    factor : float
        Of all entries.
    """

    def __init__(self, stored: RowBlocks, shape: tuple[int, int], loss: Loss, factor: float = 1.0) -> None:
        super().__init__(np.dtype(np.float64), shape)
        self.stored, self.loss, self.factor = stored, loss, factor

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        own, _ = self.stored.workers.map(_times, self.stored.blocks, shared=(X, self.loss))
        return self.factor * np.concatenate(own)

    def _rmatmat(self, X: np.ndarray) -> np.ndarray:
        parts = [(part,) for part in self.stored.parts(X)]
        _, total = self.stored.workers.map(_transposed_times, self.stored.blocks, parts, (self.loss,))
        return self.factor * total

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        return self._rmatmat(x.reshape(-1, 1))[:, 0]

    def _adjoint(self) -> LinearOperator:
        return LinearOperator(
            (self.shape[1], self.shape[0]), matvec=self._rmatvec, rmatvec=self._matvec, matmat=self._rmatmat,
            rmatmat=self._matmat, dtype=self.dtype,
        )  # fmt: skip


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
) -> RowBlock:
    """size · D_r^{−½} M D_c^{−½} on the entries of a block: as `rankfall.models.features.observed_features`."""
    rows, cols = (np.maximum(degrees, 1) for degrees in (row_degrees, column_degrees))
    shares = size / np.sqrt(rows[block.rows] * cols[block.cols])
    return block.with_values(shares.astype(dtype), None)


def _matrix(block: RowBlock, loss: Loss) -> csr_array:
    pulls = loss.pull_at_zero(block.values)
    if block.weights is not None:
        pulls = pulls * block.weights
    starts = np.searchsorted(block.rows, np.arange(block.shape[0] + 1))
    return csr_array((pulls, block.cols, starts), shape=block.shape)


def _times(block: RowBlock, dense: np.ndarray, loss: Loss) -> tuple[np.ndarray, None]:
    return _matrix(block, loss) @ dense, None


def _transposed_times(block: RowBlock, part: np.ndarray, loss: Loss) -> tuple[None, np.ndarray]:
    return None, _matrix(block, loss).T @ part


def observed_features_of(
    masks: Sequence[object], stored: RowBlocks, shape: tuple[int, int]
) -> tuple[BlockFeatures, BlockFeatures]:
    """Features of rows and columns from blocks whose values are `shares_of_mask`."""
    mask = BlockMatrix(RowBlocks(masks, stored.bounds, 1.0, stored.loss, stored.workers), shape, stored.loss)
    return BlockFeatures(mask), BlockFeatures(mask.adjoint())
