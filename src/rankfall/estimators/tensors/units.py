"""The units in which a tensor is fitted: one for the whole, and one for each slice of the axes that want it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.estimators.robust_scaling import NORMAL_MEDIAN
from rankfall.problems.tensor_completion import TensorCompletion


@dataclass(frozen=True, eq=False)
class Units:
    """W = `unit` Π_a slices[a][i_a] × what is fitted; `slices` by axis."""

    unit: float
    slices: dict[int, Float[np.ndarray, " side"]]

    @classmethod
    def of(cls, problem: TensorCompletion, axes: Sequence[int]) -> "Units":
        """Root mean squares of the observed values, by slices of the axes, then of all; medians for robust losses."""
        if problem.loss_function.is_binary:
            return cls(1.0, {})
        squares = np.asarray(problem.values, dtype=np.float64) ** 2
        slices = {}
        for axis in axes:
            index, side = problem.indices[axis], problem.shape[axis]
            counts = np.bincount(index, minlength=side)
            sums = np.bincount(index, squares, side)
            size = np.sqrt(np.where(counts > 0, sums / np.maximum(counts, 1), 1.0))
            slices[axis] = np.where(size > 0, size, 1.0)
            squares = squares / slices[axis][index] ** 2
        # gross errors that a robust loss is to withstand do not set its unit
        mean = np.sqrt(squares.mean() if problem.loss_function.is_quadratic else np.median(squares) / NORMAL_MEDIAN**2)
        return cls(float(mean) if mean > 0 else 1.0, slices)

    def at(self, indices: np.ndarray) -> Float[np.ndarray, " entries"]:
        """The unit of each entry."""
        found = np.full(indices.shape[1], self.unit)
        for axis, sizes in self.slices.items():
            found = found * sizes[indices[axis]]
        return found

    def applied(self, problem: TensorCompletion) -> TensorCompletion:
        """The problem with its values in these units."""
        return replace(problem, values=np.asarray(problem.values, dtype=np.float64) / self.at(problem.indices))

    def whole(self, tensor: np.ndarray) -> np.ndarray:
        """A formed tensor back in the units of the input."""
        found = tensor * self.unit
        for axis, sizes in self.slices.items():
            found = found * sizes.reshape([-1 if a == axis else 1 for a in range(tensor.ndim)])
        return found
