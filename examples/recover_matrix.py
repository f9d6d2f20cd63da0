"""Recover a matrix of rank 5 from a fifth of its entries: what depth does, beside the matrix of least nuclear norm.

The papers' problem [arora2019]: 100 × 100, 2000 observed entries, layers of full width, a Gaussian start of scale
1e-3, stopped at training error 1e-6. The mean squared entry is 1, so an error of 1 is that of guessing zero.

    python examples/recover_matrix.py
"""

import numpy as np

import rankfall as rf
from rankfall.baselines import NuclearNorm
from rankfall.datasets import planted, uniform_entries


def main() -> None:
    truth = planted((100, 100), rank=5, seed=0)
    rows, cols = uniform_entries(truth.shape, 2000, seed=1)
    problem = rf.Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)

    solutions = {}
    for depth in (1, 2, 3):
        solutions[f"depth {depth}"] = rf.evolve(
            problem, rf.Chain(depth), rf.Gaussian(scale=1e-3), rf.Flow(rtol=1e-3), seed=2
        )
    solutions["least nuclear norm"] = NuclearNorm().solve(problem)

    print("                     training error   test error   nuclear norm   effective rank")
    for name, solution in solutions.items():
        training, test = problem.loss(solution.product), np.mean((solution.product - truth) ** 2)
        norm, rank = solution.nuclear_norm, solution.effective_rank
        print(f"{name:18}   {training:14.1e}   {test:10.1e}   {norm:12.1f}   {rank:14.2f}")
    print(f"{'truth':18}   {0:14.1e}   {0:10.1e}   {np.linalg.norm(truth, 'nuc'):12.1f}")


if __name__ == "__main__":
    main()
