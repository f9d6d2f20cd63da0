"""Time and memory per rating, from one to twenty million: `python -m benchmarks.size`.

Synthetic ratings of a table shaped like MovieLens-20M (138,000 × 27,000 at twenty million, smaller in proportion):
popular rows and columns, a planted matrix of rank 10 and noise of deviation 0.5, which no method can predict. A tenth
is kept for testing; the estimator gets the rest, at width 16 and in float32, chooses its stopping time, and fits.
Every size runs in a process of its own, whose peak memory is the operating system's count and has the data in it.

Two floors are told apart. Below the noise of the test entries nobody comes. Nor can the planted matrix be known
exactly: its r (m + n − r) degrees of freedom are fitted to |Ω| noisy ratings, which adds their quotient to the
variance, floor = noise · √(1 + r (m + n − r)/|Ω|).
"""

import argparse
import resource
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

SHAPE, COUNT, RANK, NOISE, WIDTH = (138_000, 27_000), 20_000_000, 10, 0.5, 16
TESTED = 0.1
COLUMNS = ("ratings", "seconds", "peak MB", "µs a rating", "bytes a rating", "test RMSE", "above noise", "above floor")


def write_ratings(count: int, folder: str) -> None:
    """Rows, columns and values of `count` ratings for training, and of a tenth as many for testing, as npy files."""
    from rankfall.datasets import planted_ratings

    share = (count / COUNT) ** 0.5
    shape = round(SHAPE[0] * share), round(SHAPE[1] * share)
    total = round(count / (1 - TESTED))
    rows, cols, values = planted_ratings(shape, total, RANK, NOISE, seed=0, exponent=(0.6, 0.6))
    tested = np.zeros(total, dtype=bool)
    tested[np.random.default_rng(1).choice(total, total - count, replace=False)] = True
    for name, part in (("train", ~tested), ("test", tested)):
        for kind, array in (("rows", rows.astype(np.int32)), ("cols", cols.astype(np.int32)), ("values", values)):
            np.save(Path(folder, f"{name}-{kind}.npy"), array[part])
    np.save(Path(folder, "shape.npy"), np.asarray(shape))


def fit(folder: str, answer: Any) -> None:
    """Seconds of choosing and fitting, peak megabytes of this process, and the test error."""
    import rankfall as rf

    m, n = np.load(Path(folder, "shape.npy")).tolist()
    rows, cols, values = (np.load(Path(folder, f"train-{kind}.npy")) for kind in ("rows", "cols", "values"))
    begun = time.perf_counter()
    problem = rf.Completion.from_triplets(rows, cols, values, (m, n))
    model = rf.DeepMatrixFactorization(depth=2, width=WIDTH, features=False, dtype="float32").fit_problem(problem)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows, cols, values = (np.load(Path(folder, f"test-{kind}.npy")) for kind in ("rows", "cols", "values"))
    error = float(np.sqrt(np.mean((model.predict(rows, cols) - values) ** 2)))
    answer.put((seconds, peak, error))


def alone(function: Any, *arguments: Any) -> Any:
    """What a function puts into a queue, computed in a fresh process; None where it puts nothing."""
    context = get_context("spawn")
    answer = context.Queue()
    takes_queue = function is fit
    process = context.Process(target=function, args=(*arguments, answer) if takes_queue else arguments)
    process.start()
    found = answer.get() if takes_queue else None
    process.join()
    if process.exitcode:
        raise SystemExit(f"{function.__name__} ended with exit code {process.exitcode}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 2, 5, 10, 20])
    chosen = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "|".join("-" * (len(title) + 1) + ":" for title in COLUMNS) + "|")
    for millions in chosen.millions:
        count = round(millions * 1e6)
        with tempfile.TemporaryDirectory() as folder:
            alone(write_ratings, count, folder)
            seconds, peak, error = alone(fit, folder)
            m, n = np.load(Path(folder, "shape.npy")).tolist()
        floor = NOISE * (1 + RANK * (m + n - RANK) / count) ** 0.5
        cells = (
            f"{count:,}", f"{seconds:.1f}", f"{peak:.0f}", f"{1e6 * seconds / count:.2f}",
            f"{2**20 * peak / count:.0f}", f"{error:.4f}", f"{error / NOISE - 1:.1%}", f"{error / floor - 1:.1%}",
        )  # fmt: skip
        print("| " + " | ".join(f"{cell:>{len(t)}}" for cell, t in zip(cells, COLUMNS, strict=True)) + " |", flush=True)


if __name__ == "__main__":
    main()
