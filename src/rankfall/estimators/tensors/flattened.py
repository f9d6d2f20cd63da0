"""Deep matrix factorization of a flattening: a matrix whose columns are some axes, and its rows all others.

It has effects of rows and columns, robust losses and paths of its own, and fits a tensor whose axes interact in pairs.
"""

import itertools
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
# Observed entries of a row on average, at least: fewer say too little about a row. Flattenings, at most.
_EACH, _FLATTENINGS = 4, 3


@dataclass(frozen=True, eq=False)
class Flattened(Member):
    """Deep matrix factorization of the matricization whose columns are some axes."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    seed: int
    fit: DeepMatrixFactorization = field(repr=False)

    @staticmethod
    def suits(problem: TensorCompletion) -> bool:
        """Whether flattenings of the problem are worth a fit: of three axes or more, squares as the loss, of a size."""
        return problem.loss_function.is_quadratic and len(problem.shape) > 2 and _FEWEST <= problem.count <= _MOST

    @staticmethod
    def columns(problem: TensorCompletion) -> list[tuple[int, ...]]:
        """The axes of columns that are worth a fit, the matrix nearest to a square first.   [mu2014]

        Of four axes, one goes against three or two against two, and so on. The last one has rows that are observed too
        rarely where all have.
        """
        order, size = len(problem.shape), math.prod(map(float, problem.shape))

        def longer(axes: tuple[int, ...]) -> float:
            side = math.prod(map(float, (problem.shape[axis] for axis in axes)))
            return max(side, size / side)

        parts = [axes for k in range(1, order // 2 + 1) for axes in itertools.combinations(range(order), k)]
        # of two halves, the one with axis 0
        parts = [axes for axes in parts if 2 * len(axes) < order or 0 in axes]
        parts.sort(key=longer)
        known = [axes for axes in parts if problem.count >= _EACH * longer(axes)]
        return known[:_FLATTENINGS] or parts[:1]

    @classmethod
    def of(cls, problem: TensorCompletion, axes: tuple[int, ...], seed: int) -> "Flattened":
        """Fitted to the observed entries of the problem."""
        rows, cols = places(problem.indices, problem.shape, axes)
        across = math.prod(problem.shape[axis] for axis in axes)
        sides = math.prod(problem.shape) // across, across
        matrix = Completion.from_triplets(rows, cols, np.asarray(problem.values), sides, weights=problem.weights)
        fit = DeepMatrixFactorization(refine=False, scaling="global", features=False, random_state=seed)
        with warnings.catch_warnings():
            # rows without entries are what other members are for
            warnings.simplefilter("ignore", RunWarning)
            return cls(axes, problem.shape, seed, fit.fit_problem(matrix))

    @property
    def name(self) -> str:
        """matrix, and the axes of its columns."""
        return name_of(self.axes)

    def at(self, indices: np.ndarray) -> Float[np.ndarray, " entries"]:
        """W at the indices."""
        return self.fit.predict(*places(indices, self.shape, self.axes))

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
        return Flattened.of(problem, self.axes, self.seed)


def name_of(axes: tuple[int, ...]) -> str:
    """matrix, and the axes of its columns."""
    return f"matrix of {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"


def places(indices: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of entries in the matricization whose columns are some axes."""
    others = tuple(axis for axis in range(len(shape)) if axis not in axes)
    rows, cols = (
        np.asarray(np.ravel_multi_index(tuple(indices[list(part)]), [shape[axis] for axis in part]), dtype=np.int64)
        for part in (others, axes)
    )
    return rows, cols
