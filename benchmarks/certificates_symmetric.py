"""General and symmetric certificates of symmetric tables: `python -m benchmarks.certificates_symmetric`.

Squared distances of 20 points on a line, of which the diagonal is known or not, and of 30 points in the plane without:
rank 3 and 4. Pairs are observed at random, ρ times as many numbers as a symmetric matrix of the rank has degrees of
freedom. Each table is recovered as any matrix (`symmetric=False`) and as a symmetric one. A certificate is false where
a cell that it calls determined is wrong by more than 1e-4 of the entries' size.
"""

import argparse

import numpy as np

import rankfall as rf
from benchmarks.recovery import is_false
from rankfall.recovery import Symmetry, recover

# points, dimensions of the space they lie in, whether the diagonal is observed
KINDS = {"line, diagonal known": (20, 1, True), "line": (20, 1, False), "plane": (30, 2, False)}
RATIOS = (0.95, 1.0, 1.05, 1.15, 1.3)


def drawn(kind: str, oversampling: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The table and the mask of what is observed, both symmetric."""
    count, dimensions, knows_diagonal = KINDS[kind]
    rng = np.random.default_rng([seed, round(100 * oversampling), list(KINDS).index(kind)])
    points = rng.standard_normal((count, dimensions))
    table = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=-1)
    wanted = oversampling * Symmetry.SYMMETRIC.freedom(dimensions + 2, count, count)
    above, left = np.triu_indices(count, 1)
    chosen = rng.choice(above.size, min(round(wanted - count * knows_diagonal), above.size), replace=False)
    mask = np.diag(np.full(count, knows_diagonal))
    mask[above[chosen], left[chosen]] = mask[left[chosen], above[chosen]] = True
    return table, mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--attempts", type=int, default=1, help="paths of each answer")
    chosen = parser.parse_args()
    whole = np.zeros((2, 2), int)
    for kind in KINDS:
        for oversampling in RATIOS:
            found = np.zeros((2, 2), int)
            for seed in range(chosen.draws):
                table, mask = drawn(kind, oversampling, seed)
                problem = rf.Completion.from_array(np.where(mask, table, np.nan))
                for place, symmetric in enumerate((False, True)):
                    answer = recover(problem, symmetric=symmetric, attempts=chosen.attempts)
                    if answer.is_exact and answer.certificate.count:
                        size = float(np.sqrt(np.mean(table**2)))
                        wrong = is_false(answer, np.abs(answer.product.product - table), size)
                        found[place] += 1, wrong
            whole += found
            print(
                f"{kind}, ρ = {oversampling:g}, {chosen.draws} tables: general {found[0, 0]} certified, {found[0, 1]} "
                f"false; symmetric {found[1, 0]}, {found[1, 1]} false",
                flush=True,
            )
    print(f"all: general {whole[0, 0]} certified, {whole[0, 1]} false; symmetric {whole[1, 0]}, {whole[1, 1]} false")


if __name__ == "__main__":
    main()
