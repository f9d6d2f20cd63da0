"""Fits tried while a path is walked: it may pass near the matrix and go on to another one, or take long to end.

A wide gap behind a rank that the entries can check shows that the path has found directions of that rank. Gauss–Newton
from there reaches the matrix from relative errors of a third or more, long before the path does, if it ever does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rankfall.recovery.core_fit import fit_exact
from rankfall.recovery.frozen_path import PathPoint
from rankfall.recovery.gauss_newton import RankFit
from rankfall.recovery.observed import Observed
from rankfall.recovery.rank_candidates import can_check

# A singular value so many times the next one is tried, and again when the residual has fallen to this share.
_WIDE, _FALLEN = 100.0, 0.1
# With so many entries for a degree of freedom Gauss–Newton reaches further: a narrower gap is enough.
_MANY, _NARROW = 2.0, 10.0
# A path has decided for a rank when its gap is so wide and the residual so small.
_DECIDED, _NEARLY_FITTED = 1e3, 1e-4


@dataclass(eq=False)
class FitsAhead:
    """Which fits were tried on a path, and which ranks can be."""

    sampling: Observed
    entries: Float[np.ndarray, " entries"]
    tolerance: float
    tried_at: dict[int, float] = field(default_factory=dict)
    checked: dict[int, bool] = field(default_factory=dict)

    def tried(self, point: PathPoint) -> RankFit | None:
        """An exact fit from this point, where its widest gap is new, or old but the residual much smaller."""
        rank = self._widest_gap(point, _WIDE, self._can_check)
        if rank is None:
            rank = self._widest_gap(point, _NARROW, self._has_many)
        residual = point.step.residual
        if rank is None or residual > _FALLEN * self.tried_at.get(rank, np.inf):
            return None
        self.tried_at[rank] = residual
        return fit_exact(self.sampling, self.entries, point.triplets, rank, self.tolerance, again=False)

    def is_vain(self, point: PathPoint) -> bool:
        """Whether the path ends at a rank so high that any matrix of it would fit."""
        if point.step.residual > _NEARLY_FITTED:
            return False
        return self._widest_gap(point, _DECIDED, self._cannot_check) is not None

    def _widest_gap(self, point: PathPoint, least: float, right: Callable[[int], bool]) -> int | None:
        """The right escaped rank of the largest ratio σ_q/σ_{q+1}, where it is at least `least`."""
        values = point.triplets.values
        known = min(point.step.rank, values.size - 1)
        ratios = values[:known] / np.maximum(values[1 : known + 1], 1e-300)
        wide = [place + 1 for place in np.argsort(-ratios, kind="stable").tolist() if ratios[place] >= least]
        return next(filter(right, wide), None)

    def _has_many(self, rank: int) -> bool:
        enough = _MANY * self.sampling.symmetry.freedom(rank, *self.sampling.shape)
        return self.sampling.numbers >= enough and self._can_check(rank)

    def _cannot_check(self, rank: int) -> bool:
        return not self._can_check(rank)

    def _can_check(self, rank: int) -> bool:
        if rank not in self.checked:
            self.checked[rank] = can_check(self.sampling, rank)
        return self.checked[rank]
