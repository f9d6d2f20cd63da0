"""Check the theorems on a run.

`check(run)` first verifies the run: it follows it again with the same integrator and compares. Then it judges every
claim, or states why the claim does not apply. Each measured number is compared with a bound that depends on the
accuracy of the integrator.
"""

from rankfall.errors import InputError
from rankfall.theory import check_conserved, check_convergence, check_instances, check_landscape, check_laws
from rankfall.theory.check_identity import check_identity
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.claim import Claim, Report
from rankfall.theory.run_again import every_step
from rankfall.trajectory.run import Trajectory

_CLAIMS = (
    check_laws.check_values,
    check_laws.check_product,
    check_laws.check_vectors,
    check_laws.check_preconditioner,
    check_laws.check_single_output,
    check_conserved.check_imbalance,
    check_conserved.check_descent,
    check_conserved.check_determinant,
    check_landscape.check_zero,
    check_landscape.check_convex,
    check_convergence.check_certificate,
    check_convergence.check_escapes,
    check_instances.check_one_measurement,
    check_instances.check_commuting,
    check_instances.check_corner,
    check_instances.check_block,
)


def check(run: Trajectory, *, intervals: int = 500) -> Report:
    """Judge every claim of this room on a run.

    First the run's identity: its weights, loss, times and record are compared with those of the same problem, model,
    start, integrator and seed, followed again. Where they differ, that is what the report says, and the theorems are
    not applied. Then the laws of singular values, singular vectors and W, the preconditioner and the single output;
    the conserved imbalance, a loss that never rises, the sign of the determinant; how fast zero is left, the optimum of
    a convex loss; the convergence certificate and escape times of a factorization; and the instances of the papers:
    modes of one measurement, commuting sensing, the 2 × 2 completion, the invariant block of orthogonal layers.

    Parameters
    ----------
    run : Trajectory
        A run of any model with a depth, as `evolve` returned it. What it recorded is compared, and need not include
        anything. A run that was loaded lacks its problem, start and integrator; hand them back with
        `dataclasses.replace(run, problem=…, start=…, integrator=…)`.
    intervals : int, default 500
        How many intervals, or single steps of a descent, the laws are judged over. Each holds a few SVDs of W, formed.

    Returns
    -------
    Report
        One claim for each theorem: holds, FAILS, or not applicable and why. `report.holds` is True where none fails.

    Raises
    ------
    InputError
        For a batch, a run without its problem, start and integrator, one that never moved, or a tensor.

    Examples
    --------
    >>> import numpy as np, rankfall as rf
    >>> problem = rf.problems.Factorization(np.diag([3.0, 2.0, 1.0]))
    >>> run = rf.evolve(problem, rf.Chain(2), rf.Identity(1e-2), rf.Flow(1e-6))
    >>> check(run).holds
    True
    """
    _require_checkable(run)
    if intervals < 2:
        raise InputError(f"intervals must be at least 2, got {intervals}; 500 is usual")
    again, refusal = None, ""
    try:
        again = every_step(run)
    except InputError as error:
        refusal = str(error)
    identity = check_identity(run, again, refusal)
    if again is None or not all(claim.holds for claim in identity):
        why = "the run is not the one that its problem, model, start, integrator and seed give"
        return Report([*identity, Claim.not_applicable("the theorems of this room", "rankfall.theory", why)])
    path = CheckedPath.of(run, intervals, again.history)
    return Report([*identity, *(claim for check_claim in _CLAIMS for claim in check_claim(path))])


def _require_checkable(run: object) -> None:
    if not isinstance(run, Trajectory):
        raise InputError(f"check asks one Trajectory, got {type(run).__name__}; of a batch take one run, runs[0]")
    missing = [name for name in ("problem", "start", "integrator") if getattr(run, name) is None]
    if missing:
        raise InputError(
            f"a check follows the run again from its problem, start and integrator, got a run without its "
            f"{', '.join(missing)}, as loaded runs are; dataclasses.replace(run, problem=…) hands them back"
        )
    assert run.problem is not None
    if len(run.problem.shape) != 2:
        raise InputError(f"the laws are those of matrices, got a W of shape {run.problem.shape}; check a matrix model")
    if not run.time > 0:
        raise InputError(f"a check needs a run that has moved, got one that ended at its start ({run.reason})")
