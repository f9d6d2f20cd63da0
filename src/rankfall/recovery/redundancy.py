"""Which entries can check a fit of rank q: the core that is left when rows and columns with at most q are peeled off.

A row with q entries or fewer fits any column space, so its entries add no check. Without it some columns have fewer
entries, and so on. In the core, p rows and c columns of a rank-q matrix have q (p + c − q) degrees of freedom; the
entries beyond that number are its redundancy. Without any, every fit is exact and none means anything. Of a symmetric
matrix twins count once.
"""

import numpy as np
from jaxtyping import Bool

from rankfall.recovery.sampling import Sampling


def core_of(
    sampling: Sampling, rank: int, kept: Bool[np.ndarray, " entries"] | None = None
) -> Bool[np.ndarray, " entries"]:
    """The entries left when rows and columns with at most `rank` kept entries are peeled, again and again."""
    m, n = sampling.shape
    kept = np.ones(sampling.count, bool) if kept is None else kept.copy()
    while True:
        row_counts = np.bincount(sampling.rows[kept], minlength=m)
        col_counts = np.bincount(sampling.cols[kept], minlength=n)
        fewer = kept & (row_counts[sampling.rows] > rank) & (col_counts[sampling.cols] > rank)
        if fewer.sum() == kept.sum():
            return kept
        kept = fewer


def redundancy_of(sampling: Sampling, rank: int, kept: Bool[np.ndarray, " entries"]) -> int:
    """Kept entries minus degrees of freedom of the rows and columns they lie in; 0 without any.

    Negative where there are too few.
    """
    if not kept.any():
        return 0
    rows, cols = (int(np.count_nonzero(np.bincount(lines[kept]))) for lines in (sampling.rows, sampling.cols))
    return int((kept & sampling.counted).sum()) - sampling.symmetry.freedom(rank, rows, cols)
