"""Matrix sensing: W is seen through linear measurements, and the loss is their mean squared residual.

    ℓ(W) = (1/M) Σ_i (⟨A_i, W⟩ − y_i)²,        ∇ℓ(W) = (2/M) A*(A(W) − y)      [gunasekar2017], [arora2019]

A mean, as for completion, which is the case A_i = e_r e_cᵀ. The papers' theory has ½ Σ_i (·)² instead: that loss is
M/2 times this one, so the same path is followed and a time t here is the papers' (2/M) t.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import array_api_compat
import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, SparseArray, like, namespace, take, to_numpy
from rankfall.errors import InputError
from rankfall.problems.many import ManyProblems
from rankfall.problems.operators import Operator
from rankfall.problems.real import finite_numbers
from rankfall.problems.stacked_operators import DenseOperator, SymmetricOperator
from rankfall.problems.thin_operators import DiagonalOperator, RankOneOperator


@dataclass(frozen=True, eq=False)
class Sensing(ManyProblems):
    """Measurements y_i = ⟨A_i, W⟩ of an m × n matrix, and the mean squared residual over them as the loss.

    Parameters
    ----------
    operator : Operator
        A, any of `DenseOperator`, `SymmetricOperator`, `RankOneOperator`, `DiagonalOperator`.
    values : array
        y (M,), or (batch, M) for many tables measured alike; computed in the operator's namespace and dtype.
    truth : array, optional
        The whole matrix (m, n) where it is known (planted), for the test error of a run; never used by the loss.
    held_out : Sensing, optional
        Measurements kept from the loss, as a `Sensing` of their own, to choose when to stop.

    Raises
    ------
    InputError
        For other than one value a measurement, for none, or for values that are not real and finite.
    """

    is_convex = True

    operator: Operator = field()
    values: Array = field()
    truth: Array | None = None
    held_out: "Sensing | None" = None

    def __post_init__(self) -> None:
        if isinstance(self.operator, (np.ndarray, Sequence)):
            raise InputError(
                f"measurements must be an Operator such as DenseOperator, got {type(self.operator).__name__}; "
                "Sensing.from_matrices takes a stack of matrices A_i"
            )
        values = finite_numbers(self.values, "measured values")
        if values.ndim == 0 or values.shape[-1] != self.operator.count:
            raise InputError(
                f"each of the {self.operator.count} measurements needs one value, got values of shape "
                f"{tuple(values.shape)}; pass y with {self.operator.count} entries"
            )
        if self.operator.count == 0:
            raise InputError("at least one measurement is needed, got none; pass a stack of matrices A_i")
        object.__setattr__(self, "values", _beside(values, self.operator.model))
        if self.truth is None:
            return
        truth = finite_numbers(self.truth, "truth")
        if tuple(truth.shape) != self.shape:
            raise InputError(
                f"truth must have the shape of the measured matrix, {self.shape}, got {tuple(truth.shape)}; "
                "pass the matrix that was measured"
            )
        object.__setattr__(self, "truth", _beside(truth, self.operator.model))

    @classmethod
    def from_matrices(
        cls, matrices: Array, values: Array, *, symmetric: bool = False, truth: Array | None = None
    ) -> "Sensing":
        """From a stack A (M, m, n); `symmetric=True` demands symmetric ones and keeps half of each."""
        return cls((SymmetricOperator.from_matrices if symmetric else DenseOperator)(matrices), values, truth)

    @classmethod
    def from_pairs(cls, left: Array, right: Array, values: Array, *, truth: Array | None = None) -> "Sensing":
        """From the vectors of A_i = u_i v_iᵀ: U (M, m) and V (M, n)."""
        return cls(RankOneOperator(left, right), values, truth)

    @classmethod
    def from_diagonals(
        cls, entries: Array, values: Array, *, shape: tuple[int, int] | None = None, truth: Array | None = None
    ) -> "Sensing":
        """From the diagonals of A_i = diag(a_i): a (M, q)."""
        return cls(DiagonalOperator(entries, shape), values, truth)

    @classmethod
    def of(cls, operator: Operator, truth: Array, *, noise: float | int = 0.0, seed: int = 0) -> "Sensing":
        """The measurements of a known matrix, y = A(W*) + `noise` · N(0, 1)."""
        held = _beside(finite_numbers(truth, "truth", 2), operator.model)
        if tuple(held.shape) != operator.shape:
            raise InputError(
                f"the operator measures matrices of shape {operator.shape}, got a truth of shape {tuple(held.shape)}; "
                "draw the operator for the shape of the truth"
            )
        values = operator.apply(held)
        if noise:
            drawn = np.random.default_rng(seed).standard_normal(operator.count)
            values = values + noise * like(drawn, values)
        return cls(operator, values, held)

    @classmethod
    def gaussian(
        cls, truth: Array, count: int, seed: int = 0, *, symmetric: bool = False, noise: float | int = 0.0
    ) -> "Sensing":
        """`count` Gaussian measurements of a known matrix, entries of A_i independent N(0, 1)/√(mn).

        For n × n this is the papers' N(0, 1)/n, under which E ⟨A_i, W⟩² = ‖W‖_F²/n².   [arora2019, code]

        Parameters
        ----------
        truth : array, shape (m, n)
            The matrix that is measured.
        count : int
            M, how many measurements.
        seed : int
            Of the draw.
        symmetric : bool
            Whether each A_i is replaced by (A_i + A_iᵀ)/2.
        noise : float
            The standard deviation of Gaussian noise in each measurement.
        """
        truth, rng = _drawn_for(truth, count), np.random.default_rng(seed)
        stack = rng.standard_normal((count, *truth.shape)) / np.sqrt(truth.shape[0] * truth.shape[1])
        dense = DenseOperator(like(stack, truth))
        return cls.of(dense.symmetrized() if symmetric else dense, truth, noise=noise, seed=seed + 1)

    @classmethod
    def rank_one(
        cls, truth: Array, count: int, seed: int = 0, *, symmetric: bool = False, noise: float | int = 0.0
    ) -> "Sensing":
        """`count` measurements u_iᵀ W v_i of a known matrix, u_i and v_i Gaussian and of unit length on average.

        Parameters
        ----------
        truth : array, shape (m, n)
            The matrix that is measured.
        count : int
            M, how many measurements.
        seed : int
            Of the draw.
        symmetric : bool
            Whether v_i = u_i: quadratic measurements.
        noise : float
            The standard deviation of Gaussian noise in each measurement.
        """
        truth, rng = _drawn_for(truth, count), np.random.default_rng(seed)
        left, right = (rng.standard_normal((count, side)) / np.sqrt(side) for side in truth.shape)
        if symmetric and truth.shape[0] != truth.shape[1]:
            raise InputError(f"quadratic measurements are of a square matrix, got shape {tuple(truth.shape)}")
        operator = RankOneOperator(like(left, truth), like(left if symmetric else right, truth))
        return cls.of(operator, truth, noise=noise, seed=seed + 1)

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n) of W."""
        return self.operator.shape

    @property
    def count(self) -> int:
        """M, how many measurements."""
        return self.operator.count

    @property
    def is_symmetric(self) -> bool:
        """Whether every A_i is, so that a symmetric W stays so under its gradient."""
        return self.operator.is_symmetric

    def symmetrized(self) -> "Sensing":
        """The problem with every A_i replaced by (A_i + A_iᵀ)/2, the same for symmetric W."""
        return replace(
            self, operator=self.operator.symmetrized(), held_out=self.held_out and self.held_out.symmetrized()
        )

    def measure(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch measurements"]:
        """A(W)."""
        return self.operator.apply(product)

    def predict(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch measurements"]:
        """A(L Rᵀ)."""
        return self.operator.apply_factored(left, right)

    def loss(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch"]:
        """ℓ(W), the mean squared residual."""
        return _mean_square(self.measure(product) - self.values)

    def factored_loss(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch"]:
        """ℓ(L Rᵀ)."""
        return _mean_square(self.predict(left, right) - self.values)

    def loss_and_gradient(
        self, product: Float[Array, "*batch m n"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m n"]]:
        """ℓ(W) and ∇ℓ(W) = (2/M) A*(A(W) − y), formed."""
        residual = self.measure(product) - self.values
        return _mean_square(residual), self.operator.adjoint(2 / self.count * residual)

    def loss_and_factor_gradients(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ, G = ∇ℓ(W)."""
        residual = self.predict(left, right) - self.values
        return _mean_square(residual), *self.operator.pulls(2 / self.count * residual, left, right)

    def back_projection(self) -> SparseArray:
        """(mn/Σ‖A_i‖²) A*(y) as a SciPy CSR matrix: the direction −∇ℓ(0), sized as an estimate of W.   [kwon2024]"""
        from scipy.sparse import csr_array

        if self.batch_size is not None:
            raise InputError(f"a back-projection is of one problem, got {self.batch_size}; choose one by of_runs(i)")
        m, n = self.shape
        return csr_array(to_numpy(self.operator.adjoint(self.values)).astype(np.float64) * (m * n / self.operator.size))

    def hold_out(self, fraction: float | int, seed: int) -> "Sensing":
        """The same problem with a random `fraction` of the measurements, at least one, set aside in `held_out`."""
        aside = drawn_aside(self.count, fraction, seed)
        return replace(self.select(~aside), held_out=replace(self.select(aside), truth=None))

    def select(self, kept: Sequence[int] | np.ndarray) -> "Sensing":
        """The problem of those measurements alone, by a boolean mask or by positions."""
        kept = np.asarray(kept)
        chosen = np.flatnonzero(kept) if kept.dtype == bool else kept
        return Sensing(self.operator.select(chosen), take(self.values, chosen, -1), self.truth)


def drawn_aside(count: int, fraction: float | int, seed: int) -> np.ndarray:
    """A mask of `fraction` of `count` things drawn to be held out; at least one in it and one out of it."""
    if not 0 < fraction < 1:
        raise InputError(f"the held-out fraction must lie between 0 and 1, got {fraction}; 0.1 is usual")
    if count < 2:
        raise InputError(f"holding out needs at least 2 observations, got {count}; observe more")
    aside = np.zeros(count, dtype=bool)
    drawn = min(max(1, round(fraction * count)), count - 1)
    aside[np.random.default_rng(seed).choice(count, size=drawn, replace=False)] = True
    return aside


def _drawn_for(truth: Array, count: int) -> Array:
    if count < 1:
        raise InputError(f"at least one measurement is needed, got a count of {count}; 5 r (m + n) recover rank r")
    return finite_numbers(truth, "truth", 2)


def _beside(array: Array, model: Array) -> Array:
    """The array in the namespace and dtype of the operator's own."""
    same = array_api_compat.is_numpy_array(array) == array_api_compat.is_numpy_array(model)
    return array if same and array.dtype == model.dtype else like(to_numpy(array), model)


def _mean_square(residual: Array) -> Array:
    return namespace(residual).mean(residual * residual, axis=-1)
