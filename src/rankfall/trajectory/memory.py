"""How much memory a run will take, before it takes it.

What a run holds at once: the weights, and the handful of vectors of their size that a step combines; the factors that
the problem is shown and their pulls; and the problem's own layout, a few matrices of W's shape where W is formed, the
lists of observed entries where it is not. Records along the way come on top.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

# Vectors of all weights alive in a stabilized step: Y_0, G_0, Y_{j−2}, Y_{j−1}, Y_j, G_j, the direction of the largest
# curvature, and the motion before.
_VECTORS = 9
# Factors, their pulls, and one side's partial products.
_FACTORS = 3
# Matrices of W's shape in the formed layout: shares, values, W and its gradient.
_MATRICES = 4


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes of a run by what they hold; `str` says it in a line."""

    weights: int
    factors: int
    problem: int

    @property
    def total(self) -> int:
        """All of it, in bytes."""
        return self.weights + self.factors + self.problem

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {_human(getattr(self, name))}" for name in ("weights", "factors", "problem"))
        return f"{_human(self.total)} ({parts})"


def memory_estimate(problem: Any, model: Any, runs: int = 1) -> MemoryEstimate:
    """An estimate of the memory of `runs` runs in lockstep by stabilized steps, without what is recorded.

    problem: a `Completion`. model: a `Chain`, sized or not.
    """
    sized = model if getattr(model, "dimensions", ()) else model.sized(problem.shape)
    number = np.dtype(str(problem.dtype).rsplit(".", 1)[-1]).itemsize
    m, n = problem.shape
    narrowest = min(sized.dimensions[1:-1], default=min(m, n))
    if problem.is_dense:
        held = number * m * n * (2 + (_MATRICES - 2) * runs)
    else:
        # values, residuals and weights; columns, rows by column and the order between them, 32 bits each
        held = problem.rows.size * (number * (2 if problem.weights is None else 3) + 3 * 4)
    held += problem.rows.size * (problem.rows.itemsize + problem.cols.itemsize + number)
    return MemoryEstimate(
        weights=runs * number * sized.size * _VECTORS,
        factors=runs * number * (m + n) * narrowest * _FACTORS,
        problem=held,
    )


def _human(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.3g} {unit}"
        size /= 1000
    return ""
