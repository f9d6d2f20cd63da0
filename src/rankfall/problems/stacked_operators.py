"""Measurement operators that hold their matrices: a stack of any, and a stack of symmetric ones stored once."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, device, namespace, take, to_numpy
from rankfall.errors import InputError
from rankfall.problems.real import finite_numbers

_ROUNDING = 1e-9


class _Formed(ABC):
    """What follows from `apply` and `adjoint` alone, by forming W and A*(λ)."""

    @abstractmethod
    def apply(self, product: Array) -> Array:
        """A(W)."""

    @abstractmethod
    def adjoint(self, multipliers: Array) -> Array:
        """A*(λ)."""

    def apply_factored(self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]) -> Array:
        """A(L Rᵀ), `(*batch, M)`."""
        return self.apply(left @ right.mT)

    def pulls(self, multipliers: Array, left: Array, right: Array) -> tuple[Array, Array]:
        """A*(λ) R `(*batch, m, k)` and A*(λ)ᵀ L `(*batch, n, k)`."""
        formed = self.adjoint(multipliers)
        return formed @ right, formed.mT @ left


@dataclass(frozen=True, eq=False)
class DenseOperator(_Formed):
    """Any matrices, as a stack (M, m, n); 2 M m n flops a measurement of W.

    Raises InputError for other than three dimensions, or numbers that are not real and finite.
    """

    matrices: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrices", finite_numbers(self.matrices, "measurement matrices", 3))

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n) of the W it measures."""
        return int(self.matrices.shape[1]), int(self.matrices.shape[2])

    @property
    def count(self) -> int:
        """M, how many measurements."""
        return int(self.matrices.shape[0])

    @property
    def model(self) -> Array:
        """An array of the namespace and dtype that the operator computes in."""
        return self.matrices

    @property
    def size(self) -> float:
        """Σ ‖A_i‖_F²."""
        return float(np.sum(to_numpy(self.matrices) ** 2))

    @property
    def is_symmetric(self) -> bool:
        """Whether every A_i equals its transpose, to rounding."""
        return _asymmetry(self.matrices) <= _ROUNDING

    @property
    def _rows(self) -> Array:
        return namespace(self.matrices).reshape(self.matrices, (self.count, math.prod(self.shape)))

    def apply(self, product: Float[Array, "*batch m n"]) -> Float[Array, "*batch measurements"]:
        """A(W)."""
        xp = namespace(product)
        flat = xp.reshape(product, (*product.shape[:-2], math.prod(self.shape)))
        return flat @ self._rows.mT

    def adjoint(self, multipliers: Float[Array, "*batch measurements"]) -> Float[Array, "*batch m n"]:
        """A*(λ)."""
        xp = namespace(multipliers)
        return xp.reshape(multipliers @ self._rows, (*multipliers.shape[:-1], *self.shape))

    def select(self, chosen: np.ndarray) -> "DenseOperator":
        """The measurements at those positions alone."""
        return DenseOperator(take(self.matrices, chosen, 0))

    def symmetrized(self) -> "SymmetricOperator":
        """The measurements (A_i + A_iᵀ)/2, which see the same of every symmetric W."""
        _require_square(self.shape)
        mirrored = self.matrices.mT
        return SymmetricOperator.from_matrices((self.matrices + mirrored) / 2)


@dataclass(frozen=True, eq=False)
class SymmetricOperator(_Formed):
    """Symmetric matrices, kept as upper triangles: half the memory and half the work. Build it by `from_matrices`.

    A(W) sees the symmetric part of W, and A*(λ) is symmetric to the last bit.   [gunasekar2017]

    Parameters
    ----------
    triangles : array
        (M, n(n+1)/2), the rows of each upper triangle, one after another.
    side : int
        n.
    """

    triangles: Array
    side: int

    @classmethod
    def from_matrices(cls, matrices: Array) -> "SymmetricOperator":
        """From a stack (M, n, n). Raises InputError where a matrix differs from its transpose, naming by how much."""
        given = finite_numbers(matrices, "measurement matrices", 3)
        _require_square(tuple(given.shape[1:]))
        gap = _asymmetry(given)
        if gap > _ROUNDING:
            raise InputError(
                "measurement matrices must be symmetric, got one that differs from its transpose by "
                f"{gap:.3g} of its size; use (A + Aᵀ)/2, which measures a symmetric W alike"
            )
        count, side = int(given.shape[0]), int(given.shape[1])
        flat = namespace(given).reshape(given, (count, side * side))
        return cls(take(flat, _triangle(side), 1), side)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n) of the W it measures."""
        return self.side, self.side

    @property
    def count(self) -> int:
        """M, how many measurements."""
        return int(self.triangles.shape[0])

    @property
    def model(self) -> Array:
        """An array of the namespace and dtype that the operator computes in."""
        return self.triangles

    @property
    def is_symmetric(self) -> bool:
        """True."""
        return True

    @property
    def size(self) -> float:
        """Σ ‖A_i‖_F²."""
        return float(np.sum(to_numpy(self.triangles) ** 2 * _multiplicity(self.side)))

    @cached_property
    def _doubled(self) -> Array:
        xp = namespace(self.triangles)
        twice = xp.asarray(_multiplicity(self.side), device=device(self.triangles))
        return (self.triangles * xp.astype(twice, self.triangles.dtype)).mT

    def apply(self, product: Float[Array, "*batch n n"]) -> Float[Array, "*batch measurements"]:
        """A(W) = A((W + Wᵀ)/2)."""
        xp = namespace(product)
        part = (product + product.mT) / 2
        flat = xp.reshape(part, (*part.shape[:-2], self.side**2))
        return take(flat, _triangle(self.side), -1) @ self._doubled

    def adjoint(self, multipliers: Float[Array, "*batch measurements"]) -> Float[Array, "*batch n n"]:
        """A*(λ), symmetric."""
        packed = multipliers @ self.triangles
        whole = take(packed, _places(self.side), -1)
        return namespace(packed).reshape(whole, (*packed.shape[:-1], *self.shape))

    def select(self, chosen: np.ndarray) -> "SymmetricOperator":
        """The measurements at those positions alone."""
        return replace(self, triangles=take(self.triangles, chosen, 0))

    def symmetrized(self) -> "SymmetricOperator":
        """Itself."""
        return self


def _require_square(shape: tuple[int, ...]) -> None:
    if shape[0] != shape[1]:
        raise InputError(f"symmetric measurements are of a square matrix, got A_i of shape {shape}; use DenseOperator")


def _asymmetry(matrices: Array) -> float:
    """The largest ‖A_i − A_iᵀ‖_F relative to the largest ‖A_i‖_F; infinite for oblong ones."""
    seen = to_numpy(matrices)
    if seen.shape[1] != seen.shape[2]:
        return math.inf
    gaps = np.linalg.norm(seen - np.swapaxes(seen, 1, 2), axis=(1, 2))
    sizes = np.linalg.norm(seen, axis=(1, 2))
    return float(gaps.max(initial=0.0) / max(float(sizes.max(initial=0.0)), np.finfo(float).tiny))


def _triangle(side: int) -> np.ndarray:
    """Flat positions of the upper triangle, diagonal included."""
    rows, cols = np.triu_indices(side)
    return rows * side + cols


def _multiplicity(side: int) -> np.ndarray:
    """How often an entry of the upper triangle occurs in the whole matrix."""
    rows, cols = np.triu_indices(side)
    return np.where(rows == cols, 1.0, 2.0)


def _places(side: int) -> np.ndarray:
    """For each flat position of the whole matrix, its place in the upper triangle."""
    places = np.empty((side, side), dtype=np.int64)
    rows, cols = np.triu_indices(side)
    places[rows, cols] = places[cols, rows] = np.arange(rows.size)
    return places.ravel()
