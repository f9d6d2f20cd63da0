"""Recovery from noisy entries against an oracle: `python -m benchmarks.noise`.

Planted n × n matrices of rank r and condition 10, ρ r (2n − r) observed entries as in `benchmarks.recovery`, normal
noise relative to the entries' root mean square. The oracle is least squares in the tangent space at the true matrix.
An error is the root mean square over unobserved cells, as a ratio to the oracle's. `recover` is told nothing.
Alternating least squares are told the rank to within one, and choose it and one of five ridges on a tenth of the
entries held out.
"""

import argparse

import numpy as np

import rankfall as rf
from benchmarks.recovery import observed_positions
from rankfall.baselines import AlternatingLeastSquares
from rankfall.datasets import planted
from rankfall.recovery import recover
from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets

CELLS = ((100, 3, 2.0), (100, 3, 3.0), (100, 3, 4.0), (100, 5, 2.0), (100, 5, 3.0), (200, 5, 3.0), (200, 10, 3.0))
RIDGES = (0.0, 1e-4, 1e-3, 4e-3, 1.5e-2)
COLUMNS = ("n", "r", "ρ", "noise", "rank found", "recover", "worst", "ALS", "worst")


def oracle(sampling: Sampling, noise: np.ndarray, true: Triplets) -> np.ndarray:
    """What least squares in the true tangent space makes of the noise."""
    charge = np.full(true.values.size, 1e-12)
    fit = fit_tangent(sampling, noise, true.left, true.right, charge, tolerance=1e-8, iterations=3000)
    return fit.left @ true.right.T + true.left @ fit.right.T


def alternating(problem: rf.Completion, rank: int, size: float) -> np.ndarray:
    """The product of alternating least squares, rank and ridge chosen on held-out entries."""
    train = problem.hold_out(0.1, 0)
    errors = {}
    for near in range(max(rank - 1, 1), rank + 2):
        for ridge in RIDGES:
            found = AlternatingLeastSquares(near, ridge * size).solve(train)
            errors[near, ridge] = found.history["held_out_error"][-1]
    best, ridge = min(errors, key=lambda key: errors[key])
    return AlternatingLeastSquares(best, ridge * size, iterations=200).solve(problem).product


def draw(n: int, rank: int, oversampling: float, level: float, seed: int, beside: bool) -> tuple[int, float, float]:
    """The rank found, and the errors of both as ratios to the oracle's."""
    truth = planted((n, n), rank=rank, condition=10.0, seed=seed)
    rows, cols = observed_positions(n, rank, oversampling, seed)
    size = float(np.sqrt(np.mean(truth**2)))
    noise = level * size * np.random.default_rng([seed, 99]).standard_normal(rows.size)
    problem = rf.Completion.from_triplets(rows, cols, truth[rows, cols] + noise, truth.shape)
    hidden = np.ones(truth.shape, bool)
    hidden[rows, cols] = False
    u, values, vt = np.linalg.svd(truth)
    true = Triplets(u[:, :rank], values[:rank], vt[:rank].T)
    least = np.linalg.norm(oracle(Sampling(problem.rows, problem.cols, truth.shape), noise, true)[hidden])
    found = recover(problem, exact=False)
    mine = np.linalg.norm((found.product.product - truth)[hidden]) / least
    other = np.linalg.norm((alternating(problem, rank, size) - truth)[hidden]) / least if beside else np.nan
    return found.rank, float(mine), float(other)


def print_row(cells: tuple[str, ...]) -> None:
    print("| " + " | ".join(f"{cell:>{len(t)}}" for cell, t in zip(cells, COLUMNS, strict=True)) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", type=float, nargs="+", default=[0.1])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="without alternating least squares")
    chosen = parser.parse_args()
    print_row(COLUMNS)
    print("|" + "|".join("-" * (len(title) + 1) + ":" for title in COLUMNS) + "|")
    everything = []
    for level in chosen.levels:
        for n, rank, oversampling in CELLS:
            done = [draw(n, rank, oversampling, level, seed, not chosen.alone) for seed in range(chosen.draws)]
            everything += done
            ranks, mine, other = zip(*done, strict=True)
            print_row((
                f"{n}", f"{rank}", f"{oversampling:g}", f"{level:g}", f"{np.median(ranks):g}", f"{np.median(mine):.3f}",
                f"{max(mine):.3f}", f"{np.median(other):.3f}", f"{max(other):.3f}",
            ))  # fmt: skip
    _, mine, other = zip(*everything, strict=True)
    print(f"median over all: recover {np.median(mine):.3f}, ALS {np.median(other):.3f}")


if __name__ == "__main__":
    main()
