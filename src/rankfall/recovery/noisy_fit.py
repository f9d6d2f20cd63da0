"""With noise no rank is exact: the scale ε at which to stop, and the rank, are chosen on held-out entries.

A tenth of the entries is set aside. The path is walked on the rest, and each of its points is a candidate: the matrix
A Vᵀ + U Bᵀ at scale ε. From the best one start the least squares fits of the ranks at which its singular values fall
most. The best of all is computed again from all entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rankfall.recovery.frozen_path import PathPoint, PathStep, follow, without_largest
from rankfall.recovery.gauss_newton import RankFit, fit_rank
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
    aside = set_aside(sampling.count, rng)
    training, testing = sampling.select(~aside), sampling.select(aside)
    best, least = best_point(training, entries[~aside], testing, entries[aside], mean, seed)
    ranks = {best.step.rank, *candidate_ranks(training, best.triplets.values, best.step.rank)}
    fits = [fit_rank(training, entries[~aside], best.triplets, rank, persistent=True) for rank in sorted(ranks)]
    errors = [error_of(testing, entries[aside], *_factors(fit.triplets)) for fit in fits]
    place = lowest_as_good(errors)
    fitted, fitted_error = fits[place], errors[place]
    steps: list[PathStep] = []
    last = None
    for last in follow(sampling, entries, mean, _DECAY, seed=seed, watch=steps.append):
        if last.step.scale <= best.step.scale:
            break
    assert last is not None
    if fitted_error <= _AS_GOOD * least:
        refitted: RankFit = fit_rank(sampling, entries, last.triplets, fitted.rank, persistent=True)
        return NoisyFit(refitted.triplets, fitted_error, refitted.residual, tuple(steps))
    chosen = triplets_of(last.iterate.left, last.iterate.right, last.step.rank)
    misfit = entries - sampling.read(*_factors(chosen))
    residual = float(np.linalg.norm(misfit) / np.linalg.norm(entries))
    return NoisyFit(chosen, least, residual, tuple(steps))


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
    mean: Mean, seed: int, trimmed: float = 0.0,
) -> tuple[PathPoint, float]:  # fmt: skip
    """The point of the path with the least held-out error; `trimmed` as for `follow` and `error_of`."""
    best, least, since = None, np.inf, 0
    for point in follow(training, entries, mean, _DECAY, seed=seed, trimmed=trimmed):
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
