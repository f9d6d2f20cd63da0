"""The contract of a problem: what is measured of W, and the loss ℓ(W).

A problem offers routes, and a model takes the cheapest that both have:

- *whole*: W in, ℓ(W) and ∇ℓ(W) out (`loss_and_gradient`);
- *factored*: L and R in, ℓ, G R and Gᵀ L at W = L Rᵀ out (`loss_and_factor_gradients`), G = ∇ℓ(W);
- *entrywise*: values of W at the measured positions in, ℓ and its derivative there out (`loss_and_entry_gradients`).

A member must give the first. The base derives the factored one from it, by forming W; a member that can do better
overrides it. The third exists where single entries are measured.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, SparseArray, like, to_numpy
from rankfall.devices import Device
from rankfall.errors import InputError
from rankfall.kernels.entry_lists import EntryLists
from rankfall.kernels.entry_terms import EntryTerms, SortedTerms
from rankfall.problems.operators import Operator


class Problem(ABC):
    """What is measured of W, and the loss.

    A member must give `shape`, `values` and `loss_and_gradient`. It may declare the attributes below.

    Attributes
    ----------
    shape : tuple of int
        (m, n) of W; the side lengths of a tensor.
    values : array
        What the loss compares to. Its namespace, dtype and device are those of the whole run.
    truth : array of shape (m, n) or None
        W itself where it is known (planted data), for the test error of a run; the loss never uses it.
    weights : array or None
        Weight of each measurement in the loss; None for ones.
    operator : Operator or None
        A where ℓ is the mean squared residual of linear measurements A(W); None otherwise.
    target : array of shape (m, n) or None
        Φ where ℓ(W) = ½ ‖W − Φ‖_F²; None otherwise.
    held_out : Problem or None
        Measurements kept from the loss, as a problem of their own: they choose when to stop.
    batch_size : int or None
        How many problems this is, one for each run of a batch; None for one problem.
    is_looped : bool
        Whether compiled loops with threads of their own do the work rather than BLAS.
    cache_bytes, formed_arrays : int or None, int
        As in `Layout`: how large batches are split into groups.
    listed : EntryLists or None
        The observed entries as compiled loops over single entries read them, where the loss is one that they know;
        None otherwise. A subclass with a gradient of its own does not inherit them.
    terms : EntryTerms or None
        What the entries at `positions` cost, as compiled loops read it, where the loss is one that they know; None
        otherwise. A subclass with a `loss_and_entry_gradients` of its own does not inherit them.
    is_convex : bool
        Whether ℓ is known to be a convex function of W; False where it is not known.
    is_symmetric : bool
        False where measurements differ from their transpose, so that a symmetric W does not stay symmetric.
    """

    shape: tuple[int, ...]
    values: Array
    truth: Array | None = None
    weights: Array | None = None
    operator: Operator | None = None
    target: Array | None = None
    held_out: "Problem | None" = None
    is_looped: bool = False
    cache_bytes: int | None = None
    formed_arrays: int = 0
    is_convex: bool = False
    is_symmetric: bool = True

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if {"loss_and_gradient", "loss_and_factor_gradients"} & vars(cls).keys() and "listed" not in vars(cls):
            # lists of a parent's entries are not the gradient of this one
            cls.listed = Problem.listed  # pyright: ignore[reportAttributeAccessIssue]
        if "loss_and_entry_gradients" in vars(cls) and "terms" not in vars(cls):
            cls.terms = Problem.terms  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def listed(self) -> EntryLists | None:
        """The observed entries as lists; None where there are none."""
        return None

    @property
    def terms(self) -> EntryTerms | None:
        """What the entries at `positions` cost; None where compiled loops do not know it."""
        return None

    def terms_along(self, axis: int) -> SortedTerms | None:
        """The entries sorted by their index on an axis, and what they cost; None where there are no `terms`.

        Parameters
        ----------
        axis : int
            The axis of W, from 0.

        Returns
        -------
        SortedTerms or None
        """
        return None

    @abstractmethod
    def loss_and_gradient(
        self, product: Float[Array, "*batch m n"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m n"]]:
        """ℓ(W) and ∇ℓ(W), formed whole."""

    @property
    def dtype(self) -> Any:
        """The floating-point type of every computation on this problem."""
        return self.values.dtype

    @property
    def batch_size(self) -> int | None:
        """How many problems this is; None for one."""
        return None

    def of_runs(self, chosen: int | np.integer | np.ndarray) -> "Problem":
        """Of many problems, those chosen by an integer array, or one by its number; one problem is the same for all."""
        if self.batch_size is not None:
            raise NotImplementedError(f"{type(self).__name__} holds many problems and must give of_runs")
        return self

    def on_device(self, device: str | Device) -> "Problem":
        """The same problem as PyTorch tensors on a device, where every computation then stays.

        Parameters
        ----------
        device : str or torch.device
            "cuda", "cuda:1", "mps", "cpu" …

        Raises
        ------
        InputError
            Where the device is not there, and for a problem that cannot move, as here; members that can override it.
        """
        raise InputError(
            f"{type(self).__name__} does not move to a device, got device={str(device)!r}; build it from PyTorch "
            "tensors that lie there, or leave the device out"
        )

    def loss(self, product: Float[Array, "..."]) -> Float[Array, "*batch"]:
        """ℓ(W)."""
        return self.loss_and_gradient(product)[0]

    def gradient(self, product: Float[Array, "..."]) -> Float[Array, "..."]:
        """∇ℓ(W)."""
        return self.loss_and_gradient(product)[1]

    def factored_loss(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> Float[Array, "*batch"]:
        """ℓ(L Rᵀ).

        Parameters
        ----------
        left : array, shape (..., m, k)
            L, with leading axes of a batch, if any.
        right : array, shape (..., n, k)
            R.

        Returns
        -------
        array, shape (...)
        """
        return self.loss(left @ right.mT)

    def loss_and_factor_gradients(
        self, left: Float[Array, "*batch m k"], right: Float[Array, "*batch n k"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m k"], Float[Array, "*batch n k"]]:
        """ℓ(W), G R and Gᵀ L at W = L Rᵀ, G = ∇ℓ(W).

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
        loss, gradient = self.loss_and_gradient(left @ right.mT)
        return loss, gradient @ right, gradient.mT @ left

    @property
    def positions(self) -> tuple[np.ndarray, ...] | None:
        """Indices of the measured entries, one array for each axis of W; None where no single entries are measured."""
        return None

    def loss_and_entry_gradients(
        self, predicted: Float[Array, "*batch entries"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch entries"]]:
        """ℓ and ∂ℓ/∂W at `positions`, from the values of W there. Only where `positions` is not None."""
        raise InputError(
            f"the entrywise route needs a problem that measures single entries, got {type(self).__name__}; "
            "use a model that forms W"
        )

    def back_projection(self) -> SparseArray:
        """A cheap estimate of W; −∇ℓ(0) unless a member overrides it with a scaled estimate.

        A SciPy CSR matrix, or a linear operator where no entries are at hand: a start asks for no more than products.
        """
        from scipy.sparse import csr_array  # pyright: ignore[reportMissingTypeStubs]

        if self.batch_size is not None:
            raise InputError(f"a back-projection is of one problem, got {self.batch_size}; choose one by of_runs(i)")
        zero = like(np.zeros(self.shape), self.values)
        return csr_array(-to_numpy(self.gradient(zero)).astype(np.float64))

    def hold_out(self, fraction: float, seed: int) -> "Problem":
        """The same problem with a random `fraction` of the measurements set aside in `held_out`.

        Parameters
        ----------
        fraction : float
            Between 0 and 1.
        seed : int
            Of the draw.

        Raises
        ------
        InputError
            Where the problem has no measurements to hold out, as here; members that have some override it.
        """
        raise InputError(f"{type(self).__name__} has no measurements to hold out; use a stop other than HeldOutRise")
