"""LRGeomCG: conjugate gradients on the manifold of rank-r matrices, with the rank given.

    f(W) = ½ ‖P(W) − b‖²,   η ← −grad f + β T(η),   W ← H_r(W + t η)                            [vandereycken2013]

T projects on the new tangent space; the first t minimizes f along the tangent, and is halved until f falls enough. β is
Polak-Ribière's, and 0 where successive gradients are far from orthogonal,

    |⟨g, T(g before)⟩| ≥ 0.1 ‖g‖²,

as they are far from a minimum [powell1977]. Without these restarts runs near the limit end in other minima.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.fixed_rank import FixedRank, Progress
from rankfall.baselines.solution import Solution
from rankfall.baselines.tangent_space import carry, project, read, retract
from rankfall.recovery.spectrum import Triplets

_HALVINGS, _FALL = 30, 1e-4
_ORTHOGONAL = 0.1


@dataclass(frozen=True)
class RiemannianCG(FixedRank):
    """Fixed-rank completion by Riemannian conjugate gradients.

    Parameters
    ----------
    rank
        r.
    iterations
        budget.
    tolerance
        relative residual to stop at.
    seed
        draws the block of the spectral start.
    """

    iterations: int = 3000
    settled: ClassVar[tuple[float, int]] = (1e-3, 100)

    def points(self, work: Progress, warm: Solution | None) -> Iterator[tuple[Triplets, Float[np.ndarray, " entries"]]]:
        """The iterates, and b − P(W) at each."""
        point = work.start(warm, self.rank, self.seed)
        misfit = work.misfit(point)
        work.record(point, misfit)
        # the direction of steepest descent, −grad f
        descent = project(work.sampling, misfit, point)
        direction = descent
        while True:
            slope = descent.inner(direction)
            if slope <= 0:
                direction, slope = descent, descent.inner(descent)
            along = read(work.sampling, direction, point)
            seen = float(along @ along)
            if not (slope > 0 and seen > 0):
                return
            share, loss = float(misfit @ along) / seen, float(misfit @ misfit)
            for _ in range(_HALVINGS):
                trial = retract(direction.plus(direction, share - 1), point)
                left = work.misfit(trial)
                if float(left @ left) <= loss - 2 * _FALL * share * slope:
                    break
                share /= 2
            else:
                return
            yield trial, left
            after = project(work.sampling, left, trial)
            carried = carry(descent, point, trial)
            size, overlap = after.inner(after), after.inner(carried)
            if abs(overlap) < _ORTHOGONAL * size:
                direction = after.plus(carry(direction, point, trial), (size - overlap) / descent.inner(descent))
            else:
                direction = after
            point, misfit, descent = trial, left, after
