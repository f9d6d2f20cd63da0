"""With noise no rank is exact: the scale ε at which to stop, and the rank, are chosen on held-out entries.

A tenth of the entries is set aside. The path is walked on the rest, and each of its points is a candidate: the matrix
A Vᵀ + U Bᵀ at scale ε. From the best one start fits of the ranks at which its singular values fall most: by least
squares, and with directions charged by the noise, for which the best held-out error stands. The best of all is computed
again from all entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rankfall.recovery.charged_fit import fit_charged
from rankfall.recovery.frozen_path import PathPoint, PathStep, follow, without_largest
from rankfall.recovery.gauss_newton import fit_rank
from rankfall.recovery.metric import Mean
from rankfall.recovery.rank_candidates import candidate_ranks
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets, triplets_of

_HELD_OUT = 0.1
_DECAY = 0.9
# The walk ends when this many steps brought nothing better.
_PATIENCE = 15
# Errors that differ less than this are not told apart: the lower rank is taken, and a fit before a point of the path.
_AS_GOOD = 1.05
# Squared noise that is charged, in units of the least squared error on held-out entries: first, and then beside it.
_CHARGE, _CHARGES = 1.0, (0.5, 2.0)


@dataclass(frozen=True, eq=False)
class NoisyFit:
    """The triplets chosen, their root mean squared error on held-out entries, ‖b − P(W)‖/‖b‖, and the final path."""

    triplets: Triplets
    error: float
    residual: float
    path: tuple[PathStep, ...]


def fit_noisy(sampling: Sampling, entries: Float[np.ndarray, " entries"], mean: Mean, seed: int) -> NoisyFit:
    """The matrix that predicts held-out entries best, refitted on all of them."""
    rng = np.random.default_rng([seed, 1])
    # twins are held out together: one would tell the other
    counted = np.flatnonzero(sampling.counted)
    aside = np.zeros(sampling.count, bool)
    aside[counted[set_aside(counted.size, rng)]] = True
    aside = sampling.mirrored(aside)
    training, testing = sampling.select(~aside), sampling.select(aside)
    best, least = best_point(training, entries[~aside], testing, entries[aside], mean, seed)
    fit = _Fitting(training, entries[~aside], best.triplets)
    trials = [_Trial(rank, charge, 0.0) for rank in fit.ranks(best.step.rank) for charge in (0.0, _CHARGE)]

    def judged(trial: _Trial) -> _Trial:
        return replace(trial, error=error_of(testing, entries[aside], *_factors(fit.made(trial, least))))

    trials = [judged(trial) for trial in trials]
    chosen = trials[lowest_as_good([trial.error for trial in trials])]
    of_rank = [trial for trial in trials if trial.rank == chosen.rank]
    of_rank += [judged(_Trial(chosen.rank, charge, 0.0)) for charge in _CHARGES]
    chosen = min(of_rank, key=lambda trial: trial.error)
    steps: list[PathStep] = []
    last = None
    for last in follow(sampling, entries, mean, _DECAY, seed=seed, watch=steps.append):
        if last.step.scale <= best.step.scale:
            break
    assert last is not None
    if chosen.error <= _AS_GOOD * least:
        error, found = chosen.error, _Fitting(sampling, entries, last.triplets).made(chosen, least)
    else:
        error, found = least, triplets_of(last.iterate.left, last.iterate.right, last.step.rank, sampling.symmetry)
    misfit = entries - sampling.read(*_factors(found))
    residual = float(np.linalg.norm(misfit) / np.linalg.norm(entries))
    return NoisyFit(found, error, residual, tuple(steps))


@dataclass(frozen=True)
class _Trial:
    """A rank, the squared noise charged in units of the least squared held-out error, and the error it has."""

    rank: int
    charge: float
    error: float


@dataclass(frozen=True, eq=False)
class _Fitting:
    """Entries to fit, and the triplets to start from."""

    sampling: Sampling
    entries: Float[np.ndarray, " entries"]
    start: Triplets

    def ranks(self, escaped: int) -> list[int]:
        """What to try, ascending."""
        return sorted({escaped, *candidate_ranks(self.sampling, self.start.values, escaped)})

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


def lowest_as_good(errors: Sequence[float]) -> int:
    """The first place whose error cannot be told from the least."""
    return next(place for place, error in enumerate(errors) if error <= _AS_GOOD * min(errors))


def best_point(
    training: Sampling, entries: Float[np.ndarray, " t"], testing: Sampling, held_out: Float[np.ndarray, " h"],
    mean: Mean, seed: int, trimmed: float = 0.0, widest: int | None = None,
) -> tuple[PathPoint, float]:  # fmt: skip
    """The point of the path with the least held-out error; `trimmed` and `widest` as for `follow` and `error_of`."""
    best, least, since = None, np.inf, 0
    for point in follow(training, entries, mean, _DECAY, seed=seed, widest=widest, trimmed=trimmed):
        error = error_of(testing, held_out, point.iterate.left, point.iterate.right, trimmed)
        since += 1
        if error < least:
            best, least, since = point, error, 0
        if since > _PATIENCE:
            break
    assert best is not None
    return best, least


def _factors(triplets: Triplets) -> tuple[Float[np.ndarray, "m q"], Float[np.ndarray, "n q"]]:
    return triplets.left * triplets.values, triplets.right


def error_of(
    testing: Sampling,
    held_out: Float[np.ndarray, " h"],
    left: Float[np.ndarray, "m k"],
    right: Float[np.ndarray, "n k"],
    trimmed: float = 0.0,
) -> float:
    """The root mean squared error of held-out entries, the given share of the largest left out."""
    errors = testing.read(left, right) - held_out
    return float(np.sqrt(np.mean(errors[without_largest(testing, errors, trimmed)] ** 2)))
