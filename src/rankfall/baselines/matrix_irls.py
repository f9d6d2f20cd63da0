"""MatrixIRLS: iteratively reweighted least squares for the log-determinant, with the rank given.

    X ← argmin ⟨X, M⁻¹X⟩  subject to P(X) = b,    M_ab = max(σ_a, ε) max(σ_b, ε),    ε ← min(ε, σ_{r+1}(X))
                                                                                                  [kummerle2021]
The published rule for ε may fall by a large factor at once, and then often ends at another matrix; here it falls slowly
until σ_{r+1} shows that the matrix is found.

With T the tangent space at the σ_a > ε, X = P*(z) + γ, where γ in T and z = b − P(γ) come from

    (ε² (M_T − ε²)⁻¹ + P_T P* P P_T) γ = P_T P*(b),

which conjugate gradients solve: its spectrum is that of P on T.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from rankfall.baselines.fixed_rank import FixedRank, Progress
from rankfall.baselines.solution import Solution
from rankfall.baselines.tangent_space import Tangent, carry, factors_of, project, read
from rankfall.errors import InputError
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Iterate, Triplets, leading_triplets

_INNER, _ACCURACY = 500, 1e-6
_SWEEPS = 6
_MARGIN = 1.0001
# σ_{r+1} is below this share of ε where the matrix is found.
_FOUND = 1e-2


@dataclass(frozen=True)
class MatrixIRLS(FixedRank):
    """Completion by reweighted least squares of log-determinant type.

    Parameters
    ----------
    rank
        r, which sets how the smoothing ε shrinks.
    iterations
        budget.
    tolerance
        relative residual of the r leading triplets to stop at.
    seed
        draws the block of the singular value decompositions.
    decay
        least share of itself to which ε falls in a step; 0 is the published rule.
    """

    iterations: int = 400
    decay: float | int = 0.93
    settled: ClassVar[tuple[float, int]] = (1e-3, 30)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.decay < 1:
            raise InputError(
                f"decay must lie between 0 and 1, got {self.decay}; 0.93 solves most, 0 is the published rule"
            )

    def points(self, work: Progress, warm: Solution | None) -> Iterator[tuple[Triplets, Float[np.ndarray, " entries"]]]:
        """The iterates, and b − P(W) at each."""
        rng = np.random.default_rng(self.seed)
        size = min(*work.sampling.shape)
        rank = min(self.rank, size)
        if warm is None:
            iterate = Iterate.observed(work.sampling, work.entries)
            triplets = leading_triplets(iterate, np.zeros((work.sampling.shape[1], 0)), rank + 4, 4 * _SWEEPS, rng)
        else:
            triplets = work.start(warm, self.rank, self.seed)
        smoothing = float(triplets.values[0])
        gamma: Tangent | None = None
        before: Triplets | None = None
        while True:
            beyond = float(triplets.values[rank]) if rank < triplets.values.size else 0.0
            slowest = self.decay * smoothing if beyond > _FOUND * smoothing else 0.0
            smoothing = max(min(smoothing, max(beyond, slowest)), 1e-14 * float(triplets.values[0]))
            count = max(1, int((triplets.values[:rank] > _MARGIN * smoothing).sum()))
            point = triplets.leading(count)
            start = None if gamma is None or before is None else carry(gamma, before, point)
            gamma = _tangent_part(work.sampling, work.entries, point, smoothing, start)
            left, right = factors_of(gamma, point)
            misfit = work.entries - work.sampling.read(left, right)
            iterate = Iterate(work.sampling, left, right, misfit)
            triplets = leading_triplets(iterate, triplets.right, rank + 4, _SWEEPS, rng)
            leading = triplets.leading(rank)
            yield leading, work.misfit(leading)
            before = point


def _tangent_part(
    sampling: Sampling, entries: Float[np.ndarray, " entries"], point: Triplets, smoothing: float, start: Tangent | None
) -> Tangent:
    """γ of the system above, from `start`."""
    values = point.values / smoothing
    sides = 1 / np.maximum(values - 1, 1e-12)
    block = 1 / np.maximum(np.outer(values, values) - 1, 1e-12)

    def apply(tangent: Tangent) -> Tangent:
        seen = project(sampling, read(sampling, tangent, point), point)
        charged = Tangent(block * tangent.core, sides * tangent.left, sides * tangent.right)
        return seen.plus(charged)

    solution = project(sampling, np.zeros_like(entries), point) if start is None else start
    rest = project(sampling, entries, point).plus(apply(solution), -1.0)
    direction, size = rest, rest.inner(rest)
    enough = max(_ACCURACY**2 * size, 1e-30)
    for _ in range(_INNER):
        if size <= enough:
            break
        image = apply(direction)
        curvature = direction.inner(image)
        if not curvature > 0:
            break
        step = size / curvature
        solution, rest = solution.plus(direction, step), rest.plus(image, -step)
        before, size = size, rest.inner(rest)
        direction = rest.plus(direction, size / before)
    return solution
