"""What the same path costs: `Flow`, SciPy's solver, and gradient descent, at depths 2 to 4, in one run.

The problem, the times and the errors ‖W(t) − W*(t)‖/‖W*(t)‖ are those of `benchmarks.path`. Each integrator is tried
from coarse to fine until the root mean square of its errors over time is down to the target: a median would not notice
an escape that comes late. A row shows that setting, what it needed, and ratios to `Flow` at the same depth. Seconds are
the median of several runs that record nothing; of a long run, those of the one whose error was measured.

    python -m benchmarks.flow
"""

import argparse
import statistics
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

import rankfall as rf
from benchmarks.path import HORIZON, TIMES, errors_in_time, follow, places, standard_problem

_COLUMNS = ("depth", "integrator", "gradients", "seconds", "error", "median", "largest", "gradients ×", "seconds ×")
_RUNGS, _LONG = 12, 2.0


class Cost(NamedTuple):
    """What a setting needs, and how close it comes."""

    setting: str
    gradients: int
    seconds: float
    error: float
    median: float
    largest: float


def ladders() -> dict[str, Iterator[tuple[str, Any]]]:
    """Every kind of integrator, from coarse to fine."""
    tolerances = [10 ** (-1.5 - k / 4) for k in range(2 * _RUNGS)]
    halves = [2.0**-k for k in range(_RUNGS)]
    return {
        "Flow": ((f"Flow({rtol:.1e})", rf.Flow(rtol)) for rtol in tolerances),
        # SciPy's own ratio of the two tolerances
        "Reference": ((f"DOP853({rtol:.1e})", rf.Reference(rtol=rtol, atol=1e-3 * rtol)) for rtol in tolerances),
        "Gradient": ((f"Gradient({rate:g})", rf.Descent(rf.Gradient(rate))) for rate in (2 * h for h in halves)),
        "GroupRMSprop": (
            (f"GroupRMSprop({rate:g})", rf.Descent(rf.integrators.GroupRMSprop(rate)))
            for rate in (0.016 * h for h in halves)
        ),
    }


def errors_of(run: rf.Trajectory, yardstick: np.ndarray) -> np.ndarray | None:
    """The path's errors in time; None where it did not get to the end."""
    if run.time < HORIZON * (1 - 1e-9):
        return None
    return errors_in_time(run.history["product"][places(run.history["time"])], yardstick)


def cheapest(
    problem: rf.Completion, depth: int, ladder: Iterable[tuple[str, Any]], yardstick: np.ndarray, target: float,
    repeats: int,
) -> Cost | None:  # fmt: skip
    """The first rung whose path is as close as asked, timed; None where none is."""
    times = np.linspace(0, HORIZON, TIMES + 1)
    for setting, integrator in ladder:
        run = follow(problem, integrator, times, depth=depth)
        errors, seconds = errors_of(run, yardstick), [run.seconds]
        if errors is None or not rms(errors) <= target:
            continue
        if run.seconds < _LONG:
            # records between the steps cost gradients and time
            timed = [follow(problem, integrator, depth=depth) for _ in range(repeats)]
            run, seconds = timed[0], [again.seconds for again in timed]
        sizes = rms(errors), float(np.median(errors)), float(errors.max())
        return Cost(setting, run.evaluations, statistics.median(seconds), *sizes)
    return None


def rms(errors: np.ndarray) -> float:
    """Their root mean square: the relative L² distance of the paths."""
    return float(np.sqrt(np.mean(errors**2)))


def line(depth: int, cost: Cost, best: Cost) -> str:
    """A row of the table."""
    cells = [
        str(depth), cost.setting, str(cost.gradients), f"{cost.seconds:.3f}", f"{cost.error:.1e}", f"{cost.median:.1e}",
        f"{cost.largest:.1e}", f"{cost.gradients / best.gradients:.1f}", f"{cost.seconds / best.seconds:.1f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table, as Markdown, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--target", type=float, default=3e-2, help="root mean square error of the path, default 3e-2")
    parser.add_argument("--repeats", type=int, default=3, help="runs that are timed, default 3")
    chosen = parser.parse_args()
    problem = standard_problem()
    follow(problem, rf.Flow(1e-2))  # compiles
    print(f"| {' | '.join(_COLUMNS)} |")
    print("|" + "|".join(chain(["---:", "---"], ["---:"] * (len(_COLUMNS) - 2))) + "|")
    for depth in chosen.depths:
        exact = follow(problem, rf.Reference(rtol=1e-10), np.linspace(0, HORIZON, TIMES + 1), depth=depth)
        yardstick = exact.history["product"][places(exact.history["time"])]
        best = None
        for kind, ladder in ladders().items():
            cost = cheapest(problem, depth, ladder, yardstick, chosen.target, chosen.repeats)
            if cost is None:
                print(f"| {depth} | {kind}: no setting tried was close enough |" + " |" * (len(_COLUMNS) - 2))
                continue
            best = best or cost
            print(line(depth, cost, best), flush=True)


if __name__ == "__main__":
    main()
