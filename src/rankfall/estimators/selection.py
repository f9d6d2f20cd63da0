"""Choosing depth, popularity, features and stopping time on held-out entries.

Flow time is the regularization path: one run visits every amount of fitting, and the held-out error along it says
where to stop. Each candidate runs once a fold; the curve averaged over folds is lowest at the candidate's time, and
the lowest of all wins. One that falls behind the best so far, at equal progress in the training loss, is given up.

The error reported is cross-fitted: held-out entries are split in halves, each half is predicted at the moment, and by
the candidate, that the other half chose, so that choosing costs no honesty.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from rankfall.estimators.loss_units import standardizations
from rankfall.estimators.standardization import Standardization
from rankfall.integrators.flow import Flow
from rankfall.models.chain import Chain
from rankfall.models.starts import Spectral
from rankfall.problems.completion import Completion
from rankfall.problems.featured import Featured, with_observed_features
from rankfall.problems.losses import Loss, Squared
from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.status import Status
from rankfall.trajectory.stops import HeldOutRise, LossBelow, StepLimit

# Where the loss, in units of the table's variance, is so small that fitting on would fit rounding.
FITTED = 1e-6
STEP_LIMIT = 3000
# Enough held-out entries for one split to speak for itself; with fewer, several splits are averaged.
_ENOUGH, _FOLDS = 500, 4
# So many held-out entries say for sure that the error only rises, once it has risen by this share.
_SURE, _RISE = 5000, 0.05
# A candidate is given up when its held-out loss has been this much above the best one's at equal training loss for so
# many steps, once it has explained this share of what the effects left.
_BEHIND, _STEPS_BEHIND, _UNDERWAY = 1.005, 3, 0.02

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Candidate:
    """One way to complete the table: a chain, the size of its start, the popularity exponent, and the size of features.

    features: of `observed_features`, 0 for none.
    """

    depth: int
    width: int
    scale: float
    popularity: float
    features: float = 0.0


@dataclass(frozen=True)
class Trial:
    """What holding out found for a candidate: the best time, and the error there.

    That is the root mean squared error in input units, or, for other losses than squares, their mean in units.
    is_given_up: whether it fell behind another and was not followed to its best.
    """

    candidate: Candidate
    time: float
    error: float
    seconds: float
    evaluations: int
    is_given_up: bool = False


@dataclass(frozen=True, eq=False)
class Selection:
    """The winner, every trial, and the cross-fitted predictions of held-out entries in input units."""

    chosen: Trial
    trials: tuple[Trial, ...]
    rows: Int[np.ndarray, " held"]
    cols: Int[np.ndarray, " held"]
    values: Float[np.ndarray, " held"]
    predicted: Float[np.ndarray, " held"]
    column_means: Float[np.ndarray, " held"]
    interrupted: "tuple[Standardization, Trajectory] | None" = None

    @property
    def error(self) -> float:
        """Cross-fitted root mean squared error on the held-out entries, input units."""
        return float(np.sqrt(np.mean((self.predicted - self.values) ** 2))) if self.values.size else float("nan")

    @property
    def column_mean_error(self) -> float:
        """The same of predicting every held-out entry by its column's mean."""
        return float(np.sqrt(np.mean((self.column_means - self.values) ** 2))) if self.values.size else float("nan")


@dataclass(eq=False)
class _Fold:
    """One candidate on one split: its curve, and what each half's best moment predicts for the other half.

    curve: time, held-out loss, and the share of the first training loss that is left.
    """

    train: Completion
    held: Completion
    half: np.ndarray
    standardization: Standardization
    curve: list[tuple[float, float, float]] = field(default_factory=list)
    best: list[float] = field(default_factory=lambda: [np.inf, np.inf])
    crossed: np.ndarray = field(default_factory=lambda: np.zeros(0))
    run: Trajectory | None = None
    steps_behind: int = 0

    def watch(self, time: float, share: float, left: np.ndarray, right: np.ndarray) -> None:
        """Note the held-out losses of a moment, in units, and the share of the training loss that is left."""
        left, right = self.standardization.factors(left, right)
        z = self.standardization.offset(self.held.rows, self.held.cols)
        z = z + self.train.predict(left, right, self.held.rows, self.held.cols)
        shape = self.standardization
        losses = shape.loss.value(z, shape.to_units(self.held.values, self.held.cols))
        self.curve.append((time, float(losses.mean()), share))
        if not self.crossed.size:
            self.crossed = np.array(z)
        for k in (0, 1):
            error = float(losses[self.half == k].mean()) if (self.half == k).any() else np.inf
            if error < self.best[k]:
                self.best[k] = error
                self.crossed[self.half != k] = z[self.half != k]

    def is_hopeless(self, rival: "_Fold") -> bool:
        """Whether the held-out loss has long been above the rival's where that had as much training loss left."""
        _, mine, share = self.curve[-1]
        _, theirs, shares = np.asarray(rival.curve).T
        within = shares.min() < share < 1 - _UNDERWAY
        # along a flow the training loss falls, so that the shares, turned round, ascend
        behind = within and mine > _BEHIND * np.interp(share, shares[::-1], theirs[::-1])
        self.steps_behind = self.steps_behind + 1 if behind else 0
        return self.steps_behind >= _STEPS_BEHIND


def is_split_once(problem: Completion, holdout: float) -> bool:
    """Whether one split holds out enough entries to speak for itself."""
    return holdout * problem.rows.size >= _ENOUGH


def splits(problem: Completion, holdout: float, seed: int) -> list[tuple[Completion, Completion]]:
    """Training and held-out problems: one split where that holds out plenty, else several."""
    folds = 1 if is_split_once(problem, holdout) else _FOLDS
    pairs = []
    for k in range(folds):
        train = problem.hold_out(holdout if folds == 1 else max(holdout, 0.1), seed + k)
        assert train.held_out is not None
        pairs.append((replace(train, held_out=None), train.held_out))
    return pairs


def select(
    problem: Completion,
    candidates: Sequence[Candidate],
    *,
    scaling: str,
    loss: Loss,
    holdout: float,
    rtol: float,
    patience: int,
    dtype: type,
    seed: int,
    progress: Progress,
) -> Selection:
    """Run the candidates on every split, and choose; see the module's opening for how.

    They come depth by depth; the first depth decides on popularity and features for the others.

    Ctrl-C ends the choosing: the best candidate so far wins, and its run on the first split is the fit (`interrupted`).
    """
    pairs = splits(problem, holdout, seed)
    shapes = standardizations(problem, [train for train, _ in pairs], scaling, loss)
    outcomes: list[tuple[Trial, list[_Fold]]] = []
    stopped = False
    for number, candidate in enumerate(candidates):
        if not _is_worth(candidate, [trial for trial, _ in outcomes]):
            continue
        folds = [
            _fold(train, held, shape.with_popularity(train, candidate.popularity), seed)
            for (train, held), shape in zip(pairs, shapes, strict=True)
        ]
        rival = min(outcomes, key=lambda outcome: outcome[0].error)[1] if outcomes else None
        given_up = _follow(
            folds, rival, candidate, rtol, patience, dtype,
            lambda share, n=number: progress(f"choosing: depth {candidates[n].depth}", (n + share) / len(candidates)),
        )  # fmt: skip
        stopped = not given_up and any(fold.run and fold.run.status is Status.INTERRUPTED for fold in folds)
        if not stopped or not outcomes:
            outcomes.append((replace(_trial(candidate, folds), is_given_up=given_up), folds))
        if stopped:
            break
    winner = min(outcomes, key=lambda outcome: outcome[0].error)
    crossed = _crossed(outcomes)
    folds = winner[1]
    rows, cols, values = (
        np.concatenate([getattr(fold.held, name) for fold in folds]) for name in ("rows", "cols", "values")
    )
    means = np.concatenate([_column_means(fold.train)[fold.held.cols] for fold in folds])
    selection = Selection(
        chosen=winner[0], trials=tuple(trial for trial, _ in outcomes), rows=rows, cols=cols,
        values=values.astype(np.float64), predicted=crossed, column_means=means,
    )  # fmt: skip
    if not stopped or folds[0].run is None:
        return selection
    run = replace(folds[0].run, status=Status.INTERRUPTED, reason="Ctrl-C was pressed while choosing")
    return replace(selection, interrupted=(folds[0].standardization, run))


def _is_worth(candidate: Candidate, done: Sequence[Trial]) -> bool:
    """Whether a candidate of the first depth is not like one given up, or one of another has what won at the first."""
    best = min(done, key=lambda trial: trial.error, default=None)
    if best is None:
        return True
    if best.candidate.depth == candidate.depth:
        # without features, no popularity makes up for what a likelier one lacked
        without = [trial for trial in done if trial.candidate.features == candidate.features]
        return candidate.features == best.candidate.features or not any(trial.is_given_up for trial in without)
    return (best.candidate.popularity, best.candidate.features) == (candidate.popularity, candidate.features)


def _fold(train: Completion, held: Completion, standardization: Standardization, seed: int) -> _Fold:
    half = np.random.default_rng(seed).permutation(held.rows.size) % 2
    return _Fold(train, held, half, standardization)


def _follow(
    folds: list[_Fold],
    rival: list[_Fold] | None,
    candidate: Candidate,
    rtol: float,
    patience: int,
    dtype: type,
    progress: Callable[[float], None],
) -> bool:
    """Run a candidate on every fold, the folds in lockstep; whether it was given up."""
    problem = _residuals(folds, candidate.features, dtype)
    first: list[float] = [np.nan] * len(folds)
    given_up = False

    def watch(now: Snapshot) -> bool:
        nonlocal given_up
        left, right = now.model.factors(now.weights)
        for place, k in enumerate(now.runs):
            outer = left[place], right[place]
            if isinstance(problem, Featured):
                outer = problem.outer_factors(*outer)
            if not folds[k].curve:
                first[k] = float(now.loss[place])
            folds[k].watch(float(now.time[place]), float(now.loss[place]) / first[k], *outer)
        # with several folds, a candidate costs little
        given_up = len(folds) == 1 and rival is not None and folds[0].is_hopeless(rival[0])
        return given_up

    sure = len(folds) == 1 and folds[0].held.rows.size >= _SURE
    runs = evolve(
        problem,
        Chain(candidate.depth, candidate.width),
        Spectral(candidate.width, candidate.scale),
        Flow(rtol),
        stop=HeldOutRise(patience, rise=_RISE if sure else np.inf) | LossBelow(FITTED) | StepLimit(STEP_LIMIT),
        record=Record(every=STEP_LIMIT),
        callback=watch,
        progress=lambda share, now: progress(share),
    )
    for fold, run in zip(folds, runs if len(folds) > 1 else [runs], strict=True):
        fold.run = run
        if not fold.curve:
            fold.curve.append((run.time, float(fold.standardization.noise), 1.0))
            fold.crossed = fold.standardization.offset(fold.held.rows, fold.held.cols)
    return given_up


def _residuals(folds: list[_Fold], features: float, dtype: type) -> Completion | Featured:
    """The folds as one problem: alone, or as many tables on the same entries, held-out ones with weight zero.

    Features are those of one mask: many folds have many, and go without.
    """
    if len(folds) == 1:
        problem, held = (
            folds[0].standardization.residual_problem(part, dtype) for part in (folds[0].train, folds[0].held)
        )
        problem = replace(problem, held_out=held)
        return with_observed_features(problem, features) if features else problem
    m, n = folds[0].train.shape
    values, weights, chosen = [], [], []
    for fold in folds:
        both = [fold.standardization.residual_problem(part, dtype) for part in (fold.train, fold.held)]
        place = np.concatenate([part.rows.astype(np.int64) * n + part.cols for part in both])
        order = np.argsort(place)
        values.append(np.concatenate([part.values for part in both])[order])
        given = [np.ones(part.rows.size, dtype) if part.weights is None else part.weights for part in both]
        weights.append(np.concatenate(given)[order])
        chosen.append((np.arange(place.size) >= both[0].rows.size)[order])
    rows, cols = np.divmod(place[order], n)
    stacked, aside = np.stack(weights), np.stack(chosen)
    loss = folds[0].standardization.loss
    table = rows, cols, np.stack(values), (m, n)
    held = Completion(*table, np.where(aside, stacked, 0).astype(dtype), loss_function=loss)
    return Completion(*table, np.where(aside, 0, stacked).astype(dtype), held_out=held, loss_function=loss)


def _trial(candidate: Candidate, folds: list[_Fold]) -> Trial:
    """The time at which the held-out curve, averaged over folds, is lowest."""
    grid = np.unique(np.concatenate([[moment[0] for moment in fold.curve] for fold in folds]))
    curves = [np.interp(grid, *np.asarray(fold.curve).T[:2]) for fold in folds]
    mean = np.mean(curves, axis=0)
    best = int(np.argmin(mean))
    error = float(mean[best])
    if isinstance(folds[0].standardization.loss, Squared):
        units = np.concatenate([fold.standardization.unit[fold.held.cols] for fold in folds])
        error = float(np.sqrt(error) * np.sqrt(np.mean(units**2)))
    runs = [fold.run for fold in folds if fold.run is not None]
    return Trial(
        candidate, max(float(grid[best]), np.finfo(float).tiny), error,
        sum(run.seconds for run in runs), sum(run.evaluations for run in runs),
    )  # fmt: skip


def _crossed(outcomes: list[tuple[Trial, list[_Fold]]]) -> np.ndarray:
    """Predictions of each half by the candidate and moment that the other half chose, input units, fold after fold."""
    chosen = [min(outcomes, key=lambda outcome: np.mean([fold.best[k] for fold in outcome[1]]))[1] for k in (0, 1)]
    parts = []
    for first, second in zip(*chosen, strict=False):
        z = np.where(first.half == 0, second.crossed, first.crossed)
        parts.append(first.standardization.from_units(z, first.held.cols))
    return np.concatenate(parts)


def _column_means(problem: Completion) -> np.ndarray:
    values = np.asarray(problem.values, dtype=np.float64)
    counts = np.bincount(problem.cols, minlength=problem.shape[1])
    sums = np.bincount(problem.cols, values, problem.shape[1])
    return np.where(counts > 0, sums / np.maximum(counts, 1), values.mean())
