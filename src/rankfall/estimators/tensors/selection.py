"""Which family, width and ridge: grown one after another, judged by held-out entries."""

from collections.abc import Callable, Sequence

import numpy as np

from rankfall.estimators.tensors.trial import MANY, SPARSE, Candidate, Trial, rerun, run_trial
from rankfall.models.tensor_starts import leading_subspace
from rankfall.problems.tensor_completion import TensorCompletion

_WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 50, 64)
_RIDGE, _LEAST, _MOST = 3e-4, 1e-10, 1.0
# Widths that may pass without lowering the error by a hundredth, and the error at which nothing is left to choose.
_PATIENCE, _IMPROVED, _EXACT = 2, 0.99, 1e-5
# The error, as a share of the values, at which no wider model and no other family is tried.
_GOOD = 3e-3
# Weights for each observed entry at most.
_WEIGHTS = 0.5

Report = Callable[[Trial], None]


def choose(
    problem: TensorCompletion, families: Sequence[str], width: int | None, seed: int, report: Report
) -> tuple[Trial, list[Trial]]:
    """The trial with the lowest held-out error, and all of them; every trial is reported."""
    trials: list[Trial] = []
    bases = _bases(problem, width)

    def attempt(family: str, wanted: int, ridge: float) -> Trial:
        trial = run_trial(problem, Candidate(family, wanted, ridge), _first(bases, wanted), seed)
        trials.append(trial)
        report(trial)
        return trial

    def best() -> Trial:
        return min(trials, key=lambda trial: trial.error)

    for family in families:
        if trials and best().error < _GOOD:
            break
        before = len(trials)
        _grow(problem, family, width, attempt)
        if problem.loss_function.is_quadratic:
            _ridge(problem, min(trials[before:], key=lambda trial: trial.error), trials, report)
    return best(), trials


def _ridge(problem: TensorCompletion, first: Trial, trials: list[Trial], report: Report) -> None:
    """Trials with smaller ridges, or larger ones, each from the weights of the one before, while that helps."""
    for factor in (0.1, 10.0):
        lowest = first
        while lowest.error > _EXACT and _LEAST <= (ridge := lowest.candidate.ridge * factor) <= _MOST:
            trials.append(rerun(problem, lowest, ridge))
            report(trials[-1])
            if trials[-1].error > _IMPROVED * lowest.error:
                break
            lowest = trials[-1]
        if lowest is not first:
            return


def _grow(problem: TensorCompletion, family: str, width: int | None, attempt: Callable[..., Trial]) -> None:
    """Trials of one family, wider and wider while that helps."""
    if width is not None:
        attempt(family, width, _RIDGE)
        return
    lowest, waited, previous = np.inf, 0, None
    for wanted in _WIDTHS:
        model = Candidate(family, wanted, _RIDGE).model(problem.shape)
        if wanted > 1 and (model.size > _WEIGHTS * problem.count or model == previous):
            return
        previous = model
        error = attempt(family, wanted, _RIDGE).error
        waited = 0 if error < _IMPROVED * lowest else waited + 1
        lowest = min(lowest, error)
        if waited > _PATIENCE or lowest < _GOOD:
            return


def _bases(problem: TensorCompletion, width: int | None) -> list[np.ndarray] | None:
    """The leading subspaces of the data for all widths, where few of many entries are observed."""
    if problem.share >= SPARSE or problem.count <= MANY:
        return None
    widest = min(width or _WIDTHS[-1], *(side for side in problem.shape))
    return [leading_subspace(problem, axis, widest) for axis in range(len(problem.shape))]


def _first(bases: list[np.ndarray] | None, width: int) -> list[np.ndarray] | None:
    return None if bases is None else [basis[:, : max(2, width)] for basis in bases]
