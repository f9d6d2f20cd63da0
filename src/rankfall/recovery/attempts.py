"""One attempt at an exact fit: walk the path, try the ranks it suggests, go down to the smallest that fits.

A path may end in a wrong basin. The attempts differ in what makes a basin: how fast ε shrinks, which mean M is, and
which entries the first iterate has.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.recovery.core_fit import fit_exact
from rankfall.recovery.frozen_path import PathStep, follow
from rankfall.recovery.gauss_newton import RankFit
from rankfall.recovery.metric import ArithmeticMean, DepthMean, Mean
from rankfall.recovery.observed import Observed
from rankfall.recovery.rank_candidates import candidate_ranks


@dataclass(frozen=True)
class Attempt:
    """How to walk: the mean, the factor of ε from step to step, and the share of entries dropped from the start."""

    mean: Mean
    decay: float
    dropped: float = 0.0


@dataclass(frozen=True, eq=False)
class Attempted:
    """The exact fit of smallest rank, or None, and the steps that were walked."""

    fit: RankFit | None
    path: tuple[PathStep, ...]


def attempts_at(mean: Mean) -> tuple[Attempt, ...]:
    """The attempts in the order they are made.

    A chain of a few layers follows another path than an infinite one, and ends in other basins again when entries are
    missing at first. The order is that of success on the draws 0 to 49 of `benchmarks.recovery` at ρ = 1.1.
    """
    made = (
        Attempt(mean, 0.9),
        Attempt(DepthMean(4), 0.9),
        Attempt(DepthMean(4), 0.95, dropped=0.2),
        Attempt(DepthMean(4), 0.97, dropped=0.4),
        Attempt(DepthMean(6), 0.95, dropped=0.2),
        Attempt(ArithmeticMean(), 0.93),
        Attempt(mean, 0.95),
    )
    return tuple(dict.fromkeys(made))


def attempt_exact(
    sampling: Observed, entries: Float[np.ndarray, " entries"], attempt: Attempt, tolerance: float, seed: int,
    watch: Callable[[PathStep], None] | None = None, widest: int | None = None,
) -> Attempted:  # fmt: skip
    """Walk, with at most `widest` directions, then fit; exact is a residual of at most `tolerance`·‖b‖."""
    start = None
    if attempt.dropped:
        kept = sampling.mirrored(np.random.default_rng([seed, 2]).random(sampling.count)) >= attempt.dropped
        start = entries * kept / (1 - attempt.dropped)
    steps: list[PathStep] = []
    last = None
    # an exact fit shows before the residual is below what counts as one
    enough = max(1e-8, tolerance)
    for last in follow(sampling, entries, attempt.mean, attempt.decay, start, seed, enough, watch, widest):
        steps.append(last.step)
    assert last is not None
    for rank in candidate_ranks(sampling, last.triplets.values, last.step.rank):
        found = fit_exact(sampling, entries, last.triplets, rank, tolerance)
        if found is not None:
            return Attempted(_descended(sampling, entries, found, tolerance), tuple(steps))
    return Attempted(None, tuple(steps))


def _descended(sampling: Observed, entries: Float[np.ndarray, " entries"], exact: RankFit, tolerance: float) -> RankFit:
    """The fit of smallest rank that is still exact, going down from an exact one by one rank at a time."""
    while exact.rank > 1:
        lower = fit_exact(sampling, entries, exact.triplets, exact.rank - 1, tolerance)
        if lower is None:
            break
        exact = lower
    return exact
