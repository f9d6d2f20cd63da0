"""Choosing depth, popularity, features and stopping time on held-out entries.

Flow time is the regularization path: one run visits every amount of fitting, and the held-out error along it says
where to stop. Each candidate runs once a fold; the curve averaged over folds is lowest at the candidate's time, and
the lowest of all wins. One that falls behind the best so far, at equal progress in the training loss, is given up.
Where there is little noise, the limit of depth and time is a candidate too.

The error reported is cross-fitted: held-out entries are split in halves, each half is predicted at the moment, and by
the candidate, that the other half chose, so that choosing costs no honesty.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.estimators.candidate import Candidate, Trial
from rankfall.estimators.fold import Fold
from rankfall.estimators.folds import follow, is_near_whole
from rankfall.estimators.keeping import Keeper
from rankfall.estimators.limit import try_limit
from rankfall.estimators.readings import Readings
from rankfall.estimators.settings import FitSettings
from rankfall.estimators.standardization import Standardization
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.status import Status

Progress = Callable[[str, float], None]

# Noise pulls on a mode with the inverse root of the number of entries, and a mode escapes in inverse proportion to what
# pulls: with more entries the time to stop comes later by their root.
_LATER = 0.5
# Points of a held-out curve that are kept.
_CURVE = 200
# What is kept of each held-out entry.
HELD = ("rows", "cols", "values", "predicted", "column_means")


@dataclass(frozen=True, eq=False)
class Selection:
    """The winner, every trial, and the cross-fitted predictions of held-out entries in input units.

    Parameters
    ----------
    kept : tuple[Standardization, Trajectory], optional
        Standardization and run to take for the fit, as nothing is left to do: choosing was interrupted, or so little
        held out that a run on all entries would not differ.
    spare : tuple[Standardization, Trajectory], optional
        The same of the limit on the first split, for the case that its recovery of all entries is interrupted.
    """

    chosen: Trial
    trials: tuple[Trial, ...]
    rows: Int[np.ndarray, " held"]
    cols: Int[np.ndarray, " held"]
    values: Float[np.ndarray, " held"]
    predicted: Float[np.ndarray, " held"]
    column_means: Float[np.ndarray, " held"]
    kept: "tuple[Standardization, Trajectory] | None" = None
    spare: "tuple[Standardization, Trajectory] | None" = None

    def taken(self, chosen: Bool[np.ndarray, " held"]) -> "Selection":
        """With some of the held-out entries."""
        parts = {name: getattr(self, name)[chosen] for name in HELD}
        return replace(self, **parts)

    @property
    def error(self) -> float:
        """Cross-fitted root mean squared error on the held-out entries, input units."""
        return float(np.sqrt(np.mean((self.predicted - self.values) ** 2))) if self.values.size else float("nan")

    @property
    def column_mean_error(self) -> float:
        """The same of predicting every held-out entry by its column's mean."""
        return float(np.sqrt(np.mean((self.column_means - self.values) ** 2))) if self.values.size else float("nan")


def select(
    readings: Readings,
    candidates: Sequence[Candidate],
    settings: FitSettings,
    progress: Progress,
    keeper: Keeper | None = None,
) -> Selection:
    """Run the candidates on every split, and choose; see the module's opening for how.

    They come depth by depth; the first depth decides on popularity and features for the others. What is chosen is then
    tried with each other reading of the table.

    A keeper, of one split, keeps each run along the way, or gives one to go on with.

    Ctrl-C ends the choosing: the best candidate so far wins, and its run on the first split is the fit (`kept`).
    """
    first, *others = readings.scalings(settings.scaling, settings.loss.is_quadratic)
    outcomes: list[tuple[Trial, list[Fold]]] = []
    shapes: dict[str, list[Standardization]] = {}
    stopped = False
    waiting = [replace(candidate, scaling=first) for candidate in candidates]
    total, number = len(waiting) + len(others), 0
    while waiting and not stopped:
        candidate, waiting = waiting[0], waiting[1:]
        number += 1
        if _is_worth(candidate, [trial for trial, _ in outcomes]):
            if candidate.scaling not in shapes:
                shapes[candidate.scaling] = readings.standardizations(candidate.scaling)
            folds = [
                readings.fold(
                    split, shape.with_popularity(readings.pairs[split][0].degrees, candidate.popularity), settings.seed
                )
                for split, shape in enumerate(shapes[candidate.scaling])
            ]
            rival = min(outcomes, key=lambda outcome: outcome[0].error)[1] if outcomes else None
            given_up = _follow(
                readings, settings, folds, rival if candidate.scaling == first else None, candidate,
                lambda share, n=number, c=candidate: progress(f"choosing: depth {c.depth}", (n - 1 + share) / total),
                keeper,
            )  # fmt: skip
            stopped = not given_up and any(fold.run and fold.run.status is Status.INTERRUPTED for fold in folds)
            if not stopped or not outcomes:
                outcomes.append((replace(_trial(candidate, folds), is_given_up=given_up), folds))
        if not waiting and others:
            best = min(outcomes, key=lambda outcome: outcome[0].error)[0].candidate
            waiting, others = [replace(best, scaling=name) for name in others], []
    winner = min(outcomes, key=lambda outcome: outcome[0].error)
    if not stopped:
        try:
            limit = try_limit(readings, settings, *winner)
        except KeyboardInterrupt:
            limit, stopped = None, True
        if limit is not None:
            outcomes.append(limit)
            winner = min(outcomes, key=lambda outcome: outcome[0].error)
    crossed = _crossed(outcomes)
    folds = winner[1]
    rows, cols, values = (
        np.concatenate([getattr(fold.held, name) for fold in folds]) for name in ("rows", "cols", "values")
    )
    means = np.concatenate([readings.column_means(split)[fold.held.cols] for split, fold in enumerate(folds)])
    selection = Selection(
        chosen=winner[0], trials=tuple(trial for trial, _ in outcomes), rows=rows, cols=cols,
        values=values.astype(np.float64), predicted=crossed, column_means=means,
    )  # fmt: skip
    run = folds[0].run
    if run is not None and winner[0].candidate.is_limit:
        return replace(selection, spare=(folds[0].standardization, run))
    if run is None or not (stopped or is_near_whole(folds)):
        return selection
    run = replace(run, problem=readings.residuals(folds, settings.dtype).of_runs(0))
    if stopped:
        run = replace(run, status=Status.INTERRUPTED, reason="Ctrl-C was pressed while choosing")
    return replace(selection, kept=(folds[0].standardization, run))


def _follow(
    readings: Readings, settings: FitSettings, folds: list[Fold], rival: list[Fold] | None, candidate: Candidate,
    progress: Callable[[float], None], keeper: Keeper | None,
) -> bool:  # fmt: skip
    """Run a candidate on its folds; whether it was given up. What it ran on is gone then: there is room for one."""
    residuals = readings.residuals(folds, settings.dtype)
    model = readings.model(candidate, residuals)
    return follow(folds, rival, candidate, residuals, model, settings.integrator, progress, settings.device, keeper)


def _is_worth(candidate: Candidate, done: Sequence[Trial]) -> bool:
    """Whether a candidate of the first depth is not like one given up, or one of another has what won at the first."""
    best = min(done, key=lambda trial: trial.error, default=None)
    if best is None:
        return True
    if best.candidate.scaling != candidate.scaling:
        return True
    if best.candidate.depth == candidate.depth:
        # without features, no popularity makes up for what a likelier one lacked
        without = [trial for trial in done if trial.candidate.features == candidate.features]
        return candidate.features == best.candidate.features or not any(trial.is_given_up for trial in without)
    return (best.candidate.popularity, best.candidate.features) == (candidate.popularity, candidate.features)


def _trial(candidate: Candidate, folds: list[Fold]) -> Trial:
    """The time at which the held-out curve, averaged over folds, is lowest: between steps, where a parabola says."""
    grid = np.unique(np.concatenate([[moment[0] for moment in fold.curve] for fold in folds]))
    curves = [np.interp(grid, *np.asarray(fold.curve).T[:2]) for fold in folds]
    mean = np.mean(curves, axis=0)
    errors = np.sqrt(mean) if folds[0].standardization.loss.is_quadratic else mean
    runs = [fold.run for fold in folds if fold.run is not None]
    later = 1.0 if is_near_whole(folds) else (1 + folds[0].held.count / folds[0].train.count) ** _LATER
    return Trial(
        candidate, max(later * _lowest(grid, mean), np.finfo(float).tiny), float(errors.min()),
        sum(run.seconds for run in runs), sum(run.evaluations for run in runs),
        curve=_thinned(later * grid, errors),
    )  # fmt: skip


def _thinned(times: np.ndarray, errors: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Pairs of a curve: all of a short one, and some of a long one, with its ends and its lowest."""
    chosen = np.linspace(0, times.size - 1, min(times.size, _CURVE)).round().astype(int)
    chosen = np.union1d(chosen, np.argmin(errors))
    return tuple(zip(times[chosen].tolist(), errors[chosen].tolist(), strict=True))


def _lowest(times: np.ndarray, errors: np.ndarray) -> float:
    """Where the parabola through the lowest point and its neighbors, over the logarithm of time, is lowest."""
    best = int(np.argmin(errors))
    if not 0 < best < times.size - 1 or times[best - 1] <= 0:
        return float(times[best])
    x, y = np.log(times[best - 1 : best + 2]), errors[best - 1 : best + 2]
    before, after = (y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1])
    if not after > before:
        return float(times[best])
    # the slope, linear between the middles of the two intervals, is zero here
    middle = (x[0] + x[1]) / 2 - before * (x[2] - x[0]) / 2 / (after - before)
    return float(np.exp(np.clip(middle, x[0], x[2])))


def _crossed(outcomes: list[tuple[Trial, list[Fold]]]) -> np.ndarray:
    """Predictions of each half by the candidate and moment that the other half chose, input units, fold after fold."""
    chosen = [min(outcomes, key=lambda outcome: np.mean([fold.best[k] for fold in outcome[1]]))[1] for k in (0, 1)]
    parts = []
    for first, second in zip(*chosen, strict=False):
        values = [fold.standardization.from_units(fold.crossed, fold.held.cols) for fold in (first, second)]
        parts.append(np.where(first.half == 0, values[1], values[0]))
    return np.concatenate(parts)
