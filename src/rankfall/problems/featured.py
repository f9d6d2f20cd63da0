"""Completion with features: what a row is may depend on more than its own entries.

    W = (I | F) Z (I | G)ᵀ,    ℓ(W) as in the completion problem inside                          [jain2013]

F (m × p) and G (n × q) are known and sparse; Z, (m + p) × (n + q), is what a chain factors. The identity gives each
row and column a factor of its own, the features one that is shared by all who have them. The most telling features
cost nothing to collect: *which* entries of a row are observed. People choose what they rate, so who rated the same
things is alike before any rating is read (`observed_features`; the idea of SVD++ [koren2008], which has it on one
side).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, is_numpy
from rankfall.errors import InputError
from rankfall.kernels.sparse_products import Multiplier
from rankfall.problems.completion import Completion


@dataclass(frozen=True, eq=False)
class Features:
    """(I | F) for the rows, or the columns, of a table; `matrix` F is a SciPy CSR matrix (lines, p)."""

    matrix: Any

    @property
    def count(self) -> int:
        """Lines and features together: the height of Z on this side."""
        return sum(self.matrix.shape)

    @cached_property
    def _spread(self) -> Multiplier:
        return Multiplier(self.matrix)

    @cached_property
    def _gather(self) -> Multiplier:
        return Multiplier(self.matrix.T.tocsr())

    def factor(self, inner: Float[np.ndarray, "count k"]) -> Float[np.ndarray, "lines k"]:
        """(I | F) Z_side: each line's own factor and those of its features."""
        lines = self.matrix.shape[0]
        return inner[:lines] + self._spread(inner[lines:])

    def pull(self, outer: Float[np.ndarray, "lines k"]) -> Float[np.ndarray, "count k"]:
        """(I | F)ᵀ of a pull on the lines' factors."""
        return np.concatenate([outer, self._gather(outer)])


@dataclass(frozen=True, eq=False)
class Featured:
    """A completion problem for Z, where W = (I | F) Z (I | G)ᵀ is observed in `inner`.

    inner: one table of NumPy arrays. row_features, column_features: for its rows and columns.
    Only chains of depth ≥ 2 can follow it, as W is never formed. Its `shape` is that of Z; `outer_factors` turns
    factors of Z into those of W.

    Raises InputError for many tables, arrays of another library, and features that do not fit the table.
    """

    inner: Completion
    row_features: Features
    column_features: Features
    held_out: "Featured | None" = None

    def __post_init__(self) -> None:
        if self.inner.tables is not None or not is_numpy(self.inner.values):
            raise InputError(
                "features go with one table of NumPy arrays, got many tables or another library; pick one by of_runs(i)"
            )
        lines = self.row_features.matrix.shape[0], self.column_features.matrix.shape[0]
        if lines != self.inner.shape:
            raise InputError(
                f"features must have a line for each of the {self.inner.shape[0]} rows and {self.inner.shape[1]} "
                f"columns, got {lines[0]} and {lines[1]}; add lines of zeros for those without"
            )

    tables = None
    truth = None
    is_looped = True

    @property
    def shape(self) -> tuple[int, int]:
        """Of Z: (m + p, n + q)."""
        return self.row_features.count, self.column_features.count

    @property
    def values(self) -> np.ndarray:
        """The observed values."""
        return self.inner.values

    @property
    def dtype(self) -> Any:
        """The floating-point type that every computation on this problem uses."""
        return self.inner.dtype

    def outer_factors(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """L (m, k) and R (n, k) of W from the two factors of Z."""
        return self.row_features.factor(left), self.column_features.factor(right)

    def loss_and_pulls(
        self, left: Float[Array, "*batch mp k"], right: Float[Array, "*batch nq k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch mp k"], Float[Array, "*batch nq k"]]:
        """ℓ, and the gradient with respect to Z times each factor: everything a chain needs."""
        losses, pulls = np.empty(left.shape[:-2], left.dtype), (np.empty_like(left), np.empty_like(right))
        for run in np.ndindex(left.shape[:-2]):
            losses[run], row_pull, column_pull = self.inner.loss_and_pulls(*self.outer_factors(left[run], right[run]))
            pulls[0][run] = self.row_features.pull(row_pull)
            pulls[1][run] = self.column_features.pull(column_pull)
        return losses, *pulls

    def factored_loss(
        self, left: Float[Array, "*batch mp k"], right: Float[Array, "*batch nq k"]
    ) -> Float[Array, "*batch"]:
        """ℓ alone."""
        losses = np.empty(left.shape[:-2], left.dtype)
        for run in np.ndindex(losses.shape):
            losses[run] = self.inner.factored_loss(*self.outer_factors(left[run], right[run]))
        return losses

    def back_projection(self) -> Any:
        """That of the table, with lines of zeros for the features: a spectral start leaves them out."""
        from scipy.sparse import csr_array

        table = self.inner.back_projection()
        starts = np.concatenate([table.indptr, np.full(self.shape[0] - table.shape[0], table.indptr[-1])])
        return csr_array((table.data, table.indices, starts), shape=self.shape)


def observed_features(problem: Completion, size: float) -> tuple[Features, Features]:
    """Features of rows and columns that say which entries are observed: size · D_r^{−½} M D_c^{−½} and its transpose.

    M is the mask, D_r and D_c the numbers of observed entries of rows and columns; so weighed, the features have
    spectral norm `size` whatever the table, and the flow is 1 + size² times as stiff, not more.
    """
    from scipy.sparse import csr_array

    m, n = problem.shape
    degrees = [np.maximum(np.bincount(index, minlength=k), 1) for index, k in ((problem.rows, m), (problem.cols, n))]
    shares = size / np.sqrt(degrees[0][problem.rows] * degrees[1][problem.cols])
    mask = csr_array((shares.astype(problem.dtype), (problem.rows, problem.cols)), shape=(m, n))
    return Features(mask), Features(csr_array(mask.T.tocsr()))


def with_observed_features(problem: Completion, size: float) -> Featured:
    """The problem with the features of its own mask; held-out entries see those of the training entries alone."""
    features = observed_features(problem, size)
    held = None if problem.held_out is None else Featured(problem.held_out, *features)
    return Featured(replace(problem, held_out=None), *features, held)
