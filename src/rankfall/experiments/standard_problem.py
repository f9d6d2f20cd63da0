"""The papers' completion problem, and runs that end at a loss rather than somewhere below it.

A 100 × 100 matrix of rank 5 whose mean squared entry is 1, some thousands of its entries observed [arora2019]. The
published numbers look like those of positions drawn *with* replacement (an inference: the released generator draws
without): 2000 draws hit about 1813 entries, and at 1813 the convex optimum has the published error 0.1, nuclear norm
210 and effective rank 9, where 2000 distinct entries give it 0.05, 216 and 8. `repeats=True` draws that way, and an
entry that comes twice weighs twice, as it does in a mean over draws.

The papers stop at a training loss of 1e-6, in steps so small that they end there. A flow's last step may be long and
end far below, with a smaller error than the papers'; `run_to_loss` ends where the loss passes, by the dense output.
"""

import numpy as np

from rankfall.datasets import planted, uniform_entries
from rankfall.integrators import Flow
from rankfall.models import Model, Start
from rankfall.problems import Completion
from rankfall.problems.problem import Problem
from rankfall.trajectory import Crossing, LossBelow, Record, StepLimit, TimeReached, Trajectory, evolve

SIZE, RANK = 100, 5


def standard_problem(observed: int, draw: int, *, repeats: bool = True) -> Completion:
    """The problem of one draw of matrix and positions, its truth known."""
    truth = planted((SIZE, SIZE), RANK, seed=draw)
    seed = 1000 + draw
    if not repeats:
        rows, cols = uniform_entries(truth.shape, observed, seed=seed)
        return Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)
    drawn = np.random.default_rng(seed).integers(SIZE * SIZE, size=observed)
    places, counts = np.unique(drawn, return_counts=True)
    rows, cols = np.divmod(places, SIZE)
    weights = counts.astype(np.float64)
    return Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, weights=weights, truth=truth)


def error_of(product: np.ndarray, problem: Problem) -> float:
    """The mean squared error over all entries; that of the zero matrix is 1."""
    return float(np.mean((product - problem.truth) ** 2))


def run_to_loss(
    problem: Problem, model: Model, start: Start, loss: float, seed: int, *, rtol: float = 1e-3,
    record: Record | None = None, steps: int = 1_000_000,
) -> Trajectory:  # fmt: skip
    """The flow, ended at the time when the loss passes `loss`: one run finds the time, a second stops there.

    A run that ends otherwise (stalled, out of `steps`) is returned as it ended.
    """

    def fall(problem, model, weights):
        return -np.log(model.loss(problem, weights) / loss)

    integrator = Flow(rtol)
    found = evolve(
        problem, model, start, integrator, stop=LossBelow(loss) | StepLimit(steps), seed=seed,
        record=Record(every=10**9, events=[Crossing("passes", fall)]),
    )  # fmt: skip
    if not found.events:
        return found
    return evolve(problem, model, start, integrator, stop=TimeReached(found.events[-1].time), seed=seed, record=record)
