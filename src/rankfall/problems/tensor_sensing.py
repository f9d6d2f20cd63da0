"""Tensor sensing: W, of any order, is seen through linear measurements, with their mean squared residual as the loss.

ℓ(W) = (1/M) Σ_i (⟨A_i, W⟩ − y_i)²,        ∇ℓ(W) = (2/M) Σ_i (⟨A_i, W⟩ − y_i) A_i
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, SparseArray, like, namespace, take, to_numpy
from rankfall.errors import InputError
from rankfall.problems.many import ManyProblems
from rankfall.problems.matricization import matricized_shape
from rankfall.problems.real import finite_numbers
from rankfall.problems.sensing import drawn_aside
from rankfall.problems.tensor_observations import require_order


@dataclass(frozen=True, eq=False)
class TensorSensing(ManyProblems):
    """Measurements y_i = ⟨A_i, W⟩ of a tensor, and their mean squared residual.

    Parameters
    ----------
    operators : array of shape `(M, *shape)`
        A_i, any tensors.
    values : array of shape (M,) or (batch, M)
        y, or those of many tensors measured alike.
    truth : array of `shape`, optional
        The whole tensor where it is known (planted), for the test error of a run; the loss never uses it.
    held_out : TensorSensing, optional
        Measurements kept from the loss: they choose when to stop.

    Raises
    ------
    InputError
        For other than one value for each measurement, none at all, or numbers that are not real and finite.
    """

    operators: Array
    values: Array
    truth: Array | None = None
    held_out: "TensorSensing | None" = None

    def __post_init__(self) -> None:
        operators, values = finite_numbers(self.operators, "operators"), finite_numbers(self.values, "measured values")
        require_order(operators.shape[1:])
        if values.ndim == 0 or values.shape[-1] != operators.shape[0] or operators.shape[0] == 0:
            raise InputError(
                f"each of at least one measurement needs one value, got {operators.shape[0]} operators and values of "
                f"shape {tuple(values.shape)}; pass y with one number for each A_i"
            )
        if self.truth is not None and tuple(self.truth.shape) != tuple(operators.shape[1:]):
            raise InputError(
                f"truth must have the shape of the measured tensor, {tuple(operators.shape[1:])}, "
                f"got {tuple(self.truth.shape)}; pass the tensor that was measured"
            )
        object.__setattr__(self, "operators", operators)
        object.__setattr__(self, "values", values)

    @classmethod
    def gaussian(cls, truth: Array, count: int, seed: int = 0) -> "TensorSensing":
        """`count` Gaussian measurements of a known tensor, entries of A_i independent, E‖A_i‖_F² = 1."""
        held = finite_numbers(truth, "truth")
        drawn = np.random.default_rng(seed).standard_normal((count, *held.shape)) / math.sqrt(math.prod(held.shape))
        operators = like(drawn, held)
        flat = namespace(held).reshape(operators, (count, -1))
        return cls(operators, flat @ namespace(held).reshape(held, (-1,)), held)

    @property
    def shape(self) -> tuple[int, ...]:
        """The side lengths of W."""
        return tuple(int(side) for side in self.operators.shape[1:])

    def loss_and_gradient(self, product: Float[Array, "..."]) -> tuple[Float[Array, "*batch"], Float[Array, "..."]]:
        """ℓ(W) and ∇ℓ(W), W of shape `(*batch, *shape)`."""
        xp, size = namespace(product), math.prod(self.shape)
        batch = tuple(product.shape[: product.ndim - len(self.shape)])
        stack = xp.reshape(self.operators, (-1, size))
        residual = xp.reshape(product, (*batch, size)) @ stack.mT - self.values
        gradient = (2 / stack.shape[0]) * residual @ stack
        return xp.mean(residual * residual, axis=-1), xp.reshape(gradient, product.shape)

    def back_projection(self) -> SparseArray:
        """A*(y), sized as an estimate of W and matricized, as a SciPy CSR matrix."""
        from scipy.sparse import csr_array

        if self.batch_size is not None:
            raise InputError(f"a back-projection is of one problem, got {self.batch_size}; choose one by of_runs(i)")
        stack = to_numpy(self.operators).astype(np.float64).reshape(self.operators.shape[0], -1)
        projected = to_numpy(self.values) @ stack * (stack.shape[1] / np.sum(stack**2))
        return csr_array(projected.reshape(matricized_shape(self.shape)))

    def hold_out(self, fraction: float | int, seed: int) -> "TensorSensing":
        """The same problem with a random `fraction` of the measurements, at least one, set aside in `held_out`."""
        aside = drawn_aside(self.operators.shape[0], fraction, seed)
        kept, held = (
            replace(self, operators=take(self.operators, chosen, 0), values=take(self.values, chosen, -1))
            for chosen in (np.flatnonzero(~aside), np.flatnonzero(aside))
        )
        return replace(kept, held_out=replace(held, truth=None))
