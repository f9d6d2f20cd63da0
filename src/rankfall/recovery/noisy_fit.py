"""With noise no rank is exact: the scale ε at which to stop, and the rank, are chosen on held-out entries.

A tenth of the entries, or of other measurements, is set aside. The path is walked on the rest, and each of its points
is a candidate: the matrix A Vᵀ + U Bᵀ at scale ε. From the best one start fits of the ranks at which its singular
values fall most: by least squares, and with directions charged by the noise, for which the best held-out error stands.
The best of all is computed again from all entries.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rankfall.recovery.charged_fit import fit_charged
from rankfall.recovery.frozen_path import PathPoint, PathStep, follow, without_largest
from rankfall.recovery.gauss_newton import fit_rank
from rankfall.recovery.measurements import Measurements
from rankfall.recovery.metric import Mean
from rankfall.recovery.observed import Observed
from rankfall.recovery.rank_candidates import can_check, candidate_ranks
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets, triplets_of

_HELD_OUT = 0.1
_TURNS = 5
_DECAY = 0.9
# The walk ends when this many steps brought nothing better.
_PATIENCE = 15
# At the widest rank it may come to rest: neither ε nor the residual changes by this share of itself any more.
_AT_REST = 1e-3
# Errors that differ less than this are not told apart: the lower rank is taken, and a fit before a point of the path.
_AS_GOOD = 1.05
# A held-out error above this share of the values' size predicts nothing.
_PREDICTIVE = 0.9
# Held-out entries are predicted within this many times the noise where the rank is right and the entries suffice.
_TRUSTED = 3.0
# Squared noise that is charged, in units of the least squared error on held-out entries: first, and then beside it.
_CHARGE, _CHARGES = 1.0, (0.5, 2.0)


@dataclass(frozen=True, eq=False)
class NoisyFit:
    """The triplets chosen, their root mean squared error on held-out entries, ‖b − P(W)‖/‖b‖, and the final path."""

    triplets: Triplets
    error: float
    residual: float
    path: tuple[PathStep, ...]

    def is_predictive(self, size: float) -> bool:
        """Whether it predicts entries of this root mean square better than zero does."""
        return self.error <= _PREDICTIVE * size

    def is_trusted(self, noise: float) -> bool:
        """Whether entries that it never saw are missed by little more than the noise of those that it fits."""
        return self.error <= _TRUSTED * noise


def fit_noisy(sampling: Sampling, entries: Float[np.ndarray, " entries"], mean: Mean, seed: int) -> NoisyFit:
    """The matrix that predicts held-out entries best, refitted on all of them."""
    # twins are held out together: one would tell the other
    counted = np.flatnonzero(sampling.counted)
    aside = np.zeros(sampling.count, bool)
    aside[counted[set_aside(counted.size, np.random.default_rng([seed, 1]))]] = True
    aside = sampling.mirrored(aside)
    training, testing = sampling.select(~aside), sampling.select(aside)
    split = _Split(_Seen(training, entries[~aside], training, entries[~aside]), testing, entries[aside])
    return _chosen(_Seen(sampling, entries, sampling, entries), [split], mean, seed, _AS_GOOD)


def fit_noisy_measured(
    given: Measurements, orthonormal: Measurements, values: Float[np.ndarray, " count"], mean: Mean, seed: int
) -> NoisyFit:
    """The matrix that predicts held-out measurements best, refitted on all.

    Measurements are few, so that several tenths are set aside in turn.

    given: measurements as they were taken, `Measurements.as_given`, whose errors are alike; made orthonormal, as the
    path needs them, their errors are not. orthonormal: all of them, made so. values: y.
    """

    def seen(part: Measurements, walked: Measurements) -> _Seen:
        return _Seen(walked, walked.whitening @ values, part, part.whitening @ values)

    order = np.random.default_rng([seed, 1]).permutation(given.count)
    size, splits = max(1, round(_HELD_OUT * given.count)), []
    for turn in range(min(_TURNS, given.count // size)):
        aside = np.zeros(given.count, bool)
        aside[order[turn * size : (turn + 1) * size]] = True
        training, testing = given.select(~aside), given.select(aside)
        splits.append(_Split(seen(training, training.orthonormal()), testing, testing.whitening @ values))
    # the error of so many measurements is known to one standard deviation in √(2n); here two
    as_good = max(_AS_GOOD, 1 + math.sqrt(2 / (size * len(splits))))
    return _chosen(seen(given, orthonormal), splits, mean, seed, as_good)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is known of W, twice: with P P* = 1, as the path walks, and with errors that are alike, as fits need it."""

    walked: Observed
    walked_entries: Float[np.ndarray, " walked"]
    fitted: Observed
    fitted_entries: Float[np.ndarray, " fitted"]


@dataclass(frozen=True, eq=False)
class _Split:
    """What is fitted, and what is held out."""

    training: _Seen
    testing: Observed
    held_out: Float[np.ndarray, " h"]


def _chosen(whole: _Seen, splits: list[_Split], mean: Mean, seed: int, as_good: float) -> NoisyFit:
    """The best point or fit of the training entries, by the held-out ones, made again from the whole."""
    found = [
        best_point(split.training.walked, split.training.walked_entries, split.testing, split.held_out, mean, seed)
        for split in splits
    ]
    least = _root_mean_square([error for _, error in found])
    scale = float(np.exp(np.mean([np.log(point.step.scale) for point, _ in found])))
    fits = [
        _Fitting(split.training.fitted, split.training.fitted_entries, point.triplets)
        for split, (point, _) in zip(splits, found, strict=True)
    ]
    ranks = {rank for fit, (point, _) in zip(fits, found, strict=True) for rank in fit.ranks(point.step.rank)}

    def judged(trial: _Trial) -> _Trial:
        errors = [
            error_of(split.testing, split.held_out, *_factors(fit.made(trial, least)))
            for split, fit in zip(splits, fits, strict=True)
        ]
        return replace(trial, error=_root_mean_square(errors))

    trials = [judged(_Trial(rank, charge, 0.0)) for rank in sorted(ranks) for charge in (0.0, _CHARGE)]
    chosen = trials[lowest_as_good([trial.error for trial in trials], as_good)]
    of_rank = [trial for trial in trials if trial.rank == chosen.rank]
    of_rank += [judged(_Trial(chosen.rank, charge, 0.0)) for charge in _CHARGES]
    chosen = min(of_rank, key=lambda trial: trial.error)
    steps: list[PathStep] = []
    last = None
    for last in follow(whole.walked, whole.walked_entries, mean, _DECAY, seed=seed, watch=steps.append):
        if last.step.scale <= scale:
            break
    assert last is not None
    if chosen.error <= as_good * least:
        error, best = chosen.error, _Fitting(whole.fitted, whole.fitted_entries, last.triplets).made(chosen, least)
    else:
        symmetry = whole.walked.symmetry
        error, best = least, triplets_of(last.iterate.left, last.iterate.right, last.step.rank, symmetry)
    misfit = whole.fitted_entries - whole.fitted.read(*_factors(best))
    residual = float(np.linalg.norm(misfit) / np.linalg.norm(whole.fitted_entries))
    return NoisyFit(best, error, residual, tuple(steps))


def _root_mean_square(errors: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(errors))))


@dataclass(frozen=True)
class _Trial:
    """A rank, the squared noise charged in units of the least squared held-out error, and the error it has."""

    rank: int
    charge: float
    error: float


@dataclass(frozen=True, eq=False)
class _Fitting:
    """Entries to fit, and the triplets to start from."""

    sampling: Observed
    entries: Float[np.ndarray, " entries"]
    start: Triplets

    def ranks(self, escaped: int) -> list[int]:
        """What to try, ascending; a rank that nothing checks fits whatever the noise is."""
        checked = {escaped} if can_check(self.sampling, escaped) else set()
        return sorted({*checked, *candidate_ranks(self.sampling, self.start.values, escaped)} or {escaped})

    def made(self, trial: _Trial, noise: float) -> Triplets:
        """The fit of a trial, by least squares where nothing is charged."""
        if trial.charge:
            return fit_charged(self.sampling, self.entries, self.start, trial.rank, np.sqrt(trial.charge) * noise)
        return fit_rank(self.sampling, self.entries, self.start, trial.rank, persistent=True).triplets


def set_aside(count: int, rng: np.random.Generator) -> Bool[np.ndarray, " entries"]:
    """A tenth of the entries, at least one."""
    aside = np.zeros(count, bool)
    aside[rng.choice(count, max(1, round(_HELD_OUT * count)), replace=False)] = True
    return aside


def lowest_as_good(errors: Sequence[float], as_good: float = _AS_GOOD) -> int:
    """The first place whose error cannot be told from the least."""
    return next(place for place, error in enumerate(errors) if error <= as_good * min(errors))


def best_point(
    training: Observed, entries: Float[np.ndarray, " t"], testing: Observed, held_out: Float[np.ndarray, " h"],
    mean: Mean, seed: int, trimmed: float = 0.0, widest: int | None = None,
) -> tuple[PathPoint, float]:  # fmt: skip
    """The point of the path with the least held-out error; `trimmed` and `widest` as for `follow` and `error_of`."""
    best, least, since = None, np.inf, 0
    before = None
    for point in follow(training, entries, mean, _DECAY, seed=seed, widest=widest, trimmed=trimmed):
        error = error_of(testing, held_out, point.iterate.left, point.iterate.right, trimmed)
        since += 1
        if error < least:
            best, least, since = point, error, 0
        step = point.step
        if since > _PATIENCE or (before is not None and _rests(before, step)):
            break
        before = step
    assert best is not None
    return best, least


def _rests(before: PathStep, step: PathStep) -> bool:
    """Whether hardly anything changed."""
    pairs = (before.scale, step.scale), (before.residual, step.residual)
    return all(abs(after - first) <= _AT_REST * first for first, after in pairs)


def _factors(triplets: Triplets) -> tuple[Float[np.ndarray, "m q"], Float[np.ndarray, "n q"]]:
    return triplets.left * triplets.values, triplets.right


def error_of(
    testing: Observed,
    held_out: Float[np.ndarray, " h"],
    left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"],
    trimmed: float = 0.0,
) -> float:
    """The root mean squared error of held-out entries, the given share of the largest, of single ones, left out."""
    errors = testing.read(left, right) - held_out
    if trimmed:
        assert isinstance(testing, Sampling)
        errors = errors[without_largest(testing, errors, trimmed)]
    return float(np.sqrt(np.mean(errors**2)))
