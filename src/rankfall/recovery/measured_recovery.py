"""Recovery from measurements that are no single entries: the same path, and one certificate for the whole matrix."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rankfall.arrays import to_numpy
from rankfall.errors import InputError
from rankfall.kernels.blas_threads import one_blas_thread
from rankfall.problems.sensing import Sensing
from rankfall.recovery.answers import in_units, nothing
from rankfall.recovery.attempts import attempts_at
from rankfall.recovery.exact_search import search_exact
from rankfall.recovery.frozen_path import PathStep
from rankfall.recovery.measurements import Measurements
from rankfall.recovery.metric import Mean
from rankfall.recovery.rank_candidates import can_check
from rankfall.recovery.recovery import Recovery
from rankfall.recovery.symmetry import Symmetry


def recover_measured(
    problem: Sensing, symmetry: Symmetry, mean: Mean, attempts: int, tolerance: float, seed: int,
    progress: Callable[[str, PathStep], None] | None,
) -> Recovery:  # fmt: skip
    """The matrix of lowest rank found that has the measurements."""
    values = to_numpy(problem.values).astype(np.float64)
    if not values.any():
        return nothing(problem.shape, "all measurements are zero, the zero matrix has them; nothing is determined")
    measured = Measurements.of(problem.operator, symmetry)
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
    status = (
        f"no matrix of a rank that {measured.count} measurements can check was found to have them exactly; noisy "
        "measurements are left to evolve(problem, Chain(3), …)"
    )
    return replace(nothing(problem.shape, status), path=in_units(search.path, unit), attempts=search.made)


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
