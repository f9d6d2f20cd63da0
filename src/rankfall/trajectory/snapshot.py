"""A moment of a batch of runs, as stops, records and callbacks see it.

What several of them want (the singular values, the held-out error) is computed once and kept for the moment.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import Array, to_numpy
from rankfall.integrators.state import taken


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Runs of a batch at one step: `time`, `loss` (batch,), `weights` (batch, p), and the problem and model they share.

    runs: which runs of the whole batch these rows are, (batch,).
    step: integrator steps tried so far; evaluations: gradients asked for so far.
    curvature: the largest of the Hessian as the integrator sees it, (batch,), where the record asks for it.
    events: what happened in the step just taken, run → a list of `Occurrence`.
    """

    problem: Any
    model: Any
    time: Float[np.ndarray, " batch"]
    weights: Float[Array, "batch p"]
    loss: Float[np.ndarray, " batch"]
    runs: np.ndarray
    step: int = 0
    evaluations: int = 0
    curvature: Float[np.ndarray, " batch"] | None = None
    events: dict[int, list[Any]] = field(default_factory=dict)

    def take(self, chosen: Int[np.ndarray, " rows"]) -> "Snapshot":
        """The moment of those rows alone."""
        rows = {name: taken(getattr(self, name), chosen) for name in ("time", "weights", "loss", "runs", "curvature")}
        return replace(self, problem=self.problem.of_runs(chosen), **rows)

    @property
    def product(self) -> Float[Array, "batch m n"]:
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
        """Uᵀ∇ℓ(W)V: the gradient seen in the singular bases of W; ∇ℓ is formed whole."""
        u, _, v = self.decomposition
        gradient = to_numpy(self.problem.loss_and_gradient(self.product)[1])
        return np.swapaxes(u, -1, -2) @ gradient @ np.swapaxes(v, -1, -2)

    @cached_property
    def held_out_error(self) -> Float[np.ndarray, " batch"] | None:
        """Mean squared residual on the held-out entries; None where the problem has none."""
        held = self.problem.held_out
        if held is None:
            return None
        return to_numpy(self.model.loss(held, self.weights)).astype(np.float64)
