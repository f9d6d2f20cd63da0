"""The contract of a start: where the layers begin, sized by their product.

Depths are comparable only when their products start equally large, so the `scale` of a start is the size of W(0): the
root mean square of its q = min(d_0 … d_N) leading singular values in expectation, E‖W(0)‖_F² = scale² q. For a square
chain of full width this is the papers' ‖W(0)‖_F ≈ scale·√n at every depth [arora2019]. A start gives layers for
scale 1, and a run multiplies each by scale^{1/N}.

A start does not know the model. It receives the form of the layers: their shapes, the rank that their product can
have, and the deviation of independent entries that makes a unit product.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rankfall.errors import InputError
from rankfall.problems.problem import Problem

Layers = list[np.ndarray]


@dataclass(frozen=True)
class LayerForm:
    """The layers of a model, as a start receives them.

    Parameters
    ----------
    shapes : sequence of tuple
        Shape of each layer, W_1 first.
    rank : int
        The largest rank that the product can have.
    unit_deviation : float
        Standard deviation of independent entries with which E‖W‖_F² = rank.
    modes : sequence of int or None
        For layers of a tensor, the axis of W that the first axis of each layer indexes; None for a layer inside.
        Empty for chains.
    """

    shapes: tuple[tuple[int, ...], ...]
    rank: int
    unit_deviation: float
    modes: tuple[int | None, ...] = ()

    @property
    def depth(self) -> int:
        """N."""
        return len(self.shapes)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """(d_0, …, d_N) of layers that form a chain, W_j being d_j × d_{j−1}.

        Raises
        ------
        InputError
            For layers that do not: a start that needs a chain is not for them.
        """
        fits = all(len(shape) == 2 for shape in self.shapes) and all(
            above[1] == below[0] for below, above in zip(self.shapes, self.shapes[1:], strict=False)
        )
        if not fits:
            raise InputError(
                f"this start is for layers that form a chain of matrices, got shapes {list(self.shapes)}; "
                "use Gaussian, which takes any layers"
            )
        return (self.shapes[0][1], *(shape[0] for shape in self.shapes))


class Start(ABC):
    """Where the layers begin.

    A member must give `layers`. It may declare the attributes below.

    Attributes
    ----------
    scale : float or sequence of float
        The size of the product, one for all runs or one for each run of a batch.
    width : int or None
        The hidden width that a model takes where it has none of its own; None leaves the rank free.
    is_exact : bool
        Whether the layers are given exactly, as those of a run: a model raises InputError if it cannot hold them.
    """

    scale: float | Sequence[float] | np.ndarray = 1e-3
    width: int | None = None
    is_exact: ClassVar[bool] = False

    @abstractmethod
    def layers(self, problem: Problem, form: LayerForm, seed: int) -> Layers:
        """Layers for scale 1, W_1 first, float64, of the shapes in `form`.

        Parameters
        ----------
        problem : Problem
            What is measured in this run, for starts that read the data.
        form : LayerForm
            The shapes of the layers, the rank of their product, and the deviation that makes it a unit one.
        seed : int
            Of the draw.

        Returns
        -------
        list of ndarray
        """


def require_scale(given: float | Sequence[float] | np.ndarray) -> None:
    """Raise InputError for a scale that is not positive."""
    for scale in np.atleast_1d(np.asarray(given, dtype=np.float64)):
        if not (scale > 0 and math.isfinite(scale)):
            raise InputError(
                f"scale must be positive, got {scale}; layers that start at exactly zero never move, 1e-3 is usual"
            )
