"""Which family, width and ridge: grown one after another, judged by held-out entries."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from rankfall.estimators.tensors.trial import MANY, SPARSE, Candidate, Trial, rerun, run_trial
from rankfall.models.tensor_model import TensorModel
from rankfall.models.tensor_starts import leading_subspace
from rankfall.problems.tensor_completion import TensorCompletion

_WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)
# Ranks of trains and trees: their weights and their time grow with higher powers.
_RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_RIDGE, _LEAST, _MOST = 3e-4, 1e-10, 1.0
# Widths of a sum of components, and ranks, that may pass without lowering the error by a hundredth; and the error at
# which nothing is left to choose.
_PATIENCE, _IMPROVED, _EXACT = (2, 1), 0.99, 1e-5
# The error, as a share of the values, at which no wider model and no other family is tried.
GOOD = 3e-3
# Weights for each observed entry at most, and multiplications of one sweep of least squares.
_WEIGHTS, _WORK = 1.0, 1e9
# What the ridge is multiplied by while that helps a width, before a wider model is tried.
_STRONGER = 3.0

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

    def again(trial: Trial, ridge: float) -> Trial:
        trials.append(rerun(problem, trial, ridge))
        report(trials[-1])
        return trials[-1]

    def best() -> Trial:
        return min(trials, key=lambda trial: trial.error)

    for family in families:
        if trials and best().error < GOOD:
            break
        before = len(trials)
        # a train or a tree of ranks 1 is one component
        widths = _WIDTHS if family == "cp" else _RANKS[1:] if trials else _RANKS
        _grow(problem, family, widths if width is None else (width,), attempt, again)
        if problem.loss_function.is_quadratic:
            _ridge(min(trials[before:], key=lambda trial: trial.error), again)
    return best(), trials


def _ridge(first: Trial, again: Callable[..., Trial]) -> None:
    """Trials with smaller ridges, or larger ones, each from the weights of the one before, while that helps."""
    for factor in (0.1, 10.0):
        lowest = first
        while lowest.error > _EXACT and _LEAST <= (ridge := lowest.candidate.ridge * factor) <= _MOST:
            trial = again(lowest, ridge)
            if trial.error > _IMPROVED * lowest.error:
                break
            lowest = trial
        if lowest is not first:
            return


def _grow(
    problem: TensorCompletion,
    family: str,
    widths: Sequence[int],
    attempt: Callable[..., Trial],
    again: Callable[..., Trial],
) -> None:
    """Trials of one family, wider and wider while that helps, each with the ridge that the width wants.

    Few weights want a weak ridge, many a strong one. A start with a strong ridge loses its small components, so that
    the ridge only grows.
    """
    lowest, waited, previous, ridge = np.inf, 0, None, _RIDGE
    # many entries tell the weights of any width without a stronger ridge
    is_adapted = problem.loss_function.is_quadratic and problem.count <= MANY
    for wanted in widths:
        model = Candidate(family, wanted, ridge).model(problem.shape)
        if previous is not None and (not _is_affordable(problem, model) or model == previous):
            return
        previous = model
        trial = attempt(family, wanted, ridge)
        while is_adapted and trial.error > GOOD and trial.candidate.ridge < _MOST:
            stronger = again(trial, trial.candidate.ridge * _STRONGER)
            if stronger.error > _IMPROVED * trial.error:
                break
            trial = stronger
        ridge = max(_RIDGE, trial.candidate.ridge / _STRONGER)
        waited = 0 if trial.error < _IMPROVED * lowest else waited + 1
        lowest = min(lowest, trial.error)
        if waited > _PATIENCE[family != "cp"] or lowest < GOOD:
            return


def _is_affordable(problem: TensorCompletion, model: TensorModel) -> bool:
    """Whether the entries can tell the weights, and least squares takes seconds: a row of k weights costs k² each."""
    work = sum(math.prod(shape[1:] if mode is not None else shape) ** 2
               for shape, mode in zip(model.layer_shapes, model.modes, strict=True))  # fmt: skip
    return model.size <= _WEIGHTS * problem.count and work * problem.count <= max(_WORK, 16 * problem.count)


def _bases(problem: TensorCompletion, width: int | None) -> list[np.ndarray] | None:
    """The leading subspaces of the data for all widths, where few of many entries are observed."""
    if problem.share >= SPARSE or problem.count <= MANY:
        return None
    widest = min(width or _WIDTHS[-1], *(side for side in problem.shape))
    return [leading_subspace(problem, axis, widest) for axis in range(len(problem.shape))]


def _first(bases: list[np.ndarray] | None, width: int) -> list[np.ndarray] | None:
    return None if bases is None else [basis[:, : max(2, width)] for basis in bases]
