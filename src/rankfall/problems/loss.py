"""The contract of a loss: what one observed entry costs, ρ(z, b), for a prediction z = W_ij and an observed value b.

    ℓ(W) = Σ_Ω w_ij ρ(W_ij, b_ij) / Σ_Ω w_ij

A member gives `value` and `derivative`. Every layout then works with it: dense, sparse and batched, NumPy, PyTorch and
whatever follows the array API standard. The rest is declared, with defaults here.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array


class Kernel(NamedTuple):
    """The number and the parameter by which the fused compiled loops of `rankfall.kernels` know a loss."""

    kind: int
    parameter: float


class Loss(ABC):
    """What one observed entry costs.

    A member must give `value` and `derivative`, elementwise, in the namespace of the arrays received. It may declare
    the class attributes below and override `mean`, `scaled`, `check` and `kernel`.

    Attributes
    ----------
    name : str
        The word by which the estimator, the command line and saved models know the loss; empty for none. Defining
        the class is enough: `Loss.registered` lists all of them.
    is_quadratic : bool
        Whether ρ = (z − b)², so that the derivative is linear and closed forms of least squares hold.
    is_convex : bool
        Whether ρ is a convex function of z.
    is_binary : bool
        Whether b takes two values and z is a log-odds: W has no unit, and is not compared with the values.
    """

    registered: ClassVar[dict[str, type["Loss"]]] = {}
    name: ClassVar[str] = ""
    is_quadratic: ClassVar[bool] = False
    is_convex: ClassVar[bool] = False
    is_binary: ClassVar[bool] = False

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        # an inherited name stays that of the parent
        if vars(cls).get("name"):
            Loss.registered[cls.name] = cls

    @abstractmethod
    def value(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """ρ(z, b).

        Parameters
        ----------
        prediction : array
            z, of any shape.
        target : array
            b, of a shape that broadcasts with that of z.

        Returns
        -------
        array
            One number for each entry, in the namespace of the arrays received.
        """

    @abstractmethod
    def derivative(self, prediction: Float[Array, "..."], target: Float[Array, "..."]) -> Float[Array, "..."]:
        """∂ρ/∂z.

        Parameters
        ----------
        prediction : array
            z, of any shape.
        target : array
            b, of a shape that broadcasts with that of z.

        Returns
        -------
        array
            One number for each entry, in the namespace of the arrays received.
        """

    @property
    def kernel(self) -> Kernel | None:
        """How the fused compiled loops compute this loss; None for a loss they do not know.

        It makes a gradient on sparse data about two times faster and changes no result.
        """
        return None

    def mean(self, prediction: Float[Array, "..."]) -> Float[Array, "..."]:
        """The expected b where W_ij = z: the prediction in units of the values. The default is z."""
        return prediction

    def scaled(self, unit: float | int) -> "Loss":
        """The loss ρ' with ρ'(u z, u b) proportional to ρ(z, b), u = `unit` > 0. The default is this loss."""
        return self

    @classmethod
    def in_spreads(cls) -> "Loss":
        """The loss with its default parameters for values whose spread is 1, as the estimator scales them."""
        return cls()

    def check(self, values: np.ndarray) -> None:
        """Raise InputError for values that this loss cannot read. The default accepts all finite numbers."""
        return

    def pull_at_zero(self, values: Array) -> Array:
        """−½ ∂ρ/∂z at z = 0: what the entries pull with at W = 0; b itself for squares."""
        return self.derivative(0 * values, values) / -2
