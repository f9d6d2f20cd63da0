"""Recovery from noisy linear measurements against an oracle: `python -m benchmarks.noise_measured`.

Gaussian measurements of a 30 × 24 matrix of rank 2, or symmetric ones of a 30 × 30 semidefinite one, ρ times as many as
degrees of freedom, with normal noise relative to their standard deviation. The oracle is least squares in the tangent
space at the true matrix. `recover` is told no rank; errors are in the Frobenius norm, as ratios to the oracle's.
"""

import argparse

import numpy as np

from rankfall.problems import Sensing
from rankfall.recovery import Symmetry, recover
from rankfall.recovery.measurements import Measurements

RANK, SHAPES = 2, {Symmetry.GENERAL: (30, 24), Symmetry.SEMIDEFINITE: (30, 30)}
COLUMNS = ("matrix", "ρ", "noise", "rank found", "median", "worst", "noise told, least and most")


def oracle(given: Measurements, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Least squares in the tangent space at the truth."""
    u, _, vt = np.linalg.svd(truth)
    left, right = u[:, :RANK], vt[:RANK].T
    found = np.linalg.lstsq(given.tangents(left, right), given.whitening @ values, 1e-10)[0]
    m, n = truth.shape
    by_row = found[: m * RANK].reshape(m, RANK)
    by_col = by_row if given.symmetry is Symmetry.SEMIDEFINITE else found[m * RANK :].reshape(n, RANK)
    return by_row @ right.T + left @ by_col.T


def draw(symmetry: Symmetry, oversampling: float, level: float, seed: int) -> tuple[bool, float, float]:
    """Whether the rank is found, the error over the oracle's, and the noise told over the true one."""
    rng = np.random.default_rng([seed, 7])
    is_general, (m, n) = symmetry is Symmetry.GENERAL, SHAPES[symmetry]
    left = rng.standard_normal((m, RANK))
    truth = left @ (rng.standard_normal((RANK, n)) if is_general else left.T)
    count = round(oversampling * symmetry.freedom(RANK, m, n))
    exact = Sensing.gaussian(truth, count, seed, symmetric=not is_general)
    noise = level * float(np.std(exact.values))
    values = exact.values + noise * rng.standard_normal(count)
    found = recover(Sensing(exact.operator, values), semidefinite=not is_general, exact=False)
    least = np.linalg.norm(oracle(Measurements.as_given(exact.operator, symmetry), values, truth) - truth)
    return found.rank == RANK, float(np.linalg.norm(found.product.product - truth) / least), found.noise / noise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    chosen = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for symmetry in SHAPES:
        for oversampling in (1.5, 2.0, 3.0):
            for level in (1e-3, 1e-2, 0.1):
                done = [draw(symmetry, oversampling, level, seed) for seed in range(chosen.draws)]
                right, ratios, told = zip(*done, strict=True)
                print(
                    f"| {symmetry.value} | {oversampling:g} | {level:g} | {sum(right)} of {len(done)} | "
                    f"{np.median(ratios):.3f} | {max(ratios):.3f} | {min(told):.2f}, {max(told):.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
