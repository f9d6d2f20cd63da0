"""How a matrix is seen: linear measurements P with P P* = 1, single entries or any others.

The frozen path, Gauss–Newton and the search for the rank need no more of P than this contract. Four functions are
generic over it (`functools.singledispatch`): `fit_tangent`, `fit_exact`, `can_check` and `certify`. Each is implemented
for single entries (`Sampling`) and for other measurements (`Measurements`).
"""

from typing import Protocol, runtime_checkable

import numpy as np

from rankfall.recovery.symmetry import Symmetry


@runtime_checkable
class Observed(Protocol):
    """P and its adjoint.

    Attributes
    ----------
    shape
        (m, n) of W.
    count
        How many numbers P gives.
    numbers
        How many of them are not seen twice.
    symmetry
        Which matrices W may be.
    """

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def count(self) -> int: ...

    @property
    def numbers(self) -> int: ...

    @property
    def symmetry(self) -> Symmetry: ...

    def read(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """P(L Rᵀ)."""
        ...

    def times(self, entries: np.ndarray, thin: np.ndarray) -> np.ndarray:
        """P*(z) F."""
        ...

    def transposed_times(self, entries: np.ndarray, thin: np.ndarray) -> np.ndarray:
        """P*(z)ᵀ F."""
        ...

    def mirrored(self, values: np.ndarray) -> np.ndarray:
        """The values, made equal where two measurements see the same number of a symmetric W."""
        ...
