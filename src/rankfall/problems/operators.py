"""Measurement operators: what sensing sees of W, one number for each matrix A_i, and the way back.

    A(W)_i = ⟨A_i, W⟩        A*(λ) = Σ_i λ_i A_i        ⟨A(W), λ⟩ = ⟨W, A*(λ)⟩

Four families know their structure: a stack of any matrices, a stack of symmetric ones (stored once), pairs u_i v_iᵀ,
and diagonals. Each applies itself to W, to factors W = L Rᵀ, and gives A*(λ) R and A*(λ)ᵀ L; pairs and diagonals do
so without forming anything of size m·n. All take leading batch axes and stay in the namespace of their arrays.
"""

from typing import Any, Protocol, runtime_checkable

import array_api_compat
import numpy as np

from rankfall.arrays import Array, namespace, to_numpy
from rankfall.errors import InputError


@runtime_checkable
class Operator(Protocol):
    """M measurements of an m × n matrix, linear: `apply` and its `adjoint`, whole and through factors.

    size: Σ ‖A_i‖_F², which scales the back-projection A*(y) to an estimate of W.
    """

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def count(self) -> int: ...

    @property
    def size(self) -> float: ...

    @property
    def is_symmetric(self) -> bool: ...

    @property
    def model(self) -> Array: ...

    def apply(self, product: Array) -> Array: ...

    def apply_factored(self, left: Array, right: Array) -> Array: ...

    def adjoint(self, multipliers: Array) -> Array: ...

    def pulls(self, multipliers: Array, left: Array, right: Array) -> tuple[Array, Array]: ...

    def select(self, chosen: np.ndarray) -> "Operator": ...

    def symmetrized(self) -> "Operator": ...


def as_real(array: Any, what: str, dimensions: int | None = None) -> Array:
    """The array as float32 or float64 of its own namespace, finite, with the `dimensions` asked.

    Raises InputError for other than real and finite numbers, or another number of dimensions.
    """
    seen = to_numpy(array) if array_api_compat.is_array_api_obj(array) else np.asarray(array)
    if seen.dtype.kind not in "biuf":
        raise InputError(f"{what} must be real numbers, got dtype {seen.dtype}; convert them first")
    if dimensions is not None and seen.ndim != dimensions:
        raise InputError(f"{what} must have {dimensions} dimensions, got shape {seen.shape}; reshape them first")
    if not np.isfinite(seen).all():
        raise InputError(f"{what} must be finite, got {seen[~np.isfinite(seen)][0]}; leave such data out")
    if seen.dtype in (np.float32, np.float64):
        return array if array_api_compat.is_array_api_obj(array) else seen
    if not array_api_compat.is_array_api_obj(array):
        return seen.astype(np.float64)
    xp = namespace(array)
    return xp.astype(array, xp.float64)
