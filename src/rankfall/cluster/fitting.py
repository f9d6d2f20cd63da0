"""A fit of entries on a cluster: the steps of a fit on one machine, on blocks.

Held-out entries are drawn by a hash of each pair, at most 200,000 of them; they come here, and choose popularity,
features, scaling and stopping time as `rankfall.estimators.fitting` does. Weights and their motion are here too.
"""

import math
from functools import partial

from rankfall.cluster.entries import ClusterEntries
from rankfall.cluster.readings import BlockReadings, ReadBlocks
from rankfall.cluster.table import ClusterTable
from rankfall.errors import InputError
from rankfall.estimators.candidate_grid import candidates
from rankfall.estimators.fitting import factors_of, run_to_time
from rankfall.estimators.keeping import Keeper
from rankfall.estimators.narrowing import Part, narrowed
from rankfall.estimators.selection import Progress, select
from rankfall.estimators.settings import FitSettings
from rankfall.problems.completion import Completion

_FEWEST = 1000


def fit_entries(
    entries: ClusterEntries, settings: FitSettings, progress: Progress, keeper: Keeper | None = None
) -> ClusterTable:
    """Choose on held-out entries, then fit all of them to the time chosen; or keep the chosen run where few are held.

    A keeper keeps the runs of choosing along the way, or has some to go on with.

    Raises
    ------
    InputError
        For fewer than 1000 entries.
    """
    whole = ReadBlocks(entries, settings.dtype)
    if whole.problem.count < _FEWEST:
        raise InputError(
            f"a cluster is for long lists of at least {_FEWEST} entries, got {whole.problem.count}; fit them on one "
            "machine"
        )
    choices = candidates(whole.problem, settings)
    choices, narrow = narrowed(choices, whole.problem.count, partial(_first_rows, entries), settings, progress)
    readings = _split(entries, narrow)
    selection = select(readings, choices, narrow, lambda stage, share: progress(stage, 0.8 * share), keeper)
    if selection.kept is not None:
        shape, run = selection.kept
        weights = run.best_weights
    else:
        chosen = selection.chosen.candidate
        shape = whole.standardization(chosen.scaling).with_popularity(entries.degrees, chosen.popularity)
        residuals = whole.residuals(shape)
        run = run_to_time(
            residuals, whole.model(chosen, residuals), selection.chosen, settings,
            lambda stage, share: progress(stage, 0.8 + 0.2 * share),
        )  # fmt: skip
        weights = run.weights
    left, right = factors_of(shape, weights, run)
    return ClusterTable(whole.problem, shape, left, right, selection, run, entries=entries, ranges=whole.column_values)


def _split(entries: ClusterEntries, settings: FitSettings) -> BlockReadings:
    train, held = entries.split(settings.holdout, settings.seed)
    return BlockReadings(ReadBlocks(train, settings.dtype), Completion.from_triplets(*held, entries.shape))


def _first_rows(entries: ClusterEntries, settings: FitSettings, every: int) -> Part:
    """About one block in `every`, those of the first rows."""
    few = entries.first(math.ceil(len(entries.blocks) / every))
    return _split(few, settings), candidates(ReadBlocks(few, settings.dtype).problem, settings)
