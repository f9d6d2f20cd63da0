"""The limit of depth and time as a candidate: exact recovery, for tables that are nearly free of noise.

A chain of ever more layers, started ever smaller and followed for all time, ends at the matrix that
`rankfall.recovery.recover` computes: exactly what a few entries determine, where a run that is stopped comes close. It
has nothing to offer to noisy tables, and is not tried on them: the best run must predict held-out entries well, and
then a first walk along the path of recovery, of bounded rank, must predict them as well as the run.

The table is read without origins and effects, which would raise its rank.
"""

import math
import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rankfall.estimators.candidate import Candidate, Trial
from rankfall.estimators.fold import Fold
from rankfall.estimators.folds import RECORD
from rankfall.estimators.readings import Readings
from rankfall.estimators.settings import FitSettings
from rankfall.estimators.standardization import Standardization
from rankfall.low_rank import LowRank
from rankfall.models.chain import Chain
from rankfall.models.starts import FromLayers
from rankfall.problems.completion import Completion
from rankfall.recovery import Recovery, recover, walk_ahead, with_expected_lines
from rankfall.recovery.rounding import rounding_of
from rankfall.trajectory.evolve import evolve
from rankfall.trajectory.run import Trajectory
from rankfall.trajectory.stops import LossBelow

_SCALING = "raw"
# Held-out error of the best run, in spreads of the columns, below which the limit may be tried; the largest table, in
# entries; and the largest rank of the first walk. First where there is little noise for sure, then of small tables
# whose few entries leave a run behind.
_SIGNS = ((0.1, 1_000_000, 40), (0.4, 20_000, 12))
# It is given up where its error on the first split is above this, or so many times that of the best run.
_LARGEST, _BEHIND = 0.25, 1.2
# Half of the held-out entries closer than this, in spreads: there may be no noise at all.
_NOISELESS = 1e-2
# The recovery of all entries misses them, in units, by no more than so many times the held-out error.
_MISSED = 2.0


def try_limit(
    readings: Readings, settings: FitSettings, best: Trial, rival: Sequence[Fold]
) -> tuple[Trial, list[Fold]] | None:
    """The limit on every split, beside the best trial and its folds; None where there is no sign that it would win."""
    if not (readings.has_limit and settings.is_limit_open):
        return None
    begun, count = time.perf_counter(), readings.pairs[0][0].count
    widest = next((rank for error, most, rank in _SIGNS if best.error < error and count <= most), 0)
    if not widest:
        return None
    shapes = readings.standardizations(_SCALING)
    folds = [readings.fold(split, shape, settings.seed) for split, shape in enumerate(shapes)]
    enough = min(_LARGEST, _BEHIND * math.sqrt(min(loss for _, loss, _ in rival[0].curve)))
    losses = _losses_ahead(folds[0], widest)
    is_noiseless = bool(np.median(losses) < _NOISELESS**2)
    if not (is_noiseless or losses.mean() < enough**2):
        return None
    candidate = None
    for fold in folds:
        residuals = fold.standardization.residual_problem(fold.train, np.float64)
        found = _recovered(residuals, rounding_of(fold.train.values), settings.seed, is_noiseless)
        if found is None:
            return None
        is_noiseless = is_noiseless and found.is_exact
        # lines that the entries do not determine are those expected
        product = with_expected_lines(residuals, found)
        fold.watch(math.inf, found.residual**2, np.zeros(1), *product.factors)
        fold.run = _as_run(residuals, product, settings)
        candidate = candidate or Candidate(math.inf, found.rank, found.path[-1].scale, 0.0, 0.0, _SCALING)
        if not folds[0].curve[0][1] < enough**2:
            return None
    assert candidate is not None
    error = float(np.sqrt(np.mean([fold.curve[0][1] for fold in folds])))
    return Trial(candidate, math.inf, error, time.perf_counter() - begun, 0), folds


def run_limit(
    problem: Completion, standardization: Standardization, trial: Trial, settings: FitSettings
) -> Trajectory | None:
    """The recovery of all entries, as a run that starts at its end; None where it misses more than held-out ones."""
    residuals, rounding = standardization.residual_problem(problem, np.float64), rounding_of(problem.values)
    found = _recovered(residuals, rounding, settings.seed, may_be_exact=True)
    if found is None:
        return None
    run = _as_run(residuals, with_expected_lines(residuals, found), settings)
    return None if math.sqrt(run.loss) > max(_MISSED * trial.error, rounding) else run


def _as_run(residuals: Completion, product: LowRank, settings: FitSettings) -> Trajectory:
    """A recovery as a run that starts at its end."""
    left, right = product.factors
    loss = float(np.mean((product.predict(residuals.rows, residuals.cols) - residuals.values) ** 2))
    run = evolve(
        residuals, Chain(2, left.shape[1]), FromLayers([np.ascontiguousarray(right.T), left]), settings.integrator,
        stop=LossBelow(2 * loss + np.finfo(float).tiny), record=RECORD,
    )  # fmt: skip
    return run.in_numpy(residuals)


def _losses_ahead(fold: Fold, widest: int) -> Float[np.ndarray, " held"]:
    """What the held-out entries cost after a first walk along the path."""
    train, held = (fold.standardization.residual_problem(part, np.float64) for part in (fold.train, fold.held))
    product = walk_ahead(train, held, widest)
    return fold.losses(product.predict(held.rows, held.cols))


def _recovered(residuals: Completion, rounding: float, seed: int, may_be_exact: bool) -> Recovery | None:
    """What `recover` finds in a table in units; None where it finds nothing. An interrupted search is no candidate."""
    found = recover(residuals, symmetric=False, attempts=1, tolerance=rounding, exact=may_be_exact, seed=seed)
    if found.interrupted:
        raise KeyboardInterrupt
    return found if found.rank else None
