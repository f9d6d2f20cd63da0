"""What there is to choose from: depths, popularity and features where the entries are uneven, widths and start sizes.

Candidates differ in depth and, where some rows or columns are seen far more often than others, in popularity and in
whether it is taken as a feature which entries are observed: uneven masks are somebody's choice, and tell.
"""

import numpy as np

from rankfall.errors import InputError
from rankfall.estimators.candidate import Candidate
from rankfall.estimators.folds import is_split_once
from rankfall.estimators.settings import FitSettings
from rankfall.problems.completion import Completion

_DEPTHS = (2, 3)
# From here on there is noise to average and plenty to learn from, where depth 2 has always won, and a trial is dear.
_DEPTH_2_ENTRIES = 300_000
_POPULARITY = 0.2
# Of the features that say which entries are observed. They triple the cost of a gradient, which is worth it up to so
# many entries, and need a single split.
_FEATURES, _FEATURED_ENTRIES = 4.0, 5_000_000
# Features share among rows what a wider product would learn for each (ratings: 64 instead of 32 gain 0.003 for twice
# the time).
_FEATURED_WIDTH = 32
_UNEVEN = 0.5
_WIDTHS = (8, 64)


def candidates(problem: Completion, settings: FitSettings) -> list[Candidate]:
    """What to choose from: every depth left open, with popularity and features where degrees are uneven, and without.

    Popularity turns into weights for squares alone; features need a depth of two at least. The likeliest comes first.
    """
    depth, features, holdout, loss = settings.depth, settings.features, settings.holdout, settings.loss
    depths = (int(depth),) if depth != "auto" else _DEPTHS if problem.count < _DEPTH_2_ENTRIES else _DEPTHS[:1]
    uneven = max(map(_unevenness, problem.degrees)) > _UNEVEN
    popularities = (_POPULARITY, 0.0) if uneven and loss.is_quadratic else (0.0,)
    sizes = {True: (_FEATURES,), False: (0.0,)}.get(features)  # pyright: ignore[reportCallIssue, reportArgumentType]
    if features is True and not is_split_once(problem, holdout):
        raise InputError(
            f"features need 500 entries to be held out, got {problem.count} entries and a holdout of {holdout}; "
            "use features='auto' or False"
        )
    if sizes is None:
        few = problem.count <= _FEATURED_ENTRIES
        sizes = (_FEATURES, 0.0) if uneven and few and is_split_once(problem, holdout) else (0.0,)
    return [
        Candidate(
            n,
            _width(problem, settings.width, size),
            _scale(problem, n, settings.scale),
            popularity,
            size if n > 1 else 0.0,
        )
        for n in depths
        for size in sizes
        for popularity in popularities
        if popularity == popularities[0] or size == sizes[-1]
    ]


def _width(problem: Completion, width: int | str, features: float) -> int:
    m, n = problem.shape
    if width != "auto":
        return min(int(width), m, n)
    # a rank-r matrix has r (m + n − r) degrees of freedom: allow about 1.5 times what the entries can pin down
    widest = _FEATURED_WIDTH if features else _WIDTHS[1]
    return int(min(m, n, np.clip(round(1.5 * problem.count / (m + n)), _WIDTHS[0], widest)))


def _scale(problem: Completion, depth: int, scale: float | str) -> float:
    if scale != "auto":
        return float(scale)
    # the table's own singular values are of order √(m n); depth makes the bias of a larger start as strong
    return (1e-5 if depth <= 2 else 1e-4) * float(np.sqrt(problem.shape[0] * problem.shape[1]))


def _unevenness(degrees: np.ndarray) -> float:
    degree = degrees[degrees > 0]
    return float(degree.std() / degree.mean())
