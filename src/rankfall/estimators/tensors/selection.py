"""Which family, width and ridge: grown one after another, judged by held-out entries.

A wider model continues a narrower one, whose components it needs too (`growth`). Where the subspaces of the data are
known, and for losses other than squares, each width starts anew.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from rankfall.estimators.tensors.growth import EXACT, GOOD, IMPROVED, STRONGER, climb, strengthened, tune
from rankfall.estimators.tensors.trial import (
    MANY,
    PASSED_ON,
    QUICK,
    SPARSE,
    THOROUGH,
    Candidate,
    Patience,
    Trial,
    rerun,
    run_from_sum,
    run_trial,
    run_wider,
)
from rankfall.models.tensor_model import TensorModel
from rankfall.models.tensor_starts import leading_subspace
from rankfall.problems.tensor_completion import TensorCompletion

_WIDTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)
# Ranks of trains and trees: their weights and their time grow with higher powers.
_RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_RIDGE = 3e-4
# Widths of a sum of components, and ranks, that may pass without lowering the error where each starts anew.
_PATIENCE = 2, 1
# The error, as a share of that of a sum with as many weights, up to which wider trains and trees are tried.
_RIVAL = 1.02
# A model with this share of the error of zeros has found nothing that a wider one could continue.
_NOTHING = 0.9
# Weights for each observed entry at most, and multiplications of one sweep of least squares.
_WEIGHTS, _WORK = 1.0, 1e9
# Multiplications of a sweep of a sum, for each axis, below which more sweeps cost little.
_LIGHT = 3e6

Report = Callable[[Trial], None]


def choose(
    problem: TensorCompletion, families: Sequence[str], width: int | None, seed: int, report: Report
) -> tuple[Trial, list[Trial]]:
    """The trial with the lowest held-out error, and all of them; every trial is reported."""
    trials: list[Trial] = []
    bases = _bases(problem, width)
    is_quadratic = problem.loss_function.is_quadratic
    is_grown = is_quadratic and bases is None
    assert problem.held_out is not None
    zeros = np.zeros(problem.held_out.count)
    unexplained = float(np.sqrt(problem.held_out.loss_and_entry_gradients(zeros)[0]))

    def kept(trial: Trial) -> Trial:
        trials.append(trial)
        report(trial)
        return trial

    def patience_for(trial: Trial, wanted: int | None = None) -> Patience:
        if width is not None or not is_grown:
            return THOROUGH
        is_light = problem.count * (wanted or trial.candidate.width) ** 2 < _LIGHT
        return QUICK if trial.candidate.family == "cp" and not is_light else PASSED_ON

    def attempt(family: str, wanted: int, ridge: float) -> Trial:
        patience = PASSED_ON if is_grown and width is None and family != "cp" else THOROUGH
        return kept(run_trial(problem, Candidate(family, wanted, ridge), _leading(bases, wanted), seed, patience))

    def wider(trial: Trial, wanted: int, ridge: float) -> Trial:
        if trial.error > _NOTHING * unexplained:
            return attempt(trial.candidate.family, wanted, ridge)
        return kept(run_wider(problem, trial, wanted, ridge, seed, patience_for(trial, wanted)))

    def again(trial: Trial, ridge: float) -> Trial:
        return kept(rerun(problem, trial, ridge, patience_for(trial)))

    def first(family: str, wanted: int, sums: Sequence[Trial]) -> Trial:
        """A train of three axes begins as a sum of components that found something; of more axes they are far apart."""
        if family == "train" and width is None and len(problem.shape) == 3:
            known = [
                trial for trial in sums if trial.candidate.width == wanted and trial.error < _NOTHING * unexplained
            ]
            lowest = min(known, key=lambda trial: trial.error, default=None)
            started = None if lowest is None else run_from_sum(problem, lowest, PASSED_ON)
            if started is not None:
                return kept(started)
        return attempt(family, wanted, _RIDGE)

    def best() -> Trial:
        return min(trials, key=lambda trial: trial.error)

    for family in families:
        if trials and best().error < GOOD:
            break
        sums = [trial for trial in trials if trial.candidate.family == "cp"]
        # a train or a tree of ranks 1 is one component
        widths = _WIDTHS if family == "cp" else _RANKS[1:] if trials else _RANKS
        widths = _affordable(problem, family, widths) if width is None else (width,)
        if not widths:
            continue
        if is_grown:
            climb(
                first(family, widths[0], sums),
                widths,
                wider,
                lambda wanted, ridge, family=family: attempt(family, wanted, ridge),
                again,
                lambda trial, sums=sums: not sums or trial.error < _RIVAL * _error_of_sum(sums, trial.model.size),
            )
            continue
        before = len(trials)
        _grow(problem, family, widths, attempt, again)
        if is_quadratic:
            tune(min(trials[before:], key=lambda trial: trial.error), again)
    return best(), trials


def _error_of_sum(sums: Sequence[Trial], size: int) -> float:
    """The lowest error of a sum of components with as many weights, interpolated between those tried."""
    lowest: dict[int, float] = {}
    for trial in sums:
        lowest[trial.model.size] = min(trial.error, lowest.get(trial.model.size, np.inf))
    sizes = sorted(lowest)
    errors = np.minimum.accumulate([lowest[each] for each in sizes])
    return float(np.exp(np.interp(np.log(size), np.log(sizes), np.log(np.maximum(errors, EXACT)))))


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
    lowest, waited, ridge = np.inf, 0, _RIDGE
    # many entries tell the weights of any width without a stronger ridge
    is_adapted = problem.loss_function.is_quadratic and problem.count <= MANY
    for wanted in widths:
        trial = attempt(family, wanted, ridge)
        if is_adapted:
            trial = strengthened(trial, again)
        ridge = max(_RIDGE, trial.candidate.ridge / STRONGER)
        waited = 0 if trial.error < IMPROVED * lowest else waited + 1
        lowest = min(lowest, trial.error)
        if waited > _PATIENCE[family != "cp"] or lowest < GOOD:
            return


def _affordable(problem: TensorCompletion, family: str, widths: Sequence[int]) -> list[int]:
    """The widths up to which entries can tell the weights and a sweep takes seconds, of those that differ."""
    found: list[int] = []
    previous = None
    for width in widths:
        model = Candidate(family, width, _RIDGE).model(problem.shape)
        if (found and not _is_affordable(problem, model)) or model == previous:
            break
        found.append(width)
        previous = model
    return found


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


def _leading(bases: list[np.ndarray] | None, width: int) -> list[np.ndarray] | None:
    return None if bases is None else [basis[:, : max(2, width)] for basis in bases]
