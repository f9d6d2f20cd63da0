"""Exact recovery without a given rank: deep matrix factorization followed to its limit, with a certificate.

    recover(problem) -> Recovery

The steps: walk the frozen path; try the ranks at which its singular values fall; certify what the entries determine.
If no matrix fits exactly, the rank and the scale are chosen on held-out entries, and the noise level is reported.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.low_rank import LowRank, balanced_factors
from rankfall.problems.completion import Completion
from rankfall.problems.losses import Squared
from rankfall.recovery.attempts import attempt_exact, attempts_at
from rankfall.recovery.certificate import Certificate, certify
from rankfall.recovery.frozen_path import PathStep
from rankfall.recovery.gauss_newton import RankFit
from rankfall.recovery.metric import DepthMean
from rankfall.recovery.noisy_certificate import certify_noisy
from rankfall.recovery.noisy_fit import NoisyFit, fit_noisy
from rankfall.recovery.rank_candidates import largest_checked_rank
from rankfall.recovery.recovery import Recovery
from rankfall.recovery.redundancy import core_of, redundancy_of
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets

# Relative residual of an exact fit, by the precision of the values.
_EXACT = {8: 1e-11, 4: 1e-6}
# A partial certificate on more than this share of all lines is what the entries determine.
_MOST = 0.5
# A held-out error above this share of the values' size predicts nothing.
_PREDICTIVE = 0.9
# Held-out entries are predicted within this many times the noise where the rank is right and the entries suffice.
_TRUSTED = 3.0


def recover(
    problem: Completion,
    *,
    depth: float | int = math.inf,
    attempts: int = 5,
    tolerance: float | None = None,
    exact: bool = True,
    seed: int = 0,
    progress: Callable[[str, PathStep], None] | None = None,
) -> Recovery:
    """The matrix of lowest rank found that has the observed entries, and which of its cells they determine.

    Parameters
    ----------
    problem : Completion
        Observed entries. Those of weight zero are left out; other weights change nothing where a fit is exact.
    depth : float
        Layers of the chain whose metric is frozen, from 2 on; infinity by default.
    attempts : int
        Paths to walk at most, from 1 to 7. More are needed only near the limit of what is identifiable.
    tolerance : float, optional
        Relative residual that counts as exact: 1e-11, or 1e-6 for float32 values. Raise it for rounded values.
    exact : bool
        False goes straight to the noisy fit, whose rank and scale are chosen on held-out entries.
    seed : int
        Of all random vectors and of the held-out entries.
    progress : callable, optional
        Called with the name of the stage and each `PathStep`.

    Returns
    -------
    Recovery
        With `is_exact` false where no rank that the entries can check fits them; `status` says why.

    Raises
    ------
    InputError
        For problems that are not one table of observed entries under squared loss, and arguments out of range.

    Notes
    -----
    Memory is O(`|Ω|` + (m + n) R) and O((m + n) R²) for the small systems; nothing of size m·n is formed. The bits do
    not depend on the number of threads. `docs/theory/recovery.md` derives the method and says what the certificate is.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> table = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 20))
    >>> holes = np.where(rng.random(table.shape) < 0.4, table, np.nan)
    >>> found = recover(Completion.from_array(holes))
    >>> found.rank, found.is_exact, bool(np.allclose(found.product.product, table))
    (2, True, True)
    """
    mean = DepthMean(depth)
    sampling, values, precision = _entries_of(problem)
    if not 1 <= attempts <= 7:
        raise InputError(f"attempts must lie between 1 and 7, got {attempts}; 5 is the default")
    tolerance = _EXACT[precision] if tolerance is None else tolerance
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must lie between 0 and 1, got {tolerance}; 1e-11 is rounding in float64")
    unit = float(np.abs(values).max())
    if unit == 0:
        return _nothing(problem.shape, "all observed values are zero, the zero matrix fits them; nothing is determined")
    core, rows, cols = sampling.compact()
    entries = values / unit
    with one_blas_thread():
        largest = largest_checked_rank(core)
        if largest == 0:
            least = sum(core.shape) - 1
            return _nothing(
                problem.shape,
                f"{core.count} entries are too few: a matrix of rank 1 has {least} degrees of freedom here, and no "
                "block of rows and columns has more entries than that; only the observed cells are known",
            )
        best: tuple[RankFit, Certificate] | None = None
        path: tuple[PathStep, ...] = ()
        made = 0
        for made, attempt in enumerate(attempts_at(mean)[: attempts if exact else 0], start=1):
            watch = None if progress is None else _named(progress, f"attempt {made}")
            # an exact fit that certifies nothing has a rank too high: the next path is kept below it
            widest = None if best is None or best[0].rank == 1 or best[1].count else best[0].rank - 1
            tried = attempt_exact(core, entries, attempt, tolerance, seed, watch, widest)
            path = tried.path if best is None else path
            if tried.fit is None:
                continue
            certificate = certify(core, tried.fit.triplets, seed)
            if best is None or (tried.fit.rank, -certificate.count) < (best[0].rank, -best[1].count):
                best, path = (tried.fit, certificate), tried.path
            # what is certified depends on the rank and the pattern: another path could not certify more
            if certificate.count > _MOST * sum(core.shape):
                break
        if best is not None:
            return _exact_answer(problem.shape, best[0], best[1], path, rows, cols, unit, made)
        noisy = fit_noisy(core, entries, mean, seed)
        size = float(np.sqrt(np.mean(entries**2)))
        if noisy.error > _PREDICTIVE * size:
            return replace(
                _nothing(
                    problem.shape,
                    f"no matrix of a rank up to {largest}, the largest that {core.count} entries can check, was found "
                    "to fit them, and none predicts held-out entries; observe more cells",
                ),
                path=_in_units(path or noisy.path, unit),
                attempts=made,
            )
        rank = noisy.triplets.values.size
        misfit = entries - core.read(noisy.triplets.left * noisy.triplets.values, noisy.triplets.right)
        freedom = max(redundancy_of(core, rank, core_of(core, rank)), 1)
        noise = float(np.linalg.norm(misfit)) / math.sqrt(freedom)
        trusted = noisy.error <= _TRUSTED * noise
        certificate = certify_noisy(core, noisy.triplets, noise, seed) if trusted else Certificate.nothing(core.shape)
    return _noisy_answer(problem.shape, noisy, certificate, noise, size, rows, cols, unit, made)


def _entries_of(problem: Completion) -> tuple[Sampling, Float[np.ndarray, " entries"], int]:
    """The entries that have weight, in float64, and the bytes of one value as it was given."""
    if not isinstance(problem, Completion):
        raise InputError(
            f"recover needs observed entries, got {type(problem).__name__}; build a Completion from an array with NaN"
        )
    if problem.batch_size is not None:
        raise InputError(f"recover takes one table, got {problem.batch_size}; pick one by problem.of_runs(i)")
    if not isinstance(problem.loss_function, Squared):
        raise InputError(
            f"recover fits values exactly, which needs the squared loss, got {type(problem.loss_function).__name__}; "
            "leave the loss out"
        )
    values = to_numpy(problem.values)
    sampling = Sampling(np.asarray(problem.rows), np.asarray(problem.cols), problem.shape)
    kept = np.ones(values.size, bool) if problem.weights is None else to_numpy(problem.weights) > 0
    return sampling.select(kept), values[kept].astype(np.float64), min(values.dtype.itemsize, 8)


def _named(progress: Callable[[str, PathStep], None], stage: str) -> Callable[[PathStep], None]:
    return lambda step: progress(stage, step)


def _in_units(path: tuple[PathStep, ...], unit: float) -> tuple[PathStep, ...]:
    return tuple(replace(step, scale=step.scale * unit) for step in path)


def _nothing(shape: tuple[int, int], status: str) -> Recovery:
    zero = LowRank(np.zeros((shape[0], 0)), np.zeros((shape[1], 0)))
    return Recovery(zero, 0, Certificate.nothing(shape), (), 1.0, False, 0.0, status, 0)


def _spread(
    shape: tuple[int, int], triplets: Triplets, certificate: Certificate, rows: Int[np.ndarray, " p"],
    cols: Int[np.ndarray, " q"], unit: float,
) -> tuple[LowRank, Certificate]:  # fmt: skip
    """The product and the certificate on all rows and columns, those without entries included."""
    local_left, local_right = balanced_factors(triplets.left, triplets.values * unit, triplets.right)
    left, right = np.zeros((shape[0], local_left.shape[1])), np.zeros((shape[1], local_right.shape[1]))
    left[rows], right[cols] = local_left, local_right
    row_mask, col_mask = np.zeros(shape[0], bool), np.zeros(shape[1], bool)
    row_mask[rows], col_mask[cols] = certificate.rows, certificate.cols
    return LowRank(left, right), Certificate(row_mask, col_mask, certificate.redundancy)


def _exact_answer(
    shape: tuple[int, int], fit: RankFit, certificate: Certificate, path: tuple[PathStep, ...],
    rows: Int[np.ndarray, " p"], cols: Int[np.ndarray, " q"], unit: float, made: int,
) -> Recovery:  # fmt: skip
    product, spread = _spread(shape, fit.triplets, certificate, rows, cols, unit)
    status = f"rank {fit.rank} fits all entries exactly; {_extent(spread, shape)}"
    return Recovery(product, fit.rank, spread, _in_units(path, unit), fit.residual, True, 0.0, status, made)


def _noisy_answer(
    shape: tuple[int, int], noisy: NoisyFit, certificate: Certificate, noise: float, size: float,
    rows: Int[np.ndarray, " p"], cols: Int[np.ndarray, " q"], unit: float, made: int,
) -> Recovery:  # fmt: skip
    product, spread = _spread(shape, noisy.triplets, certificate, rows, cols, unit)
    rank, share = noisy.triplets.values.size, noise / size
    extent = (
        f"{_extent(spread, shape)} up to that noise"
        if spread.count
        else f"held-out entries are predicted with an error of {noisy.error * unit:.3g}, so no other cell is sure"
    )
    status = (
        f"no rank was found that the entries can check and that fits them exactly; they contradict rank {rank}, chosen "
        f"on held-out entries, by noise of deviation {noise * unit:.3g}, a share {share:.2g} of their size; {extent}"
    )
    path = _in_units(noisy.path, unit)
    return Recovery(product, rank, spread, path, noisy.residual, False, noise * unit, status, made)


def _extent(certificate: Certificate, shape: tuple[int, int]) -> str:
    if certificate.is_complete:
        return "every cell is determined"
    rows, cols = int(certificate.rows.sum()), int(certificate.cols.sum())
    return f"{rows} of {shape[0]} rows and {cols} of {shape[1]} columns are determined"
