"""Which readings of a table are tried, the likeliest first.

Of "global" and "columns", effects alone tell on held-out entries which one suits a large table. In a small one, all are
candidates.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rankfall.estimators.scalings import column_spreads, columns_over_decades
from rankfall.estimators.standardization import Standardization, standardize
from rankfall.problems.completion import Completion

# Tables with more observed entries than this are read in one way only.
_MOST_ENTRIES = 20_000
# "columns" must be better than "global" by this factor, which has fewer parameters.
BETTER = 0.98
# What is held out to judge by where nothing else is, of tables with enough entries for it.
_ASIDE, _FEWEST = 0.1, 10


def standardize_as(problem: Completion, scaling: str = "auto") -> Standardization:
    """The standardization of a scaling; "auto" is "global" or "columns", as effects predict a tenth of the entries."""
    if scaling != "auto":
        return standardize(problem, scaling)
    train = problem.hold_out(_ASIDE, 0) if problem.rows.size >= _FEWEST else None
    pairs = [] if train is None or train.held_out is None else [(replace(train, held_out=None), train.held_out)]
    return standardize(problem, scalings_of(problem, pairs, scaling, is_open=False)[0])


def scalings_of(
    problem: Completion, pairs: Sequence[tuple[Completion, Completion]], scaling: str, is_open: bool
) -> tuple[str, ...]:
    """What to try for a table, the likeliest first; is_open: whether more than one may be."""
    if scaling != "auto":
        return (scaling,)
    likelier, other = "global", "columns"
    if pairs and effects_error(pairs, "columns") < BETTER * effects_error(pairs, "global"):
        likelier, other = other, likelier
    if not is_open or problem.rows.size > _MOST_ENTRIES:
        return (likelier,)
    return (likelier, other, *(("log",) if columns_over_decades(problem).any() else ()), "raw")


def effects_error(pairs: Sequence[tuple[Completion, Completion]], scaling: str) -> float:
    """Root mean squared error of row and column effects alone on held-out entries, in spreads of their columns."""
    misses = [missed_by_effects(standardize(train, scaling), held, column_spreads(train)) for train, held in pairs]
    whole = np.concatenate(misses)
    return float(np.sqrt(np.sum(whole**2) / max(1, whole.size)))


def missed_by_effects(
    shape: Standardization, held: Completion, spreads: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " judged"]:
    """What row and column effects alone miss of held-out entries, in spreads of their columns; not of constant ones."""
    spread = spreads[held.cols]
    judged = spread > 0
    rows, cols = held.rows[judged], held.cols[judged]
    return (shape.from_units(shape.offset(rows, cols), cols) - held.values[judged]) / spread[judged]
