"""One attempt at an exact fit: walk the path, try the ranks it suggests on the way and at its end, go down from there.

A path may end in a wrong basin. The attempts differ in what makes a basin: how fast ε shrinks, which mean M is, and
which entries the first iterate has.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rankfall.recovery.core_fit import fit_exact
from rankfall.recovery.fits_ahead import FitsAhead
from rankfall.recovery.frozen_path import PathPoint, PathStep, follow
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
    """The exact fit of smallest rank, or None, the steps that were walked, the last point, and whether by Ctrl-C."""

    fit: RankFit | None
    path: tuple[PathStep, ...]
    last: PathPoint
    interrupted: bool = False


def attempts_at(mean: Mean | None = None) -> tuple[Attempt, ...]:
    """The attempts in the order they are made: the first at `mean`, or at four layers if None, then in the limit.

    A chain of a few layers follows another path than an infinite one, and ends in other basins again when entries are
    missing at first. The order is that of success on the draws 0 to 49 of `benchmarks.recovery` at ρ = 1.1.
    """
    own = DepthMean() if mean is None else mean
    plain = Attempt(own, 0.9), Attempt(DepthMean(4), 0.9)
    made = (
        *(reversed(plain) if mean is None else plain),
        Attempt(DepthMean(4), 0.95, dropped=0.2),
        Attempt(DepthMean(4), 0.97, dropped=0.4),
        Attempt(DepthMean(6), 0.95, dropped=0.2),
        Attempt(ArithmeticMean(), 0.93),
        Attempt(own, 0.95),
    )
    return tuple(dict.fromkeys(made))


def attempt_exact(
    sampling: Observed, entries: Float[np.ndarray, " entries"], attempt: Attempt, tolerance: float, seed: int,
    watch: Callable[[PathStep], None] | None = None, widest: int | None = None,
) -> Attempted:  # fmt: skip
    """Walk, with at most `widest` directions, then fit; exact is a residual of at most `tolerance`·‖b‖.

    Ctrl-C ends it with what there is, and is raised where there is nothing yet.
    """
    start = None
    if attempt.dropped:
        kept = sampling.mirrored(np.random.default_rng([seed, 2]).random(sampling.count)) >= attempt.dropped
        start = entries * kept / (1 - attempt.dropped)
    steps: list[PathStep] = []
    last = None
    # an exact fit shows before the residual is below what counts as one
    enough = max(1e-8, tolerance)
    ahead, found = FitsAhead(sampling, entries, tolerance), None
    try:
        for last in follow(
            sampling, entries, attempt.mean, attempt.decay, start, seed, enough, watch, widest, leaps=True
        ):
            steps.append(last.step)
            found = ahead.tried(last)
            if found is not None or ahead.is_vain(last):
                break
        assert last is not None
        ranks = candidate_ranks(sampling, last.triplets.values, last.step.rank)
        while found is None and (rank := next(ranks, None)) is not None:
            found = fit_exact(sampling, entries, last.triplets, rank, tolerance)
        if found is not None:
            found = _descended(sampling, entries, found, tolerance)
    except KeyboardInterrupt:
        if last is None:
            raise
        return Attempted(found, tuple(steps), last, interrupted=True)
    return Attempted(found, tuple(steps), last)


def _descended(sampling: Observed, entries: Float[np.ndarray, " entries"], exact: RankFit, tolerance: float) -> RankFit:
    """The fit of smallest rank that is still exact, going down from an exact one by one rank at a time."""
    while exact.rank > 1:
        lower = fit_exact(sampling, entries, exact.triplets, exact.rank - 1, tolerance)
        if lower is None:
            break
        exact = lower
    return exact
