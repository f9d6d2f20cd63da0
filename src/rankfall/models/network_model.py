"""Tensor models whose layers form a tensor network: W is their product, summed over the axes that they share."""

from abc import abstractmethod
from functools import cached_property

from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.models.contraction import Contraction, Names
from rankfall.models.tensor_model import TensorModel


class NetworkModel(TensorModel):
    """A tensor network. A member must give `names` in place of `product` and `adjoint`."""

    @property
    @abstractmethod
    def names(self) -> tuple[Names, ...]:
        """The names of the axes of each layer: n for axis n of W, larger numbers for axes that layers share.

        An axis of length 1 that no other layer has is called `contraction.NONE`.
        """

    @cached_property
    def _network(self) -> Contraction:
        return Contraction(self.names, tuple(range(len(self.dimensions))), tuple(map(tuple, self.layer_shapes)))

    def product(self, weights: Float[Array, "*batch p"]) -> Array:
        """W, formed."""
        return self._network(self.layers(weights))

    def adjoint(self, weights: Float[Array, "*batch p"], gradient: Array) -> list[Array]:
        """∂/∂layers of ⟨gradient, W⟩."""
        return self._network.adjoint(self.layers(weights), gradient)
