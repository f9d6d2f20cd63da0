"""tensorly, where it is installed: its CP and its Tucker decomposition, both given the mask of the observed entries.

Both fill the unknown entries of a dense tensor again and again. They are given values of root mean square 1, and their
rank is chosen on held-out entries. Weights of entries are not used: their mask knows 0 and 1.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.comparison.tensor_methods import TensorMethod, choose
from rankfall.estimators.tensors.units import Units
from rankfall.problems.tensor_completion import TensorCompletion

# Cells of the dense tensor, which every iteration forms anew.
_LARGEST = 2_000_000
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class _Tensorly(TensorMethod):
    """A decomposition of tensorly; the rank is chosen on held-out entries. 100 iterations are its own default."""

    module: ClassVar[str | None] = "tensorly"
    package: ClassVar[str | None] = "tensorly"
    ranks: tuple[int, ...] = (1, 2, 3, 5, 8)
    iterations: int = 100

    def filled(self, given: Float[np.ndarray, "..."], rank: int, seed: int) -> Float[np.ndarray, "..."]:
        """The decomposition of a tensor whose unknown entries are NaN, formed."""
        known = ~np.isnan(given)
        return np.asarray(self.formed(np.where(known, given, 0.0), known.astype(float), rank, seed))

    @abstractmethod
    def formed(
        self, values: Float[np.ndarray, "..."], mask: Float[np.ndarray, "..."], rank: int, seed: int
    ) -> Float[np.ndarray, "..."]:
        """The decomposition of the values where the mask is 1, formed."""

    def too_large(self, problem: TensorCompletion) -> str | None:
        """It forms the dense tensor in every iteration."""
        cells = math.prod(map(float, problem.shape))
        if cells <= _LARGEST:
            return None
        return f"too large: {cells:.0f} cells, at most {_LARGEST} are tried"

    def fit_predict(self, problem: TensorCompletion, indices: np.ndarray, seed: int) -> Float[np.ndarray, " entries"]:
        """The decomposition of the rank with the least held-out error, fitted to all entries."""

        def predict(part: TensorCompletion, indices: np.ndarray, rank: int) -> np.ndarray:
            units = Units.of(part, ())
            given = np.full(part.shape, np.nan)
            given[tuple(part.indices)] = units.applied(part).values
            return units.whole(self.filled(given, rank, seed))[tuple(indices)]

        return predict(problem, indices, choose(self.ranks, problem, seed, predict))


@dataclass(frozen=True)
class TensorlyCP(_Tensorly):
    """`parafac` with a mask, from a random start."""

    name: ClassVar[str] = "tensorly-cp"
    title: ClassVar[str] = "tensorly CP"

    def formed(
        self, values: Float[np.ndarray, "..."], mask: Float[np.ndarray, "..."], rank: int, seed: int
    ) -> Float[np.ndarray, "..."]:
        """A sum of `rank` components."""
        from tensorly.cp_tensor import cp_to_tensor
        from tensorly.decomposition import parafac

        fit = parafac(
            values, rank, mask=mask, n_iter_max=self.iterations, init="random", random_state=seed, tol=_TOLERANCE
        )  # fmt: skip
        return cp_to_tensor(fit)


@dataclass(frozen=True)
class TensorlyTucker(_Tensorly):
    """`tucker` with a mask; one rank for all axes, at most their sides."""

    name: ClassVar[str] = "tensorly-tucker"
    title: ClassVar[str] = "tensorly Tucker"

    def formed(
        self, values: Float[np.ndarray, "..."], mask: Float[np.ndarray, "..."], rank: int, seed: int
    ) -> Float[np.ndarray, "..."]:
        """A core of side `rank` and a matrix for each axis."""
        from tensorly.decomposition import tucker
        from tensorly.tucker_tensor import tucker_to_tensor

        fit = tucker(
            values, [min(rank, side) for side in values.shape], mask=mask, n_iter_max=self.iterations, init="svd",
            tol=_TOLERANCE,
        )  # fmt: skip
        return tucker_to_tensor(fit)
