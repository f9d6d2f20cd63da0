"""Deep matrix factorization of a flattening: a matrix whose columns are one axis, and its rows all others.

It has effects of rows and columns, robust losses and paths of its own, and fits a tensor whose axes interact in pairs.
"""

import math
import warnings
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rankfall.errors import RunWarning
from rankfall.estimators.estimator import DeepMatrixFactorization
from rankfall.estimators.tensors.members import Member
from rankfall.problems.completion import Completion
from rankfall.problems.tensor_completion import TensorCompletion

# Observed entries at least, and at most.
_FEWEST, _MOST = 1000, 500_000


@dataclass(frozen=True, eq=False)
class Flattened(Member):
    """Deep matrix factorization of the matricization whose columns are one axis."""

    axis: int
    shape: tuple[int, ...]
    seed: int
    fit: DeepMatrixFactorization = field(repr=False)

    @staticmethod
    def suits(problem: TensorCompletion) -> bool:
        """Whether flattenings of the problem are worth a fit: of three axes or more, squares as the loss, of a size."""
        return problem.loss_function.is_quadratic and len(problem.shape) > 2 and _FEWEST <= problem.count <= _MOST

    @classmethod
    def of(cls, problem: TensorCompletion, axis: int, seed: int) -> "Flattened":
        """Fitted to the observed entries of the problem."""
        rows, cols = _places(problem.indices, problem.shape, axis)
        sides = math.prod(problem.shape) // problem.shape[axis], problem.shape[axis]
        matrix = Completion.from_triplets(rows, cols, np.asarray(problem.values), sides, weights=problem.weights)
        fit = DeepMatrixFactorization(refine=False, scaling="global", features=False, random_state=seed)
        with warnings.catch_warnings():
            # rows without entries are what other members are for
            warnings.simplefilter("ignore", RunWarning)
            return cls(axis, problem.shape, seed, fit.fit_problem(matrix))

    @property
    def name(self) -> str:
        """matrix, and the axis of its columns."""
        return f"matrix of axis {self.axis}"

    def at(self, indices: np.ndarray) -> Float[np.ndarray, " entries"]:
        """W at the indices."""
        return self.fit.predict(*_places(indices, self.shape, self.axis))

    def whole(self) -> Float[np.ndarray, "..."]:
        """W, formed slice by slice."""
        found = np.empty(self.shape)
        for i in range(self.shape[0]):
            rest = np.indices(self.shape[1:]).reshape(len(self.shape) - 1, -1)
            indices = np.concatenate([np.full((1, rest.shape[1]), i), rest])
            found[i] = self.at(indices).reshape(self.shape[1:])
        return found

    def refitted(self, problem: TensorCompletion) -> "Flattened":
        """The flattening of all entries, fitted anew."""
        return Flattened.of(problem, self.axis, self.seed)


def _places(indices: np.ndarray, shape: tuple[int, ...], axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of entries in the matricization whose columns are one axis."""
    others = [a for a in range(len(shape)) if a != axis]
    rows = np.ravel_multi_index(tuple(indices[others]), [shape[a] for a in others])
    return np.asarray(rows), indices[axis].astype(np.int64)
