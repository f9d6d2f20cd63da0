"""Recovery from measurements that are no single entries: the same path, and one certificate for the whole matrix."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.problems.sensing import Sensing
from rankfall.recovery.answers import in_units, noisy_answer, nothing
from rankfall.recovery.attempts import attempts_at
from rankfall.recovery.certificate import Certificate
from rankfall.recovery.exact_search import ExactSearch, search_exact
from rankfall.recovery.frozen_path import PathStep
from rankfall.recovery.measurements import Measurements
from rankfall.recovery.metric import Mean
from rankfall.recovery.noisy_certificate import certify_noisy_measured
from rankfall.recovery.noisy_fit import fit_noisy_measured
from rankfall.recovery.rank_candidates import can_check
from rankfall.recovery.recovery import Recovery
from rankfall.recovery.symmetry import Symmetry


def recover_measured(
    problem: Sensing, symmetry: Symmetry, mean: Mean, attempts: int, tolerance: float, seed: int,
    progress: Callable[[str, PathStep], None] | None,
) -> Recovery:  # fmt: skip
    """The matrix of lowest rank found that has the measurements, or, where none has, that predicts others of them."""
    values = to_numpy(problem.values).astype(np.float64)
    if not values.any():
        return nothing(problem.shape, "all measurements are zero, the zero matrix has them; nothing is determined")
    given = Measurements.as_given(problem.operator, symmetry)
    measured = given.orthonormal()
    seen = measured.whitening @ values
    unit = float(np.abs(seen).max())
    if unit == 0:
        return nothing(problem.shape, "no matrix has these measurements; those that repeat each other differ")
    entries = seen / unit
    rows, cols = (np.arange(side) for side in problem.shape)
    if not can_check(measured, 1):
        return nothing(
            problem.shape,
            f"{measured.count} measurements are too few: a matrix of rank 1 has "
            f"{symmetry.freedom(1, *problem.shape)} degrees of freedom; measure more",
        )
    with one_blas_thread():
        search = search_exact(measured, entries, attempts_at(mean)[:attempts], tolerance, seed, progress)
        if search.best is not None or search.interrupted:
            return search.answer(problem.shape, rows, cols, unit, "measurements")
        try:
            return _noisy(given, measured, values, mean, seed, search)
        except KeyboardInterrupt:
            if search.last is None:
                raise
            return replace(search, interrupted=True).answer(problem.shape, rows, cols, unit, "measurements")


def _noisy(
    given: Measurements, measured: Measurements, values: Float[np.ndarray, " count"], mean: Mean, seed: int,
    search: ExactSearch,
) -> Recovery:  # fmt: skip
    """The answer where no matrix has the measurements exactly: rank and scale from held-out ones, and their noise."""
    unit = float(np.abs(values).max())
    scaled = values / unit
    size = float(np.sqrt(np.mean((given.whitening @ scaled) ** 2)))
    noisy = fit_noisy_measured(given, measured, scaled, mean, seed)
    if not noisy.is_predictive(size):
        status = (
            f"no matrix of a rank that {measured.count} measurements can check was found to have them, and none "
            "predicts held-out ones; measure more"
        )
        path = in_units(search.path or noisy.path, unit)
        return replace(nothing(given.shape, status), path=path, attempts=search.made)
    rank = noisy.triplets.values.size
    misfit = given.whitening @ scaled - given.read(noisy.triplets.left * noisy.triplets.values, noisy.triplets.right)
    spare = max(given.count - given.symmetry.freedom(rank, *given.shape), 1)
    noise = float(np.linalg.norm(misfit)) / math.sqrt(spare)
    certificate = Certificate.nothing(given.shape)
    if noisy.is_trusted(noise):
        certificate = certify_noisy_measured(given, measured, noisy.triplets, noise, seed)
    rows, cols = (np.arange(side) for side in given.shape)
    # the noise is one of the measurements as they came
    return noisy_answer(
        given.shape, noisy, certificate, noise, size, rows, cols, unit, search.made, "measurements", given.unit
    )


def symmetry_of(problem: Sensing, symmetric: bool | None, semidefinite: bool) -> Symmetry:
    """As told; symmetric measurements see nothing of what is not symmetric in a matrix."""
    if semidefinite and symmetric is False:
        raise InputError("a semidefinite matrix is symmetric, got symmetric=False; leave it out")
    if (symmetric or semidefinite) and problem.shape[0] != problem.shape[1]:
        raise InputError(f"a symmetric matrix is square, got shape {problem.shape}; leave the option out")
    if semidefinite:
        return Symmetry.SEMIDEFINITE
    chosen = problem.is_symmetric if symmetric is None else symmetric
    return Symmetry.SYMMETRIC if chosen else Symmetry.GENERAL
