"""The vector field that integrators follow: a problem seen through a model, weights in, loss and velocity out."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array, is_numpy, namespace, to_numpy
from rankfall.integrators.rows import column, lengths, read
from rankfall.kernels.motion import Motion
from rankfall.models.model import Model
from rankfall.problems.problem import Problem


@dataclass
class Tally:
    """How many times a field and the parts taken from it computed a velocity."""

    evaluations: int = 0


@dataclass(frozen=True)
class Field:
    """Loss ℓ and velocity Ẇ of the flow, at the weights of a batch of runs.

    Parameters
    ----------
    problem : Problem
        What is measured; a batch of problems has one for each run.
    model : Model
        How W is written, with its sizes set (`model.sized`).
    tally : Tally
        The count of evaluations, shared with every field taken from this one.
    """

    problem: Problem
    model: Model
    tally: Tally = field(default_factory=Tally)

    def __call__(self, weights: Float[Array, "batch p"]) -> tuple[Float[np.ndarray, " batch"], Float[Array, "batch p"]]:
        """ℓ (batch,), in NumPy float64, and Ẇ (batch, p)."""
        loss, velocity = self.evaluate(weights)
        return read(loss)[0], velocity

    def evaluate(self, weights: Float[Array, "batch p"]) -> tuple[Float[Array, " batch"], Float[Array, "batch p"]]:
        """ℓ (batch,) and Ẇ (batch, p), both where the weights lie: nothing waits for a device."""
        self.tally.evaluations += 1
        if self.motion is not None:
            return self.motion.velocity(weights)
        return self.model.velocity(self.problem, weights)

    @cached_property
    def motion(self) -> Motion | None:
        """The model's compiled loops for this problem, where it has some."""
        return self.model.motion(self.problem)

    def nudged(
        self, weights: Float[Array, "batch p"], direction: Float[Array, "batch p"], small: float
    ) -> tuple[Float[Array, "batch p"], Float[Array, " batch"]]:
        """Ẇ at y + δv and δ‖v‖ = ε max(‖y‖, ε), ε = `small`, where the weights lie; Ẇ at y where v = 0."""
        if self.motion is not None:
            self.count(1)
            return self.motion.nudged(weights, direction, small)
        length, size = lengths(direction), lengths(weights)
        xp = namespace(length)
        one = xp.ones_like(length)
        reach = small * xp.where(size > small, size, small * one)
        delta = xp.where(length > 0, reach / xp.where(length > 0, length, one), 0 * one)
        by = column(delta, weights) if is_numpy(delta) else delta[:, None]
        return self.evaluate(weights + by * direction)[1], reach

    def count(self, evaluations: int) -> None:
        """Count evaluations that compiled loops made."""
        self.tally.evaluations += evaluations

    def loss(self, weights: Float[Array, "batch p"]) -> Float[np.ndarray, " batch"]:
        """ℓ alone (batch,), in NumPy float64; not counted as an evaluation."""
        return to_numpy(self.model.loss(self.problem, weights)).astype(np.float64)

    @property
    def evaluations(self) -> int:
        """How many velocities were computed so far."""
        return self.tally.evaluations

    def of_runs(self, chosen: int | np.integer | np.ndarray) -> "Field":
        """The field of the chosen runs, by an index array or one number; it counts into the same tally."""
        return Field(self.problem.of_runs(chosen), self.model, self.tally)
