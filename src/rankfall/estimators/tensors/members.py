"""What a prediction is made of: the best model of each family, and matrices of flattenings.

    W = Σ_k a_k W_k,      a ≥ 0 by least squares on the held-out entries

Where one member is as good as the sum, it is the only one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.optimize import nnls

from rankfall.estimators.tensors.trial import Trial, refit
from rankfall.estimators.tensors.unseen import with_unseen_slices
from rankfall.problems.tensor_completion import TensorCompletion

# Sums must lower the held-out error by this share, and smaller parts are left out.
_IMPROVED, _LEAST = 0.99, 0.02
# Held-out entries for each member at least: fewer do not tell a sum from its best member.
_ENTRIES = 50


class Member(ABC):
    """A fitted tensor, whatever it was fitted by."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The family."""

    @abstractmethod
    def at(self, indices: np.ndarray) -> Float[np.ndarray, " entries"]:
        """W at the indices, one row for each axis."""

    @abstractmethod
    def whole(self) -> Float[np.ndarray, "..."]:
        """W, formed."""

    @abstractmethod
    def refitted(self, problem: TensorCompletion) -> "Member":
        """The member fitted to all entries of the problem."""


@dataclass(frozen=True, eq=False)
class Modeled(Member):
    """A tensor model with its weights."""

    trial: Trial

    @property
    def name(self) -> str:
        """The family."""
        return self.trial.candidate.family

    def at(self, indices: np.ndarray) -> Float[np.ndarray, " entries"]:
        """W at the indices."""
        return self.trial.model.values_at(indices, self.trial.weights[None, :])[0]

    def whole(self) -> Float[np.ndarray, "..."]:
        """W, formed."""
        return self.trial.model.product(self.trial.weights[None, :])[0]

    def refitted(self, problem: TensorCompletion) -> "Modeled":
        """The weights after sweeps over all entries; slices that none observes are the mean of the others."""
        weights = with_unseen_slices(self.trial.model, refit(self.trial, problem), problem)
        return Modeled(replace(self.trial, weights=weights))


def mixed(
    members: Sequence[Member], shares: Sequence[float] | np.ndarray, read: Callable[[Member], np.ndarray]
) -> np.ndarray:
    """Σ_k a_k of what is read of each member."""
    parts = [share * read(member) for share, member in zip(shares, members, strict=True) if share]
    return np.sum(parts, axis=0)


def judged(
    members: Sequence[Member], held: TensorCompletion
) -> tuple[Float[np.ndarray, "held members"], Float[np.ndarray, " held"]]:
    """What each member predicts for the held-out entries, and their values."""
    predicted = np.stack([member.at(held.indices) for member in members], axis=1)
    return predicted, np.asarray(held.values, dtype=np.float64)


def crossed(
    predicted: Float[np.ndarray, "held members"], values: Float[np.ndarray, " held"], seed: int
) -> Float[np.ndarray, " held"]:
    """Predictions of each half of the held-out entries by the shares that the other half chose."""
    half = np.random.default_rng(seed).permutation(values.size) % 2
    found = np.empty(values.size)
    for k in (0, 1):
        found[half == k] = predicted[half == k] @ shares_of(predicted[half != k], values[half != k])
    return found


def shares_of(
    predicted: Float[np.ndarray, "held members"], values: Float[np.ndarray, " held"]
) -> Float[np.ndarray, " members"]:
    """How much of each member the prediction takes; a single 1 unless a sum is better."""
    count = predicted.shape[1]
    alone = np.zeros(count)
    if not values.size:
        alone[0] = 1
        return alone
    errors = np.sqrt(np.mean((predicted - values[:, None]) ** 2, axis=0))
    alone[np.argmin(errors)] = 1
    if count == 1 or values.size < _ENTRIES * count:
        return alone
    shares = nnls(predicted, values)[0]
    kept = shares > _LEAST
    shares = np.zeros(count)
    shares[kept] = nnls(predicted[:, kept], values)[0]
    error = np.sqrt(np.mean((predicted @ shares - values) ** 2))
    return shares if error < _IMPROVED * errors.min() else alone
