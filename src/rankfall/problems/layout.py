"""The contract of a layout: how the observed entries of a completion problem are stored, and its gradient computed.

    ℓ(W) = Σ_Ω w ρ(W_ij, b_ij) / Σ_Ω w,    G = ∇ℓ(W) = w ∂ρ/∂z / Σ w on Ω and zero off it

A member is made from the observed entries and gives ℓ, G R and Gᵀ L at W = L Rᵀ. Which layout a problem takes is
chosen by one function (`rankfall.problems.layouts.choose_layout`), or by hand: `Completion(..., layout=Sparse)`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, is_numpy, is_torch
from rankfall.kernels.observed import Entries
from rankfall.problems.loss import Loss
from rankfall.problems.weighted_loss import WeightedLoss


@dataclass(frozen=True, eq=False)
class Observed:
    """The observed entries, as a layout receives them.

    Parameters
    ----------
    rows, cols : ndarray of int, shape `(|Ω|,)`
        Positions, in row-major order, unique.
    values : array of shape `(|Ω|,)` or `(batch, |Ω|)`
        Observed values b, of any array namespace.
    weights : array of shape `(|Ω|,)` or `(batch, |Ω|)`, or None
        Weights w ≥ 0; None for ones.
    shape : tuple of int
        (m, n).
    loss : Loss
        ρ.
    entries : Entries
        The positions as compiled passes read them; their lists are made on first use.
    """

    rows: Int[np.ndarray, " entries"]
    cols: Int[np.ndarray, " entries"]
    values: Float[Array, "*batch entries"]
    weights: Float[Array, "*weighed entries"] | None
    shape: tuple[int, int]
    loss: Loss
    entries: Entries

    @cached_property
    def total_weight(self) -> Float[Array, "*batch"]:
        """Σ w over the observed entries."""
        return WeightedLoss(self.loss, self.values, self.weights).total_weight

    @property
    def is_numpy(self) -> bool:
        """Whether compiled loops apply, as the values are NumPy arrays."""
        return is_numpy(self.values)

    @property
    def is_torch(self) -> bool:
        """Whether the values are a PyTorch tensor, on any device."""
        return is_torch(self.values)

    @property
    def size(self) -> int:
        """m n."""
        return self.shape[0] * self.shape[1]

    @property
    def share(self) -> float:
        """`|Ω|` / (m n)."""
        return self.rows.size / self.size


class Layout(ABC):
    """How observed entries are stored.

    A member must give `of` and `loss_and_factor_gradients`. It may declare the attribute below.

    Attributes
    ----------
    is_looped : bool
        Whether compiled loops with threads of their own do the work, rather than BLAS on m × n arrays. The engine then
        keeps BLAS to one thread between them.
    cache_bytes : int or None
        The size of the cache into which the arrays of a group of runs should fit: a large batch is followed in such
        groups. None: in one group.
    formed_arrays : int
        How many m × n arrays each run of a batch uses.
    """

    is_looped: ClassVar[bool] = False
    cache_bytes: ClassVar[int | None] = None
    formed_arrays: ClassVar[int] = 0

    @classmethod
    @abstractmethod
    def of(cls, observed: Observed) -> "Layout":
        """Store the entries. What is expensive to compute is computed here, once."""

    @abstractmethod
    def loss_and_factor_gradients(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ, of the dtype and namespace of the factors.

        Parameters
        ----------
        left : array, shape (..., m, k)
            L, with leading axes of a batch, if any.
        right : array, shape (..., n, k)
            R.

        Returns
        -------
        loss : array, shape (...)
            ℓ(W).
        left_gradient : array, shape (..., m, k)
            G R.
        right_gradient : array, shape (..., n, k)
            Gᵀ L.
        """

    def factored_loss(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch"]:
        """ℓ(L Rᵀ) alone; a member that saves work by it overrides it.

        Parameters
        ----------
        left, right : array
            As for `loss_and_factor_gradients`.

        Returns
        -------
        array, shape (...)
        """
        return self.loss_and_factor_gradients(left, right)[0]
