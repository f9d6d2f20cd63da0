"""Integrators: how the motion Ẇ_j = −∂ℓ/∂W_j is followed."""

from rankfall.integrators.descent import Descent
from rankfall.integrators.field import Field
from rankfall.integrators.flow import Flow
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.methods import Chebyshev2, DormandPrince8, Method, Step
from rankfall.integrators.projected_gradient import ProjectedGradient
from rankfall.integrators.reference import Reference
from rankfall.integrators.state import State
from rankfall.integrators.time_ordered_exponential import TimeOrderedExponential
from rankfall.integrators.update import DescentState, Update
from rankfall.integrators.updates import AdaDelta, AdaGrad, Adam, Gradient, GroupRMSprop, Momentum, Rates

__all__ = [
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "Chebyshev2",
    "Descent",
    "DescentState",
    "DormandPrince8",
    "Field",
    "Flow",
    "Gradient",
    "GroupRMSprop",
    "Integrator",
    "Method",
    "Momentum",
    "ProjectedGradient",
    "Rates",
    "Reference",
    "State",
    "Step",
    "TimeOrderedExponential",
    "Update",
]
