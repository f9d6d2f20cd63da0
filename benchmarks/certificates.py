"""How often a certificate of `recover` is false: `python -m benchmarks.certificates --certified 10000`.

Planted matrices of sides 40 to 60 (every fourth is a 12 × 60 to 20 × 80 rectangle), ranks 1 to 4, condition 1 to 10⁴,
with ρ r (m + n − r) observed entries, ρ from 0.9 to 2. Half of the masks are uniform; in the other half the entries of
rows and columns are spread as powers of their number, so that many lines have too few. Every fifth draw has noise, from
10⁻⁵ to 0.1 of the entries' size, at ρ from 1.4 to 3.5. Draws are made until so many answers have a certificate.

A certificate is *false* as in `benchmarks.recovery`: a cell that it calls determined is wrong by more than 1e-4 of the
entries' size; or, where it claims no more than "up to noise", the root mean squared error of the block exceeds three
times the noise told. Every false one is printed with its seed; `--only SEED` draws it again. `--first` continues.
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

import rankfall as rf
from benchmarks.recovery import is_false
from rankfall.datasets import planted
from rankfall.recovery import Recovery, recover

KINDS = ("exact, exact data", "up to noise, exact data", "exact, noisy data", "up to noise, noisy data")


@dataclass(frozen=True)
class Instance:
    """A planted matrix, the entries shown, and what they were drawn with."""

    truth: np.ndarray
    rows: np.ndarray
    cols: np.ndarray
    values: np.ndarray
    told: str
    is_noisy: bool

    @property
    def size(self) -> float:
        """Root of the mean square of the entries."""
        return float(np.sqrt(np.mean(self.truth**2)))


def drawn(seed: int) -> Instance:
    """The instance of a seed."""
    rng = np.random.default_rng([seed, 15])
    is_long, is_uneven, is_noisy = seed % 4 == 3, seed // 4 % 2 == 1, seed % 5 == 4
    sides = (rng.integers(12, 21), rng.integers(60, 81)) if is_long else rng.integers(40, 61, 2)
    m, n = (int(side) for side in sides)
    rank, condition = int(rng.integers(1, 5)), 10 ** rng.uniform(0, 4)
    ratio = rng.uniform(1.4, 3.5) if is_noisy else rng.uniform(0.9, 2.0)
    truth = planted((m, n), rank=rank, condition=condition, seed=seed)
    count = min(round(ratio * rank * (m + n - rank)), m * n - 1)
    power = rng.uniform(0.3, 1.0) if is_uneven else 0.0
    chances = np.outer(np.arange(1.0, m + 1) ** -power, np.arange(1.0, n + 1) ** -power).ravel()
    places = np.sort(rng.choice(m * n, count, replace=False, p=chances / chances.sum()))
    rows, cols = places // n, places % n
    level = 10 ** rng.uniform(-5, -1) if is_noisy else 0.0
    size = float(np.sqrt(np.mean(truth**2)))
    values = truth[rows, cols] + level * size * rng.standard_normal(count)
    told = f"{m} × {n}, r = {rank}, κ = {condition:.3g}, ρ = {ratio:.3g}, power {power:.2g}, noise {level:.2g}"
    return Instance(truth, rows, cols, values, told, is_noisy)


def recovered(instance: Instance, attempts: int) -> Recovery:
    """What `recover` makes of it."""
    problem = rf.Completion.from_triplets(instance.rows, instance.cols, instance.values, instance.truth.shape)
    return recover(problem, attempts=attempts)


def print_false(seed: int, instance: Instance, found: Recovery) -> None:
    """The instance, the answer and how wrong it is."""
    wrong = np.abs(found.product.product - instance.truth)
    block = wrong[np.ix_(found.certificate.rows, found.certificate.cols)] / instance.size
    print(f"FALSE: seed {seed}: {instance.told}: {found.status}; redundancy {found.certificate.redundancy};")
    print(f"    largest error {block.max():.2e}, root mean square {np.sqrt(np.mean(block**2)):.2e} of size", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--certified", type=int, default=10_000, help="certified answers to reach")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--only", type=int, help="draw this seed alone, and tell it")
    parser.add_argument("--attempts", type=int, default=1, help="paths of each answer")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    chosen = parser.parse_args()
    if chosen.only is not None:
        instance = drawn(chosen.only)
        print_false(chosen.only, instance, recovered(instance, chosen.attempts))
        return
    certified, false = Counter(), Counter()
    begun, seed = time.perf_counter(), chosen.first
    while certified.total() < chosen.certified and time.perf_counter() - begun < chosen.seconds:
        instance = drawn(seed)
        found = recovered(instance, chosen.attempts)
        if found.certificate.count:
            kind = KINDS[2 * instance.is_noisy + (not found.is_exact)]
            certified[kind] += 1
            if is_false(found, np.abs(found.product.product - instance.truth), instance.size):
                false[kind] += 1
                print_false(seed, instance, found)
        seed += 1
        if (seed - chosen.first) % 500 == 0:
            seconds = time.perf_counter() - begun
            print(f"to seed {seed}: {certified.total()} certified, {false.total()} false; {seconds:.0f} s", flush=True)
    print(f"seeds {chosen.first} to {seed - 1}, {chosen.attempts} attempts each")
    for kind in KINDS:
        print(f"{kind}: {certified[kind]} certified, {false[kind]} of them false")


if __name__ == "__main__":
    main()
