"""Integrators: how the motion Ẇ_j = −∂ℓ/∂W_j is followed."""

from rankfall.integrators.descent import Descent
from rankfall.integrators.flow import Flow
from rankfall.integrators.projected_gradient import ProjectedGradient
from rankfall.integrators.reference import Reference
from rankfall.integrators.time_ordered_exponential import TimeOrderedExponential
from rankfall.integrators.updates import AdaDelta, AdaGrad, Adam, Gradient, GroupRMSprop, Momentum, Rates

__all__ = [
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "Descent",
    "Flow",
    "Gradient",
    "GroupRMSprop",
    "Momentum",
    "ProjectedGradient",
    "Rates",
    "Reference",
    "TimeOrderedExponential",
]
