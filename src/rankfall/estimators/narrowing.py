"""Very long lists: popularity and features are chosen on the entries of some rows, as a run on all of them is dear.

Whether popular rows and columns are better read slowly is a property of the data as a whole, and an eighth of the rows
shows it as well. Depth, width and start of the candidates are those of the whole list, whose stopping time is chosen
on entries held out of all rows.
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

# Of lists with more entries than this, one row in so many is looked at.
LONG, ROWS = 10_000_000, 8
# What choosing needs of some of the rows, and the candidates for them.
Part = tuple[Readings, Sequence[Candidate]]


def narrowed(
    choices: Sequence[Candidate], count: int, part: Callable[[FitSettings], Part], settings: FitSettings,
    progress: Progress,
) -> Sequence[Candidate]:  # fmt: skip
    """The candidates for a list of `count` entries that have the popularity and features which won on a part of it.

    All of them where the list is not long. Ctrl-C is raised: there is nothing for the whole list yet.
    """
    if len(choices) < 2 or count <= LONG:
        return choices
    aside = max(settings.holdout, share_held_out("auto", count // ROWS))
    readings, likely = part(replace(settings, holdout=aside))
    found = select(readings, likely, settings, lambda stage, share: progress(f"{stage}, on some of the rows", 0.0))
    if found.kept is not None and found.kept[1].status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    won = found.chosen.candidate
    return [each for each in choices if (each.popularity, each.features) == (won.popularity, won.features)]


def some_rows(problem: Completion, settings: FitSettings) -> Part:
    """One row in `ROWS`, of entries that are at hand."""
    few = problem.select(np.asarray(problem.rows) % ROWS == 0)
    return ListedReadings(few, settings), candidates(few, settings)
