"""The sampling operator P: the observed entries of a matrix, and its adjoint P*, which writes them back.

P reads (L Rᵀ)_ij at the observed positions, P*(z) is the sparse matrix with z there. The entries are sorted once, by
rows and by columns; every pass is compiled and gives the same bits for any number of threads.

Of a symmetric matrix both (i, j) and (j, i) are among the entries. They are twins: one number, seen twice.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from rankfall.kernels.observed import equal_work, line_starts, predict
from rankfall.kernels.tangent_gradients import WORTH_ONE_CALL, solve_schur
from rankfall.kernels.tangent_passes import eliminate_rows, factor_lines, pull_lines, solve_lines
from rankfall.recovery.symmetry import Symmetry

# Added to the small systems as a share of their trace: a line with fewer entries than k has no unique solution.
_JITTER = 1e-13


@dataclass(frozen=True, eq=False)
class Sampling:
    """Observed positions of an m × n matrix, unique and in row-major order.

    Parameters
    ----------
    rows, cols : (entries,) ndarray of int
        Int32 `(|Ω|,)`.
    shape : tuple[int, int]
        (m, n).
    symmetry : Symmetry
        Which matrices are meant, any by default; of a symmetric one the positions are symmetric.
    """

    rows: Int[np.ndarray, " entries"]
    cols: Int[np.ndarray, " entries"]
    shape: tuple[int, int]
    symmetry: Symmetry = Symmetry.GENERAL

    @property
    def count(self) -> int:
        """`|Ω|`."""
        return self.rows.size

    @cached_property
    def _by_row(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Chunks, starts, columns and places of the entries, row by row."""
        starts = line_starts(self.rows, self.shape[0])
        return equal_work(starts), starts, self.cols, np.arange(self.count, dtype=self.rows.dtype)

    @cached_property
    def _by_column(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Chunks, starts, rows and places of the entries, column by column."""
        starts = line_starts(self.cols, self.shape[1])
        places = np.argsort(self.cols, kind="stable").astype(self.rows.dtype)
        return equal_work(starts), starts, self.rows[places], places

    @cached_property
    def row_counts(self) -> Int[np.ndarray, " m"]:
        """Observed entries of each row."""
        return np.bincount(self.rows, minlength=self.shape[0])

    @cached_property
    def col_counts(self) -> Int[np.ndarray, " n"]:
        """Observed entries of each column."""
        return np.bincount(self.cols, minlength=self.shape[1])

    @property
    def is_symmetric(self) -> bool:
        """Whether the matrix is."""
        return self.symmetry is not Symmetry.GENERAL

    @property
    def mirror(self) -> Int[np.ndarray, " entries"]:
        """The place of (j, i) for each entry (i, j), where the positions are symmetric."""
        return self._by_column[3]

    @property
    def counted(self) -> Bool[np.ndarray, " entries"]:
        """The entries without the second of each pair of twins."""
        return self.rows <= self.cols if self.is_symmetric else np.ones(self.count, bool)

    @property
    def numbers(self) -> int:
        """How many entries there are, twins counted once."""
        return int(self.counted.sum()) if self.is_symmetric else self.count

    def mirrored(self, values: Shaped[np.ndarray, " entries"]) -> Shaped[np.ndarray, " entries"]:
        """The values, twins being given that of the upper triangle."""
        return np.where(self.counted, values, values[self.mirror]) if self.is_symmetric else values

    def read(self, left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " entries"]:
        """P(L Rᵀ)."""
        return predict(self.rows, self.cols, left, right)

    def times(self, entries: Float[np.ndarray, " entries"], thin: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "m k"]:
        """P*(z) F."""
        return pull_lines(*self._by_row, entries, np.ascontiguousarray(thin))

    def transposed_times(
        self, entries: Float[np.ndarray, " entries"], thin: Float[np.ndarray, "m k"]
    ) -> Float[np.ndarray, "n k"]:
        """P*(z)ᵀ F."""
        return pull_lines(*self._by_column, entries, np.ascontiguousarray(thin))

    def factor_rows(self, right: Float[np.ndarray, "n k"], ridge: Float[np.ndarray, " k"]) -> np.ndarray:
        """Cholesky factors of D_i = Σ_{j∈Ω_i} v_j v_jᵀ + diag(λ), for each row i."""
        return factor_lines(*self._by_row[:3], right, ridge, _JITTER)

    def factor_cols(self, left: Float[np.ndarray, "m k"], ridge: Float[np.ndarray, " k"]) -> np.ndarray:
        """Cholesky factors of E_j = Σ_{i∈Ω_j} u_i u_iᵀ + diag(λ), for each column j."""
        return factor_lines(*self._by_column[:3], left, ridge, _JITTER)

    def solve_cols(self, factored: np.ndarray, targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """E_j⁻¹ t_j for each column j."""
        return solve_lines(self._by_column[0], factored, targets)

    def eliminate(
        self, entries: Float[np.ndarray, " entries"], factored: np.ndarray, left: Float[np.ndarray, "m k"],
        right: Float[np.ndarray, "n k"], direction: Float[np.ndarray, "n k"],
    ) -> tuple[Float[np.ndarray, "m k"], Float[np.ndarray, " entries"]]:  # fmt: skip
        """The best A at a given B, and the residual z = b − P(A Vᵀ + U Bᵀ)."""
        return eliminate_rows(*self._by_row[:3], entries, factored, left, right, direction)

    def is_small(self, rank: int) -> bool:
        """Whether `solve_small` is the faster way at this rank."""
        return self.count * rank < WORTH_ONE_CALL

    def solve_small(
        self, row_systems: np.ndarray, col_systems: np.ndarray, ridge: Float[np.ndarray, " k"],
        left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"], gradient: Float[np.ndarray, "n k"],
        tolerance: float, floor: float, iterations: int,
    ) -> tuple[Float[np.ndarray, "n k"], int]:  # fmt: skip
        """The step in B that the Schur complement asks for at this gradient, and the iterations it took."""
        starts = self._by_row[1]
        return solve_schur(
            starts, self.cols, row_systems, col_systems, ridge, left, right, gradient, tolerance, floor, iterations
        )

    def select(self, kept: Shaped[np.ndarray, " entries"]) -> "Sampling":
        """The same matrix with only the entries of a boolean mask observed; any matrix where twins are parted."""
        parted = self.is_symmetric and bool((kept != kept[self.mirror]).any())
        symmetry = Symmetry.GENERAL if parted else self.symmetry
        return Sampling(self.rows[kept], self.cols[kept], self.shape, symmetry)

    def general(self) -> "Sampling":
        """The same entries of a matrix that need not be symmetric."""
        return replace(self, symmetry=Symmetry.GENERAL)

    def compact(self) -> tuple["Sampling", Int[np.ndarray, " p"], Int[np.ndarray, " q"]]:
        """The matrix without the rows and columns that have no entry, and which rows and columns are left."""
        rows, cols = np.flatnonzero(self.row_counts), np.flatnonzero(self.col_counts)
        new_rows, new_cols = np.zeros(self.shape[0], self.rows.dtype), np.zeros(self.shape[1], self.cols.dtype)
        new_rows[rows], new_cols[cols] = np.arange(rows.size), np.arange(cols.size)
        compact = Sampling(new_rows[self.rows], new_cols[self.cols], (rows.size, cols.size), self.symmetry)
        return compact, rows, cols
