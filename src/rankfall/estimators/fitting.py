"""From observed entries to a completed table: candidates, selection, and the run on everything.

The winner's stopping time is used again on all entries: losses are means, so flow time means the same with a tenth
more. Where all but a fiftieth of the entries took part in choosing, the winner's run is the fit, at its best moment. If
the limit of depth and time wins, all entries are recovered once more; should that miss them, the others are chosen from
again.
"""

from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np

from rankfall.estimators.candidate import Candidate, Trial
from rankfall.estimators.candidate_grid import candidates
from rankfall.estimators.feature_shift import FeatureShift
from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.folds import FITTED, RECORD, STEP_LIMIT
from rankfall.estimators.limit import run_limit
from rankfall.estimators.narrowing import narrowed, some_rows
from rankfall.estimators.outliers import MOST_ENTRIES, has_outliers, resists_better
from rankfall.estimators.quality import ColumnQuality
from rankfall.estimators.readings import ListedReadings, model_of
from rankfall.estimators.refinement import is_refined, refine
from rankfall.estimators.robust_scaling import loss_of, standardizations
from rankfall.estimators.selection import HELD, Progress, Selection, select
from rankfall.estimators.settings import FitSettings
from rankfall.estimators.standardization import Standardization
from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.kernels.observed import predict
from rankfall.models import Lifted
from rankfall.models.model import Model
from rankfall.models.starts import Spectral
from rankfall.problems.completion import Completion
from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.status import Status
from rankfall.trajectory.stops import LossBelow, StepLimit, TimeReached

# A factorization whose held-out error is this share of that of column means needs no stack; and one whose error is
# lower than the stack's by this factor, measured on other held-out entries, is kept alone.
_NEARLY_EXACT, _LOWER = 0.05, 0.9
# Predictions of a run made again differ from the fit's by rounding, in float32 along some hundred steps.
_SAME = 1e-3
HUBER = loss_of("huber")
# Fewer observed entries than this cannot be split into what to learn from and what to judge by.
FEWEST = 10


def fit_table(problem: Completion, settings: FitSettings, progress: Progress) -> FittedTable:
    """Choose on held-out entries, then fit all of them to the time chosen.

    Where squares leave outliers among the held-out entries, Huber's loss is fitted too, and kept if it is better.
    """
    fitted = _fit_by(problem, settings, progress)
    is_open = settings.tries_huber and settings.categories is None and problem.rows.size <= MOST_ENTRIES
    is_limit = fitted.selection.chosen.candidate.is_limit
    if not is_open or is_limit or _is_interrupted(fitted) or not has_outliers(fitted):
        return fitted
    robust = _fit_by(problem, replace(settings, loss=HUBER), lambda stage, share: progress("resisting outliers", share))
    if _is_interrupted(robust):
        return _interrupted(fitted, "Ctrl-C was pressed while Huber's loss was tried")
    return robust if resists_better(robust, fitted) else fitted


def _is_interrupted(fitted: FittedTable) -> bool:
    return fitted.trajectory is not None and fitted.trajectory.status is Status.INTERRUPTED


def _interrupted(fitted: FittedTable, reason: str) -> FittedTable:
    assert fitted.trajectory is not None
    return replace(fitted, trajectory=replace(fitted.trajectory, status=Status.INTERRUPTED, reason=reason))


def _fit_by(problem: Completion, settings: FitSettings, progress: Progress) -> FittedTable:
    """Fit by the loss of the settings."""
    choices = candidates(problem, settings)
    if problem.rows.size >= FEWEST:
        choices, narrow = narrowed(choices, problem.rows.size, partial(some_rows, problem), settings, progress)
        selection = select(
            ListedReadings(problem, narrow), choices, narrow, lambda stage, share: progress(stage, 0.8 * share)
        )
    else:
        selection = _unjudged(choices[0])
    if selection.kept is not None:
        standardization, run = selection.kept
        return _fitted(problem, standardization, run.best_weights, selection, run)
    try:
        fitted = _fit_all(problem, selection, settings, lambda stage, share: progress(stage, 0.8 + 0.1 * share))
    except KeyboardInterrupt:
        if selection.spare is None:
            raise
        standardization, run = selection.spare
        fitted = _fitted(problem, standardization, run.weights, selection, run)
        return _interrupted(fitted, "Ctrl-C was pressed while all entries were recovered")
    if fitted is None:
        return _fit_by(problem, replace(settings, tries_limit=False), progress)
    if not (settings.is_stack_wanted and is_refined(problem)):
        return fitted
    return _refined(fitted, settings, lambda stage, share: progress(stage, 0.9 + 0.1 * share))


def _refined(fitted: FittedTable, settings: FitSettings, progress: Progress) -> FittedTable:
    """The fit with the stack beside it, whose held-out predictions are those reported; Ctrl-C leaves it as it was.

    The factorization stays alone where its own held-out error is lower: a table of exactly low rank in one unit.
    """
    columns = fitted.problem.shape[1]
    alone = np.inf if _leaves_gaps(fitted, settings) else ColumnQuality.of(fitted.selection, columns).overall
    if alone < _NEARLY_EXACT:
        return fitted
    try:
        blocks = None if settings.categories is None else settings.categories.blocks
        # thousands of small decompositions, for which threads only wait for one another
        with one_blas_thread():
            refinement = refine(fitted.problem, settings.order, settings.seed, progress, blocks)
    except KeyboardInterrupt:
        return _interrupted(fitted, "Ctrl-C was pressed while refining")
    found = {name: getattr(refinement, name) for name in HELD}
    selection = replace(fitted.selection, **found)
    if alone < _LOWER * ColumnQuality.of(selection, columns).overall:
        return fitted
    return replace(fitted, selection=selection, refinement=refinement)


def _leaves_gaps(fitted: FittedTable, settings: FitSettings) -> bool:
    """Whether the rows are moments in time of which the factorization knows too little.

    It was judged on single entries, where gaps are long, and knows nothing of a moment without any measurement. The
    limit has no gap where each moment has more measurements than the rank: they determine it.
    """
    if settings.order is None:
        return False
    measured = np.bincount(fitted.problem.rows, minlength=fitted.problem.shape[0])
    candidate = fitted.selection.chosen.candidate
    return not (candidate.is_limit and measured.min() > candidate.width)


def refit_table(problem: Completion, before: FittedTable, settings: FitSettings, progress: Progress) -> FittedTable:
    """Fit another table, or a longer one, with the choices of a fit before; its held-out errors are kept."""
    if settings.tries_huber and not before.standardization.loss.is_quadratic:
        settings = replace(settings, loss=HUBER)
    fitted = _fit_all(problem, before.selection, settings, progress)
    if fitted is None:
        return _fit_by(problem, replace(settings, tries_limit=False), progress)
    return fitted if before.refinement is None else _refined(fitted, settings, progress)


def retrace(fitted: FittedTable, settings: FitSettings) -> Trajectory | None:
    """The run of a saved fit, made again; None where that leads elsewhere.

    It does where the fit was interrupted, or where the run of choosing is the fit.
    """
    run = _run(fitted.problem, fitted.standardization, fitted.selection.chosen, settings, lambda stage, share: None)
    if run is None:
        return None
    rows, cols = fitted.problem.rows, fitted.problem.cols
    again = factors_of(fitted.standardization, run.weights, run)
    before, now = (predict(rows, cols, *factors) for factors in ((fitted.left, fitted.right), again))
    return run if np.linalg.norm(now - before) <= _SAME * np.linalg.norm(before) else None


def _fit_all(
    problem: Completion, selection: Selection, settings: FitSettings, progress: Progress
) -> FittedTable | None:
    """The fit of all entries by what was chosen; None where that is the limit, and it misses them."""
    chosen = selection.chosen.candidate
    standardization = standardizations(problem, [problem], chosen.scaling, settings.loss)[0]
    standardization = standardization.with_popularity(problem.degrees, chosen.popularity)
    run = _run(problem, standardization, selection.chosen, settings, progress)
    if run is None:
        return None
    return _fitted(problem, standardization, run.weights, selection, run)


def _run(
    problem: Completion, standardization: Standardization, trial: Trial, settings: FitSettings, progress: Progress
) -> Trajectory | None:
    """The run of a candidate on all entries, to the time chosen for it; None where the limit misses them."""
    if trial.candidate.is_limit:
        progress("recovering all entries", 0.0)
        return run_limit(problem, standardization, trial, settings)
    residuals = standardization.residual_problem(problem, settings.dtype)
    return run_to_time(residuals, model_of(trial.candidate, residuals), trial, settings, progress)


def run_to_time(
    residuals: Completion, model: Model, trial: Trial, settings: FitSettings, progress: Progress
) -> Trajectory:
    """The run of a model on what the effects leave of all entries, to the time chosen for it."""
    run = evolve(
        residuals,
        model,
        Spectral(min(trial.candidate.width, *residuals.shape), trial.candidate.scale),
        settings.integrator,
        stop=TimeReached(trial.time) | LossBelow(FITTED) | StepLimit(STEP_LIMIT),
        record=RECORD,
        progress=lambda share, now: progress("fitting all entries", share),
        device=settings.device,
    )
    return run.in_numpy(residuals)


def _fitted(
    problem: Completion, standardization: Standardization, weights: np.ndarray, selection: Selection, run: Trajectory
) -> FittedTable:
    shift = None
    chosen = selection.chosen.candidate
    if chosen.features and run.problem is not None:
        inner = np.ascontiguousarray(cast(Lifted, run.model).inner.factors(weights[None, :])[0][0])
        shift = FeatureShift.of(
            cast(Completion, run.problem), standardization.row_slow, inner, chosen.features, chosen.popularity
        )
    left, right = factors_of(standardization, weights, run)
    return FittedTable(problem, standardization, left, right, selection, run, shift)


def factors_of(standardization: Standardization, weights: np.ndarray, run: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """L and R of a run at some weights, in units of the table."""
    left, right = (np.ascontiguousarray(factor[0]) for factor in run.model.factors(weights[None, :]))
    return standardization.factors(left, right)


def _unjudged(candidate: Candidate) -> Selection:
    """The selection where nothing can be held out: effects alone, and no error to report."""
    none, empty = np.zeros(0, dtype=int), np.zeros(0)
    trial = Trial(candidate, np.finfo(float).tiny, float("nan"), 0.0, 0)
    return Selection(trial, (trial,), none, none, empty, empty, empty)
