"""Very long lists: popularity, features and scaling are chosen on the entries of some rows, as a run on all is dear.

How popular rows and columns and the units of columns are best read is a property of the data as a whole, and a million
entries show it as well. Depth, width and start of the candidates are those of the whole list, whose stopping time is
chosen on entries held out of all rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rankfall.estimators.candidate import Candidate
from rankfall.estimators.candidate_grid import candidates
from rankfall.estimators.folds import share_held_out
from rankfall.estimators.readings import ListedReadings, Readings
from rankfall.estimators.selection import Progress, select
from rankfall.estimators.settings import FitSettings
from rankfall.problems.completion import Completion
from rankfall.trajectory.status import Status

# Of lists with more entries than this, one row in so many is looked at, or in more, so that there are about so many
# entries in them.
LONG, ROWS, ENOUGH = 10_000_000, 8, 1_250_000
# What choosing needs of some of the rows, and the candidates for them.
Part = tuple[Readings, Sequence[Candidate]]


def narrowed(
    choices: Sequence[Candidate], count: int, part: Callable[[FitSettings, int], Part], settings: FitSettings,
    progress: Progress,
) -> tuple[Sequence[Candidate], FitSettings]:  # fmt: skip
    """The candidates for a list of `count` entries with the popularity and features which won on a part of it.

    `part` gives that part by settings, and of how many rows one is looked at. With the candidates come the settings,
    where the scaling is the one that won there. All candidates, and the settings as they
    are, where the list is not long. Ctrl-C is raised: there is nothing for the whole list yet.
    """
    if len(choices) < 2 or count <= LONG:
        return choices, settings
    every = rows_for_one(count)
    aside = max(settings.holdout, share_held_out("auto", count // every))
    readings, likely = part(replace(settings, holdout=aside), every)
    found = select(readings, likely, settings, lambda stage, share: progress(f"{stage}, on some of the rows", 0.0))
    if found.kept is not None and found.kept[1].status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    won = found.chosen.candidate
    likely = [each for each in choices if (each.popularity, each.features) == (won.popularity, won.features)]
    return likely, replace(settings, scaling=won.scaling)


def rows_for_one(count: int) -> int:
    """Of how many rows of a list of `count` entries one is looked at."""
    return max(ROWS, count // ENOUGH)


def some_rows(problem: Completion, settings: FitSettings, every: int) -> Part:
    """One row in `every`, of entries that are at hand."""
    few = problem.select(np.asarray(problem.rows) % every == 0)
    return ListedReadings(few, settings), candidates(few, settings)
