"""Measurement operators: what sensing sees of W, one number for each matrix A_i, and the way back.

    A(W)_i = ⟨A_i, W⟩        A*(λ) = Σ_i λ_i A_i        ⟨A(W), λ⟩ = ⟨W, A*(λ)⟩

Four families know their structure: a stack of any matrices, a stack of symmetric ones (stored once), pairs u_i v_iᵀ,
and diagonals. Each applies itself to W, to factors W = L Rᵀ, and gives A*(λ) R and A*(λ)ᵀ L; pairs and diagonals do
so without forming anything of size m·n. All take leading batch axes and stay in the namespace of their arrays.
"""

from typing import Protocol, runtime_checkable

import numpy as np

from rankfall.arrays import Array


@runtime_checkable
class Operator(Protocol):
    """M measurements of an m × n matrix, linear: `apply` and its `adjoint`, whole and through factors.

    Attributes
    ----------
    size
        Σ ‖A_i‖_F², which scales the back-projection A*(y) to an estimate of W.
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
