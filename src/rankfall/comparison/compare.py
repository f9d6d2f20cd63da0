"""One table or tensor, many methods, the same held-out entries for all.

In every repeat a random share of the observed entries is set aside. A method is given the others and the positions
of those set aside; their values stay here. What a method chooses, it chooses on the entries it was given.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.comparison.catalogue import KINDS, Kind, named
from rankfall.comparison.contender import Contender, Job
from rankfall.comparison.measuring import measuring
from rankfall.comparison.standings import Comparison, Standing
from rankfall.errors import InputError

Progress = Callable[[str, float], None]


def compare(
    problem: object,
    holdout: float = 0.1,
    repeats: int = 3,
    seed: int = 0,
    methods: Sequence[str | Contender] | None = None,
    *,
    bounds: tuple[float | None, float | None] = (None, None),
    in_process: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Measure methods on random held-out entries of a table or tensor.

    Parameters
    ----------
    problem
        a `Completion` or a `TensorCompletion`; its truth and held-out entries, if any, are left out. Of a tensor
        whose fibers along some axis are observed as a whole or not at all, whole fibers are held out.
    holdout
        share of the observed entries set aside in a repeat.
    repeats
        how many times, each with entries of its own.
    seed
        of the choice of the entries set aside and of the methods.
    methods
        names of `METHODS`, for a tensor `TENSOR_METHODS`, or methods of one's own; None takes all that are installed.
    bounds
        predictions of every method are clipped to them (a rating scale), None is no bound.
    in_process
        measure here instead of in a process for each method: without peak memory, and what is imported and
        compiled on first use counts.
    progress
        called as progress(method, fraction).

    Raises
    ------
    InputError
        for settings out of range, unknown methods, and problems other than one table or tensor of at least
        2 entries.

    Notes
    -----
    A method that fails, or that the table is too large for, has its reason in the result and stops nobody else.
    Processes are spawned: a script calls this under `if __name__ == "__main__":`.

    Examples
    --------
    >>> from rankfall.datasets import hide, planted
    >>> table = hide(planted((30, 20), rank=1), 0.3)
    >>> from rankfall import Completion
    >>> found = compare(Completion.from_array(table), methods=["rankfall", "column-means"], repeats=1, in_process=True)
    >>> found.best
    'rankfall'
    """
    kind = _kind(problem)
    known = _checked(kind, problem, holdout, repeats, seed, bounds)
    chosen = named(methods, kind.methods)
    splits = [_split(kind, known, holdout, seed, repeat) for repeat in range(repeats)]
    told = progress or (lambda stage, fraction: None)
    rows = []
    for place, method in enumerate(chosen):

        def mine(done: float, title: str = method.title, place: int = place) -> None:
            told(title, (place + done) / len(chosen))

        rows.append(_standing(method, splits, bounds, in_process, mine))
    told("done", 1.0)
    ranked = sorted(rows, key=lambda row: (not row.is_measured, row.error if row.is_measured else 0.0))
    return Comparison(tuple(ranked), known.shape, known.values.size, holdout, repeats, seed, bounds)


def _standing(
    method: Contender,
    splits: Sequence[tuple[Job, np.ndarray]],
    bounds: tuple[float | None, float | None],
    in_process: bool,
    progress: Callable[[float], None],
) -> Standing:
    """One method on all splits; its first failure is its last."""
    progress(0.0)
    reason = method.refusal(splits[0][0][0])
    if reason is not None:
        return Standing(method.name, method.title, reason=reason)
    errors, absolute, seconds, peak = [], [], [], float("nan")
    with measuring(method, in_process) as ask:
        for number, (job, values) in enumerate(splits):
            answer = ask(job)
            if answer.predictions is None:
                return Standing(method.name, method.title, reason=answer.reason)
            missed = np.abs(_clipped(answer.predictions, bounds) - values)
            errors.append(float(np.sqrt(np.mean(missed**2))))
            absolute.append(float(np.mean(missed)))
            seconds.append(answer.seconds)
            peak = answer.peak_megabytes
            progress((number + 1) / len(splits))
    return Standing(method.name, method.title, tuple(errors), tuple(absolute), float(np.mean(seconds)), peak)


def _split(kind: Kind, problem: Any, holdout: float, seed: int, repeat: int) -> tuple[Job, np.ndarray]:
    """What every method gets in a repeat, and the values of the held-out entries."""
    drawn = np.random.default_rng([seed, repeat]).integers(2**31, size=2)
    training = kind.hold_out(problem, holdout, int(drawn[0]))
    held = training.held_out
    return (replace(training, held_out=None), *kind.positions(held), int(drawn[1])), held.values


def _clipped(values: np.ndarray, bounds: tuple[float | None, float | None]) -> np.ndarray:
    return values if bounds == (None, None) else np.clip(values, *bounds)


def _kind(problem: object) -> Kind:
    for kind, known in KINDS.items():
        if isinstance(problem, kind):
            return known
    raise InputError(
        f"a comparison needs a Completion or a TensorCompletion, got {type(problem).__name__}; their from_array takes "
        "an array with NaN"
    )


def _checked(
    kind: Kind, problem: Any, holdout: float, repeats: int, seed: int, bounds: tuple[float | None, float | None]
) -> Any:
    """The problem as methods get it: NumPy, one table or tensor, squares, no truth, no held-out entries of its own."""
    if not 0 < holdout < 1:
        raise InputError(f"holdout must lie between 0 and 1, got {holdout}; 0.1 is usual")
    if repeats < 1:
        raise InputError(f"repeats must be at least 1, got {repeats}; 3 give a first idea of the spread")
    if seed < 0:
        raise InputError(f"seed must not be negative, got {seed}; 0 is as good as any")
    low, high = bounds
    if any(bound is not None and not isfinite(bound) for bound in bounds):
        raise InputError(f"bounds must be finite numbers or None, got {low} and {high}; None is no bound")
    if low is not None and high is not None and low > high:
        raise InputError(f"the lower bound must not exceed the upper, got {low} and {high}; swap them")
    values = to_numpy(problem.values)
    if values.ndim != 1:
        raise InputError(f"a comparison is of one table, got {values.shape[0]}; pick one by of_runs(i)")
    weights = None if problem.weights is None else to_numpy(problem.weights)
    return kind.problem(*kind.positions(problem), values, problem.shape, weights)
