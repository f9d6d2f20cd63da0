"""What measured entries cost, as fused compiled loops over entries read it."""

from dataclasses import dataclass, replace
from typing import Any, no_type_check

import numpy as np
from numba import njit

from rankfall.kernels.entry_costs import SQUARED, cost_and_pull

# A loss of its own kind: ½ ∂ℓ/∂W of each entry is given in place of its value.
GIVEN = -1


@dataclass(frozen=True, eq=False)
class EntryTerms:
    """ℓ(W) = Σ_e s w_e ρ(W_e, b_e), s = 1/Σw, for one tensor or for each run of a batch.

    Parameters
    ----------
    values : ndarray, shape `(tensors, entries)`
        b; ½ ∂ℓ/∂W for the kind GIVEN.
    weights : ndarray, shape `(tensors, entries)` or `(tensors, 0)`
        w; empty for ones.
    shares : ndarray of float64, shape `(tensors,)`
        s.
    kind, parameter
        What ρ is, as in `rankfall.kernels.entry_costs`.
    """

    values: np.ndarray
    weights: np.ndarray
    shares: np.ndarray
    kind: int
    parameter: float | np.floating

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray | None, kind: int, parameter: float) -> "EntryTerms":
        """The terms of values and weights, either of one tensor, (1, entries), or of as many as there are runs."""
        if weights is None:
            weights, shares = np.empty((1, 0), values.dtype), np.array([1 / max(values.shape[1], 1)])
        else:
            shares = 1 / weights.sum(axis=1, dtype=np.float64)
        values, weights = np.ascontiguousarray(values), np.ascontiguousarray(weights, dtype=values.dtype)
        return cls(values, weights, shares, kind, values.dtype.type(parameter))

    def taken(self, order: np.ndarray) -> "EntryTerms":
        """The terms with the entries in another order."""
        weights = self.weights[:, order] if self.weights.shape[1] else self.weights
        return replace(self, values=np.ascontiguousarray(self.values[:, order]), weights=np.ascontiguousarray(weights))

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The fields in their order, as compiled loops take them."""
        return self.values, self.weights, self.shares, self.kind, self.parameter

    @classmethod
    def given(cls, slopes: np.ndarray) -> "EntryTerms":
        """Terms whose ½ ∂ℓ/∂W is given."""
        return cls.of(slopes, None, GIVEN, 0.0)


@dataclass(frozen=True, eq=False)
class SortedTerms:
    """Entries sorted by their index on one axis, and what they cost.

    Parameters
    ----------
    starts : ndarray of int, shape `(side + 1,)`
        Where each slice begins, and where the last one ends.
    positions : ndarray of int, shape `(order, entries)`
    terms : EntryTerms
    """

    starts: np.ndarray
    positions: np.ndarray
    terms: EntryTerms


@njit(cache=True, inline="always")
@no_type_check
def cost_and_slope(kind, parameter, predicted, target, weight):
    """What an entry of weight s w adds to ℓ, and ½ of its derivative by W_e."""
    if kind == SQUARED:
        residual = predicted - target
        return weight * residual * residual, weight * residual
    if kind == GIVEN:
        return 0.0, target
    cost, pull = cost_and_pull(kind, parameter, predicted, target)
    return weight * cost, weight * pull
