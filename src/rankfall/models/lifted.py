"""A matrix model with side features: what a row is may depend on more than its own entries.

    W = (I | F) Z (I | G)ᵀ,    ℓ(W) as the problem has it                          [jain2013]

F (m × p) and G (n × q) are known and sparse; Z, (m + p) × (n + q), is what the inner model writes in layers. The
identity gives each row and column a factor of its own, the features one that all lines with that feature share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.sparse.linalg import LinearOperator

from rankfall.arrays import Array, SparseArray, is_numpy, is_torch, namespace
from rankfall.errors import InputError
from rankfall.models.factor_pairs import factored_decomposition
from rankfall.models.features import Features
from rankfall.models.model import Model
from rankfall.models.operator import linear_operator
from rankfall.models.start import LayerForm, Start
from rankfall.problems.problem import Problem


@dataclass(frozen=True, eq=False)
class Lifted(Model):
    """W = (I | F) Z (I | G)ᵀ, with Z written by an inner model.

    Parameters
    ----------
    inner : Model
        How Z is written: a model that is followed by its factors, such as `Chain(depth=2)`.
    row_features, column_features : Features
        F for the m rows and G for the n columns.

    Notes
    -----
    The problem must be one problem of NumPy arrays or PyTorch tensors. `layers` are those of Z; `factors` and `product`
    are of W.
    """

    inner: Model
    row_features: Features
    column_features: Features

    @property
    def depth(self) -> float | int:
        """N of the inner model."""
        return self.inner.depth

    @property
    def decay(self) -> float | int:
        """λ of the inner model."""
        return self.inner.decay

    @property
    def rates(self) -> Sequence[float | int] | None:
        """Rates of the inner model."""
        return self.inner.rates

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Those of the inner model, for Z."""
        return self.inner.dimensions

    def sized(self, shape: tuple[int, ...], width: int | None = None) -> "Lifted":
        """This model for W of `shape`.

        Raises
        ------
        InputError
            For features that have not one line for each row and column.
        """
        lines = self.row_features.matrix.shape[0], self.column_features.matrix.shape[0]
        if lines != tuple(shape):
            raise InputError(
                f"features must have a line for each of the {shape[0]} rows and {shape[1]} columns, got {lines[0]} and "
                f"{lines[1]}; add lines of zeros for those without"
            )
        inner = self.inner.sized((self.row_features.count, self.column_features.count), width)
        return replace(self, inner=inner)

    @property
    def size(self) -> int:
        """Number of weights of the inner model."""
        return self.inner.size

    @property
    def rank(self) -> int:
        """The largest rank that W can have."""
        return min(self.inner.rank, *(side.matrix.shape[0] for side in (self.row_features, self.column_features)))

    def form(self, width: int | None = None) -> LayerForm:
        """The form of the inner model's layers."""
        return self.inner.form(width)

    def require(self, problem: Problem) -> None:
        """Raise InputError for many problems, or arrays of another library than NumPy and PyTorch."""
        if problem.batch_size is not None or not (is_numpy(problem.values) or is_torch(problem.values)):
            raise InputError(
                "features go with one problem of NumPy arrays or PyTorch tensors, got many or another library; "
                "choose one by of_runs(i)"
            )

    def draw(
        self, problem: Problem, start: Start, scales: Sequence[float], seeds: Sequence[int]
    ) -> Float[np.ndarray, "batch p"]:
        """The weights of a batch of starts of the inner model, which sees the problem through the features."""
        self.require(problem)
        return self.inner.draw(_Seen(problem, self), start, scales, seeds)

    def layers(self, weights: Float[Array, "*batch p"]) -> list[Array]:
        """The layers of Z, W_1 first."""
        return self.inner.layers(weights)

    def join(self, layers: Sequence[Array]) -> Float[Array, "*batch p"]:
        """The flat vector of these layers."""
        return self.inner.join(layers)

    def factors(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array]:
        """L `(*batch, m, k)` and R `(*batch, n, k)` of W."""
        return self.outer_factors(*self.inner.factors(weights))

    def outer_factors(
        self, left: Float[Array, "*batch mp k"], right: Float[Array, "*batch nq k"]
    ) -> tuple[Array, Array]:
        """L and R of W from the factors of Z."""
        return _each(self.row_features.factor, left), _each(self.column_features.factor, right)

    def product(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch m n"]:
        """W, formed."""
        left, right = self.factors(weights)
        return left @ right.mT

    def loss(self, problem: Problem, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """ℓ(W), from its factors."""
        return problem.factored_loss(*self.factors(weights))

    def velocity(
        self, problem: Problem, weights: Float[Array, "*batch p"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch p"]]:
        """ℓ(W) and the velocity of the inner model's weights."""
        return self.inner.velocity(_Seen(problem, self), weights)

    def decomposition(self, weights: Float[Array, "*batch p"]) -> tuple[Array, Array, Array]:
        """Thin SVD of W, (U, σ, Vᵀ), from its factors."""
        return factored_decomposition(*self.factors(weights), self.rank)

    def imbalance(self, weights: Float[Array, "*batch p"]) -> Float[Array, "*batch"]:
        """That of the inner model."""
        return self.inner.imbalance(weights)

    def to_saved(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The inner model, and the arrays of the two feature matrices."""
        fields, arrays = self.inner.to_saved()
        for name, side in (("row", self.row_features), ("column", self.column_features)):
            matrix = side.matrix
            arrays |= {f"{name}_data": matrix.data, f"{name}_indices": matrix.indices, f"{name}_starts": matrix.indptr}
        shapes = [list(side.matrix.shape) for side in (self.row_features, self.column_features)]
        return {"inner": type(self.inner).__name__, "inner_fields": fields, "shapes": shapes}, arrays

    @classmethod
    def from_saved(cls, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Lifted":
        """The model that `to_saved` described."""
        from scipy.sparse import csr_array

        sides = []
        for name, shape in zip(("row", "column"), fields["shapes"], strict=True):
            parts = tuple(arrays.pop(f"{name}_{part}") for part in ("data", "indices", "starts"))
            sides.append(Features(csr_array(parts, shape=tuple(shape))))
        return cls(Model.registered[fields["inner"]].from_saved(fields["inner_fields"], arrays), *sides)


@dataclass(frozen=True, eq=False)
class _Seen(Problem):
    """The problem as the inner model sees it: ℓ as a function of the factors of Z."""

    outer: Problem
    lift: Lifted

    is_looped = True

    @property
    def shape(self) -> tuple[int, int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """(m + p, n + q), that of Z."""
        return self.lift.row_features.count, self.lift.column_features.count

    @property
    def values(self) -> Array:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those of the problem."""
        return self.outer.values

    def loss_and_gradient(self, product: Array) -> tuple[Array, Array]:
        """Refused: Z is never formed."""
        raise InputError("features need an inner model that is followed by its factors; use Chain of depth 2 or more")

    def loss_and_factor_gradients(
        self, left: Float[Array, "*batch mp k"], right: Float[Array, "*batch nq k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch mp k"], Float[Array, "*batch nq k"]]:
        """ℓ, and the gradient with respect to Z times each factor."""
        loss, row_gradient, column_gradient = self.outer.loss_and_factor_gradients(
            *self.lift.outer_factors(left, right)
        )
        rows, columns = self.lift.row_features.gather, self.lift.column_features.gather
        return loss, _each(rows, row_gradient), _each(columns, column_gradient)

    def factored_loss(
        self, left: Float[Array, "*batch mp k"], right: Float[Array, "*batch nq k"]
    ) -> Float[Array, "*batch"]:
        """ℓ alone."""
        return self.outer.factored_loss(*self.lift.outer_factors(left, right))

    def back_projection(self) -> SparseArray:
        """That of the problem, with lines of zeros for the features: a spectral start leaves them out."""
        from scipy.sparse import csr_array

        table = self.outer.back_projection()
        if isinstance(table, LinearOperator):
            return _padded(table, self.shape)
        starts = np.concatenate([table.indptr, np.full(self.shape[0] - table.shape[0], table.indptr[-1])])
        return csr_array((table.data, table.indices, starts), shape=self.shape)


def _padded(table: LinearOperator, shape: tuple[int, int]) -> LinearOperator:
    """An operator with lines of zeros below and beside it."""
    (m, n), (more_rows, more_cols) = table.shape, (shape[0] - table.shape[0], shape[1] - table.shape[1])

    def forth(dense: np.ndarray) -> np.ndarray:
        return np.pad(table.matmat(dense[:n]), ((0, more_rows), (0, 0)))

    def back(dense: np.ndarray) -> np.ndarray:
        return np.pad(table.rmatmat(dense[:m]), ((0, more_cols), (0, 0)))

    return linear_operator(shape, forth, back, table.dtype)


def _each(function: Callable[[Array], Array], factors: Float[Array, "*batch lines k"]) -> Array:
    """A function of one factor, of each factor of a batch."""
    if factors.ndim == 2:
        return function(factors)
    flat = factors.reshape(-1, *factors.shape[-2:])
    results = namespace(factors).stack([function(flat[i]) for i in range(flat.shape[0])])
    return results.reshape(*factors.shape[:-2], *results.shape[-2:])
