"""One question to a run: do the theorems hold on it?

`check(run)` walks the run again with the same integrator and asks every claim whose hypotheses the run meets. What it
answers is a table of claims with numbers beside bounds that the integrator's tolerance sets: a coarse run follows the
laws coarsely, and says so.
"""

from typing import Any

import numpy as np

from rankfall.errors import InputError
from rankfall.theory import check_claims, check_instances
from rankfall.theory.check_path import CheckedPath
from rankfall.theory.claim import Report

_CLAIMS = (
    check_claims.check_values,
    check_claims.check_imbalance,
    check_claims.check_descent,
    check_claims.check_determinant,
    check_claims.check_product,
    check_claims.check_alignment,
    check_claims.check_certificate,
    check_claims.check_escapes,
    check_instances.check_one_measurement,
    check_instances.check_excess,
    check_instances.check_corner,
    check_instances.check_block,
)


def check(run: Any, *, intervals: int = 500) -> Report:
    """Every claim that applies to a run, held against it.

    The law of singular values along every path, the conserved imbalance, a loss that never rises, the sign of the
    determinant (square W, balanced layers, N ≥ 2), the end-to-end law where W moves fastest, alignment; for
    `Factorization` also the convergence certificate where its hypotheses hold, and escapes where modes do not mix.
    Instances of the papers are recognized: modes of one measurement, commuting sensing, the 2 × 2 completion, the
    invariant block of orthogonal layers.

    run: a `Trajectory` of any model with a depth, as `evolve` returned it; what it recorded does not matter.
    intervals: how finely the path is looked at; a run of more steps is thinned. Each holds a few SVDs of W, formed.

    Raises InputError for a run that was loaded from disk, never moved, or whose motion has no depth.

    >>> import numpy as np, rankfall as rf
    >>> problem = rf.problems.Factorization(np.diag([3.0, 2.0, 1.0]))
    >>> run = rf.evolve(problem, rf.Chain(2), rf.Identity(1e-2), rf.Flow(1e-6))
    >>> check(run).holds
    True
    """
    if not hasattr(run, "history") or not hasattr(run, "model"):
        raise InputError(f"check asks one Trajectory, got {type(run).__name__}; of a batch take one run, runs[0]")
    if not isinstance(getattr(run.model, "depth", None), int | float | np.integer):
        raise InputError(f"the laws are those of a depth, got a {type(run.model).__name__} without; try Chain(depth)")
    if intervals < 2:
        raise InputError(f"intervals must be at least 2, got {intervals}; 500 is usual")
    path = CheckedPath.of(run, intervals)
    return Report(report for claim in _CLAIMS for report in claim(path))
