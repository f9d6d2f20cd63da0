"""The theorems about the path, each as a law to follow, a curve to compare, or a claim to check.

`laws`, `singular` and `factors` say how depth moves the product, its singular triplets and the
layers; `closed_forms`, `modes` and `commuting` solve those laws where they can be solved;
`certificates`, `progress` and `optimality` certify convergence, check it, and prove least
nuclear norm; `embedding` turns asymmetric problems into semidefinite ones; `saddle`, `convex` and
`single_output` say how zero is left and what follows where it is; `counterexamples`, `divergence`,
`failures`, `acceleration` and `no_regularizer` hold the instances that settle a question; `subspace` finds
the small block in which a run lives. All are pure functions of arrays.
Functions named `check_…` or `certify_…` return one or several `Claim`s; `check` judges a run by
all that applies to it.
"""

from rankfall.theory.acceleration import (
    acceleration_factor,
    acceleration_step,
    lp_losses,
)
from rankfall.theory.certificates import (
    ConvergenceCertificate,
    admissible_step,
    allowed_imbalance,
    certify_convergence,
    deficiency_margin,
    iteration_bound,
)
from rankfall.theory.check import check
from rankfall.theory.claim import Claim, Finding, Report, Verdict
from rankfall.theory.closed_forms import (
    check_measurement_curve,
    curve_ceiling,
    leakage,
    measurement_curve,
    straighten,
    unstraighten,
)
from rankfall.theory.common_basis import common_eigenbasis
from rankfall.theory.commuting import (
    CommutingSolution,
    commuting_path,
    commuting_solution,
    minimum_trace,
)
from rankfall.theory.convex import check_convex_descent, convex_bound, single_output_floor
from rankfall.theory.counterexamples import (
    SensingInstance,
    check_schatten,
    nuclear_norm_instance,
    schatten_instance,
    schatten_sum,
)
from rankfall.theory.divergence import check_divergence, divergence_bound
from rankfall.theory.embedding import embed_factors, embed_measurements, embed_product, embedded_block
from rankfall.theory.factors import (
    check_balance,
    check_end_to_end,
    imbalance,
    imbalances,
    layer_velocities,
    multiply,
)
from rankfall.theory.failures import (
    check_explosion,
    check_stall,
    descend,
    stalled_loss,
    unbalanced_start,
)
from rankfall.theory.laws import (
    end_to_end_velocity,
    preconditioner,
    preconditioner_eigenvalues,
    single_output_velocity,
)
from rankfall.theory.modes import escape_time, mode_time, mode_trajectory
from rankfall.theory.no_regularizer import check_no_regularizer, half_annulus_integral, loop_integral
from rankfall.theory.optimality import (
    adjoint,
    certify_nuclear_norm,
    excess_bound,
    measure,
    nuclear_norm_bound,
)
from rankfall.theory.progress import check_contraction, check_decrease, check_margin
from rankfall.theory.saddle import curvature_at_zero, least_escape_time
from rankfall.theory.saved_claims import kept_claims, with_claims
from rankfall.theory.single_output import (
    single_output_deviation,
    single_output_iterations,
    single_output_margin,
    single_output_probability,
    single_output_step,
)
from rankfall.theory.singular import (
    SingularMotion,
    alignment_drift,
    check_sign,
    check_singular_values,
    multiplier,
    singular_motion,
    singular_value_velocity,
)
from rankfall.theory.subspace import (
    InvariantBlock,
    check_invariant_block,
    compress,
    expand,
    idle_scales,
    invariant_block,
)

__all__ = [
    "Claim",
    "CommutingSolution",
    "ConvergenceCertificate",
    "Finding",
    "InvariantBlock",
    "Report",
    "SensingInstance",
    "SingularMotion",
    "Verdict",
    "acceleration_factor",
    "acceleration_step",
    "adjoint",
    "admissible_step",
    "alignment_drift",
    "allowed_imbalance",
    "certify_convergence",
    "certify_nuclear_norm",
    "check",
    "check_balance",
    "check_contraction",
    "check_convex_descent",
    "check_decrease",
    "check_divergence",
    "check_end_to_end",
    "check_explosion",
    "check_invariant_block",
    "check_margin",
    "check_measurement_curve",
    "check_no_regularizer",
    "check_schatten",
    "check_sign",
    "check_singular_values",
    "check_stall",
    "common_eigenbasis",
    "commuting_path",
    "commuting_solution",
    "compress",
    "convex_bound",
    "curvature_at_zero",
    "curve_ceiling",
    "deficiency_margin",
    "descend",
    "divergence_bound",
    "embed_factors",
    "embed_measurements",
    "embed_product",
    "embedded_block",
    "end_to_end_velocity",
    "escape_time",
    "excess_bound",
    "expand",
    "half_annulus_integral",
    "idle_scales",
    "imbalance",
    "imbalances",
    "invariant_block",
    "iteration_bound",
    "kept_claims",
    "layer_velocities",
    "leakage",
    "least_escape_time",
    "loop_integral",
    "lp_losses",
    "measure",
    "measurement_curve",
    "minimum_trace",
    "mode_time",
    "mode_trajectory",
    "multiplier",
    "multiply",
    "nuclear_norm_bound",
    "nuclear_norm_instance",
    "preconditioner",
    "preconditioner_eigenvalues",
    "schatten_instance",
    "schatten_sum",
    "single_output_deviation",
    "single_output_floor",
    "single_output_iterations",
    "single_output_margin",
    "single_output_probability",
    "single_output_step",
    "single_output_velocity",
    "singular_motion",
    "singular_value_velocity",
    "stalled_loss",
    "straighten",
    "unbalanced_start",
    "unstraighten",
    "with_claims",
]
