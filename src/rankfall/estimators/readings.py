"""How the entries of a fit are read: what is held out of them, in which units, and which problem is left for a run.

Choosing (`rankfall.estimators.selection`) asks for nothing else, so that it is the same for a list of entries
(`ListedReadings`) and for blocks of them on a cluster (`rankfall.cluster`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.estimators.candidate import Candidate
from rankfall.estimators.fold import Fold, fold_of
from rankfall.estimators.folds import residuals_of, splits
from rankfall.estimators.robust_scaling import standardizations
from rankfall.estimators.scaling_choice import scalings_of
from rankfall.estimators.settings import FitSettings
from rankfall.estimators.standardization import Standardization
from rankfall.kernels.pieces import line_totals
from rankfall.models.chain import Chain
from rankfall.models.features import observed_features
from rankfall.models.lifted import Lifted
from rankfall.models.model import Model
from rankfall.problems.completion import Completion


class Readings(ABC):
    """The splits of a table, and what choosing needs to know of them.

    Attributes
    ----------
    pairs : sequence of (Completion, Completion)
        Training and held-out entries of each split.
    """

    @property
    @abstractmethod
    def pairs(self) -> Sequence[tuple[Completion, Completion]]:
        """Training and held-out entries of each split."""

    @property
    def has_limit(self) -> bool:
        """Whether the limit of depth and time can be computed here; False unless a class says otherwise."""
        return False

    @abstractmethod
    def scalings(self, scaling: str, is_open: bool) -> tuple[str, ...]:
        """Which readings are tried, the likeliest first; is_open: whether more than one may be."""

    @abstractmethod
    def standardizations(self, scaling: str) -> list[Standardization]:
        """How the training entries of each split are read."""

    @abstractmethod
    def fold(self, split: int, standardization: Standardization, seed: int) -> Fold:
        """A split before its run."""

    @abstractmethod
    def residuals(self, folds: list[Fold], dtype: type) -> Completion:
        """What the effects leave of the training entries, for a run."""

    @abstractmethod
    def model(self, candidate: Candidate, residuals: Completion) -> Model:
        """What a candidate writes the product as, for such residuals."""

    @abstractmethod
    def column_means(self, split: int) -> Float[np.ndarray, " n"]:
        """Of the training entries."""


@dataclass(frozen=True, eq=False)
class ListedReadings(Readings):
    """The readings of a problem whose entries are at hand."""

    problem: Completion
    settings: FitSettings

    @cached_property
    def pairs(self) -> Sequence[tuple[Completion, Completion]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One split where that holds out plenty, else several."""
        return splits(self.problem, self.settings.holdout, self.settings.seed, self.settings.categories)

    @property
    def has_limit(self) -> bool:
        """Where no entry weighs more than another."""
        return self.problem.weights is None

    def scalings(self, scaling: str, is_open: bool) -> tuple[str, ...]:
        """By effects alone on the held-out entries."""
        return scalings_of(self.problem, self.pairs, scaling, is_open)

    def standardizations(self, scaling: str) -> list[Standardization]:
        """By the loss of the settings."""
        return standardizations(self.problem, [train for train, _ in self.pairs], scaling, self.settings.loss)

    def fold(self, split: int, standardization: Standardization, seed: int) -> Fold:
        """The fold of a split."""
        return fold_of(*self.pairs[split], standardization, seed)

    def residuals(self, folds: list[Fold], dtype: type) -> Completion:
        """One table, or those of several folds on the same cells."""
        return residuals_of(folds, dtype)

    def model(self, candidate: Candidate, residuals: Completion) -> Model:
        """A chain, with features of the residuals' own mask where the candidate has any."""
        return model_of(candidate, residuals)

    def column_means(self, split: int) -> Float[np.ndarray, " n"]:
        """The mean of the table where a column has no entry."""
        train = self.pairs[split][0]
        values, counts = np.asarray(train.values), train.degrees[1]
        sums = line_totals(train.cols, values.__getitem__, train.shape[1])
        return np.where(counts > 0, sums / np.maximum(counts, 1), values.mean(dtype=np.float64))


def model_of(candidate: Candidate, problem: Completion) -> Model:
    """The chain of a candidate, with the features of the problem's own mask where it has any."""
    chain = Chain(int(candidate.depth), min(candidate.width, *problem.shape))
    return Lifted(chain, *observed_features(problem, candidate.features)) if candidate.features else chain
