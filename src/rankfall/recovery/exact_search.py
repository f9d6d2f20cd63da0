"""The search for an exact fit: one path after another, until one certifies what the entries determine.

An exact fit that certifies nothing has a rank too high, and the next path is kept below it. Ctrl-C ends the search with
the best that was found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from rankfall.recovery.answers import exact_answer, interrupted_answer
from rankfall.recovery.attempts import Attempt, attempt_exact
from rankfall.recovery.certificate import Certificate, certify
from rankfall.recovery.frozen_path import PathPoint, PathStep
from rankfall.recovery.gauss_newton import RankFit
from rankfall.recovery.observed import Observed
from rankfall.recovery.recovery import Recovery

# A certificate on more than this share of all lines is what the entries determine.
_MOST = 0.5


@dataclass(frozen=True, eq=False)
class ExactSearch:
    """What the paths found.

    Parameters
    ----------
    best : (RankFit, Certificate), optional
        The exact fit of smallest rank, of these the one that certifies most.
    path : tuple of PathStep
        The path that led there, or the last one walked.
    last : PathPoint, optional
        The last point of the last path.
    made : int
        Paths walked.
    interrupted : bool
        Whether Ctrl-C ended the search.
    """

    best: tuple[RankFit, Certificate] | None = None
    path: tuple[PathStep, ...] = ()
    last: PathPoint | None = None
    made: int = 0
    interrupted: bool = False

    @property
    def widest(self) -> int | None:
        """Bound on the rank of the next path."""
        if self.best is None or self.best[0].rank == 1 or self.best[1].count:
            return None
        return self.best[0].rank - 1

    def answer(
        self, shape: tuple[int, int], rows: Int[np.ndarray, " p"], cols: Int[np.ndarray, " q"], unit: float,
        what: str = "entries",
    ) -> Recovery:  # fmt: skip
        """The best fit, or where Ctrl-C left none the last point, told for all rows and columns."""
        if self.best is None:
            assert self.last is not None
            return interrupted_answer(shape, self.last, self.path, rows, cols, unit, self.made, what)
        found = exact_answer(shape, *self.best, self.path, rows, cols, unit, self.made, what)
        if not self.interrupted:
            return found
        return replace(found, status=f"interrupted on path {self.made}; {found.status}", interrupted=True)


def search_exact(
    sampling: Observed, entries: Float[np.ndarray, " entries"], attempts: Sequence[Attempt], tolerance: float,
    seed: int, progress: Callable[[str, PathStep], None] | None, closed: bool = True,
) -> ExactSearch:  # fmt: skip
    """Walk the paths of these attempts; `closed` as for `certify`."""
    search = ExactSearch()
    for made, attempt in enumerate(attempts, start=1):
        try:
            watch = None if progress is None else _named(progress, f"attempt {made}")
            tried = attempt_exact(sampling, entries, attempt, tolerance, seed, watch, search.widest)
        except KeyboardInterrupt:
            if search.last is None:
                raise
            return replace(search, interrupted=True)
        search = replace(search, last=tried.last, made=made, interrupted=tried.interrupted)
        if search.best is None:
            search = replace(search, path=tried.path)
        if tried.fit is not None:
            search = _with_fit(search, sampling, tried.fit, tried.path, seed, closed)
        # what is certified depends on the rank and the pattern: another path could not certify more
        if search.interrupted or (search.best is not None and search.best[1].count > _MOST * sum(sampling.shape)):
            break
    return search


def _with_fit(
    search: ExactSearch, sampling: Observed, fit: RankFit, path: tuple[PathStep, ...], seed: int, closed: bool
) -> ExactSearch:
    """The search with another exact fit, which Ctrl-C leaves without a certificate."""
    try:
        certificate = certify(sampling, fit.triplets, seed, closed)
    except KeyboardInterrupt:
        certificate, search = Certificate.nothing(sampling.shape), replace(search, interrupted=True)
    best = search.best
    if best is None or (fit.rank, -certificate.count) < (best[0].rank, -best[1].count):
        return replace(search, best=(fit, certificate), path=path)
    return search


def _named(progress: Callable[[str, PathStep], None], stage: str) -> Callable[[PathStep], None]:
    return lambda step: progress(stage, step)
