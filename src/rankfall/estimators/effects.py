"""Row and column effects: x_ij ≈ μ + a_i + b_j, each shrunk by as much as the entries themselves suggest.

What the alternating means need of a table are a few sums over its entries, which `Sums` names: of a list of entries
(`ListedSums`), or of blocks on many machines (`rankfall.cluster`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from rankfall.kernels.pieces import line_counts, line_totals, total

_ROUNDS, _TOLERANCE = 20, 1e-3


class Effects(NamedTuple):
    """μ, a (m,), b (n,), their dampings, and the variance left; x_ij ≈ μ + a_i + b_j, a ~ N(0, τ_a²), b ~ N(0, τ_b²).

    The dampings say how many entries' worth of doubt shrinks an effect: noise/τ².
    """

    mean: float
    rows: Float[np.ndarray, " m"]
    cols: Float[np.ndarray, " n"]
    row_damping: float
    column_damping: float
    noise: float


class Sums(ABC):
    """Weighted sums over the entries x of a table.

    Attributes
    ----------
    row_mass, column_mass : ndarray, shape (m,), (n,)
        Σ w of the rows and columns.
    mean : float
        Of the entries.
    """

    row_mass: Float[np.ndarray, " m"]
    column_mass: Float[np.ndarray, " n"]
    mean: float

    @abstractmethod
    def of_columns(self, row_effects: Float[np.ndarray, " m"]) -> Float[np.ndarray, " n"]:
        """Σ_i w (x_ij − a_i − μ) of the columns."""

    @abstractmethod
    def of_rows(self, column_effects: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
        """Σ_j w (x_ij − b_j − μ) of the rows."""

    @abstractmethod
    def variance(self, row_effects: Float[np.ndarray, " m"], column_effects: Float[np.ndarray, " n"]) -> float:
        """The mean of (x − μ − a − b)²."""


@dataclass(frozen=True, eq=False)
class ListedSums(Sums):
    """Sums over a list of entries: positions, values and weights (None for ones) of an m × n table."""

    rows: Int[np.ndarray, " entries"]
    cols: Int[np.ndarray, " entries"]
    values: Float[np.ndarray, " entries"]
    weights: Float[np.ndarray, " entries"] | None
    shape: tuple[int, int]

    @cached_property
    def row_mass(self) -> Float[np.ndarray, " m"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Σ w of the rows."""
        return self._mass(self.rows, self.shape[0])

    @cached_property
    def column_mass(self) -> Float[np.ndarray, " n"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Σ w of the columns."""
        return self._mass(self.cols, self.shape[1])

    @cached_property
    def mean(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Σ w x / Σ w."""
        return total(lambda piece: self._weighed(self.values[piece], piece), self.values.size) / self._total_mass

    def of_columns(self, row_effects: Float[np.ndarray, " m"]) -> Float[np.ndarray, " n"]:
        """One pass over the entries."""
        return line_totals(self.cols, lambda piece: self._without(row_effects, self.rows, piece), self.shape[1])

    def of_rows(self, column_effects: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
        """One pass over the entries."""
        return line_totals(self.rows, lambda piece: self._without(column_effects, self.cols, piece), self.shape[0])

    def variance(self, row_effects: Float[np.ndarray, " m"], column_effects: Float[np.ndarray, " n"]) -> float:
        """One pass over the entries."""
        return (
            total(lambda piece: self._squares(row_effects, column_effects, piece), self.values.size) / self._total_mass
        )

    def _mass(self, lines: np.ndarray, line_count: int) -> np.ndarray:
        if self.weights is None:
            return line_counts(lines, line_count).astype(np.float64)
        return line_totals(lines, self.weights.__getitem__, line_count)

    @cached_property
    def _total_mass(self) -> float:
        return float(self.values.size if self.weights is None else self.weights.sum())

    def _squares(self, row_effects: np.ndarray, column_effects: np.ndarray, piece: slice) -> np.ndarray:
        """w (x − μ − a − b)² of a piece."""
        rest = self.values[piece] - self.mean
        rest -= row_effects[self.rows[piece]]
        rest -= column_effects[self.cols[piece]]
        return self._weighed(np.square(rest, out=rest), piece)

    def _without(self, effects: np.ndarray, lines: np.ndarray, piece: slice) -> np.ndarray:
        """w (x − effect − μ) of a piece."""
        rest = effects[lines[piece]]
        np.subtract(self.values[piece], rest, out=rest)
        rest -= self.mean
        return self._weighed(rest, piece)

    def _weighed(self, terms: np.ndarray, piece: slice) -> np.ndarray:
        return terms if self.weights is None else self.weights[piece] * terms


def damped_effects(sums: Sums) -> Effects:
    """Alternating posterior means.

    τ² and the noise are re-estimated in every round (expectation–maximization).
    """
    masses = sums.row_mass, sums.column_mass
    effects = [np.zeros(masses[0].size), np.zeros(masses[1].size)]
    noise = sums.variance(*effects) or 1e-300
    dampings = [5.0, 5.0]
    for _ in range(_ROUNDS):
        before = noise
        for mine in (1, 0):
            mass, rest = masses[mine], sums.of_columns(effects[0]) if mine else sums.of_rows(effects[1])
            effects[mine] = rest / (mass + dampings[mine])
            seen = mass > 0
            variance = np.mean(effects[mine][seen] ** 2 + noise / (mass[seen] + dampings[mine]))
            dampings[mine] = float(np.clip(noise / max(variance, 1e-300), 1e-3, 1e6))
        noise = max(sums.variance(*effects), 1e-300)
        if abs(noise - before) < _TOLERANCE * noise:
            break
    return Effects(sums.mean, effects[0], effects[1], dampings[0], dampings[1], noise)
