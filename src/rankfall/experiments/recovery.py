"""Compressed chains beside wide ones: the same descent, timed, its error along the way.

Both papers on compression train by plain gradient descent to a tiny loss and compare iterations, seconds and the error
on what was not observed.   [kwon2024], [yaras2024]
"""

import time

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.datasets import planted, uniform_entries
from rankfall.experiments.experiment import Arrays
from rankfall.integrators import Descent, Gradient
from rankfall.models import Model, Start
from rankfall.problems import Completion
from rankfall.problems.problem import Problem
from rankfall.trajectory import LossBelow, Record, Status, StepLimit, evolve

RECORDS = 200


def spread_target(size: int, rank: int, seed: int) -> Float[Array, "n n"]:
    """A Gaussian matrix of which `rank` singular triplets are kept, evenly spaced.   [kwon2024, code]"""
    u, values, v = np.linalg.svd(np.random.default_rng(seed).standard_normal((size, size)))
    kept = np.arange(rank) * size // rank
    return (u[:, kept] * values[kept]) @ v[kept]


def completion_of(truth: Float[Array, "n n"], share: float, seed: int) -> Completion:
    """A share of the entries, uniformly drawn."""
    rows, cols = uniform_entries(truth.shape, round(share * truth.size), seed=seed)
    return Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)


def planted_completion(
    size: int, rank: int, share: float, seed: int, dtype: npt.DTypeLike = np.float64
) -> tuple[Completion, Float[Array, "n n"]]:
    """A share of the entries of a planted matrix of mean squared entry 1, and that matrix."""
    truth = planted((size, size), rank, seed=seed).astype(dtype)
    return completion_of(truth, share, seed + 1000), truth


def stable_rate(truth: Float[Array, "n n"], weight: float, depth: int) -> float:
    """Half of what is stable at the solution: ½ weight ‖W − W*‖² has curvature weight · N σ_1^{2−2/N} there."""
    return 1 / (weight * depth * float(np.linalg.norm(truth, 2)) ** (2 - 2 / depth))


def followed(
    problem: Problem, model: Model, start: Start, rate: float, loss: float, steps: int, seed: int = 0
) -> Arrays:
    """Descent to `loss`: mean squared error over all entries on the way, iterations needed (or infinity), seconds.

    Seconds are those of the processor, as other programs take none of them. Loops are compiled before they count.
    """
    every = max(1, steps // RECORDS)
    evolve(problem, model, start, Descent(Gradient(rate)), stop=StepLimit(1), seed=seed)
    begun = time.process_time()
    run = evolve(
        problem, model, start, Descent(Gradient(rate)), stop=LossBelow(loss) | StepLimit(steps), seed=seed,
        record=Record(every=every),
    )  # fmt: skip
    seconds = time.process_time() - begun
    path = np.full(RECORDS + 2, np.nan)
    errors = run.history["test_error"]
    path[: len(errors)] = errors
    path[-1] = errors[-1]
    return {
        "path": path,
        "every": np.asarray(every),
        "iterations": np.asarray(run.steps if run.status == Status.CONVERGED else np.inf),
        "seconds": np.asarray(seconds),
    }
