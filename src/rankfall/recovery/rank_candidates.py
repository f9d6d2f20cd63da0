"""Ranks worth trying: where the singular values at the end of a path fall most."""

from collections.abc import Iterator
from functools import singledispatch

import numpy as np
from jaxtyping import Float

from rankfall.recovery.observed import Observed
from rankfall.recovery.redundancy import core_of, redundancy_of
from rankfall.recovery.sampling import Sampling

_CANDIDATES = 3
_CLEAR = 2.0


def candidate_ranks(sampling: Observed, values: Float[np.ndarray, " q"], escaped: int) -> Iterator[int]:
    """The ranks q ≤ `escaped` of the three largest ratios σ_q/σ_{q+1}, the largest first.

    A ratio below 2 is not a gap. A rank that the entries cannot check is left out: any matrix would fit.
    """
    known = min(escaped, values.size - 1)
    ratios = values[:known] / np.maximum(values[1 : known + 1], 1e-300)
    for place in np.argsort(-ratios, kind="stable")[:_CANDIDATES].tolist():
        if ratios[place] > _CLEAR and can_check(sampling, place + 1):
            yield place + 1


@singledispatch
def can_check(sampling: Sampling, rank: int) -> bool:
    """Whether the entries have redundancy at this rank."""
    return redundancy_of(sampling, rank, core_of(sampling, rank)) > 0


def largest_checked_rank(sampling: Sampling) -> int:
    """The largest rank that the entries can check, 0 for none."""
    # a core of rank q has more than q entries in each of its rows
    low, high = 0, min(*sampling.shape, int(sampling.row_counts.max()), int(sampling.col_counts.max()))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if can_check(sampling, middle) else (low, middle - 1)
    return low
