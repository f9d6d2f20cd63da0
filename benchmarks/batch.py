"""Many small problems in one call against a loop of single runs: `python -m benchmarks.batch`.

Two batches of completions at depth 3, every table with entries of its own (the mask of a table is a row of weights):
1,000 of 3 × 3 with five entries from Gaussian starts, and 200 of the papers' 100 × 100 of rank 5 with 2,000 entries
from spectral starts of width 20. Runs of a batch move in lockstep, each with its own step and its own end. The loop is
timed on a share of the tables, whose runs are then compared with the batch's.
"""

import argparse
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import rankfall as rf
from rankfall.datasets import planted

COLUMNS = ("problems", "batch s", "loop s", "runs a second", "ratio", "largest difference")


@dataclass(frozen=True, eq=False)
class Case:
    """Tables of one size, how they are run, and how many of them the loop is timed on."""

    name: str
    problem: rf.Completion
    start: Any
    stop: Any
    looped: int


def tables(count: int, shape: tuple[int, int], rank: int, observed: int) -> rf.Completion:
    """`count` planted tables with `observed` entries each, as weights on the whole table."""
    rng = np.random.default_rng(0)
    size = shape[0] * shape[1]
    values = np.stack([planted(shape, rank, seed=seed).ravel() for seed in range(count)])
    weights = np.zeros((count, size))
    for row in weights:
        row[rng.choice(size, observed, replace=False)] = 1
    rows, cols = np.divmod(np.arange(size), shape[1])
    return rf.Completion(rows, cols, values, shape, weights)


def cases() -> list[Case]:
    small = tables(1000, (3, 3), 1, 5)
    papers = tables(200, (100, 100), 5, 2000)
    stop = rf.LossBelow(1e-6) | rf.TimeReached(1e5)
    return [
        Case("1,000 of 3 × 3", small, rf.Gaussian(1e-3), stop, 100),
        Case("200 of 100 × 100", papers, rf.Spectral(20, 1e-3), stop, 20),
    ]


def run(problem: rf.Completion, case: Case, seeds: Any) -> Any:
    return rf.evolve(
        problem, rf.Chain(3), case.start, rf.Flow(1e-3), stop=case.stop, record=rf.Record(every=10**9), seed=seeds
    )


def looped(case: Case) -> tuple[float, list[Any]]:
    """Seconds of a loop over the first tables, each with its own observed entries alone, and its runs."""
    singles = []
    for table in range(case.looped):
        one = case.problem.of_runs(table)
        assert one.weights is not None
        singles.append(replace(one.select(np.asarray(one.weights) > 0), weights=None))
    begun = time.perf_counter()
    runs = [run(single, case, seed) for seed, single in enumerate(singles)]
    return time.perf_counter() - begun, runs


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "|".join("-" * (len(title) + 1) + ":" for title in COLUMNS) + "|")
    for case in cases():
        run(case.problem.of_runs(np.arange(16)), case, np.arange(16))
        count = len(case.problem.values)
        begun = time.perf_counter()
        batch = run(case.problem, case, np.arange(count))
        seconds = time.perf_counter() - begun
        single_seconds, singles = looped(case)
        loop = single_seconds * count / case.looped
        apart = max(
            np.linalg.norm(a.product - b.product) / np.linalg.norm(b.product)
            for a, b in zip(batch, singles, strict=False)
        )
        cells = (
            case.name, f"{seconds:.2f}", f"{loop:.2f}", f"{count / seconds:.0f}", f"{loop / seconds:.1f}",
            f"{apart:.1e}",
        )  # fmt: skip
        print("| " + " | ".join(f"{cell:>{len(t)}}" for cell, t in zip(cells, COLUMNS, strict=True)) + " |", flush=True)


if __name__ == "__main__":
    main()
