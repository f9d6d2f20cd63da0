"""A matrix that is known whole: the loss is the distance to it, and the path there is all there is to study.

    ℓ(W) = ½ ‖W − Φ‖_F²,        ∇ℓ(W) = W − Φ          [arora2018convergence], [yaras2024]

What least squares on whitened data comes down to, and the setting of the convergence theorem and of compressed
dynamics. Not a mean: the constants of those theorems are in these units.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, namespace, pick
from rankfall.errors import InputError
from rankfall.problems.problem import Problem
from rankfall.problems.real import finite_numbers


@dataclass(frozen=True, eq=False)
class Factorization(Problem):
    """Half the squared Frobenius distance to a matrix Φ.

    Parameters
    ----------
    target : array
        Φ (m, n), or (batch, m, n) for many targets, a run for each.

    Raises
    ------
    InputError
        For other than two or three dimensions, or numbers that are not real and finite.
    """

    is_convex = True

    target: Array = field()

    def __post_init__(self) -> None:
        target = finite_numbers(self.target, "a target")
        if target.ndim not in (2, 3):
            raise InputError(f"a target is a matrix, got shape {tuple(target.shape)}; reshape it to rows and columns")
        object.__setattr__(self, "target", target)

    @property
    def values(self) -> Array:
        """Φ, what the loss compares W to."""
        return self.target

    @property
    def truth(self) -> Array:
        """Φ; the test error of a run is the mean squared distance to it."""
        return self.target

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n) of W."""
        return int(self.target.shape[-2]), int(self.target.shape[-1])

    @property
    def batch_size(self) -> int | None:
        """How many targets there are, None for one."""
        return int(self.target.shape[0]) if self.target.ndim > 2 else None

    def of_runs(self, chosen: int | np.integer | np.ndarray) -> "Factorization":
        """Of many targets, those chosen by an integer array, or one by its number."""
        return self if self.batch_size is None else Factorization(pick(self.target, chosen))

    def loss_and_gradient(
        self, product: Float[Array, "*batch m n"]
    ) -> tuple[Float[Array, "*batch"], Float[Array, "*batch m n"]]:
        """ℓ(W) and W − Φ."""
        gap = product - self.target
        return 0.5 * namespace(product).sum(gap * gap, axis=(-2, -1)), gap
