"""Recovery at the published size: `python -m benchmarks.recovery_published --results FILE`.

The published curves of R2RILS, MatrixIRLS and LRGeomCG are for n = 1000, r = 5, κ = 10, a draw being solved where its
relative error is below 1e-3 [kummerle2021]. Their instances (`--kind published`) are easier than Haar frames: the
singular vectors are the leading ones of a matrix of numbers uniform on [0, 1], so that the first pair is nearly
constant; masks are drawn again, up to 1000 times, until each row and column has more than r entries. `redrawn` and
`repaired` have Haar frames, and at least r entries in each line, by drawing again or, as in `benchmarks.recovery`, by
repair: close to the limit no mask would pass. All methods see the same draws. The solvers of a given rank run on the
identifiable draws alone, rankfall on all of them.

MatrixIRLS lets its smoothing fall slowly, MatrixIRLS-published as fast as its authors.

A method has `--limit` seconds of processor time for a draw; without an answer by then it has not solved it. Each answer
is appended to the file as soon as it is there. A second call makes what is missing, and prints the table of all.
"""

import argparse
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

import rankfall as rf
from benchmarks.recovery import draw, instance
from rankfall.baselines import GNMR, R2RILS, MatrixIRLS, RiemannianCG
from rankfall.datasets import planted, uniform_entries
from rankfall.recovery import recover
from rankfall.recovery.certify_truth import certify_truth

SOLVED = 1e-3
TOLD = {
    "MatrixIRLS": MatrixIRLS,
    "MatrixIRLS-published": partial(MatrixIRLS, decay=0),
    "R2RILS": R2RILS,
    "GNMR": GNMR,
    "RiemannianCG": RiemannianCG,
}
METHODS = ("rankfall", *TOLD)
KINDS, TRIES = ("repaired", "redrawn", "published"), 1000
PLACE = ("n", "r", "kappa", "rho", "kind")
COLUMNS = (
    "n",
    "r",
    "κ",
    "ρ",
    "kind",
    "method",
    "solved",
    "identifiable",
    "draws",
    "out of time",
    "median s",
    "slowest s",
)
Key = tuple[int, int, float, float, str, int, str]


class OutOfTime(Exception):
    """The processor time of a draw is spent."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise OutOfTime after so many seconds of processor time; a compiled call in progress ends first."""

    def stop(_signal: int, _frame: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def instance_of(
    size: int, rank: int, condition: float, oversampling: float, kind: str, seed: int
) -> tuple[rf.Completion, np.ndarray]:
    """A problem and its truth."""
    if kind == "repaired":
        return instance(size, rank, condition, oversampling, seed)
    count = round(oversampling * rank * (2 * size - rank))
    draw_truth, least = (of_uniform_frames, rank + 1) if kind == "published" else (of_haar_frames, rank)
    for attempt in range(TRIES):
        rows, cols = uniform_entries((size, size), count, seed=TRIES * seed + attempt)
        is_filled = min(np.bincount(lines, minlength=size).min() for lines in (rows, cols)) >= least
        if is_filled or (kind == "published" and attempt == TRIES - 1):
            truth = draw_truth(size, rank, condition, seed)
            return rf.Completion.from_triplets(rows, cols, truth[rows, cols], (size, size)), truth
    raise SystemExit(
        f"no mask of {TRIES} has {least} entries in each line at ρ = {oversampling:g}; use --kind repaired"
    )


def of_haar_frames(size: int, rank: int, condition: float, seed: int) -> np.ndarray:
    """Uniformly distributed singular vectors."""
    return planted((size, size), rank=rank, condition=condition, seed=seed)


def of_uniform_frames(size: int, rank: int, condition: float, seed: int) -> np.ndarray:
    """The leading singular vectors of a matrix uniform on [0, 1], with singular values from κ down to 1."""
    drawn = np.random.default_rng(seed).random((size, size))
    u, _, vt = np.linalg.svd(drawn, full_matrices=False)
    return (u[:, :rank] * np.geomspace(condition, 1.0, rank)) @ vt[:rank]


def answer(method: str, problem: rf.Completion, rank: int) -> np.ndarray:
    """The matrix that a method finds."""
    if method == "rankfall":
        return recover(problem).product.product
    return TOLD[method](rank).solve(problem).product


def solve(problem: rf.Completion, truth: np.ndarray, rank: int, method: str, limit: float) -> dict:
    """What became of one draw."""
    begun, error, in_time = time.process_time(), 1.0, True
    try:
        with limited(limit):
            error = float(np.linalg.norm(answer(method, problem, rank) - truth) / np.linalg.norm(truth))
    except OutOfTime:
        in_time = False
    seconds = time.process_time() - begun
    return {"error": error, "in_time": in_time, "seconds": round(seconds, 3), "limit": limit}


def key_of(record: dict) -> Key:
    return tuple(record[name] for name in (*PLACE, "seed", "method"))


def read(path: Path) -> dict[Key, dict]:
    """The answers there are."""
    lines = path.read_text().splitlines() if path.exists() else []
    records = [json.loads(line) for line in lines]
    return {key_of(record): record for record in records}


def compute(path: Path, chosen: argparse.Namespace) -> None:
    """Make what is missing, one seed after another, so that a run that is stopped has the same draws in each place."""
    done = read(path)
    draw(60, 2, 10.0, 2.0, 0)
    for solver in TOLD.values():
        solver(2).solve(instance(60, 2, 10.0, 3.0, 0)[0])
    for seed in range(chosen.draws):
        for rank in chosen.ranks:
            for oversampling in chosen.oversamplings:
                place = (chosen.size, rank, chosen.condition, oversampling, chosen.kind, seed)
                missing = [method for method in chosen.methods if (*place, method) not in done]
                known = next((record for key, record in done.items() if key[:6] == place), None)
                if not missing:
                    continue
                problem, truth = instance_of(*place)
                can = certify_truth(problem, truth, rank).is_complete if known is None else known["identifiable"]
                for method in missing:
                    if method != "rankfall" and not can:
                        continue
                    record = dict(zip((*PLACE, "seed"), place, strict=True))
                    record |= {
                        "method": method,
                        "identifiable": can,
                        **solve(problem, truth, rank, method, chosen.limit),
                    }
                    done[key_of(record)] = record
                    with path.open("a") as file:
                        file.write(json.dumps(record) + "\n")


def print_table(path: Path) -> None:
    """A line for each method in each place."""
    records = list(read(path).values())
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "|".join("---:" for _ in COLUMNS) + "|")
    for place in sorted({key_of(record)[:5] for record in records}, key=lambda p: (p[:3], p[4], -p[3])):
        for method in METHODS:
            made = [r for r in records if key_of(r)[:5] == place and r["method"] == method]
            could = [r for r in made if r["identifiable"]]
            if not could:
                continue
            seconds = [r["seconds"] for r in could]
            solved = sum(r["error"] < SOLVED for r in could)
            out = sum(not r["in_time"] for r in could)
            cells = (*(f"{x:g}" for x in place[:4]), place[4], method, solved, len(could), len(made), out,
                     f"{np.median(seconds):.1f}", f"{max(seconds):.1f}")  # fmt: skip
            print("| " + " | ".join(str(cell) for cell in cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="file of the answers, one JSON object a line")
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--ranks", type=int, nargs="+", default=[5])
    parser.add_argument("--condition", type=float, default=10.0)
    parser.add_argument("--oversamplings", type=float, nargs="+", default=[1.5, 1.3, 1.2])
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0], help="how an instance is drawn")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of processor time for a draw")
    parser.add_argument("--table", action="store_true", help="print what there is, compute nothing")
    chosen = parser.parse_args()
    if not chosen.table:
        compute(chosen.results, chosen)
    print_table(chosen.results)


if __name__ == "__main__":
    main()
