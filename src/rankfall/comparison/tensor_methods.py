"""Methods for tensors, and those that this package brings itself.

As for tables, a method sees training entries and positions; its settings are chosen on entries held out from the
training entries, by whole fibers where whole fibers are missing.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.tensor_nuclear_norm import TensorNuclearNorm
from rankfall.comparison.contender import Contender, Job, Setting, least
from rankfall.estimators import DeepTensorCompletion
from rankfall.estimators.tensors.flattened import Flattened
from rankfall.estimators.tensors.holding import split
from rankfall.problems.tensor_completion import TensorCompletion

# Fewer observed entries than this cannot choose anything.
_FEWEST = 10
_HELD_OUT = 0.1
_TINY_SHAPE = (12, 10, 8)
# Multiplications of the singular value decompositions in one round.
_DECOMPOSED = 3e8


class TensorMethod(Contender):
    """A way to predict entries of a tensor; `Contender` says what else it has."""

    @abstractmethod
    def fit_predict(self, problem: TensorCompletion, indices: np.ndarray, seed: int) -> Float[np.ndarray, " entries"]:
        """Learn from the observed entries of `problem`; predictions at the indices, one row for each axis."""

    def predictions_for(self, job: Job) -> Float[np.ndarray, " entries"]:
        """Predictions for a problem, indices and a seed."""
        return self.fit_predict(*job)

    @staticmethod
    def tiny_job() -> Job:
        """Two components and noise, two thirds observed."""
        rng = np.random.default_rng(0)
        factors = [rng.standard_normal((side, 2)) for side in _TINY_SHAPE]
        tensor = np.einsum("ir,jr,kr->ijk", *factors) + 0.1 * rng.standard_normal(_TINY_SHAPE)
        problem = TensorCompletion.from_array(np.where(rng.random(_TINY_SHAPE) < 2 / 3, tensor, np.nan))
        return problem, problem.indices[:, :1], 0


@dataclass(frozen=True)
class TensorRankfall(TensorMethod):
    """`DeepTensorCompletion`; parameters: those that differ from its defaults."""

    name: ClassVar[str] = "rankfall"
    title: ClassVar[str] = "rankfall"
    parameters: Mapping[str, object] = field(default_factory=dict)

    def fit_predict(self, problem: TensorCompletion, indices: np.ndarray, seed: int) -> Float[np.ndarray, " entries"]:
        """Held-out entries choose family, width and ridge."""
        estimator = DeepTensorCompletion(random_state=seed).set_params(**self.parameters)
        estimator.fit_entries(problem.indices, problem.values, problem.shape, weights=problem.weights)
        return estimator.predict(indices)


@dataclass(frozen=True)
class SliceMeans(TensorMethod):
    """x̂ = μ + Σ_n (mean of the slice of axis n − μ); a slice without entries counts as the mean of everything."""

    name: ClassVar[str] = "slice-means"
    title: ClassVar[str] = "means of slices"

    def fit_predict(self, problem: TensorCompletion, indices: np.ndarray, seed: int) -> Float[np.ndarray, " entries"]:
        """Means, weighted as the entries are."""
        values = np.asarray(problem.values, dtype=np.float64)
        weights = np.ones_like(values) if problem.weights is None else np.asarray(problem.weights, dtype=np.float64)
        mean = float(weights @ values / weights.sum())
        found = np.full(indices.shape[1], mean)
        for own, asked, side in zip(problem.indices, indices, problem.shape, strict=True):
            mass, sums = np.bincount(own, weights, side), np.bincount(own, weights * (values - mean), side)
            found += (sums / np.where(mass > 0, mass, 1.0))[asked]
        return found


@dataclass(frozen=True)
class BestFlattening(TensorMethod):
    """Deep matrix factorization of a matricization; which axes are its columns is chosen on held-out entries."""

    name: ClassVar[str] = "flattening"
    title: ClassVar[str] = "best flattening"

    def fit_predict(self, problem: TensorCompletion, indices: np.ndarray, seed: int) -> Float[np.ndarray, " entries"]:
        """The matricization with the least held-out error, fitted to all entries."""

        def predict(part: TensorCompletion, indices: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
            return Flattened.of(part, axes, seed).at(indices)

        return predict(problem, indices, choose(Flattened.columns(problem), problem, seed, predict))


@dataclass(frozen=True)
class HaLRTC(TensorMethod):
    """`baselines.TensorNuclearNorm`, which has nothing to choose."""

    name: ClassVar[str] = "halrtc"
    title: ClassVar[str] = "HaLRTC"

    def too_large(self, problem: TensorCompletion) -> str | None:
        """It decomposes all matricizations in every round."""
        cells = math.prod(map(float, problem.shape))
        cost = sum(cells * min(side, cells / side) for side in problem.shape)
        if cost <= _DECOMPOSED:
            return None
        shape = " × ".join(map(str, problem.shape))
        return f"too large: a round of decompositions is {cost:.1g} for {shape}, at most {_DECOMPOSED:.0g} is tried"

    def fit_predict(self, problem: TensorCompletion, indices: np.ndarray, seed: int) -> Float[np.ndarray, " entries"]:
        """The entries of the dense result."""
        return TensorNuclearNorm().complete(problem)[tuple(indices)]


def choose(
    settings: Sequence[Setting],
    problem: TensorCompletion,
    seed: int,
    fit_predict: Callable[[TensorCompletion, np.ndarray, Setting], np.ndarray],
) -> Setting:
    """The setting that does best on a tenth of the entries when fitted to the others; the first one where none can."""
    if len(settings) == 1 or problem.count < _FEWEST:
        return settings[0]
    training = split(problem, _HELD_OUT, seed)
    held = training.held_out
    assert held is not None
    return least(settings, lambda setting: fit_predict(training, held.indices, setting) - held.values)
