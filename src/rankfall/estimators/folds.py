"""A candidate followed on the training entries of one split or several, its held-out loss watched at every step.

Each split is a fold; the folds of a candidate move in lockstep, as many tables on the same entries. A candidate that
falls behind the best so far, at equal progress in the training loss, is given up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from rankfall.estimators.candidate import Candidate
from rankfall.estimators.categories import Categories
from rankfall.estimators.scalings import column_spreads
from rankfall.estimators.standardization import Standardization
from rankfall.integrators.flow import Flow
from rankfall.models.starts import Spectral
from rankfall.problems.completion import Completion
from rankfall.problems.observations import drawn_entries
from rankfall.trajectory.evolve import evolve_batch
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.snapshot import Snapshot
from rankfall.trajectory.stops import HeldOutRise, LossBelow, StepLimit

# Where the loss, in units of the table's variance, is so small that fitting on would fit rounding.
FITTED = 1e-6
STEP_LIMIT = 3000
# What is written down of the run that becomes the fit.
RECORD = Record(singular_values=10, effective_rank=True, ratio=1.05)
# Enough held-out entries for one split to speak for itself; with fewer, several splits are averaged.
_ENOUGH, _FOLDS = 500, 4
# What is held out unless the caller says: a tenth, and never more than it takes to compare candidates to 0.1 %.
_HELD_OUT, _PLENTY = 0.1, 200_000
# Steps without improvement of the held-out error after which a run has seen enough.
_PATIENCE = 10
# A run that saw all but this share of the entries is not made again for the rest.
_SPARED = 0.02
# So many held-out entries say for sure that the error only rises, once it has risen by this share.
_SURE, _RISE = 5000, 0.05
# A candidate is given up when its held-out loss has been this much above the best one's at equal training loss for so
# many steps, once it has explained this share of what the effects left.
_BEHIND, _STEPS_BEHIND, _UNDERWAY = 1.005, 3, 0.02
# A gap that has shrunk by more than this factor in a step is narrowing.
_NARROWING = 0.998


def share_held_out(holdout: float | str, entries: int) -> float:
    """The share of the entries to hold out, where the caller may have said "auto"."""
    return min(_HELD_OUT, _PLENTY / max(1, entries)) if isinstance(holdout, str) else holdout


def is_split_once(problem: Completion, holdout: float) -> bool:
    """Whether one split holds out enough entries to speak for itself."""
    return holdout * problem.rows.size >= _ENOUGH


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


@dataclass(eq=False)
class Fold:
    """One candidate on one split: its curve, and what each half's best moment predicts for the other half.

    Parameters
    ----------
    curve : list[tuple[float, float, float]]
        Time, held-out loss, and the share of the first training loss that is left. The loss is that in units, or, for
        squares, the squared error in spreads of the columns, so that readings in different units compare.
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
    lead: float = np.inf
    weights: np.ndarray | None = None

    def watch(self, time: float, share: float, left: np.ndarray, right: np.ndarray) -> None:
        """Note the held-out losses of a moment, in units, and the share of the training loss that is left."""
        left, right = self.standardization.factors(left, right)
        z = self.standardization.offset(self.held.rows, self.held.cols)
        z = z + self.train.predict(left, right, self.held.rows, self.held.cols)
        losses = self.losses(z)
        self.curve.append((time, float(losses.mean()), share))
        if not self.crossed.size:
            self.crossed = np.array(z)
        for k in (0, 1):
            error = float(losses[self.half == k].mean()) if (self.half == k).any() else np.inf
            if error < self.best[k]:
                self.best[k] = error
                self.crossed[self.half != k] = z[self.half != k]

    def losses(self, z: np.ndarray) -> np.ndarray:
        """What the held-out entries cost when predicted by z, one by one."""
        shape = self.standardization
        if not shape.loss.is_quadratic:
            return shape.loss.value(z, shape.to_units(self.held.values, self.held.cols))
        if self.weights is None:
            spreads = column_spreads(self.train)[self.held.cols]
            # a constant column is filled by its constant whatever is chosen
            self.weights = np.divide(1.0, spreads**2, where=spreads > 0, out=np.zeros(spreads.size))
        return self.weights * (shape.from_units(z, self.held.cols) - self.held.values) ** 2

    def is_hopeless(self, rival: "Fold") -> bool:
        """Whether the held-out loss has long been above the rival's where that had as much training loss left.

        A gap that narrows gives hope.
        """
        _, mine, share = self.curve[-1]
        _, theirs, shares = np.asarray(rival.curve).T
        within = shares.min() < share < 1 - _UNDERWAY
        # along a flow the training loss falls, so that the shares, turned round, ascend
        before, self.lead = self.lead, mine / np.interp(share, shares[::-1], theirs[::-1]) if within else np.inf
        behind = within and self.lead > _BEHIND and self.lead >= _NARROWING * before
        self.steps_behind = self.steps_behind + 1 if behind else 0
        return self.steps_behind >= _STEPS_BEHIND


def is_refitted(holdout: float | str, entries: int) -> bool:
    """Whether so much is held out that all entries are fitted once more."""
    share = share_held_out(holdout, entries)
    return share > _SPARED * (1 - share)


def is_near_whole(folds: list[Fold]) -> bool:
    """Whether so little is held out that a run on the rest stands for one on all entries."""
    return len(folds) == 1 and folds[0].held.rows.size <= _SPARED * folds[0].train.rows.size


def fold_of(train: Completion, held: Completion, standardization: Standardization, seed: int) -> Fold:
    """The fold of a split before its run, the held-out entries dealt into halves by the seed."""
    half = np.random.default_rng(seed).permutation(held.rows.size) % 2
    return Fold(train, held, half, standardization)


def follow(
    folds: list[Fold],
    rival: list[Fold] | None,
    candidate: Candidate,
    rtol: float,
    dtype: type,
    progress: Callable[[float], None],
) -> bool:
    """Run a candidate on every fold, the folds in lockstep; whether it was given up."""
    problem = residuals_of(folds, dtype)
    first: list[float] = [np.nan] * len(folds)
    given_up = False

    def watch(now: Snapshot) -> bool:
        nonlocal given_up
        left, right = now.model.factors(now.weights)
        for place, k in enumerate(now.runs):
            outer = left[place], right[place]
            if not folds[k].curve:
                first[k] = float(now.loss[place])
            folds[k].watch(float(now.time[place]), float(now.loss[place]) / first[k], *outer)
        # with several folds, a candidate costs little
        given_up = len(folds) == 1 and rival is not None and folds[0].is_hopeless(rival[0])
        return given_up

    sure = len(folds) == 1 and folds[0].held.rows.size >= _SURE
    runs = evolve_batch(
        problem,
        candidate.model(problem),
        Spectral(candidate.width, candidate.scale),
        Flow(rtol),
        stop=HeldOutRise(_PATIENCE, rise=_RISE if sure else np.inf) | LossBelow(FITTED) | StepLimit(STEP_LIMIT),
        record=RECORD if is_near_whole(folds) else Record(every=STEP_LIMIT),
        callback=watch,
        progress=lambda share, now: progress(share),
    )
    for fold, run in zip(folds, runs, strict=True):
        fold.run = run
        if not fold.curve:
            fold.crossed = fold.standardization.offset(fold.held.rows, fold.held.cols)
            fold.curve.append((run.time, float(fold.losses(fold.crossed).mean()), 1.0))
    return given_up


def residuals_of(folds: list[Fold], dtype: type) -> Completion:
    """The folds as one problem: alone, or as many tables on the same entries, held-out ones with weight zero."""
    if len(folds) == 1:
        problem, held = (
            folds[0].standardization.residual_problem(part, dtype) for part in (folds[0].train, folds[0].held)
        )
        return replace(problem, held_out=held)
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
