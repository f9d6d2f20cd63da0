"""Run eight starts as one batch: how much of the answer is the seed's, and how much the scale's.

A batch moves in lockstep, each run with its own step and its own time; the runs are the same as one by one, up to
rounding, and share the work of Python's loop.

    python examples/batch_of_seeds.py
"""

import numpy as np

import rankfall as rf
from rankfall.datasets import planted, uniform_entries


def main() -> None:
    truth = planted((40, 30), rank=2, seed=0)
    rows, cols = uniform_entries(truth.shape, 400, seed=1)
    problem = rf.Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)

    print("depth   scale      test error: smallest    median      largest   effective rank")
    for depth in (2, 3):
        for scale in (1e-1, 1e-3):
            runs = rf.evolve(problem, rf.Chain(depth), rf.Gaussian(scale), rf.Flow(), seed=range(8))
            errors = [run.history["test_error"][-1] for run in runs]
            ranks = [run.effective_rank for run in runs]
            print(
                f"{depth:5d}   {scale:5.0e}   {min(errors):20.1e}   {np.median(errors):9.1e}   {max(errors):9.1e}"
                f"   {np.median(ranks):12.2f}"
            )


if __name__ == "__main__":
    main()
