"""Measurement operators that are never matrices: pairs A_i = u_i v_iᵀ, and diagonals A_i = diag(a_i).

Through factors W = L Rᵀ both cost O(M (m + n) k) and form nothing of size m·n.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, device, namespace, take, to_numpy
from rankfall.errors import InputError
from rankfall.problems.real import finite_numbers
from rankfall.problems.stacked_operators import DenseOperator, SymmetricOperator


@dataclass(frozen=True, eq=False)
class RankOneOperator:
    """⟨u_i v_iᵀ, W⟩ = u_iᵀ W v_i, from the rows of U (M, m) and V (M, n): bilinear measurements, or quadratic, V = U.

    Raises InputError where U and V have other than one row a measurement.
    """

    left: Array
    right: Array

    def __post_init__(self) -> None:
        left, right = (finite_numbers(side, "measurement vectors", 2) for side in (self.left, self.right))
        if left.shape[0] != right.shape[0]:
            raise InputError(
                f"each measurement has one u and one v, got shapes {tuple(left.shape)} and {tuple(right.shape)}; "
                "pass one row of each for each measurement"
            )
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "right", right)

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n) of the W it measures."""
        return int(self.left.shape[1]), int(self.right.shape[1])

    @property
    def count(self) -> int:
        """M, how many measurements."""
        return int(self.left.shape[0])

    @property
    def model(self) -> Array:
        """An array of the namespace and dtype that the operator computes in."""
        return self.left

    @property
    def size(self) -> float:
        """Σ ‖u_i‖² ‖v_i‖²."""
        norms = (np.sum(to_numpy(side) ** 2, axis=1) for side in (self.left, self.right))
        return float(np.sum(np.prod(list(norms), axis=0)))

    @property
    def is_symmetric(self) -> bool:
        """Whether every u_i v_iᵀ equals its transpose, with u_i and v_i parallel."""
        if self.shape[0] != self.shape[1]:
            return False
        u, v = to_numpy(self.left), to_numpy(self.right)
        # ‖uvᵀ − vuᵀ‖² = 2 (‖u‖²‖v‖² − ⟨u, v⟩²)
        product = np.sum(u * u, axis=1) * np.sum(v * v, axis=1)
        gaps = product - np.sum(u * v, axis=1) ** 2
        return bool((gaps <= 64 * np.finfo(u.dtype).eps * product).all())

    def apply(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch measurements"]:
        """A(W)."""
        return namespace(product).sum((self.left @ product) * self.right, axis=-1)

    def apply_factored(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch measurements"]:
        """A(L Rᵀ)_i = ⟨Lᵀu_i, Rᵀv_i⟩."""
        return namespace(left).sum((self.left @ left) * (self.right @ right), axis=-1)

    def adjoint(self, multipliers: Float[Array, "*batch measurements"]) -> Float[Array, "*batch m n"]:
        """A*(λ) = Uᵀ diag(λ) V."""
        return (multipliers[..., :, None] * self.left).mT @ self.right

    def pulls(
        self,
        multipliers: Float[Array, "*batch measurements"],
        left: Float[Array, "*batch m k"],
        right: Float[Array, "*batch n k"],
    ) -> tuple[Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """A*(λ) R and A*(λ)ᵀ L."""
        weights = multipliers[..., :, None]
        row_pull = self.left.mT @ (weights * (self.right @ right))
        return row_pull, self.right.mT @ (weights * (self.left @ left))

    def select(self, chosen: np.ndarray) -> "RankOneOperator":
        """The measurements at those positions alone."""
        return RankOneOperator(take(self.left, chosen, 0), take(self.right, chosen, 0))

    def symmetrized(self) -> "RankOneOperator | SymmetricOperator":
        """The measurements (u_i v_iᵀ + v_i u_iᵀ)/2, formed; itself where they are symmetric."""
        return self if self.is_symmetric else self.formed().symmetrized()

    def formed(self) -> DenseOperator:
        """The same measurements as a stack of matrices."""
        return DenseOperator(self.left[:, :, None] * self.right[:, None, :])


@dataclass(frozen=True, eq=False)
class DiagonalOperator:
    """⟨diag(a_i), W⟩ = Σ_k a_ik W_kk, from the rows of a matrix (M, q): sensing that commutes, W ↦ A diag(W).

    Parameters
    ----------
    entries : array
        a, a row for each measurement.
    sides : tuple[int, int], optional
        (m, n) of W where it is not q × q; min(m, n) = q.

    Raises
    ------
    InputError
        Where the rows do not fit the shape.
    """

    entries: Array
    sides: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        entries = finite_numbers(self.entries, "measurement diagonals", 2)
        object.__setattr__(self, "entries", entries)
        if min(self.shape) != entries.shape[1]:
            raise InputError(
                f"a diagonal of a matrix of shape {self.shape} has {min(self.shape)} entries, got rows of "
                f"{entries.shape[1]}; pass one for each"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n) of the W it measures."""
        q = int(self.entries.shape[1])
        return (q, q) if self.sides is None else self.sides

    @property
    def count(self) -> int:
        """M, how many measurements."""
        return int(self.entries.shape[0])

    @property
    def model(self) -> Array:
        """An array of the namespace and dtype that the operator computes in."""
        return self.entries

    @property
    def size(self) -> float:
        """Σ ‖a_i‖²."""
        return float(np.sum(to_numpy(self.entries) ** 2))

    @property
    def is_symmetric(self) -> bool:
        """Whether W is square."""
        return self.shape[0] == self.shape[1]

    def apply(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch measurements"]:
        """A(W)."""
        return self._measure(namespace(product).linalg.diagonal(product))

    def apply_factored(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch measurements"]:
        """A(L Rᵀ)."""
        q = min(self.shape)
        return self._measure(namespace(left).sum(left[..., :q, :] * right[..., :q, :], axis=-1))

    def _measure(self, diagonal: Array) -> Array:
        return diagonal @ self.entries.mT

    def adjoint(self, multipliers: Float[Array, "*batch measurements"]) -> Float[Array, "*batch m n"]:
        """A*(λ) = diag(Aᵀλ)."""
        xp = namespace(multipliers)
        m, n = self.shape
        diagonal = multipliers @ self.entries
        ones = xp.eye(m, n, dtype=diagonal.dtype, device=device(diagonal))
        return ones * (diagonal[..., None, :] if m >= n else diagonal[..., :, None])

    def pulls(
        self,
        multipliers: Float[Array, "*batch measurements"],
        left: Float[Array, "*batch m k"],
        right: Float[Array, "*batch n k"],
    ) -> tuple[Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """A*(λ) R and A*(λ)ᵀ L."""
        m, n = self.shape
        diagonal = (multipliers @ self.entries)[..., :, None]
        return _padded(diagonal * right[..., :m, :], m), _padded(diagonal * left[..., :n, :], n)

    def select(self, chosen: np.ndarray) -> "DiagonalOperator":
        """The measurements at those positions alone."""
        return DiagonalOperator(take(self.entries, chosen, 0), self.sides)

    def symmetrized(self) -> "DiagonalOperator":
        """Itself. Raises InputError where W is not square."""
        if not self.is_symmetric:
            raise InputError(f"symmetric measurements are of a square matrix, got shape {self.shape}; W must be square")
        return self


def _padded(rows: Array, count: int) -> Array:
    """The rows, with zero rows below them up to `count`."""
    if rows.shape[-2] == count:
        return rows
    xp = namespace(rows)
    missing = (*rows.shape[:-2], count - rows.shape[-2], rows.shape[-1])
    return xp.concat([rows, xp.zeros(missing, dtype=rows.dtype, device=device(rows))], axis=-2)
