"""Counts and sums over a long list of entries, line by line, a piece at a time.

NumPy's `bincount` copies positions and terms to eight bytes each, for which a list of millions has no room. Terms are
added here in the order of the entries as well, so that sums have its bits, in a third of its time.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

PIECE = 2**20


def pieces(count: int) -> Iterator[slice]:
    """So many entries as slices of at most `PIECE`; one of none where there are none."""
    for begin in range(0, max(count, 1), PIECE):
        yield slice(begin, min(begin + PIECE, count))


def line_counts(lines: Int[np.ndarray, " entries"], line_count: int) -> Int[np.ndarray, " lines"]:
    """How many of the entries are in each line."""
    counts = np.zeros(line_count, np.int64)
    for piece in pieces(lines.size):
        counts += np.bincount(lines[piece], minlength=line_count)
    return counts


def line_totals(
    lines: Int[np.ndarray, " entries"], terms: Callable[[slice], Float[np.ndarray, " piece"]], line_count: int
) -> Float[np.ndarray, " lines"]:
    """The sums of the terms of each line, in double precision; `terms` gives those of a piece."""
    totals = np.zeros(line_count)
    for piece in pieces(lines.size):
        np.add.at(totals, lines[piece], terms(piece).astype(np.float64, copy=False))
    return totals


def total(terms: Callable[[slice], Float[np.ndarray, " piece"]], count: int) -> float:
    """The sum of the terms of so many entries, in double precision; `terms` gives those of a piece."""
    return sum(float(np.sum(terms(piece), dtype=np.float64)) for piece in pieces(count))
