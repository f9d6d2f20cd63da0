"""A candidate followed on the training entries of one split or several, its held-out loss watched at every step.

Each split is a fold; the folds of a candidate move in lockstep, as many tables on the same entries.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rankfall.devices import Device
from rankfall.estimators.candidate import Candidate
from rankfall.estimators.categories import Categories
from rankfall.estimators.fold import Fold, LowestPassed
from rankfall.estimators.keeping import Keeper, KeptRun
from rankfall.integrators.integrator import Integrator
from rankfall.models.model import Model
from rankfall.models.start import Start
from rankfall.models.starts import FromLayers, Spectral
from rankfall.problems.completion import Completion
from rankfall.problems.observations import drawn_entries
from rankfall.trajectory.evolve import evolve_batch
from rankfall.trajectory.record import Record
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.stops import LossBelow, StepLimit

# Where the loss, in units of the table's variance, is so small that fitting on would fit rounding.
FITTED = 1e-6
STEP_LIMIT = 3000
# What is written down of the run that becomes the fit.
RECORD = Record(singular_values=10, effective_rank=True, ratio=1.05)
# Enough held-out entries for one split to speak for itself; with fewer, several splits are averaged.
_ENOUGH, _FOLDS = 500, 4
# What is held out unless the caller says: a tenth, and never more than it takes to compare candidates to 0.1 %.
_HELD_OUT, _PLENTY = 0.1, 200_000
# A run that saw all but this share of the entries is not made again for the rest.
_SPARED = 0.02
# So many held-out entries say for sure that the error only rises, once it has risen by this share.
_SURE = ((50_000, 0.02), (5_000, 0.05))


def share_held_out(holdout: float | str, entries: int) -> float:
    """The share of the entries to hold out, where the caller may have said "auto"."""
    return min(_HELD_OUT, _PLENTY / max(1, entries)) if isinstance(holdout, str) else holdout


def is_split_once(problem: Completion, holdout: float) -> bool:
    """Whether one split holds out enough entries to speak for itself."""
    return holdout * problem.count >= _ENOUGH


def splits(
    problem: Completion, holdout: float, seed: int, categories: Categories | None = None
) -> list[tuple[Completion, Completion]]:
    """Training and held-out problems: one split where that holds out plenty, else several.

    All columns of a category are held out together.
    """
    folds = 1 if is_split_once(problem, holdout) else _FOLDS
    share = holdout if folds == 1 else max(holdout, _HELD_OUT)
    cells = np.arange(problem.rows.size) if categories is None else categories.cells(problem)
    weights = None if problem.weights is None else problem.weights[np.unique(cells, return_index=True)[1]]
    pairs = []
    for k in range(folds):
        aside = drawn_entries(int(cells[-1]) + 1, weights, share, seed + k)[cells]
        pairs.append((problem.select(~aside), problem.select(aside)))
    return pairs


def is_refitted(holdout: float | str, entries: int) -> bool:
    """Whether so much is held out that all entries are fitted once more."""
    share = share_held_out(holdout, entries)
    return share > _SPARED * (1 - share)


def is_near_whole(folds: list[Fold]) -> bool:
    """Whether so little is held out that a run on the rest stands for one on all entries."""
    return len(folds) == 1 and folds[0].held.count <= _SPARED * folds[0].train.count


def follow(
    folds: list[Fold],
    rival: list[Fold] | None,
    candidate: Candidate,
    problem: Completion,
    model: Model,
    integrator: Integrator,
    progress: Callable[[float], None],
    device: str | Device | None = None,
    keeper: Keeper | None = None,
) -> bool:
    """Run a candidate on every fold, the folds in lockstep; whether it was given up.

    `problem` is what the effects leave of their training entries, `model` what the candidate writes its product as. A
    keeper, of one fold, keeps the run along the way, or gives one to go on with.
    """
    first: list[float] = [np.nan] * len(folds)
    given_up, begun = False, 0.0
    start: Start = Spectral(candidate.width, candidate.scale)
    kept = None if keeper is None else keeper.kept(candidate)
    if kept is not None:
        kept.restore(folds[0])
        first, begun = [kept.first_loss], kept.time
        start = FromLayers(model.sized(problem.shape).layers(kept.weights))

    def watch(now: Snapshot) -> bool:
        nonlocal given_up
        left, right = now.model.factors(now.weights)
        for place, k in enumerate(now.runs):
            fold, time, loss = folds[k], begun + float(now.time[place]), float(now.loss[place])
            if not fold.curve:
                first[k] = loss
            elif time == fold.curve[-1][0]:
                continue
            fold.watch(time, loss / first[k], now.weights[place], left[place], right[place])
            if keeper is not None and keeper.is_due():
                keeper.keep(candidate, KeptRun.of(fold, now.weights[place], time, first[k]))
        # with several folds, a candidate costs little
        given_up = len(folds) == 1 and rival is not None and folds[0].is_hopeless(rival[0])
        return given_up

    runs = evolve_batch(
        problem,
        model,
        start,
        integrator,
        stop=LowestPassed(folds, _sure_rise(folds)) | LossBelow(FITTED) | StepLimit(STEP_LIMIT),
        record=RECORD if is_near_whole(folds) else Record(every=STEP_LIMIT),
        callback=watch,
        progress=lambda share, now: progress(share),
        device=device,
    )
    for fold, run in zip(folds, runs, strict=True):
        if fold.weights is not None:
            run = replace(run, best_weights=fold.weights, best_time=fold.lowest_time)
        fold.run = run.in_numpy(None)
        if not fold.curve:
            fold.crossed = fold.standardization.offset(fold.held.rows, fold.held.cols)
            fold.curve.append((run.time, float(fold.losses(fold.crossed).mean()), 1.0))
    if keeper is not None:
        keeper.keep(candidate, KeptRun.of(folds[0], runs[0].weights, begun + runs[0].time, first[0]))
    return given_up


def _sure_rise(folds: list[Fold]) -> float:
    """The share by which the held-out loss has risen when it is sure that it only rises; infinite for few entries."""
    held = folds[0].held.count if len(folds) == 1 else 0
    return next((rise for entries, rise in _SURE if held >= entries), np.inf)


def residuals_of(folds: list[Fold], dtype: type) -> Completion:
    """What is left of the training entries after the effects: of one fold, or of several as tables on the same cells.

    The cells held out of a table have weight zero there. A run that is the fit records its error on them.
    """
    if len(folds) == 1:
        problem = folds[0].standardization.residual_problem(folds[0].train, dtype)
        if is_near_whole(folds):
            return replace(problem, held_out=folds[0].standardization.residual_problem(folds[0].held, dtype))
        return problem
    m, n = folds[0].train.shape
    values, weights = [], []
    for fold in folds:
        both = [fold.standardization.residual_problem(part, dtype) for part in (fold.train, fold.held)]
        place = np.concatenate([part.rows.astype(np.int64) * n + part.cols for part in both])
        order = np.argsort(place)
        values.append(np.concatenate([part.values for part in both])[order])
        given = np.ones(both[0].rows.size, dtype) if both[0].weights is None else both[0].weights
        weights.append(np.concatenate([given, np.zeros(both[1].rows.size, dtype)])[order])
    rows, cols = np.divmod(place[order], n)
    loss = folds[0].standardization.loss
    return Completion(rows, cols, np.stack(values), (m, n), np.stack(weights), loss_function=loss)
