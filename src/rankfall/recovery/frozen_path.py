"""The flow from a vanishing start, in frozen pieces: freeze the metric, solve, refresh it, shrink the scale ε.

    X ← argmin ⟨X, M⁻¹X⟩  subject to  P(X) = b,      M from the singular values of the last X, ε in the bulk

The escaped directions are those with σ_a > ε, R of them. The minimizer is A Vᵀ + U Bᵀ + P*(z): a tangent vector at the
escaped directions, and the residual z written back, which the bulk carries. Where the matrix behind b is uniquely
completable, z goes to zero with ε. The path has no rank parameter.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rankfall.recovery.frozen_solve import TangentFit, fit_tangent
from rankfall.recovery.metric import Mean, ridge
from rankfall.recovery.observed import Observed
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.shrinking_scale import ShrinkingScale
from rankfall.recovery.spectrum import Iterate, Triplets, leading_triplets
from rankfall.recovery.symmetry import Symmetry

# Rank the path may reach: it has fewer degrees of freedom than _WIDEST |Ω|, R (m + n − R) in general.
_WIDEST = 1.5
# Triplets kept beyond the escaped ones, so that the next to escape is seen.
_SPARE = 6
_FEWEST = 12
_STEPS = 400
# Of a line one entry in so many may be left out.
_FEW = 2
_SMALLEST = 1e-9


@dataclass(frozen=True)
class PathStep:
    """One frozen piece: the scale ε, the number R of escaped directions, and ‖z‖/‖b‖."""

    scale: float
    rank: int
    residual: float


@dataclass(frozen=True, eq=False)
class PathPoint:
    """Where a step led: its numbers, the solution of its frozen problem, and the triplets of the iterate after it."""

    step: PathStep
    fit: TangentFit
    iterate: Iterate
    triplets: Triplets


def widest_rank(sampling: Observed) -> int:
    """The largest R that the path may reach, at least 1."""
    m, n = sampling.shape
    largest = max(min(m, n) - 1, 1)
    ranks = np.arange(1, largest + 1)
    allowed = ranks[sampling.symmetry.freedom(ranks, m, n) < _WIDEST * sampling.numbers]
    return int(allowed.max()) if allowed.size else 1


def follow(
    sampling: Observed,
    entries: Float[np.ndarray, " entries"],
    mean: Mean,
    decay: float,
    start: Float[np.ndarray, " entries"] | None = None,
    seed: int = 0,
    residual: float = 1e-8,
    watch: Callable[[PathStep], None] | None = None,
    widest: int | None = None,
    trimmed: float = 0.0,
    leaps: bool = False,
) -> Iterator[PathPoint]:
    """Walk the path, one point a step, until ‖z‖ < `residual`·‖b‖ or ε has become negligible.

    mean: what M_ab is. decay: factor of ε from step to step. start: entries of the first iterate, b if None.
    seed: of the random columns in block power iterations. widest: bound on R beside that of the entries.
    trimmed: share of the entries, single ones, that each step leaves out, those of the largest misfit at the last one.
    leaps: whether ε falls at once to the next singular value where a step has hardly moved the path.
    """
    every_entry = sampling, entries
    if trimmed:
        assert isinstance(sampling, Sampling)
        kept = without_largest(sampling, entries, trimmed)
        sampling, entries = sampling.select(kept), entries[kept]
    rng = np.random.default_rng(seed)
    unit = float(np.linalg.norm(entries))
    cap = widest_rank(sampling) if widest is None else min(widest, widest_rank(sampling))
    iterate = Iterate.observed(sampling, entries if start is None else start)
    triplets = leading_triplets(iterate, np.zeros((sampling.shape[1], 0)), _FEWEST, 12, rng)
    scale = ShrinkingScale(0.9 * float(triplets.values[0]), decay, leaps)
    for _ in range(_STEPS):
        triplets = _widened(iterate, triplets, scale, cap, rng)
        used, rank = scale.settle(triplets.values, cap)
        escaped = triplets.leading(rank)
        charge = ridge(mean, escaped.values, used)
        fit = fit_tangent(
            sampling, entries, escaped.left, escaped.right, charge,
            _warm_start(iterate, escaped, charge), floor=1e-32 * unit**2,
        )  # fmt: skip
        left, right = np.hstack([fit.left, escaped.left]), np.hstack([escaped.right, fit.right])
        misfit = fit.residual
        if isinstance(every_entry[0], Sampling) and trimmed:
            misfit = every_entry[1] - every_entry[0].read(left, right)
            kept = without_largest(every_entry[0], misfit, trimmed)
            sampling, entries, misfit = every_entry[0].select(kept), every_entry[1][kept], misfit[kept]
        iterate = Iterate(sampling, left, right, misfit)
        triplets = leading_triplets(iterate, triplets.right, max(rank + _SPARE, _FEWEST), 1, rng)
        step = PathStep(used, rank, float(np.linalg.norm(misfit)) / unit)
        if watch is not None:
            watch(step)
        yield PathPoint(step, fit, iterate, triplets)
        if step.residual < residual or scale.value < _SMALLEST * triplets.values[0]:
            return
        scale.fall(rank, step.residual)


def without_largest(
    sampling: Sampling, misfit: Float[np.ndarray, " entries"], share: float
) -> Bool[np.ndarray, " entries"]:
    """All entries but a share, those of the largest misfit; of no row or column more than half.

    A line that lost most of its entries would be fitted to the others, miss those it lost, and never get them back.
    """
    kept = np.ones(misfit.size, bool)
    largest = np.argsort(-np.abs(misfit), kind="stable")[: math.ceil(share * misfit.size)]
    few = np.ones(largest.size, bool)
    for lines, counts in ((sampling.rows, sampling.row_counts), (sampling.cols, sampling.col_counts)):
        met = lines[largest]
        by_line = np.argsort(met, kind="stable")
        # the place of each entry among those of its line
        starts = np.searchsorted(met[by_line], met[by_line])
        places = np.empty(largest.size, np.int64)
        places[by_line] = np.arange(largest.size) - starts
        few &= places < np.maximum(counts[met] // _FEW, 1)
    kept[largest[few]] = False
    return kept


def _widened(
    iterate: Iterate, triplets: Triplets, scale: ShrinkingScale, cap: int, rng: np.random.Generator
) -> Triplets:
    """The triplets, with as many more as it takes to see three that have not escaped."""
    largest = min(iterate.sampling.shape)
    is_semidefinite = iterate.sampling.symmetry is Symmetry.SEMIDEFINITE
    while True:
        escaped = scale.escaped(triplets.values)
        known = triplets.values.size
        # large negative eigenvalues, told as zero, leave no room for positive ones
        seen = int((triplets.values > 0).sum()) if is_semidefinite else known
        if escaped <= seen - 3 or escaped > cap or known == largest:
            return triplets
        triplets = leading_triplets(iterate, triplets.right, known + max(8, known // 2), 3, rng)


def _warm_start(iterate: Iterate, escaped: Triplets, charge: Float[np.ndarray, " k"]) -> Float[np.ndarray, "n k"]:
    """B that writes the last iterate's tangent part, G = UᵀXV shared between A and B as the ridges ask."""
    pulled = iterate.transposed_times(escaped.left)
    core = (escaped.right.T @ pulled).T
    shared = core * (charge[None, :] / (charge[:, None] + charge[None, :]))
    return pulled - escaped.right @ core.T + escaped.right @ shared.T
