"""A run followed again: the same problem, model, start, integrator and seed, with another record."""

import numpy as np

from rankfall.arrays import Array, to_numpy
from rankfall.models.model import Model
from rankfall.problems.problem import Problem
from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.stops import TimeReached


def followed_again(run: Trajectory, record: Record, end: float) -> Trajectory:
    """The run followed again up to a time, with another record."""
    assert run.problem is not None
    assert run.start is not None
    assert run.integrator is not None
    return evolve(
        run.problem, run.model, run.start, run.integrator, stop=TimeReached(end), record=record, seed=run.seed
    )


def every_step(run: Trajectory) -> Trajectory:
    """The run followed again, with loss, curvature and penalty at the end of every step."""
    decay = float(run.model.decay)

    def penalty(problem: Problem, model: Model, weights: Array) -> np.ndarray:
        return decay / 2 * np.sum(to_numpy(weights).astype(np.float64) ** 2, axis=-1)

    return followed_again(run, Record(curvature=True, functions={"penalty": penalty}), run.time)


def tolerance_of(run: Trajectory) -> float | None:
    """The integrator's tolerance; None where it takes steps of a length of its own."""
    assert run.integrator is not None
    return run.integrator.rtol


def is_discrete(run: Trajectory) -> bool:
    """Whether the integrator takes steps of a length of its own instead of following the flow to a tolerance."""
    return tolerance_of(run) is None
