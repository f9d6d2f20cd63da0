"""The contract of a compiled motion: whole steps of one model on one problem in one call.

A model that has one returns it from `Model.motion(problem)`; step methods that know it use it, and the general path
does the same in Python. It changes no result beyond rounding.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np


class ChebyshevEnd(NamedTuple):
    """The end of a Chebyshev step: weights and velocity (batch, p), loss and error (batch,)."""

    weights: np.ndarray
    velocity: np.ndarray
    loss: np.ndarray
    error: np.ndarray


class ExplicitEnd(NamedTuple):
    """The end of an explicit Runge–Kutta step.

    stages (s + 1, batch, p) are the velocities, that of the end last; estimates (batch, ·) the norms of the error
    estimates; gap, turn (batch,) how far the last stage and its velocity are from the end and its velocity.
    """

    weights: np.ndarray
    stages: np.ndarray
    loss: np.ndarray
    estimates: np.ndarray
    gap: np.ndarray
    turn: np.ndarray


class Motion(ABC):
    """Velocity and steps of a batch of runs; all arrays are NumPy's, (batch, p) or (batch,)."""

    @abstractmethod
    def velocity(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ℓ (batch,), float64, and Ẇ (batch, p)."""

    @abstractmethod
    def nudged(self, weights: np.ndarray, direction: np.ndarray, small: float) -> tuple[np.ndarray, np.ndarray]:
        """Ẇ at y + δv (batch, p), and δ‖v‖ = ε max(‖y‖, ε) (batch,), ε = `small`; one evaluation."""

    @abstractmethod
    def chebyshev(
        self, weights: np.ndarray, velocity: np.ndarray, h: np.ndarray, factors: np.ndarray, spans: np.ndarray
    ) -> ChebyshevEnd:
        """A Chebyshev step: rows (μ_j, ν_j, μ̃_j, γ̃_j), and from where to where those of each run go (batch, 2).

        Each row is a stage and an evaluation; Y_{−1} = Y_0 in the first.
        """

    @abstractmethod
    def explicit(
        self, weights: np.ndarray, velocity: np.ndarray, h: np.ndarray, tableau: np.ndarray, last: np.ndarray,
        estimates: np.ndarray,
    ) -> ExplicitEnd:  # fmt: skip
        """An explicit step of s stages: `tableau` (s, s), `last` (s,), `estimates` (·, s + 1); s evaluations."""
