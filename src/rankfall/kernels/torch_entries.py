"""Values of W = L Rᵀ at a list of positions, and the products of a sparse matrix there, in PyTorch on any device.

    z_e = L_{i_e} · R_{j_e},    G R,    Gᵀ L                       G sparse, with a number at each position

Everything is queued on the device, and no number comes back to the host. Sums have a fixed order.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array
from rankfall.devices import load_torch, place
from rankfall.kernels.line_sums import LineSums, index_type
from rankfall.kernels.observed import line_starts

# Where PyTorch has dot products at the stored positions of a sparse matrix. Elsewhere rows of factors are gathered, for
# so many positions at a time.
SAMPLED, _GATHERED = ("cpu", "cuda"), 2**22


@dataclass(frozen=True, eq=False)
class TorchEntries:
    """Positions on a device, in row-major order.

    Parameters
    ----------
    pattern : tensor or None
        The positions as a sparse CSR tensor, whose values play no role; None where the device has no products at them.
    rows, cols : tensor of int
        The positions, one by one; rows only where the pattern is None.
    by_row, by_column : LineSums
        Sums along rows and along columns.
    turned : tensor of int
        Places of the entries in column-major order.
    """

    pattern: Array | None
    rows: Int[Array, " entries"] | None
    cols: Int[Array, " entries"]
    by_row: LineSums
    by_column: LineSums
    turned: Int[Array, " entries"]

    @classmethod
    def of(
        cls, rows: Int[np.ndarray, " entries"], cols: Int[np.ndarray, " entries"], shape: tuple[int, int],
        like: Float[Array, "..."], sampled: Sequence[str] = SAMPLED,
    ) -> "TorchEntries":  # fmt: skip
        """Positions in row-major order of a matrix of `shape`, on the device and in the precision of `like`.

        `sampled`: the types of devices where PyTorch has dot products at the stored positions of a sparse matrix.
        """
        device, (m, n) = like.device, shape
        turned = np.argsort(cols, kind="stable")
        row_starts, column_starts = line_starts(rows, m), line_starts(cols[turned], n)
        by_row = LineSums.of(row_starts, cols, device)
        by_column = LineSums.of(column_starts, rows[turned], device)
        order = place(turned.astype(index_type(rows.size)), device)
        if device.type not in sampled:
            return cls(None, place(rows.astype(np.int64), device), by_row.places, by_row, by_column, order)
        pattern = _pattern(place(row_starts, device).to(by_row.places.dtype), by_row.places, shape, like.dtype)
        return cls(pattern, None, by_row.places, by_row, by_column, order)

    def predict(self, left: Float[Array, "m k"], right: Float[Array, "n k"]) -> Float[Array, " entries"]:
        """(L Rᵀ)_ij at the positions."""
        torch = load_torch()
        if self.pattern is not None or self.rows is None:
            return torch.sparse.sampled_addmm(self.pattern, left, right.mT, beta=0, alpha=1).values()
        parts = []
        for begin in range(0, self.cols.shape[0], _GATHERED):
            some = slice(begin, begin + _GATHERED)
            parts.append((left[self.rows[some]] * right[self.cols[some]]).sum(-1))
        return torch.cat(parts)

    def products(
        self, slopes: Float[Array, " entries"], left: Float[Array, "m k"], right: Float[Array, "n k"]
    ) -> tuple[Float[Array, "m k"], Float[Array, "n k"]]:
        """G R and Gᵀ L, for the matrix G of these numbers at the positions."""
        return self.by_row(slopes, right), self.by_column(slopes.index_select(0, self.turned), left)


def _pattern(starts: Array, columns: Array, shape: tuple[int, int], dtype: Array) -> Array:
    """A sparse CSR tensor of zeros; its invariants hold, as positions are unique and sorted."""
    torch = load_torch()
    zeros = torch.zeros(columns.shape, dtype=dtype, device=columns.device)
    with warnings.catch_warnings():
        # PyTorch calls the format a beta
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")
        return torch.sparse_csr_tensor(starts, columns, zeros, shape, check_invariants=False)
