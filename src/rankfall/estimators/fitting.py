"""From observed entries to a completed table: candidates, selection, and the run on everything.

Candidates differ in depth and, where some rows or columns are seen far more often than others, in popularity. The
winner's stopping time is used again on all entries: losses are means, so flow time means the same with a tenth more.
"""

import numpy as np

from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.loss_units import standardizations
from rankfall.estimators.selection import FITTED, STEP_LIMIT, Candidate, Progress, Selection, Trial, select
from rankfall.estimators.standardization import Standardization
from rankfall.integrators.flow import Flow
from rankfall.models.chain import Chain
from rankfall.models.starts import Spectral
from rankfall.problems.completion import Completion
from rankfall.problems.losses import SQUARED, Loss, Squared
from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.record import Record
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.stops import LossBelow, StepLimit, TimeReached

_DEPTHS = (2, 3)
_POPULARITY = 0.2
_UNEVEN = 0.5
_WIDTHS = (8, 64)
# Fewer observed entries than this cannot be split into what to learn from and what to judge by.
FEWEST = 10


def candidates(
    problem: Completion, depth: int | str, width: int | str, scale: float | str, loss: Loss = SQUARED
) -> list[Candidate]:
    """What to choose from: every depth left open, with and without popularity where degrees are uneven.

    Popularity turns into weights for squares alone.
    """
    depths = _DEPTHS if depth == "auto" else (int(depth),)
    uneven = max(_unevenness(problem.rows, problem.shape[0]), _unevenness(problem.cols, problem.shape[1])) > _UNEVEN
    uneven = uneven and isinstance(loss, Squared)
    return [
        Candidate(n, _width(problem, width), _scale(problem, n, scale), popularity)
        for n in depths
        for popularity in ((_POPULARITY, 0.0) if uneven else (0.0,))
    ]


def fit_table(
    problem: Completion,
    *,
    depth: int | str,
    width: int | str,
    scale: float | str,
    scaling: str,
    loss: Loss,
    holdout: float,
    patience: int,
    rtol: float,
    dtype: type,
    seed: int,
    progress: Progress,
) -> FittedTable:
    """Choose on held-out entries, then fit all of them to the time chosen."""
    choices = candidates(problem, depth, width, scale, loss)
    if problem.rows.size >= FEWEST:
        selection = select(
            problem, choices, scaling=scaling, loss=loss, holdout=holdout, rtol=rtol, patience=patience, dtype=dtype,
            seed=seed, progress=lambda stage, share: progress(stage, 0.8 * share),
        )  # fmt: skip
    else:
        selection = _unjudged(choices[0])
    if selection.interrupted is not None:
        standardization, run = selection.interrupted
        return _fitted(problem, standardization, run.best_weights, selection, run)
    return _fit_all(problem, selection, scaling, loss, rtol, dtype, lambda s, share: progress(s, 0.8 + 0.2 * share))


def refit_table(
    problem: Completion, before: FittedTable, *, scaling: str, loss: Loss, rtol: float, dtype: type, progress: Progress
) -> FittedTable:
    """Fit another table, or a longer one, with the choices of a fit before; its held-out errors are kept."""
    return _fit_all(problem, before.selection, scaling, loss, rtol, dtype, progress)


def _fit_all(
    problem: Completion, selection: Selection, scaling: str, loss: Loss, rtol: float, dtype: type, progress: Progress
) -> FittedTable:
    chosen = selection.chosen.candidate
    standardization = standardizations(problem, [problem], scaling, loss)[0]
    standardization = standardization.with_popularity(problem, chosen.popularity)
    run = evolve(
        standardization.residual_problem(problem, dtype),
        Chain(chosen.depth, min(chosen.width, *problem.shape)),
        Spectral(min(chosen.width, *problem.shape), chosen.scale),
        Flow(rtol),
        stop=TimeReached(selection.chosen.time) | LossBelow(FITTED) | StepLimit(STEP_LIMIT),
        record=Record(singular_values=10, effective_rank=True, ratio=1.05),
        progress=lambda share, now: progress("fitting all entries", share),
    )
    return _fitted(problem, standardization, run.weights, selection, run)


def _fitted(
    problem: Completion, standardization: Standardization, weights: np.ndarray, selection: Selection, run: Trajectory
) -> FittedTable:
    left, right = (np.ascontiguousarray(factor[0]) for factor in run.model.factors(weights[None, :]))
    left, right = standardization.factors(left, right)
    return FittedTable(problem, standardization, left, right, selection, run)


def _unjudged(candidate: Candidate) -> Selection:
    """The selection where nothing can be held out: effects alone, and no error to report."""
    none, empty = np.zeros(0, dtype=int), np.zeros(0)
    trial = Trial(candidate, np.finfo(float).tiny, float("nan"), 0.0, 0)
    return Selection(trial, (trial,), none, none, empty, empty, empty)


def _width(problem: Completion, width: int | str) -> int:
    m, n = problem.shape
    if width != "auto":
        return min(int(width), m, n)
    # a rank-r matrix has r (m + n − r) degrees of freedom: allow about 1.5 times what the entries can pin down
    return int(min(m, n, np.clip(round(1.5 * problem.rows.size / (m + n)), *_WIDTHS)))


def _scale(problem: Completion, depth: int, scale: float | str) -> float:
    if scale != "auto":
        return float(scale)
    # the table's own singular values are of order √(m n); depth makes the bias of a larger start as strong
    return (1e-5 if depth <= 2 else 1e-4) * float(np.sqrt(problem.shape[0] * problem.shape[1]))


def _unevenness(index: np.ndarray, size: int) -> float:
    degree = np.bincount(index, minlength=size)
    degree = degree[degree > 0]
    return float(degree.std() / degree.mean())
