"""How closely an integrator follows the flow, and for how many gradients.

The papers' completion problem [arora2019]: a 100 × 100 matrix of rank 5 with 2000 entries observed, depth 3, layers of
full width, a Gaussian start of scale 1e-3. Every run begins at the same weights and is compared with
`Reference(rtol=1e-10)` at 100 equally spaced times of [0, 5000], which hold all five escapes and the end. Two errors
are told apart, both relative to ‖W*(t)‖_F, W* the reference:

    at the same time      ‖W(t) − W*(t)‖_F
    between the curves    min_s ‖W(s) − W*(t)‖_F

A small shift in the time of an escape makes the first large while the second stays small: W travels the right path,
early or late. The second needs W between the records, which is interpolated (Lagrange, degree 5).

    python -m benchmarks.path
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.interpolate import BarycentricInterpolator
from scipy.optimize import minimize_scalar

import rankfall as rf
from rankfall.datasets import planted, uniform_entries
from rankfall.integrators import Chebyshev2, DormandPrince8

SHAPE, RANK, OBSERVED, SEED = (100, 100), 5, 2000, 0
HORIZON, TIMES, DENSE = 5000.0, 100, 1000
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
METHODS = {
    "both": (Chebyshev2(), DormandPrince8()),
    "stabilized": (Chebyshev2(),),
    "high-order": (DormandPrince8(),),
}
DESCENTS = (rf.Gradient(rate=1.0), rf.integrators.GroupRMSprop(rate=1e-2), rf.integrators.GroupRMSprop(rate=1e-3))
COLUMNS = ("integrator", "gradients", "median", "largest", "at the end", "between the curves")
_DEGREE = 5


def standard_problem(seed: int = SEED) -> rf.Completion:
    """The papers' matrix and mask; seeds of matrix, mask and start differ, so that they share no random number."""
    truth = planted(SHAPE, RANK, seed=seed)
    rows, cols = uniform_entries(SHAPE, OBSERVED, seed=seed + 1)
    return rf.Completion.from_triplets(rows, cols, truth[rows, cols], SHAPE)


def follow(
    problem: rf.Completion, integrator: Any, times: Any = None, seed: int = SEED, depth: int = 3
) -> rf.Trajectory:
    """The run, with W kept at `times` under "product"; without times nothing is kept on the way."""

    def product(problem, model, weights):
        return model.product(weights).reshape(weights.shape[0], -1)

    record = rf.Record(every=10**9) if times is None else rf.Record(times=times, functions={"product": product})
    return rf.evolve(
        problem, rf.Chain(depth), rf.Gaussian(scale=1e-3), integrator, stop=rf.TimeReached(HORIZON), record=record,
        seed=seed + 2,
    )  # fmt: skip


def errors_in_time(path: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """‖W(t) − W*(t)‖ / ‖W*(t)‖, a row of both arrays for each time."""
    return np.linalg.norm(path - reference, axis=1) / np.linalg.norm(reference, axis=1)


def distances_of_curves(times: np.ndarray, path: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """min_s ‖W(s) − W*(t)‖ / ‖W*(t)‖ for each row of the reference; `path` holds W at the denser `times`."""
    squares = np.sum(path**2, axis=1)[:, None] - 2 * path @ reference.T
    distances = []
    for nearest, point in zip(np.argmin(squares, axis=0), reference, strict=True):
        begin = int(np.clip(nearest - _DEGREE // 2, 0, len(times) - _DEGREE - 1))
        window = slice(begin, begin + _DEGREE + 1)
        # counted from the nearest record, s keeps all its digits
        curve = BarycentricInterpolator(times[window] - times[nearest], path[window] - point)
        distances.append(_least_norm(curve, times[1] - times[0]) / np.linalg.norm(point))
    return np.asarray(distances)


def _least_norm(curve: Callable[[float], np.ndarray], reach: float) -> float:
    best: Any = minimize_scalar(
        lambda s: float(np.linalg.norm(curve(s))), bounds=(-reach, reach), method="bounded",
        options={"xatol": 1e-12 * reach},
    )  # fmt: skip
    return min(float(best.fun), float(np.linalg.norm(curve(0.0))))


def measure(problem: rf.Completion, integrator: Any, times: np.ndarray, reference: np.ndarray) -> tuple[float, ...]:
    """Gradients that the run needs; median, largest and last error in time; the largest between the curves."""
    run = follow(problem, integrator, times)
    path = run.history["product"]
    errors = errors_in_time(path[places(run.history["time"])], reference)
    curves = distances_of_curves(run.history["time"], path, reference)
    # a run of its own: interpolating records costs gradients too
    gradients = follow(problem, integrator).evaluations
    return gradients, float(np.median(errors)), float(errors.max()), float(errors[-1]), float(curves.max())


def places(times: np.ndarray) -> np.ndarray:
    """Which of a run's records are the `TIMES` at which paths are compared."""
    return np.searchsorted(times, np.linspace(0, HORIZON, TIMES + 1)[1:] * (1 - 1e-12))


def main() -> None:
    """Print the table, as Markdown, the reference first."""
    problem, times = standard_problem(), np.linspace(0, HORIZON, DENSE + 1)
    yardstick = rf.Reference(rtol=1e-10)
    run = follow(problem, yardstick, times)
    reference = run.history["product"][places(run.history["time"])]
    integrators: dict[str, Any] = {"Reference(1e-10)": yardstick}
    integrators |= {
        f"Flow({rtol:.0e}, {method})": rf.Flow(rtol, methods)
        for method, methods in METHODS.items()
        for rtol in TOLERANCES
    }
    integrators |= {f"{type(update).__name__}({update.rate:g})": rf.Descent(update) for update in DESCENTS}
    print(f"| {COLUMNS[0]:24} | " + " | ".join(COLUMNS[1:]) + " |")
    print(f"|{'-' * 26}|" + "|".join("-" * (len(title) + 1) + ":" for title in COLUMNS[1:]) + "|")
    for name, integrator in integrators.items():
        print(_line(name, measure(problem, integrator, times, reference)), flush=True)


def _line(name: str, numbers: tuple[float, ...]) -> str:
    cells = [f"{numbers[0]:{len(COLUMNS[1])}d}"]
    cells += [f"{number:{len(title)}.1e}" for number, title in zip(numbers[1:], COLUMNS[2:], strict=True)]
    return f"| {name:24} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
