"""Exact fits of a given rank to single entries: the core first, then the rows and columns that it determines or not.

A row with q entries or fewer fits whatever the others are, and tells nothing of them. In Gauss–Newton steps it does
harm: where its few columns are nearly dependent it becomes large, and takes the place of a direction of all others
among the q leading ones. So the core is fitted without such lines. They come back in the reverse order in which they
were peeled: then each has at most q entries in lines known before, and an exact fit.
"""

from functools import singledispatch

import numpy as np
from jaxtyping import Bool, Float

from rankfall.recovery.gauss_newton import RankFit, fit_rank
from rankfall.recovery.redundancy import core_of
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets, triplets_of

# Singular values of a line's few vectors below this share of the largest are rounding.
_ROUNDING = 1e-12


@singledispatch
def fit_exact(
    sampling: Sampling, entries: Float[np.ndarray, " entries"], start: Triplets, rank: int, tolerance: float,
    again: bool = True,
) -> RankFit | None:  # fmt: skip
    """A fit of this rank from the leading triplets of `start`, its residual at most `tolerance`; None if none is.

    again: where the core has no such fit, fit all entries at once.
    """
    if not sampling.is_symmetric:
        kept = core_of(sampling, rank)
        found = fit_core(sampling, entries, start, rank, tolerance, kept) if kept.any() else None
        if found is not None or not again or kept.all():
            return found
    found = fit_rank(sampling, entries, start, rank)
    return found if found.residual <= tolerance else None


def fit_core(
    sampling: Sampling, entries: Float[np.ndarray, " entries"], start: Triplets, rank: int, tolerance: float,
    kept: Bool[np.ndarray, " entries"],
) -> RankFit | None:  # fmt: skip
    """The same by way of the core, the entries `kept`; for a matrix that need not be symmetric."""
    core, rows, cols = sampling.select(kept).compact()
    local = triplets_of(start.left[rows] * start.values, start.right[cols], rank, core.symmetry)
    found = fit_rank(core, entries[kept], local, rank)
    if found.residual > tolerance:
        return None
    if kept.all():
        return found
    root = np.sqrt(found.triplets.values)
    # lines that nothing determines get any vectors of the size of others: where they were zero, others could not fit
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((side, rank)) * root / np.sqrt(side) for side in sampling.shape)
    left[rows], right[cols] = found.triplets.left * root, found.triplets.right * root
    known = np.zeros(sampling.shape[0], bool), np.zeros(sampling.shape[1], bool)
    known[0][rows], known[1][cols] = True, True
    _extend(sampling, entries, left, right, known, rank)
    whole = triplets_of(left, right, rank, sampling.symmetry)
    misfit = entries - sampling.read(whole.left * whole.values, whole.right)
    residual = float(np.linalg.norm(misfit) / np.linalg.norm(entries))
    return RankFit(whole, residual) if residual <= tolerance else None


def _extend(
    sampling: Sampling, entries: Float[np.ndarray, " entries"], left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"], known: tuple[Bool[np.ndarray, " m"], Bool[np.ndarray, " n"]], rank: int,
) -> None:  # fmt: skip
    """Fill, in place, the lines outside of the core."""
    sides = (sampling.rows, sampling.cols), (sampling.cols, sampling.rows)
    factors = left, right
    for side, line in reversed(_peeled(sampling, rank)):
        lines, others = sides[side]
        met = np.flatnonzero((lines == line) & known[1 - side][others])
        vectors = factors[1 - side][others[met]]
        missed = entries[met] - vectors @ factors[side][line]
        factors[side][line] += np.linalg.lstsq(vectors, missed, _ROUNDING)[0]
        known[side][line] = True


def _peeled(sampling: Sampling, rank: int) -> list[tuple[int, int]]:
    """(0, row) and (1, column) in the order in which those with at most q entries left are peeled."""
    counts = sampling.row_counts.copy(), sampling.col_counts.copy()
    by_line = np.argsort(sampling.rows, kind="stable"), np.argsort(sampling.cols, kind="stable")
    starts = np.cumsum(sampling.row_counts), np.cumsum(sampling.col_counts)
    others = sampling.cols, sampling.rows
    gone = np.zeros(sampling.shape[0], bool), np.zeros(sampling.shape[1], bool)
    waiting = [(side, int(line)) for side in (0, 1) for line in np.flatnonzero(counts[side] <= rank)]
    order: list[tuple[int, int]] = []
    while waiting:
        side, line = waiting.pop()
        if gone[side][line]:
            continue
        gone[side][line] = True
        order.append((side, line))
        end = starts[side][line]
        size = (sampling.row_counts, sampling.col_counts)[side][line]
        for other in others[side][by_line[side][end - size : end]].tolist():
            if not gone[1 - side][other]:
                counts[1 - side][other] -= 1
                if counts[1 - side][other] == rank:
                    waiting.append((1 - side, other))
    return order
