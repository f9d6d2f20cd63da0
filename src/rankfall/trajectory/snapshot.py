"""A moment of a batch of runs, as stops, records and callbacks see it.

What several of them need (the singular values, the held-out error) is computed once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, to_numpy
from rankfall.integrators.state import taken
from rankfall.models.model import Model
from rankfall.problems.problem import Problem
from rankfall.trajectory.occurrence import Occurrence

_ROWS = ("time", "weights", "loss", "runs", "velocity", "curvature")
_COMPUTED = ("decomposition", "core", "held_out_error")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Runs of a batch at one step.

    Parameters
    ----------
    problem, model
        What the runs share; a batch of problems has one for each row.
    time, loss : (batch,)
        Flow time and ℓ.
    weights : (batch, p)
        The weights.
    runs : (batch,) int
        Which runs of the whole batch the rows are.
    step : int
        Integrator steps tried so far.
    evaluations : int
        Velocities computed so far.
    velocity : (batch, p), optional
        Ẇ at the weights, at the end of a step.
    curvature : (batch,), optional
        The largest curvature of the loss as the integrator sees it, where the record asks for it.
    events : mapping
        What happened in the step just taken, run → occurrences in the order of time.
    """

    problem: Problem
    model: Model
    time: Float[np.ndarray, " batch"]
    weights: Float[Array, "batch p"]
    loss: Float[np.ndarray, " batch"]
    runs: np.ndarray
    step: int = 0
    evaluations: int = 0
    velocity: Float[Array, "batch p"] | None = None
    curvature: Float[np.ndarray, " batch"] | None = None
    events: Mapping[int, tuple[Occurrence, ...]] = field(default_factory=dict[int, tuple[Occurrence, ...]])

    def take(self, chosen: Int[np.ndarray, " rows"]) -> "Snapshot":
        """The moment of those rows alone; what was computed already is kept."""
        rows = {name: taken(getattr(self, name), chosen) for name in _ROWS}
        part = replace(self, problem=self.problem.of_runs(chosen), **rows)
        part.__dict__.update({name: taken(value, chosen) for name, value in self._computed().items()})
        return part

    def with_events(self, events: Mapping[int, tuple[Occurrence, ...]]) -> "Snapshot":
        """The moment with what happened in the step before it; what was computed already is kept."""
        whole = replace(self, events=events)
        whole.__dict__.update(self._computed())
        return whole

    def _computed(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in _COMPUTED if name in self.__dict__}

    @property
    def product(self) -> Float[Array, "batch ..."]:
        """W of each run, formed."""
        return self.model.product(self.weights)

    @property
    def layers(self) -> list[Array]:
        """W_1 … W_N, each (batch, rows, cols)."""
        return self.model.layers(self.weights)

    @cached_property
    def decomposition(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Thin SVD (U, σ, Vᵀ) of W, σ descending."""
        u, values, v = self.model.decomposition(self.weights)
        return to_numpy(u), to_numpy(values), to_numpy(v)

    @property
    def singular_values(self) -> Float[np.ndarray, "batch q"]:
        """σ of W, descending."""
        return self.decomposition[1]

    @cached_property
    def core(self) -> Float[np.ndarray, "batch q q"]:
        """Uᵀ∇ℓ(W)V, the gradient seen in the singular bases of W; ∇ℓ is formed whole."""
        u, _, v = self.decomposition
        gradient = to_numpy(self.problem.loss_and_gradient(self.product)[1])
        gradient = gradient.reshape(*u.shape[:-1], v.shape[-1])  # of a tensor, its matricization
        return np.swapaxes(u, -1, -2) @ gradient @ np.swapaxes(v, -1, -2)

    @cached_property
    def held_out_error(self) -> Float[np.ndarray, " batch"] | None:
        """Mean squared residual on the held-out entries; None where the problem has none."""
        held = self.problem.held_out
        if held is None:
            return None
        return to_numpy(self.model.loss(held, self.weights)).astype(np.float64)
