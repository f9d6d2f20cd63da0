"""Where the layers of a model lie in its flat vector of weights."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float

from rankfall.arrays import Array, namespace, reshape


@dataclass(frozen=True)
class FlatLayers:
    """Layers of these shapes in one flat vector, one behind the other.

    Parameters
    ----------
    shapes : sequence of tuple of int
        The shape of each layer, W_1 first.
    """

    shapes: Sequence[tuple[int, ...]]

    @cached_property
    def _placed(self) -> list[tuple[slice, tuple[int, ...]]]:
        ends = itertools.accumulate(map(math.prod, self.shapes))
        return [(slice(end - math.prod(shape), end), shape) for end, shape in zip(ends, self.shapes, strict=True)]

    @property
    def places(self) -> list[slice]:
        """Where each layer lies."""
        return [place for place, _ in self._placed]

    def split(self, weights: Float[Array, "*batch p"]) -> list[Array]:
        """The layers, as views of the flat vector."""
        batch = tuple(weights.shape[:-1])
        return [reshape(weights[..., place], batch + shape) for place, shape in self._placed]

    def joined(self, layers: Sequence[Array]) -> Float[Array, "*batch p"]:
        """The flat vector of layers of these shapes, each behind the axes of a batch, if any."""
        xp = namespace(*layers)
        pairs = zip(layers, self.shapes, strict=True)
        flat = [xp.reshape(a, (*a.shape[: a.ndim - len(shape)], math.prod(shape))) for a, shape in pairs]
        return xp.concat(flat, axis=-1)
