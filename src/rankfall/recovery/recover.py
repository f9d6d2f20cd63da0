"""Exact recovery without a given rank: deep matrix factorization followed to its limit, with a certificate.

    recover(problem) -> Recovery

The steps: walk the frozen path; try the ranks at which its singular values fall; certify what the entries determine.
If no matrix fits exactly, the rank and the scale are chosen on held-out entries, and the noise level is reported.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.problems.completion import Completion
from rankfall.problems.sensing import Sensing
from rankfall.recovery.answers import in_units, noisy_answer, nothing
from rankfall.recovery.attempts import Attempt, attempts_at
from rankfall.recovery.certificate import Certificate
from rankfall.recovery.exact_search import search_exact
from rankfall.recovery.frozen_path import PathStep
from rankfall.recovery.measured_recovery import recover_measured, symmetry_of
from rankfall.recovery.metric import DepthMean
from rankfall.recovery.noisy_certificate import certify_noisy
from rankfall.recovery.noisy_fit import fit_noisy
from rankfall.recovery.outliers import find_outliers
from rankfall.recovery.rank_candidates import largest_checked_rank
from rankfall.recovery.recovery import Recovery
from rankfall.recovery.redundancy import core_of, redundancy_of
from rankfall.recovery.rounding import rounding_of
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.symmetric_entries import as_symmetric
from rankfall.recovery.symmetry import Symmetry


def recover(
    problem: Completion | Sensing,
    *,
    symmetric: bool | None = None,
    semidefinite: bool = False,
    depth: float | int | None = None,
    attempts: int = 5,
    tolerance: float | None = None,
    exact: bool = True,
    outliers: float = 0.0,
    seed: int = 0,
    progress: Callable[[str, PathStep], None] | None = None,
) -> Recovery:
    """The matrix of lowest rank found that has the observed entries, and which of its cells they determine.

    Parameters
    ----------
    problem : Completion or Sensing
        Observed entries, those of weight zero left out; other weights change nothing where a fit is exact. Or linear
        measurements, not too many to hold as a stack of matrices.
    symmetric : bool, optional
        Whether the matrix is symmetric; where its observed entries are, by default. True takes entries of one triangle
        for both. False allows any matrix.
    semidefinite : bool
        Whether it is also positive semidefinite, W = U Uᵀ.
    depth : float, optional
        Layers of the chain whose metric is frozen on the first path, from 2 on or infinity. By default 4, and infinity
        on the second path and for noise.
    attempts : int
        Paths to walk at most, from 1 to 7. More are needed only near the limit of what is identifiable.
    tolerance : float, optional
        Relative residual that counts as exact: 1e-11, or 1e-6 for float32 values. Raise it for rounded values.
    exact : bool
        False goes straight to the noisy fit, whose rank and scale are chosen on held-out entries.
    outliers : float
        Largest share of the entries that may be grossly wrong, below 0.25; 0, the default, trusts all. They are found,
        left out and told. What is determined is then told more strictly: other entries must check each one used.
    seed : int
        Of all random vectors and of the held-out entries.
    progress : callable, optional
        Called with the name of the stage and each `PathStep`.

    Returns
    -------
    Recovery
        With `is_exact` false where no rank that the entries can check fits them; `status` says why. Ctrl-C returns what
        was found until then, with `interrupted` true: an exact fit with its certificate, else the last point of the
        path, with nothing certified. Before the first step of a path it is raised.

    Raises
    ------
    InputError
        For problems that are not one table of observed entries under squared loss or one of measurements, for twins
        of a symmetric matrix that differ, and arguments out of range.

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
    mean = None if depth is None else DepthMean(depth)
    limit = DepthMean() if mean is None else mean
    if not 1 <= attempts <= 7:
        raise InputError(f"attempts must lie between 1 and 7, got {attempts}; 5 is the default")
    rounding = rounding_of(_values_of(problem))
    tolerance = rounding if tolerance is None else tolerance
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must lie between 0 and 1, got {tolerance}; 1e-11 is rounding in float64")
    if not 0 <= outliers < 0.25:
        raise InputError(
            f"outliers must be a share of the entries from 0 to below 0.25, got {outliers}; 0.05 allows one in twenty"
        )
    if isinstance(problem, Sensing):
        if outliers:
            raise InputError(
                f"outliers are found among observed entries, got outliers={outliers} for measurements; leave it out, "
                "or observe entries by a Completion"
            )
        symmetry, paths = symmetry_of(problem, symmetric, semidefinite), attempts if exact else 0
        return _told(recover_measured(problem, symmetry, limit, paths, tolerance, seed, progress), symmetry)
    sampling, values = _entries_of(problem)
    sampling, values = as_symmetric(sampling, values, symmetric, semidefinite, rounding)
    wrong = np.zeros(values.size, bool)
    if outliers and values.any():
        with one_blas_thread():
            scaled = values / np.abs(values).max()
            wrong = find_outliers(sampling.general(), scaled, outliers, limit, attempts, tolerance, exact, seed)
            wrong = sampling.mirrored(wrong | wrong[sampling.mirror]) if sampling.is_symmetric else wrong
    walk = _Walk(attempts_at(mean)[: attempts if exact else 0], limit, tolerance, seed, progress, closed=outliers == 0)
    found = _told(_recover_all(sampling.select(~wrong), values[~wrong], walk), sampling.symmetry)
    if not wrong.any():
        return found
    places = np.column_stack([sampling.rows, sampling.cols])[wrong].astype(np.int64)
    status = f"{len(places)} of {wrong.size} entries are left out as grossly wrong; of the others, {found.status}"
    return replace(found, outliers=places, status=status)


@dataclass(frozen=True)
class _Walk:
    """How to recover: the arguments of `recover`, and whether unchecked entries may certify (see `certify`)."""

    attempts: tuple[Attempt, ...]
    noisy: DepthMean
    tolerance: float
    seed: int
    progress: Callable[[str, PathStep], None] | None
    closed: bool


def _recover_all(sampling: Sampling, values: Float[np.ndarray, " entries"], walk: _Walk) -> Recovery:
    """The answer if no entry is grossly wrong."""
    unit = float(np.abs(values).max())
    if unit == 0:
        return nothing(sampling.shape, "all observed values are zero, the zero matrix fits them; nothing is determined")
    core, rows, cols = sampling.compact()
    entries = values / unit
    with one_blas_thread():
        largest = largest_checked_rank(core)
        if largest == 0:
            least = core.symmetry.freedom(1, *core.shape)
            return nothing(
                sampling.shape,
                f"{core.count} entries are too few: a matrix of rank 1 has {least} degrees of freedom here, and no "
                "block of rows and columns has more entries than that; only the observed cells are known",
            )
        search = search_exact(core, entries, walk.attempts, walk.tolerance, walk.seed, walk.progress, walk.closed)
        if search.best is not None or search.interrupted:
            return search.answer(sampling.shape, rows, cols, unit)
        try:
            noisy = fit_noisy(core, entries, walk.noisy, walk.seed)
        except KeyboardInterrupt:
            if search.last is None:
                raise
            return replace(search, interrupted=True).answer(sampling.shape, rows, cols, unit)
        size = float(np.sqrt(np.mean(entries**2)))
        if not noisy.is_predictive(size):
            return replace(
                nothing(
                    sampling.shape,
                    f"no matrix of a rank up to {largest}, the largest that {core.count} entries can check, was found "
                    "to fit them, and none predicts held-out entries; observe more cells",
                ),
                path=in_units(search.path or noisy.path, unit),
                attempts=search.made,
            )
        rank = noisy.triplets.values.size
        misfit = entries - core.read(noisy.triplets.left * noisy.triplets.values, noisy.triplets.right)
        freedom = max(redundancy_of(core, rank, core_of(core, rank)), 1)
        noise = float(np.linalg.norm(misfit[core.counted])) / math.sqrt(freedom)
        certificate = Certificate.nothing(core.shape)
        if noisy.is_trusted(noise):
            certificate = certify_noisy(core, noisy.triplets, noise, walk.seed, walk.closed)
    return noisy_answer(sampling.shape, noisy, certificate, noise, size, rows, cols, unit, search.made)


def _told(found: Recovery, symmetry: Symmetry) -> Recovery:
    """The answer with the symmetry that was told or found."""
    if symmetry is Symmetry.GENERAL:
        return found
    status = f"{found.status}; the matrix is taken to be {symmetry.value}"
    return replace(found, symmetry=symmetry, status=status)


def _values_of(problem: Completion | Sensing) -> np.ndarray:
    """What was seen of one matrix."""
    if not isinstance(problem, Completion | Sensing):
        raise InputError(
            f"recover needs observed entries or linear measurements of a matrix, got {type(problem).__name__}; build a "
            "Completion from an array with NaN, or a Sensing"
        )
    if problem.batch_size is not None:
        raise InputError(f"recover takes one table, got {problem.batch_size}; pick one by problem.of_runs(i)")
    return to_numpy(problem.values)


def _entries_of(problem: Completion) -> tuple[Sampling, Float[np.ndarray, " entries"]]:
    """The entries that have weight, in float64."""
    if not problem.loss_function.is_quadratic:
        raise InputError(
            f"recover fits values exactly, which needs the squared loss, got {type(problem.loss_function).__name__}; "
            "leave the loss out"
        )
    values = _values_of(problem)
    sampling = Sampling(np.asarray(problem.rows), np.asarray(problem.cols), problem.shape)
    kept = np.ones(values.size, bool) if problem.weights is None else to_numpy(problem.weights) > 0
    return sampling.select(kept), values[kept].astype(np.float64)
