"""Grossly wrong entries: the path is walked without those that fit worst, which are chosen anew at each step.

1. *Walk.* A share of the entries, an upper bound on that of the wrong ones, is left out of each frozen problem: those
   of the largest misfit at the last step. Right entries that are left out return as the path explains them.
2. *Concentrate.* At the rank found, fit the entries kept, keep those that this fit misses least, and repeat: least
   trimmed squares.
3. *Judge.* An entry is wrong where it is missed by many times the spread of those kept. All others return.

The rank comes from an exact fit of the kept entries, as without outliers; with noise, from held-out entries, of whose
errors the largest are left out as well. Nothing is left out where all entries have an exact fit that they check, or
where the entries kept do not outnumber the degrees of freedom by more than what is left out.   [rousseeuw1984]
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rankfall.recovery.attempts import attempt_exact, attempts_at
from rankfall.recovery.certificate import certify
from rankfall.recovery.frozen_path import follow, without_largest
from rankfall.recovery.gauss_newton import RankFit, fit_rank
from rankfall.recovery.metric import Mean
from rankfall.recovery.noisy_fit import best_point, error_of, lowest_as_good, set_aside
from rankfall.recovery.rank_candidates import candidate_ranks
from rankfall.recovery.redundancy import core_of, redundancy_of
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets

# A normal variable lies within this many deviations of its mean with probability one half.
_NORMAL_MEDIAN = 0.6745
# Missed by more than so many spreads is wrong.
_FAR, _CHANCE = 8.0, 4.0
# Misfit of a right entry that an exact fit leaves out: so many times the tolerance, at most a share of the size.
_ROUNDING, _LARGEST = 1e4, 1e-2
_WALKS = 3
_CONCENTRATIONS, _ROUNDS = 10, 8
# An exact fit that certifies more than this share of the lines is the answer.
_MOST = 0.5


@dataclass(frozen=True, eq=False)
class TrimmedFit:
    """A fit of the entries kept, and which they are."""

    fit: RankFit
    kept: Bool[np.ndarray, " entries"]


def find_outliers(
    sampling: Sampling, entries: Float[np.ndarray, " entries"], share: float, mean: Mean, attempts: int,
    tolerance: float, exact: bool, seed: int,
) -> Bool[np.ndarray, " entries"]:  # fmt: skip
    """Which entries are grossly wrong, where no more than about `share` of them are."""
    core, _, _ = sampling.compact()
    none = np.zeros(core.count, bool)
    walks = attempts_at(mean)[: min(attempts, _WALKS) if exact else 0]
    for attempt in walks[:1]:
        whole = attempt_exact(core, entries, attempt, tolerance, seed).fit
        if whole is not None and _certifies(core, whole, seed):
            return none
    found = None
    for attempt in walks:
        found = found or _exact_fit(core, entries, share, attempt.mean, attempt.decay, tolerance, seed)
    found = found or _noisy_fit(core, entries, share, mean, seed)
    judged = _judge(core, entries, found, tolerance)
    return ~judged.kept if _is_checked(core, judged) else none


def _exact_fit(
    core: Sampling, entries: Float[np.ndarray, " entries"], share: float, mean: Mean, decay: float, tolerance: float,
    seed: int,
) -> TrimmedFit | None:  # fmt: skip
    """The exact fit of smallest rank of all entries but a share, from the end of a trimmed path."""
    starts: dict[int, Triplets] = {}
    for point in follow(
        core, entries, mean, decay, seed=seed, residual=max(1e-8, tolerance), widest=_widest(core, share), trimmed=share
    ):
        # a wrong entry that a later step fits is not yet fitted at the last point of a lower rank
        starts[point.step.rank] = point.triplets
    for rank in sorted(starts):
        found = _concentrate(core, entries, starts[rank], rank, share)
        is_exact = found.fit.residual <= tolerance
        if is_exact and _is_checked(core, found) and _certifies(core.select(found.kept), found.fit, seed):
            return found
    return None


def _certifies(core: Sampling, fit: RankFit, seed: int) -> bool:
    """Whether most rows and columns are determined at this rank; one too high fits what it likes."""
    return certify(core, fit.triplets, seed).count > _MOST * sum(core.shape)


def _widest(core: Sampling, share: float) -> int:
    """The largest rank whose degrees of freedom leave as many entries over as are left out, at least 1."""
    ranks = np.arange(1, min(core.shape))
    able = ranks[ranks * (sum(core.shape) - ranks) < (1 - 2 * share) * core.count]
    return int(able.max()) if able.size else 1


def _is_checked(core: Sampling, found: TrimmedFit) -> bool:
    """Whether the entries kept outnumber the degrees of freedom by more than is left out."""
    rank = found.fit.rank
    redundancy = redundancy_of(core, rank, core_of(core, rank, found.kept))
    return redundancy > core.count - int(found.kept.sum())


def _noisy_fit(
    core: Sampling, entries: Float[np.ndarray, " entries"], share: float, mean: Mean, seed: int
) -> TrimmedFit:
    """The fit of all entries but a share, at the rank that predicts held-out entries best."""
    aside = set_aside(core.count, np.random.default_rng([seed, 4]))
    training, testing = core.select(~aside), core.select(aside)
    best, _ = best_point(training, entries[~aside], testing, entries[aside], mean, seed, share)
    ranks = sorted({best.step.rank, *candidate_ranks(training, best.triplets.values, best.step.rank)})
    fits = [_concentrate(training, entries[~aside], best.triplets, rank, share).fit.triplets for rank in ranks]
    errors = [error_of(testing, entries[aside], fit.left * fit.values, fit.right, share) for fit in fits]
    place = lowest_as_good(errors)
    return _concentrate(core, entries, fits[place], ranks[place], share)


def _concentrate(
    core: Sampling, entries: Float[np.ndarray, " entries"], start: Triplets, rank: int, share: float
) -> TrimmedFit:
    """Least trimmed squares: fit, keep what is missed least, fit again."""
    kept = without_largest(core, _misfit(core, entries, start.leading(rank)), share)
    found = fit_rank(core.select(kept), entries[kept], start, rank, persistent=True)
    for _ in range(_CONCENTRATIONS):
        better = without_largest(core, _misfit(core, entries, found.triplets), share)
        if np.array_equal(better, kept):
            break
        kept = better
        found = fit_rank(core.select(kept), entries[kept], found.triplets, rank, persistent=True)
    return TrimmedFit(found, kept)


def _judge(core: Sampling, entries: Float[np.ndarray, " entries"], found: TrimmedFit, tolerance: float) -> TrimmedFit:
    """All entries but those that are missed by far, fitted."""
    fit, kept = found.fit, found.kept
    for number in range(_ROUNDS):
        misfit = _misfit(core, entries, fit.triplets)
        checked = core_of(core, fit.rank, kept)
        bound = _bound(core, entries, misfit, fit.rank, kept, checked, tolerance)
        # what was left out is predicted worse than it would be fitted: it gets one chance
        close = np.abs(misfit) <= (bound if number else _CHANCE * bound)
        close = _with_unchecked(core, close, misfit, fit.rank)
        if np.array_equal(close, kept):
            break
        kept = close
        fit = fit_rank(core.select(kept), entries[kept], fit.triplets, fit.rank, persistent=True)
    return TrimmedFit(fit, kept)


def _bound(
    core: Sampling, entries: Float[np.ndarray, " entries"], misfit: Float[np.ndarray, " entries"], rank: int,
    kept: Bool[np.ndarray, " entries"], checked: Bool[np.ndarray, " entries"], tolerance: float,
) -> float:  # fmt: skip
    """The misfit beyond which an entry is wrong."""
    rounding = min(_ROUNDING * tolerance, _LARGEST) * float(np.sqrt(np.mean(entries[kept] ** 2)))
    redundancy = redundancy_of(core, rank, checked)
    if redundancy <= 0:
        return float("inf")
    # a fit with p parameters leaves a share 1 − p/|Ω| of the noise's variance
    spread = float(np.median(np.abs(misfit[checked]))) / _NORMAL_MEDIAN * np.sqrt(checked.sum() / redundancy)
    return max(_FAR * spread, rounding)


def _with_unchecked(
    core: Sampling, kept: Bool[np.ndarray, " entries"], misfit: Float[np.ndarray, " entries"], rank: int
) -> Bool[np.ndarray, " entries"]:
    """The entries kept, and others in lines that have fewer of these than the rank: nothing speaks against them."""
    kept = kept.copy()
    row_counts = np.bincount(core.rows[kept], minlength=core.shape[0])
    col_counts = np.bincount(core.cols[kept], minlength=core.shape[1])
    out = np.flatnonzero(~kept & ((row_counts[core.rows] < rank) | (col_counts[core.cols] < rank)))
    for place in out[np.argsort(np.abs(misfit[out]), kind="stable")].tolist():
        i, j = core.rows[place], core.cols[place]
        if row_counts[i] < rank or col_counts[j] < rank:
            kept[place] = True
            row_counts[i] += 1
            col_counts[j] += 1
    return kept


def _misfit(core: Sampling, entries: Float[np.ndarray, " entries"], fit: Triplets) -> Float[np.ndarray, " entries"]:
    return entries - core.read(fit.left * fit.values, fit.right)
