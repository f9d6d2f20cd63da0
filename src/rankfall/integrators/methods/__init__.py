"""Step methods: the formulas that `Flow` chooses between."""

from rankfall.integrators.methods.chebyshev2 import Chebyshev2
from rankfall.integrators.methods.dormand_prince8 import DormandPrince8
from rankfall.integrators.methods.method import Interval, Method, Step

__all__ = ["Chebyshev2", "DormandPrince8", "Interval", "Method", "Step"]
