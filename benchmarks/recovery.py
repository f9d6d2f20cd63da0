"""Exact recovery near the information limit: `python -m benchmarks.recovery`.

Planted n × n matrices of rank r, Haar frames, singular values from κ down to 1 geometrically, and
ρ r (2n − r) observed entries, uniform up to repair: a row or column with fewer than r entries gets random ones, as
many others that nothing depends on are dropped. `recover` is told neither rank nor truth.

A draw is *identifiable* where the certificate, computed at the true matrix, determines every cell; *solved* where the
error over all entries is below 1e-4; a certificate is *false* where a cell that it calls determined is wrong by more
than 1e-4 of the entries' size, or, where it claims no more than "up to noise", where the root mean squared error of the
block exceeds three times the noise told. The times of the table are seconds of processor time, the first call
(compilation) left out; run it with NUMBA_NUM_THREADS=1 and OMP_NUM_THREADS=1 for those of one core. Large instances are
told in wall time. `--yardsticks` runs solvers that are given the rank on the same draws.
"""

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np

import rankfall as rf
from rankfall.baselines import GNMR, R2RILS, MatrixIRLS, RiemannianCG
from rankfall.datasets import planted, uniform_entries
from rankfall.recovery import Recovery, recover
from rankfall.recovery.certify_truth import certify_truth

RANKS, CONDITIONS, OVERSAMPLINGS = (5, 10), (1.0, 10.0, 1e3, 1e5), (1.5, 1.3, 1.2, 1.1)
YARDSTICKS = (R2RILS, MatrixIRLS, GNMR, RiemannianCG)
SOLVED = 1e-4
COLUMNS = ("n", "r", "κ", "ρ", "draws", "identifiable", "of these solved", "false", "median s", "slowest s")


@dataclass(frozen=True)
class Draw:
    """One instance and what became of it."""

    identifiable: bool
    solved: bool
    false: bool
    seconds: float


def observed_positions(size: int, rank: int, oversampling: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of ρ r (2n − r) entries, no row or column with fewer than r of them."""
    count = round(oversampling * rank * (2 * size - rank))
    rows, cols = uniform_entries((size, size), count, seed=seed)
    rng = np.random.default_rng([seed, 7])
    keys = set((rows * size + cols).tolist())
    row_counts, col_counts = np.bincount(rows, minlength=size), np.bincount(cols, minlength=size)
    for counts, is_row in ((row_counts, True), (col_counts, False)):
        for line in np.flatnonzero(counts < rank).tolist():
            while counts[line] < rank:
                other = int(rng.integers(size))
                i, j = (line, other) if is_row else (other, line)
                if i * size + j not in keys:
                    keys.add(i * size + j)
                    row_counts[i] += 1
                    col_counts[j] += 1
    for key in rng.permutation(sorted(keys)).tolist():
        if len(keys) == count:
            break
        i, j = divmod(key, size)
        if row_counts[i] > rank and col_counts[j] > rank:
            keys.remove(key)
            row_counts[i] -= 1
            col_counts[j] -= 1
    kept = np.sort(np.fromiter(keys, np.int64))
    return kept // size, kept % size


def instance(
    size: int, rank: int, condition: float, oversampling: float, seed: int
) -> tuple[rf.Completion, np.ndarray]:
    """A problem and its truth."""
    truth = planted((size, size), rank=rank, condition=condition, seed=seed)
    rows, cols = observed_positions(size, rank, oversampling, seed)
    return rf.Completion.from_triplets(rows, cols, truth[rows, cols], (size, size)), truth


def draw(size: int, rank: int, condition: float, oversampling: float, seed: int) -> Draw:
    """One instance, recovered."""
    problem, truth = instance(size, rank, condition, oversampling, seed)
    begun = time.process_time()
    found = recover(problem)
    seconds = time.process_time() - begun
    wrong = np.abs(found.product.product - truth)
    return Draw(
        certify_truth(problem, truth, rank).is_complete,
        is_solved(found.product.product, truth),
        is_false(found, wrong, float(np.sqrt(np.mean(truth**2)))),
        seconds,
    )


def is_solved(product: np.ndarray, truth: np.ndarray) -> bool:
    return float(np.linalg.norm(product - truth)) < SOLVED * float(np.linalg.norm(truth))


def yardstick(solver: type, size: int, rank: int, condition: float, oversampling: float, seed: int) -> Draw:
    """The same instance, solved by a method that is given the rank."""
    problem, truth = instance(size, rank, condition, oversampling, seed)
    begun = time.process_time()
    found = solver(rank).solve(problem)
    seconds = time.process_time() - begun
    return Draw(True, is_solved(found.product, truth), False, seconds)


def is_false(found: Recovery, wrong: np.ndarray, size: float) -> bool:
    """Whether the certificate vouches for a cell that is wrong."""
    block = wrong[np.ix_(found.certificate.rows, found.certificate.cols)]
    if not block.size:
        return False
    if not found.is_exact:
        return float(np.sqrt(np.mean(block**2))) > 3 * found.noise
    return float(block.max()) > SOLVED * size


def print_row(cells: tuple[str, ...]) -> None:
    print("| " + " | ".join(f"{cell:>{len(t)}}" for cell, t in zip(cells, COLUMNS, strict=True)) + " |", flush=True)


def run_table(
    size: int, ranks: list[int], conditions: list[float], oversamplings: list[float], draws: int, beside: bool
) -> None:
    """The table of success; `beside` adds a line for each yardstick."""
    draw(60, 2, 10.0, 2.0, 0)
    print_row(COLUMNS)
    print("|" + "|".join("-" * (len(title) + 1) + ":" for title in COLUMNS) + "|")
    for rank in ranks:
        for condition in conditions:
            for oversampling in oversamplings:
                done = [draw(size, rank, condition, oversampling, seed) for seed in range(draws)]
                seconds = [d.seconds for d in done]
                print_row((
                    f"{size}", f"{rank}", f"{condition:g}", f"{oversampling:g}", f"{draws}",
                    f"{sum(d.identifiable for d in done)}", f"{sum(d.solved for d in done if d.identifiable)}",
                    f"{sum(d.false for d in done)}", f"{np.median(seconds):.2f}", f"{max(seconds):.2f}",
                ))  # fmt: skip
                can = [seed for seed, d in enumerate(done) if d.identifiable]
                for solver in YARDSTICKS if beside else ():
                    others = [yardstick(solver, size, rank, condition, oversampling, seed) for seed in can]
                    times = [d.seconds for d in others] or [0.0]
                    print_row((
                        solver.__name__, "", "", "", "", "", f"{sum(d.solved for d in others)}", "",
                        f"{np.median(times):.2f}", f"{max(times):.2f}",
                    ))  # fmt: skip


def run_large(size: int, rank: int, oversampling: float) -> None:
    """One large instance, its truth known by factors only: seconds, peak memory, error on 10⁵ random cells."""
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((size, rank)), rng.standard_normal((size, rank))
    rows, cols = uniform_entries((size, size), round(oversampling * rank * (2 * size - rank)), seed=0)
    problem = rf.Completion.from_triplets(rows, cols, np.einsum("ek,ek->e", left[rows], right[cols]), (size, size))
    begun = time.perf_counter()
    found = recover(problem)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    i, j = rng.integers(size, size=(2, 10**5))
    sure = found.certificate.determines(i, j)
    true = np.einsum("ek,ek->e", left[i], right[j])
    error = np.linalg.norm((found.product.predict(i, j) - true)[sure]) / np.linalg.norm(true[sure])
    print(f"n = {size}, r = {rank}, ρ = {oversampling:g}: {found.status}; {seconds:.1f} s, {peak:.0f} MB at the peak,")
    print(f"error {error:.1e} on the {sure.mean():.1%} of random cells that are determined")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--ranks", type=int, nargs="+", default=list(RANKS))
    parser.add_argument("--conditions", type=float, nargs="+", default=list(CONDITIONS))
    parser.add_argument("--oversamplings", type=float, nargs="+", default=list(OVERSAMPLINGS))
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--yardsticks", action="store_true", help="solvers that are given the rank, on the same draws")
    parser.add_argument("--large", type=int, nargs="*", default=[10_000], help="sizes of single large instances")
    parser.add_argument("--large-oversampling", type=float, default=2.0, help="ρ of these, whose rank is 10")
    chosen = parser.parse_args()
    if chosen.draws:
        run_table(chosen.size, chosen.ranks, chosen.conditions, chosen.oversamplings, chosen.draws, chosen.yardsticks)
    for size in chosen.large:
        run_large(size, 10, chosen.large_oversampling)


if __name__ == "__main__":
    main()
